/* SPDX-License-Identifier: Apache-2.0 */
/* Where values come from: the getters that fields.def names, one per kind of source. */
#ifndef ENGINE_FIELD_GET_H
#define ENGINE_FIELD_GET_H

#include "engine/field.h"

field_f get_constant, get_request, get_uri, get_response;  /* field_http.c */
field_f get_headers, get_args, get_cookies, get_languages; /* field_lines.c */
field_f get_body, get_form, get_multipart;                 /* field_body.c */
field_f get_connection, get_proxied, get_timing, get_geography; /* field_connection.c */
field_f get_fact_BOOL, get_fact_STR, get_fact_INT, get_fact_STRS, get_fact_IPS, get_fact_LAST,
    get_fact_RESULT, get_fact_DAYS; /* field_fact.c */
field_f get_jwt;                                           /* field_jwt.c */

/* headers["key"] straight from the field lines */
void headers_key(struct fields *f, const struct lines *lines, struct str key, struct value *out);
/* the lines that a headers field is about; NULL: none yet */
const struct lines *headers_lines(const struct fields *f, enum field_id id);

#endif
