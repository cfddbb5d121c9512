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
bool lines_add(struct lines *l, struct str name, struct str value); /* borrows both slices; false: no memory */
const struct line *lines_get(const struct lines *l, struct str name);  /* first of that name, any case; or NULL */
const struct line *lines_next(const struct lines *l, const struct line *after, struct str name);
size_t lines_count(const struct lines *l, struct str name);
size_t lines_remove(struct lines *l, struct str name);      /* all of that name, any case; how many */
bool lines_set(struct lines *l, struct str name, struct str value); /* replaces all by one (in the first's place) */
bool lines_copy(struct lines *to, const struct lines *from); /* shares the slices, own array in to's arena */

/* Same name for an origin that folds '_' to '-' (CGI, WSGI …): ASCII case and '_'/'-' ignored. */
bool name_twin(struct str a, struct str b);
size_t lines_remove_twins(struct lines *l, struct str name); /* all whose name is name or its twin */
bool name_valid(struct str name);   /* a token of RFC 9110, section 5.6.2, at least one character */
bool value_valid(struct str value); /* field-value: no control characters but HTAB, no outer white space */

#endif
