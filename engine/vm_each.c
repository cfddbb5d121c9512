/* SPDX-License-Identifier: Apache-2.0 */
/* Array instructions. */
#include "engine/vm_each.h"

#include <assert.h>

#include "base/err.h"

static const struct array nothing = {0, NULL};

/* An array of n values to fill, as v of type Array<element>; NULL and NO_ANSWER when memory is out. */
static struct value *make(struct vm *m, struct value *v, enum type array, size_t n)
{
	struct array *a = ARENA_NEW(m->fields->arena, struct array);
	struct value *items = arena_alloc(m->fields->arena, n * sizeof(*items));

	*v = (struct value){.type = array, .missing = NO_ANSWER};
	if (a == NULL || items == NULL) {
		m->error = -ERR_NOMEM;
		return NULL;
	}
	*a = (struct array){n, items};
	v->missing = PRESENT;
	v->a = a;
	return items;
}

static void shorten(struct value *v, size_t n)
{
	((struct array *)v->a)->n = n; /* made above, not shared yet */
}

/* Types without an array of their own do not occur: the checker refuses them. */
static enum type array_of(enum type t)
{
	enum type a = type_array(t);

	assert(a != TYPE_COUNT);
	return a;
}

static void make_empty(struct value *v, enum type element)
{
	*v = (struct value){.type = array_of(element), .a = &nothing};
}

void each_elements(struct vm *m, struct value *v)
{
	struct value from = *v;
	enum type element = type_element(from.type);
	struct value *items;

	if (from.missing == MISSING) {
		make_empty(v, element);
	} else if (from.missing == NO_ANSWER) {
		v->type = array_of(element);
	} else if (type_shape(from.type) == SHAPE_MAP) {
		if ((items = make(m, v, array_of(element), from.m->n)) == NULL)
			return;
		for (size_t i = 0; i < from.m->n; i++)
			items[i] = from.m->v[i].value;
	}
}

void each_flat(struct vm *m, struct value *v)
{
	struct value from = *v;
	enum type inner = type_element(from.type), element = type_element(inner);
	struct value *items;
	size_t n = 0;

	if (from.missing) {
		v->type = array_of(element);
		return;
	}
	for (size_t i = 0; i < from.a->n; i++)
		n += type_shape(inner) == SHAPE_MAP ? from.a->v[i].m->n : from.a->v[i].a->n;
	if ((items = make(m, v, array_of(element), n)) == NULL)
		return;
	for (size_t i = 0; i < from.a->n; i++) {
		const struct value *one = &from.a->v[i];

		if (type_shape(inner) == SHAPE_MAP)
			for (size_t k = 0; k < one->m->n; k++)
				*items++ = one->m->v[k].value;
		else
			for (size_t k = 0; k < one->a->n; k++)
				*items++ = one->a->v[k];
	}
}

void each_index(struct vm *m, struct value *v, uint32_t at)
{
	struct value from = *v, *items;
	enum type element = type_element(type_element(from.type));
	size_t n = 0;

	if (from.missing) {
		v->type = array_of(element);
		return;
	}
	if ((items = make(m, v, array_of(element), from.a->n)) == NULL)
		return;
	for (size_t i = 0; i < from.a->n; i++)
		if (at < from.a->v[i].a->n)
			items[n++] = from.a->v[i].a->v[at];
	shorten(v, n);
}

void each_key(struct vm *m, struct value *v, struct str key)
{
	struct value from = *v, *items;
	enum type element = type_element(type_element(from.type));
	size_t n = 0;

	if (from.missing) {
		v->type = array_of(element);
		return;
	}
	if ((items = make(m, v, array_of(element), from.a->n)) == NULL)
		return;
	for (size_t i = 0; i < from.a->n; i++) {
		const struct value *found = map_get(from.a->v[i].m, key);

		if (found != NULL)
			items[n++] = *found;
	}
	shorten(v, n);
}

void each_call(struct vm *m, const struct site *s, struct value *args)
{
	struct value from = args[0], *items;
	size_t n = 0;

	if (from.missing) {
		args[0].type = array_of(s->type);
		return;
	}
	if ((items = make(m, &args[0], array_of(s->type), from.a->n)) == NULL)
		return;
	struct value result = args[0];

	for (size_t i = 0; i < from.a->n; i++) {
		args[0] = from.a->v[i];
		vm_call(m, s, args, &items[n]);
		if (items[n].missing == NO_ANSWER) {
			result.missing = NO_ANSWER;
			break;
		}
		if (!items[n].missing)
			n++;
	}
	args[0] = result;
	if (!result.missing)
		shorten(&args[0], n);
}

