/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What an expression yields. Values borrow their bytes: from facts, from the request, from the sealed ruleset
 * or from the exchange's arena; all outlive the evaluation.
 */
#ifndef ENGINE_VALUE_H
#define ENGINE_VALUE_H

#include "base/ip.h"
#include "base/str.h"

enum type { /* what a field, function or expression is declared to give */
#define TYPE(id, name, shape, element) id,
#include "engine/types.def"
#undef TYPE
	    TYPE_COUNT
};

enum shape { SHAPE_SCALAR, SHAPE_ARRAY, SHAPE_MAP };

enum missing {
	PRESENT,
	MISSING,   /* no value: every comparison with it is false */
	NO_ANSWER, /* a limit was hit or memory ran out on the way here: nobody knows; fail closed */
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
	uint8_t missing; /* enum missing; unless 0 the union is undefined */
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
enum shape type_shape(enum type t);
enum type type_element(enum type t); /* of an array or map; a scalar's is itself */
enum type type_array(enum type t);   /* Array<t>, or TYPE_COUNT if there is none */

static inline bool type_scalar(enum type t)
{
	return t <= TYPE_IP;
}

const struct value *map_get(const struct map *m, struct str key); /* NULL if absent */

/* The order of lt and gt: integers by size, strings bytewise, addresses by family, then bytewise. Both
 * present, of one scalar type. */
int value_cmp(const struct value *a, const struct value *b);
bool value_eq(const struct value *a,
              const struct value *b); /* likewise; arrays and maps element by element */

#define VALUE_MISSING(t) ((struct value){.missing = MISSING, .type = (t)})
#define VALUE_BOOL(x) ((struct value){.type = TYPE_BOOL, .b = (x)})
#define VALUE_INT(x) ((struct value){.type = TYPE_INT, .i = (x)})
#define VALUE_STR(x) ((struct value){.type = TYPE_BYTES, .s = (x)})
#define VALUE_IP(x) ((struct value){.type = TYPE_IP, .ip = (x)})

#endif
