/* SPDX-License-Identifier: Apache-2.0 */
/* Types by name and shape, and comparing values. */
#include "engine/value.h"

#include <assert.h>

static const struct {
	const char *name;
	enum shape shape;
	enum type element;
} types[TYPE_COUNT] = {
#define TYPE(id, name, shape, element) {name, SHAPE_##shape, element},
#include "engine/types.def"
#undef TYPE
};

const char *type_name(enum type t)
{
	assert(t < TYPE_COUNT);
	return types[t].name;
}

enum shape type_shape(enum type t)
{
	assert(t < TYPE_COUNT);
	return types[t].shape;
}

enum type type_element(enum type t)
{
	assert(t < TYPE_COUNT);
	return types[t].element;
}

enum type type_array(enum type t)
{
	for (enum type a = 0; a < TYPE_COUNT; a++)
		if (types[a].shape == SHAPE_ARRAY && types[a].element == t)
			return a;
	return TYPE_COUNT;
}

const struct value *map_get(const struct map *m, struct str key)
{
	size_t low = 0, high = m->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int c = str_cmp(key, m->v[mid].key);

		if (c == 0)
			return &m->v[mid].value;
		if (c < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

int value_cmp(const struct value *a, const struct value *b)
{
	assert(a->type == b->type && !a->missing && !b->missing);
	switch (a->type) {
	case TYPE_BOOL:
		return (int)a->b - (int)b->b;
	case TYPE_INT:
		return (a->i > b->i) - (a->i < b->i);
	case TYPE_BYTES:
		return str_cmp(a->s, b->s);
	case TYPE_IP:
		return ip_cmp(a->ip, b->ip);
	}
	assert(!"a scalar");
	return 0;
}

static bool array_eq(const struct array *a, const struct array *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!value_eq(&a->v[i], &b->v[i]))
			return false;
	return true;
}

static bool map_eq(const struct map *a, const struct map *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (!str_eq(a->v[i].key, b->v[i].key) || !value_eq(&a->v[i].value, &b->v[i].value))
			return false;
	return true;
}

bool value_eq(const struct value *a, const struct value *b)
{
	assert(a->type == b->type);
	if (a->missing || b->missing)
		return a->missing == b->missing;
	switch (type_shape(a->type)) {
	case SHAPE_ARRAY:
		return array_eq(a->a, b->a);
	case SHAPE_MAP:
		return map_eq(a->m, b->m);
	case SHAPE_SCALAR:
		break;
	}
	return a->type == TYPE_BYTES ? str_eq(a->s, b->s) : value_cmp(a, b) == 0;
}
