/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is known already is worked out at compile time: constant operands, calls of constants, double
 * negation, and the branches that then cannot matter. Answers are the same with and without.
 */
#include "engine/compile.h"

#include "base/err.h"

static const struct expr *truth_value(struct compiler *c, bool b, struct span span)
{
	struct value v = VALUE_BOOL(b);

	return expr_value(c, &v, span);
}

static bool is_truth(const struct expr *e, bool b)
{
	return e->kind == EX_CONST && e->type == TYPE_BOOL && !e->value.missing && e->value.b == b;
}

static const struct expr *with_kids(struct compiler *c, const struct expr *e, const struct expr **kids,
                                    size_t n)
{
	struct expr *copy = expr_parent(c, e->kind, e->type, e->span, kids, n);
	unsigned scopes;

	if (copy == NULL)
		return e;
	scopes = copy->scopes;
	kids = copy->kids;
	*copy = *e;
	copy->kids = kids;
	copy->n = n;
	copy->scopes = scopes;
	return copy;
}

static const struct expr *fold_field(struct compiler *c, const struct expr *e)
{
	unsigned id = field_id(e->field);

	return id == FIELD_TRUE || id == FIELD_FALSE ? truth_value(c, id == FIELD_TRUE, e->span) : e;
}

static const struct expr *fold_index(struct compiler *c, const struct expr *e, const struct expr *of)
{
	struct value v = VALUE_MISSING(e->type);
	const struct value *found = NULL;

	if (!expr_const(of) || e->each || of->each)
		return e;
	if (!of->value.missing && e->kind == EX_INDEX && e->number < of->value.a->n)
		v = of->value.a->v[e->number];
	else if (!of->value.missing && e->kind == EX_KEY && (found = map_get(of->value.m, e->text)) != NULL)
		v = *found;
	return expr_value(c, &v, e->span);
}

/* Results live in the sealed arena: what a function makes from constants is a constant of the ruleset. */
static const struct expr *fold_call(struct compiler *c, const struct expr *e)
{
	struct call call = {c->sealed, e->prepared, 0};
	struct value args[FUNCTION_ARGS], out = VALUE_MISSING(e->type);
	bool missing = false;

	if (e->n == 0 || e->kids[0]->each)
		return e;
	for (size_t i = 0; i < e->n; i++) {
		if (!expr_const(e->kids[i]))
			return e;
		args[i] = e->kids[i]->value;
		missing = missing || args[i].missing;
	}
	if (!missing || e->function->flags & FN_NIL)
		e->function->run(&call, args, e->n, &out);
	return call.error < 0 ? e : expr_value(c, &out, e->span);
}

static const struct expr *fold_test(struct compiler *c, const struct expr *e)
{
	const struct expr *of = e->kids[0];
	enum truth t;
	int error = 0;

	if (!expr_const(of) || of->each)
		return e;
	t = test_run(e->test, &of->value, &error);
	return t == UNKNOWN ? e : truth_value(c, t == TRUE, e->span);
}

static const struct expr *fold_compare(struct compiler *c, const struct expr *e)
{
	const struct expr *a = e->kids[0], *b = e->kids[1];

	if (a->each || !expr_const(a) || !expr_const(b))
		return e;
	return truth_value(c,
	                   !a->value.missing && !b->value.missing &&
	                       test_compare((enum test_kind)e->op, &a->value, &b->value),
	                   e->span);
}

static const struct expr *fold_not(struct compiler *c, const struct expr *e)
{
	const struct expr *of = e->kids[0];

	if (e->type != TYPE_BOOL)
		return e;
	if (of->kind == EX_NOT)
		/* a missing Boolean is false: not not x is x only where x is a truth, never a value */
		return of->kids[0]->kind == EX_FIELD || of->kids[0]->kind == EX_CALL ? e : of->kids[0];
	if (expr_const(of))
		return truth_value(c, of->value.missing || !of->value.b, e->span);
	return e;
}

/* and, or: drops what changes nothing, stops at what decides, makes nested ones flat. */
static const struct expr *fold_chain(struct compiler *c, const struct expr *e)
{
	bool decides = e->kind == EX_OR;
	const struct expr **kids;
	size_t n = 0, most = 0;

	if (e->type != TYPE_BOOL)
		return e;
	for (size_t i = 0; i < e->n; i++)
		most += e->kids[i]->kind == e->kind ? e->kids[i]->n : 1;
	if ((kids = arena_array(c->scratch, most, sizeof(*kids))) == NULL)
		return e;
	for (size_t i = 0; i < e->n; i++) {
		const struct expr *kid = e->kids[i];

		if (is_truth(kid, decides))
			return truth_value(c, decides, e->span);
		if (is_truth(kid, !decides) || (expr_const(kid) && kid->value.missing && e->kind == EX_OR))
			continue;
		if (kid->kind == e->kind)
			for (size_t k = 0; k < kid->n; k++)
				kids[n++] = kid->kids[k];
		else
			kids[n++] = kid;
	}
	if (n == 0)
		return truth_value(c, !decides, e->span);
	return n == 1 && kids[0]->kind != EX_FIELD && kids[0]->kind != EX_CALL ? kids[0]
	                                                                       : with_kids(c, e, kids, n);
}

static const struct expr *fold_xor(struct compiler *c, const struct expr *e)
{
	bool odd = false;

	if (e->type != TYPE_BOOL)
		return e;
	for (size_t i = 0; i < e->n; i++) {
		if (!expr_const(e->kids[i]))
			return e;
		odd ^= !e->kids[i]->value.missing && e->kids[i]->value.b;
	}
	return truth_value(c, odd, e->span);
}

const struct expr *fold(struct compiler *c, const struct expr *e)
{
	const struct expr **kids;
	bool changed = false;

	if (c->no_fold)
		return e;
	if (e->n > 0) {
		if ((kids = arena_array(c->scratch, e->n, sizeof(*kids))) == NULL)
			return e;
		for (size_t i = 0; i < e->n; i++) {
			kids[i] = fold(c, e->kids[i]);
			changed = changed || kids[i] != e->kids[i];
		}
		if (changed)
			e = with_kids(c, e, kids, e->n);
	}
	switch (e->kind) {
	case EX_FIELD:
		return fold_field(c, e);
	case EX_INDEX:
	case EX_KEY:
		return fold_index(c, e, e->kids[0]);
	case EX_CALL:
		return fold_call(c, e);
	case EX_TEST:
		return fold_test(c, e);
	case EX_COMPARE:
		return fold_compare(c, e);
	case EX_NOT:
		return fold_not(c, e);
	case EX_AND:
	case EX_OR:
		return fold_chain(c, e);
	case EX_XOR:
		return fold_xor(c, e);
	default:
		return e;
	}
}
