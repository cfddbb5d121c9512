/* SPDX-License-Identifier: Apache-2.0 */
/* Building an index: every rule's anchor is filled in (index_fill.c), then all becomes the structures that are looked up. */
#include <stdlib.h>

#include "engine/index_builder.h"

static posting_t list_seal(struct builder *b, struct entries *e)
{
	posting_t p;

	b->failed = b->failed || e->failed;
	entries_sort(e);
	if (e->n == 0)
		return 0;
	if ((p = posting_seal(&b->ids, e->v, e->n)) == 0)
		b->failed = true;
	return p;
}

static struct table *seal_table(struct builder *b, struct entries *e)
{
	struct table *t;

	if (e->n == 0 && !e->failed)
		return NULL;
	t = ARENA_NEW(b->c->sealed, struct table);
	if (t == NULL || !table_seal(t, e, b->c->sealed, &b->ids))
		b->failed = true;
	return t;
}

static struct segments *seal_segments(struct builder *b, struct spans *s, bool wide)
{
	struct segments *t;

	if (s->n == 0 && !s->failed)
		return NULL;
	t = ARENA_NEW(b->c->sealed, struct segments);
	if (t == NULL || !segments_seal(t, s, wide, b->c->sealed, &b->ids))
		b->failed = true;
	return t;
}

static struct affixes *seal_affixes(struct builder *b, struct entries *e, uint64_t lengths)
{
	struct affixes *t;

	if (e->n == 0 && !e->failed)
		return NULL;
	t = ARENA_NEW(b->c->sealed, struct affixes);
	if (t == NULL || !table_seal(&t->table, e, b->c->sealed, &b->ids)) {
		b->failed = true;
		return NULL;
	}
	t->lengths = lengths;
	return t;
}

static void probe_seal(struct builder *b, uint32_t at)
{
	struct probe *p = &b->ix->probes[at];
	struct filling *f = &b->fill[at];

	p->subject = b->anchors.v[at];
	p->all = list_seal(b, &f->all);
	p->own = list_seal(b, &f->own);
	if (p->all == 0)
		return; /* nothing was anchored here */
	p->eq = seal_table(b, &f->eq);
	p->prefixes = seal_affixes(b, &f->prefixes, f->prefix_lengths);
	p->suffixes = seal_affixes(b, &f->suffixes, f->suffix_lengths);
	p->ints = seal_segments(b, &f->ints, false);
	p->v4 = seal_segments(b, &f->v4, false);
	p->v6 = seal_segments(b, &f->v6, true);
	p->is_true = list_seal(b, &f->is_true);
	p->is_false = list_seal(b, &f->is_false);
	if (p->subject.kind == SUBJECT_VALUE || p->subject.kind == SUBJECT_LIST) {
		((struct expr *)p->subject.expr)
		    ->uses++; /* rules that are asked need not work it out again */
		b->failed = !lower_value(b->c, p->subject.expr, &p->program) || b->failed;
	}
	p->subject.expr = NULL;
	p->asked = p->eq != NULL || p->prefixes != NULL || p->suffixes != NULL || p->ints != NULL ||
	           p->v4 != NULL || p->v6 != NULL || p->is_true != 0 || p->is_false != 0;
}

static void groups_seal(struct builder *b)
{
	b->ix->groups = arena_array(b->c->sealed, b->ngroups, sizeof(*b->ix->groups));
	if (b->ix->groups == NULL) {
		b->failed = true;
		return;
	}
	for (struct group_of *g = b->groups; g != NULL; g = g->next) {
		posting_t rules = list_seal(b, &g->rules);
		struct big_set *big;

		b->ix->groups[g->id - b->ix->nrules] = rules;
		if (set_count(g->set) < BIG_FROM || b->fill[g->subject].bigs == 0)
			continue;
		b->fill[g->subject].bigs--;
		if ((big = ARENA_NEW(b->c->sealed, struct big_set)) == NULL) {
			b->failed = true;
			return;
		}
		*big = (struct big_set){g->set, rules, b->ix->probes[g->subject].big};
		b->ix->probes[g->subject].big = big;
		b->ix->probes[g->subject].asked = true;
	}
}

