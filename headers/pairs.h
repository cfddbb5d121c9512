/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and values inside other texts: cookies, query arguments, form bodies. All give pairs in order of
 * arrival, duplicates repeated, as a list of lines; values, and names unless said otherwise, are slices of
 * the text as it is. Each returns 0 or -ERR_NOMEM, and adds to out.
 */
#ifndef HEADERS_PAIRS_H
#define HEADERS_PAIRS_H

#include "headers/lines.h"

/* Cookies of all Cookie lines. Names have their %XX decoded; values are unprocessed, quotes included. A piece
 * without '=' is a name with an empty value. */
int cookies_parse(const struct lines *l, struct lines *out);

/* "a=1&b&c=": nothing is decoded. A piece without '=' is a name with an empty value; empty pieces are left
 * out. */
int query_parse(struct str query, struct lines *out);

#endif
