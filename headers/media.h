/* SPDX-License-Identifier: Apache-2.0 */
/* What a message says about its content, and what the content itself looks like. */
#ifndef HEADERS_MEDIA_H
#define HEADERS_MEDIA_H

#include "headers/lines.h"

/* "Text/HTML; charset=utf-8" → "text/html". p is NULL when out of memory. */
struct str media_type(struct arena *a, struct str content_type);

/* The named parameter of a header value, "form-data; name=\"a\"": attribute names in any case, quotes and
 * their backslash escapes taken away. false: not there. Out of memory: true, and out->p is NULL. */
bool param_get(struct arena *a, struct str value, struct str name, struct str *out);

/* Tags of the Accept-Language lines by falling weight, equal weights in order; "*" and weight 0 are left out.
 * Gives an array of *n in *out. 0 or -ERR_NOMEM. */
int languages_parse(struct arena *a, const struct lines *l, struct str **out, size_t *n);

/* A media type for content by its first bytes: a constant, never "". "application/octet-stream" if nothing is
 * known, "text/plain" for printable text. */
const char *mime_sniff(struct str content);

#endif
