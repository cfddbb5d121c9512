/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed expressions become programs. and and or jump over what cannot change the result; what several rules
 * ask is kept in a slot the first time and recalled after that.
 */
#include "engine/compile.h"

#include <assert.h>
#include <stdlib.h>

struct code { /* under construction */
	struct compiler *c;
	struct instr *v;
	uint32_t n, size;
	bool failed;
};

static void truth(struct code *k, const struct expr *e);
static void value(struct code *k, const struct expr *e);

static struct instr *emit(struct code *k, enum op op)
{
	static struct instr lost;

	if (k->n == k->size) {
		uint32_t size = k->size ? 2 * k->size : 64;
		struct instr *v = reallocarray(k->v, size, sizeof(*v));

		if (v == NULL) {
			k->failed = true;
			return &lost;
		}
		k->v = v;
		k->size = size;
	}
	k->v[k->n] = (struct instr){.op = op};
	return &k->v[k->n++];
}

static void jump_here(struct code *k, uint32_t from)
{
	if (!k->failed)
		k->v[from].to = k->n;
}

/* Results that cost more than recalling them. */
static bool dear_truth(const struct expr *e)
{
	switch (e->kind) {
	case EX_TEST:
		return e->kids[0]->kind != EX_FIELD ||
		       (e->test->kind >= TEST_CONTAINS && e->test->kind != TEST_BIT_AND);
	case EX_COMPARE:
	case EX_AND:
	case EX_OR:
	case EX_XOR:
	case EX_ANY:
	case EX_ALL:
		return true;
	default:
		return false;
	}
}

static bool dear_value(const struct expr *e)
{
	switch (e->kind) {
	case EX_CALL:
		return true;
	case EX_EACH:
		return type_shape(e->kids[0]->type) == SHAPE_MAP || e->kids[0]->each;
	case EX_KEY:
		return e->kids[0]->kind == EX_FIELD || e->kids[0]->each;
	case EX_TEST:
	case EX_COMPARE:
	case EX_NOT:
	case EX_AND:
	case EX_OR:
	case EX_XOR:
		return e->type == TYPE_ARRAY_BOOL;
	default:
		return false;
	}
}

static uint32_t slot_of(const struct expr *e, uint32_t *slots)
{
	struct expr *node = (struct expr *)e; /* the compiler's own */

	if (node->slot == 0)
		node->slot = ++*slots;
	return node->slot - 1;
}

static struct str *sealed_key(struct code *k, struct str s)
{
	struct str *key = ARENA_NEW(k->c->sealed, struct str);

	if (key == NULL)
		k->failed = true;
	else
		*key = s;
	return key;
}

static void call(struct code *k, const struct expr *e)
{
	struct site *s = ARENA_NEW(k->c->sealed, struct site);
	bool mapped = e->n > 0 && e->kids[0]->each;

	for (size_t i = 0; i < e->n; i++)
		value(k, e->kids[i]);
	if (s == NULL) {
		k->failed = true;
		return;
	}
	*s = (struct site){e->function, e->prepared, mapped ? type_element(e->type) : e->type, (uint8_t)e->n};
	emit(k, mapped ? OP_CALL_EACH : OP_CALL)->site = s;
}

static void constant(struct code *k, const struct expr *e)
{
	struct value *v = ARENA_NEW(k->c->sealed, struct value);

	if (v == NULL)
		k->failed = true;
	else
		*v = e->value;
	emit(k, OP_CONST)->value = v;
}

static void each_chain(struct code *k, const struct expr *e)
{
	enum op op = e->kind == EX_AND ? OP_EACH_AND : e->kind == EX_OR ? OP_EACH_OR : OP_EACH_XOR;

	value(k, e->kids[0]);
	for (size_t i = 1; i < e->n; i++) {
		value(k, e->kids[i]);
		emit(k, op);
	}
}

static void key(struct code *k, const struct expr *e)
{
	const struct expr *of = e->kids[0];
	struct instr *i;

	if (of->kind == EX_FIELD) {
		i = emit(k, OP_FIELD_KEY);
		i->to = field_id(of->field);
	} else {
		value(k, of);
		i = emit(k, of->each ? OP_EACH_KEY : OP_KEY);
	}
	i->key = sealed_key(k, e->text);
}

static void value_plain(struct code *k, const struct expr *e)
{
	switch (e->kind) {
	case EX_CONST:
		constant(k, e);
		return;
	case EX_FIELD:
		emit(k, OP_FIELD)->field = e->field;
		return;
	case EX_INDEX:
		value(k, e->kids[0]);
		emit(k, e->kids[0]->each ? OP_EACH_INDEX : OP_INDEX)->to = e->number;
		return;
	case EX_KEY:
		key(k, e);
		return;
	case EX_EACH:
		value(k, e->kids[0]);
		emit(k, e->kids[0]->each ? OP_EACH_EACH : OP_EACH);
		return;
	case EX_CALL:
		call(k, e);
		return;
	default:
		break;
	}
	if (e->type == TYPE_BOOL) {
		truth(k, e);
		emit(k, OP_VALUE);
		return;
	}
	switch (e->kind) {
	case EX_TEST:
		value(k, e->kids[0]);
		emit(k, OP_TEST_EACH)->test = e->test;
		break;
	case EX_COMPARE:
		value(k, e->kids[0]);
		value(k, e->kids[1]);
		emit(k, OP_COMPARE_EACH)->n = (uint8_t)(e->op - AST_EQ + TEST_EQ);
		break;
	case EX_NOT:
		value(k, e->kids[0]);
		emit(k, OP_EACH_NOT);
		break;
	default:
		each_chain(k, e);
	}
}

