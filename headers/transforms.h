/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Managed transforms: lines that usher itself writes to the origin or changes in its answer, as rows of
 * transforms.def. A row names its value as a rule field, and whoever calls lends a function that knows
 * fields: this folder knows neither certificates nor the engine. Lines that depend on the connection alone
 * are rendered once and appended to each request; certificate headers then cost a request nothing but their
 * bytes.
 *
 * All lines they write to the origin have reserved names, so request_clean has removed the client's own.
 */
#ifndef HEADERS_TRANSFORMS_H
#define HEADERS_TRANSFORMS_H

#include "headers/lines.h"

struct transform; /* a row; constant, compared by address */

const struct transform *transform_find(struct str name); /* NULL: no such transform */
const struct transform *transform_row(size_t i);         /* in the table's order; NULL at the end */
const char *transform_name(const struct transform *t);
const char *transform_prose(const struct transform *t);
bool transform_to_client(const struct transform *t); /* changes responses, not requests */

/* Sets of transforms are arrays of rows that end in NULL; a NULL pointer is the empty set. */
typedef const struct transform *const *transform_set;

/* Two of the set that exclude each other, in words for a diagnostic; NULL: none. */
const char *transforms_conflict(transform_set set);
/* remove_visitor_ip_headers is in the set: forwarded_write must not tell the client's address. */
bool transforms_hide_visitor(transform_set set);

/* Values of a field: none if it is empty or missing, one for a scalar, several for an array. Booleans are
 * "true" and "false", addresses canonical text. */
struct source_values {
	const struct str *v;
	size_t n;
};

/* Looks a rule field up. What out points to outlives a. false: out of memory. An unknown field has no values.
 */
typedef bool source_get(void *ctx, struct str field, struct arena *a, struct source_values *out);

enum transform_life { LIFE_CONNECTION, LIFE_EXCHANGE };

/* Adds the lines to the origin of that life to out; the arena of out keeps what is built, values may be
 * borrowed from get. 0; 1: a value that cannot stand in a header was left out; -ERR_NOMEM: send nothing. */
int transforms_render(transform_set set, enum transform_life life, source_get *get, void *ctx,
                      struct lines *out);

/* Changes a response's lines. 0 or -ERR_NOMEM. */
int transforms_response(transform_set set, struct lines *l);

#endif
