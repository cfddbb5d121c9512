/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A section of lines that ends with an empty one: a head with its start line, or trailers. It is gathered whole, and
 * each line is checked byte by byte as soon as it is complete.
 */
#ifndef PROXY_HTTP1_LINES_H
#define PROXY_HTTP1_LINES_H

#include "headers/check.h"

struct http1_limits {
	size_t line, bytes, count; /* request line, header section, field lines */
};

struct http1_section {
	bool headed;   /* the first line is a start line */
	size_t looked; /* bytes whose lines were checked */
	size_t start;  /* bytes of the start line, CR LF included; 0: not yet known, or none */
};

/* Looks at what of the section has arrived. When all has, *whole is it; it stays empty while more is needed. */
enum reject http1_section_scan(struct http1_section *s, const struct http1_limits *limits, struct str bytes,
			       struct str *whole);

/* Field lines that a scan let pass, the empty one included. White space around values, which lines borrow, is made
 * spaces. */
enum reject http1_lines_read(struct lines *to, char *text, size_t n, size_t count);

#endif
