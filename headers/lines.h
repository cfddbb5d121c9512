/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Field lines of a message (RFC 9110, section 5), in arrival order, names as received. Slices and the array
 * live in the exchange's arena.
 */
#ifndef HEADERS_LINES_H
#define HEADERS_LINES_H

#include "base/arena.h"
#include "base/str.h"

struct line {
	struct str name;  /* as received (HTTP/2: lower case) */
	struct str value; /* without leading and trailing white space */
};

struct lines {
	struct arena *arena; /* borrowed */
	struct line *v;
	size_t n, cap;
};

void lines_init(struct lines *l, struct arena *a);

/* Adds one line; borrows both slices. Here and below false means that memory is out. */
bool lines_add(struct lines *l, struct str name, struct str value);
/* First line of that name, in any case; NULL if there is none. */
const struct line *lines_get(const struct lines *l, struct str name);
/* The next such line after one that was got (NULL: the first). */
const struct line *lines_next(const struct lines *l, const struct line *after, struct str name);
size_t lines_count(const struct lines *l, struct str name);
size_t lines_remove(struct lines *l, struct str name); /* all of that name, any case; how many */
size_t lines_remove_if(struct lines *l, bool (*unwanted)(const struct line *line, const void *arg),
                       const void *arg);
/* Replaces all lines of that name by one, in the first's place. */
bool lines_set(struct lines *l, struct str name, struct str value);
/* Shares the slices, own array in to's arena: to becomes from; all of from's lines are added to to. */
bool lines_copy(struct lines *to, const struct lines *from);
bool lines_append(struct lines *to, const struct lines *from);

/* Same name for an origin that makes variables of names (CGI, WSGI …): ASCII case ignored, and which character there is
 * that is no letter and no digit. */
bool name_twin(struct str a, struct str b);
size_t lines_remove_twins(struct lines *l, struct str name); /* all whose name is name or its twin */
/* Twins of name, but not the lines of that very name. */
size_t lines_remove_other_spellings(struct lines *l, struct str name);

bool char_token(char c);            /* tchar of RFC 9110, section 5.6.2 */
bool name_valid(struct str name);   /* a token, at least one character */
bool value_valid(struct str value); /* field-value: no control characters but HTAB, no outer white space */

/* Elements of a comma-separated list (RFC 9110, section 5.6.1), trimmed; empty ones are passed over and
 * commas in quoted strings do not count. Takes the next from the front of *rest; false at the end. */
bool list_next(struct str *rest, struct str *element);
/* Whether token, in any case, is an element in any line of that name. */
bool lines_list_has(const struct lines *l, struct str name, struct str token);

#endif