static struct value boolean(enum truth t)
{
	return (struct value){
	    .type = TYPE_BOOL, .missing = t == UNKNOWN ? NO_ANSWER : PRESENT, .b = t == TRUE};
}

static enum truth truth_at(const struct value *v)
{
	return v->missing ? UNKNOWN : v->b ? TRUE : FALSE;
}

void each_test(struct vm *m, const struct test *t, struct value *v)
{
	struct value from = *v, *items;

	if (from.missing) {
		v->type = TYPE_ARRAY_BOOL;
		return;
	}
	if ((items = make(m, v, TYPE_ARRAY_BOOL, from.a->n)) == NULL)
		return;
	for (size_t i = 0; i < from.a->n; i++)
		items[i] = boolean(test_run(t, &from.a->v[i], &m->error));
}

void each_compare(struct vm *m, enum test_kind kind, struct value *v, const struct value *right)
{
	struct value from = *v, *items;

	if (from.missing || right->missing == NO_ANSWER) {
		*v = (struct value){.type = TYPE_ARRAY_BOOL,
		                    .missing = from.missing > right->missing ? from.missing : right->missing};
		return;
	}
	if ((items = make(m, v, TYPE_ARRAY_BOOL, from.a->n)) == NULL)
		return;
	for (size_t i = 0; i < from.a->n; i++)
		items[i] = VALUE_BOOL(!right->missing && test_compare(kind, &from.a->v[i], right));
}

void each_not(struct vm *m, struct value *v)
{
	struct value from = *v, *items;

	if (from.missing || (items = make(m, v, TYPE_ARRAY_BOOL, from.a->n)) == NULL)
		return;
	for (size_t i = 0; i < from.a->n; i++)
		items[i] = boolean(TRUE - truth_at(&from.a->v[i]));
}

static enum truth combine(enum op op, enum truth a, enum truth b)
{
	if (op == OP_EACH_AND)
		return a < b ? a : b;
	if (op == OP_EACH_OR)
		return a > b ? a : b;
	return a == UNKNOWN || b == UNKNOWN ? UNKNOWN : a != b ? TRUE : FALSE;
}

void each_logic(struct vm *m, enum op op, struct value *v, const struct value *right)
{
	struct value from = *v, *items;
	size_t n;

	if (from.missing || right->missing) {
		v->missing = from.missing > right->missing ? from.missing : right->missing;
		return;
	}
	n = from.a->n < right->a->n ? from.a->n : right->a->n;
	if ((items = make(m, v, TYPE_ARRAY_BOOL, n)) == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		items[i] = boolean(combine(op, truth_at(&from.a->v[i]), truth_at(&right->a->v[i])));
}

enum truth each_any(const struct value *v)
{
	enum truth best = FALSE;

	if (v->missing)
		return v->missing == NO_ANSWER ? UNKNOWN : FALSE;
	for (size_t i = 0; i < v->a->n && best != TRUE; i++) {
		enum truth t = truth_at(&v->a->v[i]);

		best = t > best ? t : best;
	}
	return best;
}

enum truth each_all(const struct value *v)
{
	enum truth worst = TRUE;

	if (v->missing)
		return v->missing == NO_ANSWER ? UNKNOWN : FALSE;
	for (size_t i = 0; i < v->a->n && worst != FALSE; i++) {
		enum truth t = truth_at(&v->a->v[i]);

		worst = t < worst ? t : worst;
	}
	return worst;
}

enum truth test_any(struct vm *m, const struct test *t, const struct value *v)
{
	enum truth best = FALSE;

	if (v->missing)
		return v->missing == NO_ANSWER ? UNKNOWN : FALSE;
	for (size_t i = 0; i < v->a->n && best != TRUE; i++) {
		enum truth one = test_run(t, &v->a->v[i], &m->error);

		best = one > best ? one : best;
	}
	return best;
}

enum truth test_all(struct vm *m, const struct test *t, const struct value *v)
{
	enum truth worst = TRUE;

	if (v->missing)
		return v->missing == NO_ANSWER ? UNKNOWN : FALSE;
	for (size_t i = 0; i < v->a->n && worst != FALSE; i++) {
		enum truth one = test_run(t, &v->a->v[i], &m->error);

		worst = one < worst ? one : worst;
	}
	return worst;
}
