/* SPDX-License-Identifier: Apache-2.0 */
/* Looking a request up: one pass over the subjects, candidates out. */
#include "engine/index_parts.h"

#include <assert.h>

struct look {
	const struct index *ix;
	struct vm *m;
	const struct alive *alive;
	struct marks *out;
	const struct value **values; /* of probes that are fields */
	uint64_t *keys;              /* of those that are paired by their whole value; 0: none, or not yet */
	struct affix *heads;         /* of those that are paired by how they begin */
};

enum { AFFIX_UNREAD = AFFIX_MAX + 1 };

size_t index_marks_size(const struct index *ix)
{
	size_t words = ix->nrules / 64 + 1;

	return (words / 64 + 1 + words) * sizeof(uint64_t);
}

void index_marks(const struct index *ix, void *memory, struct marks *out)
{
	size_t words = ix->nrules / 64 + 1;

	out->nsummary = words / 64 + 1;
	out->summary = memory;
	out->words = out->summary + out->nsummary;
	memset(out->summary, 0, out->nsummary * sizeof(uint64_t));
}

size_t marks_next(const struct marks *m, size_t from)
{
	size_t word = from / 64, s = word / 64;
	uint64_t bits;

	if (s >= m->nsummary)
		return SIZE_MAX;
	if (m->summary[s] >> word % 64 & 1 && (bits = m->words[word] >> from % 64 << from % 64) != 0)
		return word * 64 + (size_t)__builtin_ctzll(bits);
	bits = word % 64 == 63 ? 0 : m->summary[s] >> (word % 64 + 1) << (word % 64 + 1);
	for (;;) {
		while (bits != 0) {
			word = s * 64 + (size_t)__builtin_ctzll(bits);
			if (m->words[word] != 0)
				return word * 64 + (size_t)__builtin_ctzll(m->words[word]);
			bits &= bits - 1;
		}
		if (++s >= m->nsummary)
			return SIZE_MAX;
		bits = m->summary[s];
	}
}

static inline void mark(const struct look *l, uint32_t rule)
{
	if (l->alive == NULL || l->alive->rules[rule / 64] >> rule % 64 & 1)
		marks_set(l->out, rule);
}

static void mark_posting(const struct look *l, posting_t p);

static void mark_id(const struct look *l, uint32_t id)
{
	if (id < l->ix->nrules)
		mark(l, id);
	else
		mark_posting(l, l->ix->groups[id - l->ix->nrules]); /* groups hold rules only */
}

static void mark_posting(const struct look *l, posting_t p)
{
	const uint32_t *ids;

	if (p == 0)
		return;
	if (p % 2 == 0) {
		mark_id(l, p / 2 - 1);
		return;
	}
	ids = &l->ix->ids[p / 2];
	for (uint32_t i = 1; i <= ids[0]; i++)
		mark_id(l, ids[i]);
}

/* The lengths of `lengths` that s is long enough for. */
static inline uint64_t lengths_within(uint64_t lengths, unsigned n)
{
	return n == 0 ? 0 : lengths & (~(uint64_t)0 >> (64 - n));
}

static void look_affixes(const struct look *l, const struct affixes *t, const struct affix *s)
{
	for (uint64_t rest = lengths_within(t->lengths, s->n); rest != 0; rest &= rest - 1)
		mark_posting(l, table_get(&t->table, affix_key(s, (unsigned)__builtin_ctzll(rest) + 1)));
}

static bool literal_here(const struct literal *lit, struct str s, size_t at)
{
	const char *p;

	if (at < lit->offset || at - lit->offset + lit->n > s.n)
		return false;
	p = s.p + at - lit->offset;
	for (uint32_t i = 0; i < lit->n; i++)
		if ((p[i] | 0x20) != lit->p[i])
			return false;
	return true;
}

