/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking one value up in a JSON text (RFC 8259) that a client sent: one pass, no tree, nothing allocated but
 * the answer. The whole text is checked; in one that is not valid there is nothing to find. Of a key given
 * twice the last counts, as most origins read it.
 */
#ifndef ENGINE_JSON_H
#define ENGINE_JSON_H

#include "base/arena.h"

struct json_step { /* into an object by key, or into an array by index */
	bool is_index;
	struct str key;
	uint64_t index;
};

/* The raw spelling of the value at path: an answer that begins with '"', a digit, '-', …; p NULL if there is
 * none. */
struct str json_find(struct str text, const struct json_step *path, size_t n);

bool json_int(struct str raw, int64_t *out); /* digits with an optional '-', within 64 bits */
/* The decoded string; false if raw is no string. out->p NULL when out of memory. */
bool json_unquote(struct arena *a, struct str raw, struct str *out);

#endif
