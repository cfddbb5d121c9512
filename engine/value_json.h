/* SPDX-License-Identifier: Apache-2.0 */
/* Values as JSON and as text, and back: what usher eval reads and prints, and tests and traces with it. */
#ifndef ENGINE_VALUE_JSON_H
#define ENGINE_VALUE_JSON_H

#include <jansson.h>

#include "base/arena.h"
#include "base/buf.h"
#include "engine/value.h"

/* json as a value of type: true, 12, "text", {"hex":"00ff"}, "192.0.2.1", arrays, objects for maps; null is a
 * missing value. Memory from a; texts are copied. NULL: done; else what is wrong, in words. */
const char *value_of_json(struct arena *a, const json_t *json, enum type type, struct value *out);

/* Bytes of "text" or {"hex":…}. NULL: done. */
const char *bytes_of_json(struct arena *a, const json_t *json, struct str *out);

/* Sorts entries by key, as struct map wants them. */
void map_sort(struct map_entry *v, size_t n);

/* A bare JSON value; null if missing, {"hex":…} for bytes that are no UTF-8. */
void value_put_json(struct buf *out, const struct value *v);
/* true, false, missing, numbers, addresses, texts as they are; arrays and maps as JSON. */
void value_put_text(struct buf *out, const struct value *v);

#endif
