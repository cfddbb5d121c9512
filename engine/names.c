/* SPDX-License-Identifier: Apache-2.0 */
/* Names that people get wrong: what exists, what existed once, what they may have meant. */
#include "engine/names.h"

#include "engine/field.h"
#include "engine/function.h"

static const struct foreign foreign[] = {
#define FOREIGN(name, type, reason) {name, type, reason},
#define ALIAS(old, new)
#include "engine/foreign.def"
#undef FOREIGN
#undef ALIAS
};

static const struct {
	const char *old, *now;
} aliases[] = {
#define FOREIGN(name, type, reason)
#define ALIAS(old, new) {old, new},
#include "engine/foreign.def"
#undef FOREIGN
#undef ALIAS
};

const struct foreign *foreign_find(struct str name)
{
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (str_eq(name, str_of(foreign[i].name)))
			return &foreign[i];
	return NULL;
}

struct value foreign_default(const struct foreign *f)
{
	static const struct array no_elements;
	static const struct map no_entries;

	switch (type_shape(f->type)) {
	case SHAPE_ARRAY:
		return (struct value){.type = f->type, .a = &no_elements};
	case SHAPE_MAP:
		return (struct value){.type = f->type, .m = &no_entries};
	case SHAPE_SCALAR:
		break;
	}
	return f->type == TYPE_BYTES ? VALUE_STR(STR("")) : (struct value){.type = f->type, .i = 0};
}

const char *alias_find(struct str name)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (str_eq(name, str_of(aliases[i].old)))
			return aliases[i].now;
	return NULL;
}

void nearest_offer(struct nearest *n, struct str candidate)
{
	size_t most = n->name.n / 4 + 1, distance;

	if (n->best.n > 0 && n->distance < most)
		most = n->distance;
	distance = str_distance(n->name, candidate, most);
	if (distance <= most && (n->best.n == 0 || distance < n->distance)) {
		n->best = candidate;
		n->distance = distance;
	}
}

struct str nearest_field(struct str name)
{
	struct nearest n = {.name = name};

	for (size_t i = 0; i < FIELD_COUNT; i++)
		nearest_offer(&n, str_of(field_table[i].name));
	return n.best;
}

struct str nearest_function(struct str name)
{
	struct nearest n = {.name = name};

	nearest_offer(&n, STR("any"));
	nearest_offer(&n, STR("all"));
	for (size_t i = 0; i < FUNCTION_COUNT; i++)
		nearest_offer(&n, str_of(function_table[i].name));
	return n.best;
}