static void look_literals(const struct look *l, uint64_t key, struct str s, size_t at)
{
	const struct grams *g = &l->ix->grams;
	posting_t p = table_get(&g->table, key);
	const uint32_t *ids;

	if (p != 0 && p % 2 == 0) {
		if (literal_here(&g->literals[p / 2 - 1], s, at))
			mark_posting(l, g->literals[p / 2 - 1].posting);
	} else if (p != 0) {
		ids = &l->ix->ids[p / 2];
		for (uint32_t i = 1; i <= ids[0]; i++)
			if (literal_here(&g->literals[ids[i]], s, at))
				mark_posting(l, g->literals[ids[i]].posting);
	}
}

/* What is the same at every place is worked out once: this loop is where most of the time goes. */
static void look_inside(const struct look *l, const struct probe *p, uint32_t subject, struct str s)
{
	const struct grams *g = &l->ix->grams;
	const uint64_t *bits = g->bits, base4 = gram_key(0, subject, false),
	               base2 = gram_key(0, subject, true);
	const unsigned shift = g->bits_shift;
	const size_t stride = p->stride;
	uint64_t key;
	uint32_t four;
	uint16_t two;

	for (size_t i = 0; stride > 0 && i + 4 <= s.n; i += stride) {
		memcpy(&four, s.p + i, 4);
		key = base4 + gram_key(four | 0x20202020, 0, false);
		if (bits[key >> shift >> 6] >> (key >> shift & 63) & 1)
			look_literals(l, key, s, i);
	}
	for (size_t i = 0; p->has2 && i + 2 <= s.n; i++) {
		memcpy(&two, s.p + i, 2);
		key = base2 + gram_key(two | 0x2020u, 0, false);
		if (bits[key >> shift >> 6] >> (key >> shift & 63) & 1)
			look_literals(l, key, s, i);
	}
}

/* The key of a probe's value; a pair may want it again. */
static uint64_t str_key(const struct look *l, const struct probe *p, struct str s)
{
	uint64_t key = key_of_str(s);

	if (p->hashed)
		l->keys[p - l->ix->probes] = key;
	return key;
}

/* How a probe's value begins: likewise. */
static const struct affix *head_of(const struct look *l, const struct probe *p, struct str s,
                                   struct affix *own)
{
	struct affix *a = p->head > 0 ? &l->heads[p->head - 1] : own;

	if (a == own || a->n == AFFIX_UNREAD)
		affix_read(a, s, false);
	return a;
}

static void look_string(const struct look *l, const struct probe *p, struct str s)
{
	struct affix a;

	if (p->eq != NULL)
		mark_posting(l, table_get(p->eq, str_key(l, p, s)));
	if (p->prefixes != NULL)
		look_affixes(l, p->prefixes, head_of(l, p, s, &a));
	if (p->suffixes != NULL) {
		affix_read(&a, s, true);
		look_affixes(l, p->suffixes, &a);
	}
	if (p->stride > 0 || p->has2)
		look_inside(l, p, (uint32_t)(p - l->ix->probes), s);
}

static uint64_t v4_number(const struct ip *ip)
{
	uint32_t x;

	memcpy(&x, ip->bytes, sizeof(x));
	return be32toh(x);
}

static void look_address(const struct look *l, const struct probe *p, const struct ip *ip)
{
	uint64_t half[2];

	if (ip->family == 4) {
		if (p->v4 != NULL)
			mark_posting(l, segments_get(p->v4, 0, v4_number(ip)));
	} else if (p->v6 != NULL) {
		memcpy(half, ip->bytes, sizeof(half));
		mark_posting(l, segments_get(p->v6, be64toh(half[0]), be64toh(half[1])));
	}
}

/* The hash by which a value is paired with another; 0: it has none. */
static uint64_t pair_key(const struct value *v)
{
	if (v->missing)
		return v->missing == MISSING && v->type == TYPE_BOOL ? key_of_bool(false) : 0;
	switch (v->type) {
	case TYPE_BYTES:
		return key_of_str(v->s);
	case TYPE_INT:
		return key_of_int(v->i);
	case TYPE_BOOL:
		return key_of_bool(v->b);
	default:
		return 0;
	}
}