static void value(struct code *k, const struct expr *e)
{
	uint32_t from = k->n, slot;
	struct instr *i;

	if (e->uses < 2 || !dear_value(e)) {
		value_plain(k, e);
		return;
	}
	slot = slot_of(e, &k->c->slots.values);
	i = emit(k, OP_RECALL_VALUE);
	i->slot = slot;
	value_plain(k, e);
	emit(k, OP_KEEP_VALUE)->slot = slot;
	jump_here(k, from);
}

static void truth_chain(struct code *k, const struct expr *e)
{
	enum op jump = e->kind == EX_AND ? OP_JUMP_FALSE : OP_JUMP_TRUE;
	uint32_t *from = arena_array(k->c->scratch, e->n, sizeof(*from));

	if (from == NULL) {
		k->failed = true;
		return;
	}
	truth(k, e->kids[0]);
	for (size_t i = 1; i < e->n; i++) {
		from[i] = k->n;
		emit(k, jump);
		truth(k, e->kids[i]);
		emit(k, e->kind == EX_AND ? OP_AND : OP_OR);
	}
	for (size_t i = 1; i < e->n; i++)
		jump_here(k, from[i]);
}

static void quantifier(struct code *k, const struct expr *e)
{
	const struct expr *of = e->kids[0];
	bool any = e->kind == EX_ANY;

	if (of->kind == EX_TEST && of->uses < 2) {
		value(k, of->kids[0]);
		emit(k, any ? OP_TEST_ANY : OP_TEST_ALL)->test = of->test;
	} else {
		value(k, of);
		emit(k, any ? OP_ANY : OP_ALL);
	}
}

static void truth_plain(struct code *k, const struct expr *e)
{
	struct instr *i;

	assert(e->type == TYPE_BOOL && !e->each);
	switch (e->kind) {
	case EX_TEST:
		if (e->kids[0]->kind == EX_FIELD) {
			i = emit(k, OP_FIELD_TEST);
			i->to = field_id(e->kids[0]->field);
		} else {
			value(k, e->kids[0]);
			i = emit(k, OP_TEST);
		}
		i->test = e->test;
		break;
	case EX_COMPARE:
		value(k, e->kids[0]);
		value(k, e->kids[1]);
		emit(k, OP_COMPARE)->n = (uint8_t)(e->op - AST_EQ + TEST_EQ);
		break;
	case EX_NOT:
		truth(k, e->kids[0]);
		emit(k, OP_NOT);
		break;
	case EX_AND:
	case EX_OR:
		truth_chain(k, e);
		break;
	case EX_XOR:
		truth(k, e->kids[0]);
		for (size_t n = 1; n < e->n; n++) {
			truth(k, e->kids[n]);
			emit(k, OP_XOR);
		}
		break;
	case EX_ANY:
	case EX_ALL:
		quantifier(k, e);
		break;
	default:
		value(k, e);
		emit(k, OP_TRUTH);
	}
}

static void truth(struct code *k, const struct expr *e)
{
	uint32_t from = k->n, slot;

	if (e->uses < 2 || !dear_truth(e)) {
		truth_plain(k, e);
		return;
	}
	slot = slot_of(e, &k->c->slots.truths);
	emit(k, OP_RECALL)->slot = slot;
	truth_plain(k, e);
	emit(k, OP_KEEP)->slot = slot;
	jump_here(k, from);
}

static bool seal(struct code *k, const struct expr *e, bool condition, struct program *out)
{
	struct instr *code;
	const char *wrong;

	emit(k, OP_RETURN);
	code = arena_array(k->c->sealed, k->n, sizeof(*code));
	if (k->failed || code == NULL) {
		free(k->v);
		k->c->no_memory = true;
		return false;
	}
	memcpy(code, k->v, k->n * sizeof(*code));
	free(k->v);
	*out = (struct program){.code = code, .n = k->n};
	if ((wrong = program_verify(out, condition, &k->c->slots)) == NULL)
		return true;
	diag_add(k->c->d, U0012, e->span, "this is too large to evaluate: %s", wrong);
	return false;
}

bool lower_condition(struct compiler *c, const struct expr *e, struct program *out)
{
	struct code k = {.c = c};

	truth(&k, e);
	return seal(&k, e, true, out);
}

bool lower_value(struct compiler *c, const struct expr *e, struct program *out)
{
	struct code k = {.c = c};

	value(&k, e);
	return seal(&k, e, false, out);
}