static void pairs_seal(struct builder *b)
{
	struct index *ix = b->ix;

	if ((ix->pairs = arena_array(b->c->sealed, b->npairs, sizeof(*ix->pairs))) == NULL) {
		b->failed = true;
		return;
	}
	for (size_t i = 0; i < b->npairs; i++) {
		struct pair *p = &ix->pairs[ix->npairs++];

		p->a = b->pairs[i].a;
		p->b = b->pairs[i].b;
		p->prefix = b->pairs[i].prefix;
		p->lengths = b->pairs[i].lengths;
		p->connection = ix->probes[p->a].subject.connection && ix->probes[p->b].subject.connection;
		ix->probes[p->a].paired = ix->probes[p->b].paired = ix->probes[p->a].hashed = true;
		if (!p->prefix)
			ix->probes[p->b].hashed = true;
		else if (ix->probes[p->b].head == 0)
			ix->probes[p->b].head = ++ix->nheads;
		p->all = list_seal(b, &b->pairs[i].all);
		if (!table_seal(&p->table, &b->pairs[i].entries, b->c->sealed, &b->ids))
			b->failed = true;
	}
}

static void grams_finish(struct builder *b)
{
	struct index *ix = b->ix;
	bool *has2 = calloc((size_t)ix->nprobes + 1, sizeof(*has2));
	uint8_t *stride = calloc((size_t)ix->nprobes + 1, sizeof(*stride));

	if (has2 == NULL || stride == NULL ||
	    !grams_seal(&ix->grams, &b->grams, b->c->sealed, &b->ids, stride, has2))
		b->failed = true;
	for (uint32_t i = 0; !b->failed && i < ix->nprobes; i++) {
		ix->probes[i].stride = stride[i];
		ix->probes[i].has2 = has2[i];
		ix->probes[i].asked = ix->probes[i].asked || stride[i] > 0 || has2[i];
	}
	free(stride);
	free(has2);
}

static int by_hash(const void *x, const void *y)
{
	const struct header_name *a = x, *b = y;

	return (int)header_hash(a->name) - (int)header_hash(b->name);
}

static void headers_seal(struct builder *b)
{
	struct index *ix = b->ix;

	if ((ix->headers = arena_array(b->c->sealed, ix->nprobes, sizeof(*ix->headers))) == NULL) {
		b->failed = true;
		return;
	}
	for (uint32_t i = 0; i < ix->nprobes; i++)
		if (ix->probes[i].subject.kind == SUBJECT_HEADER && ix->probes[i].all != 0 &&
		    ix->nheaders < 255 && field_id(ix->probes[i].subject.field) == FIELD_HEADERS &&
		    ix->probes[i].subject.key.n > 0) {
			ix->header_lengths |= (uint64_t)1 << ix->probes[i].subject.key.n % 64;
			ix->headers[ix->nheaders++] = (struct header_name){ix->probes[i].subject.key, i};
		}
	if (ix->nheaders > 1)
		qsort(ix->headers, ix->nheaders, sizeof(*ix->headers), by_hash);
	for (unsigned h = 0, at = 0; h <= 256; h++) {
		while (at < ix->nheaders && header_hash(ix->headers[at].name) < h)
			at++;
		ix->header_first[h] = (uint8_t)at;
	}
}

