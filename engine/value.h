/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an expression yields. Values borrow their bytes: from facts, from the request, from the sealed ruleset or
 * from the exchange's arena; all outlive the evaluation.
 */
#ifndef ENGINE_VALUE_H
#define ENGINE_VALUE_H

#include "base/ip.h"
#include "base/str.h"

enum type { /* what a field, function or expression is declared to give */
	TYPE_BOOL, TYPE_INT, TYPE_BYTES, TYPE_IP,
	TYPE_ARRAY_BOOL, TYPE_ARRAY_INT, TYPE_ARRAY_BYTES, TYPE_ARRAY_IP, TYPE_ARRAY_ARRAY_BYTES,
	TYPE_MAP_BYTES, TYPE_MAP_INT, TYPE_MAP_ARRAY_BYTES, TYPE_MAP_ARRAY_INT,
};

struct array {
	size_t n;
	const struct value *v;
};

struct map { /* entries sorted by key, bytewise; keys unique */
	size_t n;
	const struct map_entry *v;
};

struct value {
	uint8_t missing; /* 1: no value; the rest is undefined */
	uint8_t type;    /* enum type */
	union {
		bool b;
		int64_t i;
		struct str s;
		const struct ip *ip;
		const struct array *a;
		const struct map *m;
	};
};

struct map_entry {
	struct str key;
	struct value value;
};

const char *type_name(enum type t); /* "String", "Integer", "Array<String>" … as messages say it */
const struct value *map_get(const struct map *m, struct str key); /* NULL if absent */

#endif
