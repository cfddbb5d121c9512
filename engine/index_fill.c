/* SPDX-License-Identifier: Apache-2.0 */
/* Filling an index: the atoms of rules' anchors, each gathered with its like of the same subject. */
#include <stdlib.h>

#include "engine/index_builder.h"

enum { OVERLAPS = 64 }; /* big sets asked for one subject at most */

static struct str fold_copy(struct builder *b, struct str s)
{
	char *p = arena_alloc(b->c->scratch, s.n);

	if (p == NULL) {
		b->failed = true;
		return STR_NONE;
	}
	for (size_t i = 0; i < s.n; i++)
		p[i] = (char)(s.p[i] | 0x20);
	return (struct str){p, s.n};
}

static void add_affix(struct filling *f, struct str s, bool suffix, uint32_t id)
{
	*(suffix ? &f->suffix_lengths : &f->prefix_lengths) |= (uint64_t)1 << (affix_length(s.n) - 1);
	entries_add(suffix ? &f->suffixes : &f->prefixes, key_of_affix(s, suffix), id);
}

static struct span_entry address_span(const struct ip *from, const struct ip *to, uint32_t id)
{
	struct span_entry e = {.id = id};

	for (int i = 0; i < 4 && from->family == 4; i++) {
		e.from = e.from << 8 | from->bytes[i];
		e.to = e.to << 8 | to->bytes[i];
	}
	for (int i = 0; i < 16 && from->family == 6; i++) {
		*(i < 8 ? &e.high_from : &e.from) = (i < 8 ? e.high_from : e.from) << 8 | from->bytes[i];
		*(i < 8 ? &e.high_to : &e.to) = (i < 8 ? e.high_to : e.to) << 8 | to->bytes[i];
	}
	return e;
}

static void add_addresses(struct filling *f, const struct ip *from, const struct ip *to, uint32_t id)
{
	struct span_entry e = address_span(from, to, id);

	spans_add(from->family == 4 ? &f->v4 : &f->v6, &e);
}

/* Negative numbers before positive ones, as unsigned. */
static uint64_t ordered(int64_t i)
{
	return (uint64_t)i ^ (uint64_t)1 << 63;
}

static void add_ints(struct filling *f, int64_t low, int64_t high, uint32_t id)
{
	struct span_entry e = {.from = ordered(low), .to = ordered(high), .id = id};

	spans_add(&f->ints, &e);
}

static void add_item(struct builder *b, uint32_t subject, const struct set *set, const struct set_item *i,
                     uint32_t id)
{
	struct filling *f = &b->fill[subject];
	struct str parts[2] = {STR("."), i->s};

	switch (set_type(set)) {
	case SET_INT:
		add_ints(f, i->low, i->high, id);
		break;
	case SET_IP:
		add_addresses(f, &i->from, &i->to, id);
		break;
	case SET_HOST:
		if (i->suffix) {
			add_affix(f, arena_concat(b->c->scratch, parts, 2), true, id);
			break;
		}
		/* fall through */
	case SET_STRING:
		entries_add(&f->eq, key_of_str(i->s), id);
		break;
	}
}

static void add_items(struct builder *b, uint32_t subject, const struct set *set, uint32_t id)
{
	struct set_item item;

	for (size_t i = 0; i < set_count(set); i++) {
		item = (struct set_item){.suffix = false};
		set_item(set, i, &item);
		add_item(b, subject, set, &item, id);
	}
}

static struct group_of *group_for(struct builder *b, uint32_t subject, const struct set *set, bool *fresh)
{
	struct group_of **bucket = &b->buckets[((uintptr_t)set / 16 + subject) % GROUP_BUCKETS], *g;

	*fresh = false;
	for (g = *bucket; g != NULL; g = g->in_bucket)
		if (g->subject == subject && g->set == set)
			return g;
	if ((g = ARENA_NEW(b->c->scratch, struct group_of)) == NULL) {
		b->failed = true;
		return NULL;
	}
	*g = (struct group_of){.subject = subject,
	                       .set = set,
	                       .id = (uint32_t)(b->ix->nrules + b->ngroups++),
	                       .next = b->groups,
	                       .in_bucket = *bucket};
	b->groups = *bucket = g;
	*fresh = true;
	return g;
}

static void add_set(struct builder *b, uint32_t subject, const struct set *set, uint32_t rule)
{
	struct filling *f = &b->fill[subject];
	struct group_of *g;
	bool fresh;

	if (set_count(set) < GROUP_FROM) {
		add_items(b, subject, set, rule);
		return;
	}
	if ((g = group_for(b, subject, set, &fresh)) == NULL)
		return;
	entries_add(&g->rules, 0, rule);
	if (!fresh)
		return;
	if (set_count(set) >= BIG_FROM && f->bigs < OVERLAPS)
		f->bigs++; /* sealed below, from the group */
	else
		add_items(b, subject, set, g->id);
}

static void add_pair(struct builder *b, const struct atom *t, uint32_t rule)
{
	bool prefix = t->kind == ATOM_PAIR_PREFIX;
	struct pair_filling *p = NULL, *v;

	for (size_t i = 0; i < b->npairs && !p; i++)
		if (b->pairs[i].a == t->subject && b->pairs[i].b == t->other && b->pairs[i].prefix == prefix)
			p = &b->pairs[i];
	if (!p) {
		if ((v = reallocarray(b->pairs, b->npairs + 1, sizeof(*v))) == NULL) {
			b->failed = true;
			return;
		}
		b->pairs = v;
		p = &v[b->npairs++];
		*p = (struct pair_filling){.a = t->subject, .b = t->other, .prefix = prefix};
	}
	if (prefix)
		p->lengths |= (uint64_t)1 << (t->length - 1);
	entries_add(&p->entries, key_pair(t->hash, t->other_hash), rule);
	entries_add(&p->all, 0, rule);
	entries_add(&b->fill[t->other].all, 0, rule);
}

void index_fill(struct builder *b, const struct atom *t, uint32_t rule)
{
	struct filling *f = &b->fill[t->subject];

	entries_add(&f->all, 0, rule);
	if (t->kind != ATOM_PAIR && t->kind != ATOM_PAIR_PREFIX)
		entries_add(&f->own, 0, rule);
	switch (t->kind) {
	case ATOM_EQ:
		entries_add(&f->eq, key_of_str(t->text), rule);
		break;
	case ATOM_PREFIX:
		add_affix(f, t->text, false, rule);
		break;
	case ATOM_SUFFIX:
		add_affix(f, t->text, true, rule);
		break;
	case ATOM_HOLDS:
		grams_add(&b->grams, fold_copy(b, t->text), t->subject, rule);
		break;
	case ATOM_INTS:
		add_ints(f, t->low, t->high, rule);
		break;
	case ATOM_IPS:
		if (t->set != NULL)
			add_set(b, t->subject, t->set, rule);
		else
			add_addresses(f, &t->from, &t->to, rule);
		break;
	case ATOM_SET:
		add_set(b, t->subject, t->set, rule);
		break;
	case ATOM_TRUE:
		entries_add(&f->is_true, 0, rule);
		break;
	case ATOM_FALSE:
		entries_add(&f->is_false, 0, rule);
		break;
	case ATOM_PAIR:
	case ATOM_PAIR_PREFIX:
		add_pair(b, t, rule);
		break;
	}
}
