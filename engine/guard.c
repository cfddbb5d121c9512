/* SPDX-License-Identifier: Apache-2.0 */
/* Finding guards. */
#include "engine/guard.h"

#include <stdlib.h>

#include "engine/index.h"

static bool connection_only(const struct expr *e)
{
	return (e->scopes & ~(SCOPE_BIT(SCOPE_CONNECTION) | SCOPE_BIT(SCOPE_RULESET))) == 0 && e->scopes != 0;
}

struct split {
	const struct expr **guard, **rest;
	size_t nguard, nrest;
};

static bool split(struct compiler *c, const struct expr *e, struct split *out)
{
	const struct expr *const *kids = e->kind == EX_AND ? e->kids : &e;
	size_t n = e->kind == EX_AND ? e->n : 1;

	out->guard = arena_array(c->scratch, n, sizeof(*out->guard));
	out->rest = arena_array(c->scratch, n, sizeof(*out->rest));
	out->nguard = out->nrest = 0;
	if (out->guard == NULL || out->rest == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		if (connection_only(kids[i]))
			out->guard[out->nguard++] = kids[i];
		else
			out->rest[out->nrest++] = kids[i];
	return true;
}

/* Not one of cons.c's nodes, so that nobody counts its operands as shared; they are. */
static const struct expr *joined(struct compiler *c, const struct expr *const *kids, size_t n,
                                 struct span span)
{
	return n == 1 ? kids[0] : expr_parent(c, EX_AND, TYPE_BOOL, span, kids, n);
}

struct found { /* guards so far, by their operands */
	uint64_t hash;
	struct split split;
	uint32_t guard;
	struct found *next;
};

enum { BUCKETS = 4096 };

static uint64_t hash_of(const struct split *s)
{
	uint64_t h = s->nguard;

	for (size_t i = 0; i < s->nguard; i++)
		h = (h ^ s->guard[i]->id) * 0x9e3779b97f4a7c15u, h ^= h >> 31;
	return h;
}

static bool same(const struct split *a, const struct split *b)
{
	return a->nguard == b->nguard && memcmp(a->guard, b->guard, a->nguard * sizeof(*a->guard)) == 0;
}

static struct rule *guard_new(struct compiler *c, const struct split *s, struct span span)
{
	struct rule *g = ARENA_NEW(c->sealed, struct rule);

	if (g == NULL || (g->expr = joined(c, s->guard, s->nguard, span)) == NULL)
		return NULL;
	return lower_condition(c, g->expr, &g->when) ? g : NULL;
}

static bool guard_of(struct compiler *c, struct phase_rules *p, struct found **buckets, struct rule *rule)
{
	struct split s;
	struct found *f;
	const struct expr *rest;

	if (!split(c, rule->expr, &s))
		return false;
	if (s.nguard == 0 || rule->counts)
		return true;
	uint64_t hash = hash_of(&s);

	for (f = buckets[hash % BUCKETS]; f != NULL && !(f->hash == hash && same(&f->split, &s)); f = f->next)
		continue;
	if (f == NULL) {
		if ((f = ARENA_NEW(c->scratch, struct found)) == NULL ||
		    (p->guards[p->nguards] = guard_new(c, &s, rule->expr->span)) == NULL)
			return false;
		*f = (struct found){hash, s, (uint32_t)++p->nguards, buckets[hash % BUCKETS]};
		buckets[hash % BUCKETS] = f;
	}
	rule->guard = f->guard;
	rule->guard_only = s.nrest == 0;
	if (rule->guard_only)
		return true;
	return (rest = joined(c, s.rest, s.nrest, rule->expr->span)) != NULL &&
	       lower_condition(c, rest, &rule->rest);
}

/* Which rules each guard guards. */
static bool lists_build(struct compiler *c, struct phase_rules *p)
{
	p->guarded = arena_array(c->sealed, p->nguards, sizeof(*p->guarded));
	p->unguarded = arena_array(c->sealed, p->n / 64 + 1, sizeof(*p->unguarded));
	uint32_t *counts = arena_array(c->scratch, p->nguards + 1, sizeof(*counts));

	if (p->guarded == NULL || p->unguarded == NULL || counts == NULL)
		return false;
	for (size_t i = 0; i < p->n; i++)
		counts[p->rules[i]->guard]++;
	for (size_t g = 0; g < p->nguards; g++)
		if ((p->guarded[g] = arena_array(c->sealed, counts[g + 1] + 1, sizeof(uint32_t))) == NULL)
			return false;
	for (size_t i = 0; i < p->n; i++) {
		uint32_t guard = p->rules[i]->guard;

		if (guard == 0)
			p->unguarded[i / 64] |= (uint64_t)1 << i % 64;
		else
			p->guarded[guard - 1][++p->guarded[guard - 1][0]] = (uint32_t)i;
	}
	return true;
}

bool guards_build(struct compiler *c, struct phase_rules *p, bool index)
{
	struct found **buckets = arena_array(c->scratch, BUCKETS, sizeof(struct found *));

	if (buckets == NULL || (p->guards = arena_array(c->sealed, p->n, sizeof(*p->guards))) == NULL)
		return false;
	for (size_t i = 0; i < p->n; i++)
		if (!guard_of(c, p, buckets, p->rules[i]))
			return false;
	if (p->nguards == 0)
		return true;
	if (index && (p->guard_index = index_build(c, p->guards, p->nguards)) == NULL)
		return false;
	for (size_t g = 0; g < p->nguards; g++)
		p->guards[g]->expr = NULL;
	return lists_build(c, p);
}
