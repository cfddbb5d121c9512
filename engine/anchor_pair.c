/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anchors of two facts at once: host and path, host and country, host and the beginning of the path. One
 * look-up tells what two would leave to the rules' programs. A pair of subjects is looked up only if that
 * spares enough rules.
 */
#include "engine/index_parts.h"

#include <math.h>
#include <stdlib.h>

enum { FACT_KEYS = 16, FACTS = 16 };

static const double pays = 0.1; /* candidates a request that a pair must save */

struct fact { /* one operand of and that can be half of a pair */
	uint32_t subject;
	bool prefix;
	unsigned length;
	double odds;
	size_t n;
	uint64_t keys[FACT_KEYS];
};

static bool keys_of_set(const struct set *set, struct fact *out)
{
	struct set_item item;

	if (set_count(set) == 0 || set_count(set) > FACT_KEYS || set_type(set) == SET_IP ||
	    set_type(set) == SET_HOST)
		return false;
	for (size_t i = 0; i < set_count(set); i++) {
		set_item(set, i, &item);
		if (set_type(set) == SET_INT && item.low != item.high)
			return false;
		out->keys[out->n++] = set_type(set) == SET_INT ? key_of_int(item.low) : key_of_str(item.s);
	}
	return true;
}

static bool fact_of_test(const struct test *t, struct fact *out)
{
	switch (t->kind) {
	case TEST_EQ:
		if (t->type == TYPE_IP)
			return false;
		out->keys[out->n++] = t->type == TYPE_INT ? key_of_int(t->right.i) : key_of_str(t->right.s);
		return true;
	case TEST_IN:
		return keys_of_set(t->set, out);
	case TEST_PREFIX:
		out->prefix = true;
		if (t->right.s.n == 0)
			return false;
		out->length = affix_length(t->right.s.n);
		out->keys[out->n++] = key_of_affix(t->right.s, false);
		return true;
	default:
		return false;
	}
}

static bool fact_of(struct anchors *a, const struct expr *e, struct fact *out)
{
	const struct expr *of = e->kind == EX_NOT ? e->kids[0] : e;
	struct anchor alone = anchor_of(a, e);

	*out = (struct fact){.odds = alone.odds};
	if (alone.atoms == NULL)
		return false;
	out->subject = alone.atoms->subject;
	if (a->v[out->subject].kind != SUBJECT_FIELD)
		return false;
	if (of->kind == EX_FIELD) {
		out->keys[out->n++] = key_of_bool(e->kind != EX_NOT);
		return true;
	}
	return e->kind == EX_TEST && fact_of_test(e->test, out);
}

static size_t facts_of(struct anchors *a, const struct expr *e, struct fact out[FACTS])
{
	size_t n = 0;

	for (size_t i = 0; e->kind == EX_AND && i < e->n && n < FACTS; i++)
		n += fact_of(a, e->kids[i], &out[n]);
	return n;
}

/* x exact, y exact or a prefix; in the order in which the pair is kept. */
static bool ordered(const struct fact **x, const struct fact **y)
{
	const struct fact *other = *x;

	if ((*x)->subject == (*y)->subject || ((*x)->prefix && (*y)->prefix) ||
	    (*x)->n * (*y)->n > 4 * FACT_KEYS)
		return false;
	if ((*x)->prefix || (!(*y)->prefix && (*x)->subject > (*y)->subject)) {
		*x = *y;
		*y = other;
	}
	return true;
}

static struct pair_gain *gain_of(struct anchors *a, const struct fact *x, const struct fact *y, bool make)
{
	struct pair_gain *v;

	for (uint32_t i = 0; i < a->ngains; i++)
		if (a->gains[i].a == x->subject && a->gains[i].b == y->subject &&
		    a->gains[i].prefix == y->prefix)
			return &a->gains[i];
	if (!make || a->ngains == 256 || (v = reallocarray(a->gains, a->ngains + 1, sizeof(*v))) == NULL)
		return NULL;
	a->gains = v;
	v[a->ngains] = (struct pair_gain){x->subject, y->subject, y->prefix, 0};
	return &v[a->ngains++];
}

/* How rare the rarest pair of facts in e is; paying: of those only that pay. HUGE_VAL: there is none. */
static double best_pair(struct anchors *a, const struct expr *e, bool paying, struct fact best[2])
{
	struct fact facts[FACTS];
	size_t n = facts_of(a, e, facts);
	double odds = HUGE_VAL;

	for (size_t i = 0; i < n; i++)
		for (size_t k = i + 1; k < n; k++) {
			const struct fact *x = &facts[i], *y = &facts[k];
			const struct pair_gain *g;

			if (!ordered(&x, &y) || x->odds * y->odds >= odds)
				continue;
			if (paying && ((g = gain_of(a, x, y, false)) == NULL || g->gain < pays))
				continue;
			best[0] = *x;
			best[1] = *y;
			odds = x->odds * y->odds;
		}
	return odds;
}

void anchors_pairs(struct anchors *a, const struct expr *e, const struct anchor *single)
{
	struct pair_gain *g;
	struct fact best[2];
	double odds = best_pair(a, e, false, best);

	if (odds < single->odds && (g = gain_of(a, &best[0], &best[1], true)) != NULL)
		g->gain += single->odds - odds;
}

struct anchor anchor_paired(struct anchors *a, const struct expr *e, const struct anchor *single)
{
	struct fact f[2];
	struct anchor all = {NULL, best_pair(a, e, true, f)};

	if (all.odds >= 0.7 * single->odds)
		return *single;
	for (size_t i = 0; i < f[0].n * f[1].n; i++) {
		struct atom *t = ARENA_NEW(a->c->scratch, struct atom);

		if (t == NULL)
			return *single;
		t->kind = f[1].prefix ? ATOM_PAIR_PREFIX : ATOM_PAIR;
		t->subject = f[0].subject;
		t->other = f[1].subject;
		t->hash = f[0].keys[i / f[1].n];
		t->other_hash = f[1].keys[i % f[1].n];
		t->length = f[1].length;
		t->next = all.atoms;
		all.atoms = t;
	}
	return all;
}