static void look_value(const struct look *l, const struct probe *p, const struct value *v)
{
	if (v->missing == NO_ANSWER) {
		mark_posting(l, p->all);
		return;
	}
	if (v->missing) {
		mark_posting(l, p->is_false);
		return;
	}
	switch (v->type) {
	case TYPE_BYTES:
		look_string(l, p, v->s);
		break;
	case TYPE_INT:
		if (p->ints != NULL)
			mark_posting(l, segments_get(p->ints, 0, (uint64_t)v->i ^ (uint64_t)1 << 63));
		break;
	case TYPE_IP:
		look_address(l, p, v->ip);
		break;
	case TYPE_BOOL:
		mark_posting(l, v->b ? p->is_true : p->is_false);
		break;
	}
	for (const struct big_set *b = p->big; b != NULL; b = b->next)
		if (set_has(b->set, v))
			mark_posting(l, b->posting);
}

static void look_list(const struct look *l, const struct probe *p, const struct value *v)
{
	if (v->missing == NO_ANSWER)
		mark_posting(l, p->all);
	for (size_t i = 0; !v->missing && i < v->a->n; i++)
		look_value(l, p, &v->a->v[i]);
}

/* Every line whose name any rule asks for, in one pass over the lines. */
static void look_headers(const struct look *l)
{
	const struct index *ix = l->ix;
	const struct lines *lines = &l->m->fields->in->request->lines;

	for (size_t i = 0; i < lines->n; i++) {
		const struct line *line = &lines->v[i];
		struct value v = VALUE_STR(line->value);
		uint8_t h;

		if (line->name.n == 0 || !(ix->header_lengths >> line->name.n % 64 & 1))
			continue;
		h = header_hash(line->name);
		for (unsigned k = ix->header_first[h]; k < ix->header_first[h + 1]; k++)
			if (str_eq_nocase(line->name, ix->headers[k].name))
				look_value(l, &ix->probes[ix->headers[k].probe], &v);
	}
}

static bool lines_at_hand(const struct fields *f, const struct probe *p, const struct index *ix)
{
	return f->in->request != NULL && fields_state(f, FIELD_HEADERS) != FIELD_PINNED &&
	       ix->nheaders < 255 && field_id(p->subject.field) == FIELD_HEADERS;
}

static void look_probe(const struct look *l, const struct probe *p)
{
	struct value v;

	switch (p->subject.kind) {
	case SUBJECT_FIELD:
		look_value(l, p, l->values[p - l->ix->probes]);
		break;
	case SUBJECT_HEADER:
		if (lines_at_hand(l->m->fields, p, l->ix))
			break; /* look_headers has seen it */
		fields_key(l->m->fields, p->subject.field, p->subject.key, &v);
		look_list(l, p, &v);
		break;
	case SUBJECT_VALUE:
		vm_value(l->m, &p->program, &v);
		look_value(l, p, &v);
		break;
	case SUBJECT_LIST:
		vm_value(l->m, &p->program, &v);
		look_list(l, p, &v);
		break;
	}
}

static void look_pair_prefixes(const struct look *l, const struct pair *p, uint64_t key,
                               const struct value *v)
{
	const struct affix *a;
	struct affix own;

	if (v->missing)
		return;
	a = head_of(l, &l->ix->probes[p->b], v->s, &own);
	for (uint64_t rest = lengths_within(p->lengths, a->n); rest != 0; rest &= rest - 1)
		mark_posting(l, table_get(&p->table,
		                          key_pair(key, affix_key(a, (unsigned)__builtin_ctzll(rest) + 1))));
}

static void look_pairs(const struct look *l, unsigned parts)
{
	const struct index *ix = l->ix;

	for (uint32_t g = 0; g < ix->ngathered; g++) {
		uint32_t i = ix->gathered[g];

		if (!ix->probes[i].hashed)
			continue;
		if (l->keys[i] == 0)
			l->keys[i] = pair_key(l->values[i]);
		if (l->values[i]->missing == NO_ANSWER)
			mark_posting(l, ix->probes[i].all);
	}
	for (uint32_t i = 0; i < ix->npairs; i++) {
		const struct pair *p = &ix->pairs[i];

		if (!(parts & (p->connection ? INDEX_CONNECTION : INDEX_REQUEST)) || l->keys[p->a] == 0 ||
		    (l->alive != NULL && !l->alive->pairs[i]))
			continue;
		if (p->prefix)
			look_pair_prefixes(l, p, l->keys[p->a], l->values[p->b]);
		else if (l->keys[p->b] != 0)
			mark_posting(l, table_get(&p->table, key_pair(l->keys[p->a], l->keys[p->b])));
	}
}

