/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The head and the trailers of an HTTP/2 request (RFC 9113, section 8.3), line by line as HPACK gives them, into a
 * struct request. What only HTTP/2 knows is checked here: pseudo-headers, lower case, the list's size; the rest is
 * headers/check.h's. Pure: no library, no sockets, no clock.
 */
#ifndef PROXY_HTTP2_HEAD_H
#define PROXY_HTTP2_HEAD_H

#include "headers/check.h"

struct http2_limits {
	size_t line, bytes, count; /* method and :path; field lines as HTTP/1.1 would write them; how many */
};

struct http2_head {
	struct request *request;
	struct http2_limits limits;
	struct str scheme, path, protocol;
	unsigned seen;       /* pseudo-headers: one bit each */
	size_t bytes, count; /* so far; of trailers anew */
	bool regular;        /* a line that is no pseudo-header came */
	bool trailer;        /* the lines are trailers */
	bool cookie;         /* crumbs of one Cookie line count once */
	enum reject fault;   /* the first one; lines after it are only counted */
};

/* req: arena and tls are set; its lines are empty. */
void http2_head_begin(struct http2_head *h, struct request *req, const struct http2_limits *limits);
void http2_head_trailers(struct http2_head *h); /* from now on lines are trailers */

/* One line; copies what it keeps. */
void http2_head_line(struct http2_head *h, struct str name, struct str value);

/* The last line of the header section has come: request_check has run when this is REJECT_NONE. end: so has the
 * message's end. An extended CONNECT becomes the GET of a handshake, with request.upgrade set. */
enum reject http2_head_end(struct http2_head *h, bool end, struct framing *f);
enum reject http2_head_trailers_end(struct http2_head *h, bool end);

/* Bytes that content of the request may have. false: more than Content-Length says; ended: also less. */
bool http2_length_fits(const struct request *req, uint64_t received, bool ended);

/* A message that RFC 9113 calls malformed: its stream is reset, after the answer that says so. */
bool http2_malformed(enum reject r);

#endif