static void finish(struct builder *b)
{
	struct index *ix = b->ix;

	ix->nprobes = b->anchors.n;
	if ((ix->probes = arena_array(b->c->sealed, ix->nprobes, sizeof(*ix->probes))) == NULL) {
		b->failed = true;
		return;
	}
	for (uint32_t i = 0; i < ix->nprobes; i++)
		probe_seal(b, i);
	groups_seal(b);
	pairs_seal(b);
	grams_finish(b);
	headers_seal(b);
	if ((ix->gathered = arena_array(b->c->sealed, ix->nprobes, sizeof(*ix->gathered))) == NULL) {
		b->failed = true;
		return;
	}
	for (uint32_t i = 0; i < ix->nprobes; i++)
		if (ix->probes[i].subject.kind == SUBJECT_FIELD && ix->probes[i].all != 0)
			ix->gathered[ix->ngathered++] = i;
	ix->always = list_seal(b, &b->always);
	ix->ids = arena_array(b->c->sealed, b->ids.n + 1, sizeof(*ix->ids));
	if (ix->ids == NULL)
		b->failed = true;
	else if (b->ids.n > 0)
		memcpy(ix->ids, b->ids.v, b->ids.n * sizeof(*ix->ids));
}

static void builder_fini(struct builder *b)
{
	for (uint32_t i = 0; b->fill != NULL && i < b->anchors.n; i++) {
		struct filling *f = &b->fill[i];

		free(f->eq.v);
		free(f->prefixes.v);
		free(f->suffixes.v);
		free(f->is_true.v);
		free(f->is_false.v);
		free(f->own.v);
		free(f->all.v);
		free(f->ints.v);
		free(f->v4.v);
		free(f->v6.v);
	}
	for (size_t i = 0; i < b->npairs; i++) {
		free(b->pairs[i].entries.v);
		free(b->pairs[i].all.v);
	}
	for (struct group_of *g = b->groups; g != NULL; g = g->next)
		free(g->rules.v);
	free(b->fill);
	free(b->pairs);
	free(b->grams.v);
	free(b->always.v);
	free(b->ids.v);
	anchors_fini(&b->anchors);
}

static bool fill(struct builder *b, struct rule *const *rules, size_t n)
{
	struct anchor *anchors = calloc(n + 1, sizeof(*anchors));

	if (anchors == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		anchors_look(&b->anchors, rules[i]->expr);
	for (size_t i = 0; i < n; i++)
		anchors[i] =
		    rules[i]->counts ? (struct anchor){NULL, 1} : anchor_of(&b->anchors, rules[i]->expr);
	for (size_t i = 0; i < n; i++)
		if (anchors[i].atoms != NULL)
			anchors_pairs(&b->anchors, rules[i]->expr, &anchors[i]);
	for (size_t i = 0; i < n; i++)
		if (anchors[i].atoms != NULL)
			anchors[i] = anchor_paired(&b->anchors, rules[i]->expr, &anchors[i]);
	b->fill = calloc((size_t)b->anchors.n + 1, sizeof(*b->fill));
	for (size_t i = 0; b->fill != NULL && i < n; i++) {
		const struct expr *e = rules[i]->expr;

		if (expr_const(e) && e->type == TYPE_BOOL && (e->value.missing || !e->value.b) &&
		    !rules[i]->counts)
			continue; /* never */
		if (anchors[i].atoms == NULL || anchors[i].odds > 0.9)
			entries_add(&b->always, 0, (uint32_t)i);
		else
			b->ix->nanchored++;
		for (const struct atom *t = anchors[i].atoms; t != NULL && anchors[i].odds <= 0.9;
		     t = t->next)
			index_fill(b, t, (uint32_t)i);
	}
	free(anchors);
	return b->fill != NULL;
}

struct index *index_build(struct compiler *c, struct rule *const *rules, size_t n)
{
	struct builder b = {.c = c};

	if ((b.ix = ARENA_NEW(c->sealed, struct index)) == NULL || !anchors_init(&b.anchors, c))
		return NULL;
	b.ix->nrules = n;
	if (!fill(&b, rules, n))
		b.failed = true;
	else
		finish(&b);
	builder_fini(&b);
	if (b.failed)
		c->no_memory = true;
	return b.failed ? NULL : b.ix;
}