static inline bool wanted(const struct look *l, uint32_t i, unsigned parts)
{
	return parts & (l->ix->probes[i].subject.connection ? INDEX_CONNECTION : INDEX_REQUEST) &&
	       (l->alive == NULL || l->alive->probes[i]);
}

static void fetch(const struct probe *p, const struct value *v)
{
	if (v->missing)
		return;
	if (v->type == TYPE_BYTES) {
		__builtin_prefetch(v->s.p);
		if (v->s.n > 64)
			__builtin_prefetch(v->s.p + 64);
	} else if (v->type == TYPE_IP && v->ip->family == 4 && p->v4 != NULL) {
		segments_fetch(p->v4, v4_number(v->ip));
	}
}

/* All values first, so that their bytes are on their way from memory together. */
static void gather(const struct look *l, unsigned parts)
{
	const struct index *ix = l->ix;
	struct fields *f = l->m->fields;

	for (uint32_t i = 0; i < ix->ngathered; i++) {
		const struct probe *p = &ix->probes[ix->gathered[i]];

		if (!p->paired && !wanted(l, ix->gathered[i], parts))
			continue;
		l->values[ix->gathered[i]] = fields_value(f, p->subject.field);
		l->keys[ix->gathered[i]] = 0;
		fetch(p, l->values[ix->gathered[i]]);
	}
}

void index_look(const struct index *ix, struct vm *m, unsigned parts, const struct alive *alive,
                struct marks *out)
{
	const struct value *values[ix->nprobes + 1];
	uint64_t keys[ix->nprobes + 1];
	struct affix heads[ix->nheads + 1];
	struct look l = {ix, m, alive, out, values, keys, heads};

	for (uint32_t i = 0; i < ix->nheads; i++)
		heads[i].n = AFFIX_UNREAD;
	gather(&l, parts);
	if (parts & INDEX_CONNECTION)
		mark_posting(&l, ix->always);
	if (parts & INDEX_REQUEST && ix->nheaders > 0 && ix->nheaders < 255 &&
	    m->fields->in->request != NULL && fields_state(m->fields, FIELD_HEADERS) != FIELD_PINNED)
		look_headers(&l);
	for (uint32_t i = 0; i < ix->nprobes; i++) {
		const struct probe *p = &ix->probes[i];

		if (p->asked && wanted(&l, i, parts))
			look_probe(&l, p);
	}
	if (ix->npairs > 0)
		look_pairs(&l, parts);
}

static bool any_alive(const struct index *ix, const uint64_t *rules, posting_t p)
{
	const uint32_t *ids;

	if (p == 0)
		return false;
	if (p % 2 == 0)
		return rules[(p / 2 - 1) / 64] >> (p / 2 - 1) % 64 & 1;
	ids = &ix->ids[p / 2];
	for (uint32_t i = 1; i <= ids[0]; i++)
		if (rules[ids[i] / 64] >> ids[i] % 64 & 1)
			return true;
	return false;
}

bool index_alive(const struct index *ix, struct arena *a, struct alive *alive)
{
	alive->probes = arena_zalloc(a, ix->nprobes);
	alive->pairs = arena_zalloc(a, ix->npairs);
	if (alive->probes == NULL || alive->pairs == NULL)
		return false;
	for (uint32_t i = 0; i < ix->nprobes; i++)
		alive->probes[i] = any_alive(ix, alive->rules, ix->probes[i].own);
	for (uint32_t i = 0; i < ix->npairs; i++)
		alive->pairs[i] = any_alive(ix, alive->rules, ix->pairs[i].all);
	return true;
}
