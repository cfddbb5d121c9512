/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Literals anywhere inside strings. Of each literal the four bytes that fewest others share stand for it; a string is
 * passed once, every four bytes are tried on a small bitmap, and only where that says perhaps is a literal compared.
 * No step waits for the one before it, which is what makes this quicker than an automaton on short strings.
 */
#include "engine/index_parts.h"

#include <stdlib.h>

void grams_add(struct gram_entries *g, struct str text, uint32_t subject, uint32_t id)
{
	if (g->n == g->size) {
		size_t size = g->size ? 2 * g->size : 64;
		struct gram_entry *v = reallocarray(g->v, size, sizeof(*v));

		if (v == NULL) {
			g->failed = true;
			return;
		}
		g->v = v;
		g->size = size;
	}
	g->v[g->n++] = (struct gram_entry){ text, subject, id };
}

static int compare(const void *x, const void *y)
{
	const struct gram_entry *a = x, *b = y;
	int c;

	if (a->subject != b->subject)
		return a->subject < b->subject ? -1 : 1;
	if ((c = str_cmp(a->text, b->text)) != 0)
		return c;
	return (a->id > b->id) - (a->id < b->id);
}

static uint32_t piece_at(struct str s, size_t at, bool two)
{
	uint32_t piece = 0;

	memcpy(&piece, s.p + at, two ? 2 : 4);
	return piece | (two ? 0x2020 : 0x20202020);
}

/* How many literals hold each piece: counted by hash, roughly. */
enum { COUNTS = 1 << 16 };

static size_t count_slot(uint32_t subject, uint32_t piece)
{
	return gram_key(piece, subject, false) >> 48;
}

static void count_pieces(uint32_t *counts, const struct gram_entry *e)
{
	for (size_t i = 0; i + 4 <= e->text.n; i++)
		counts[count_slot(e->subject, piece_at(e->text, i, false))]++;
}

/* Pieces that ordinary text is full of cost a comparison each time they pass. */
static unsigned plainness(uint32_t piece)
{
	unsigned n = 0;

	for (unsigned i = 0; i < 4; i++) {
		char c = (char)(piece >> 8 * i);

		n += c == ' ' || c == '/' || c == '.' || c == '=' || c == '-';
	}
	return n;
}

static size_t rarest(const uint32_t *counts, const struct gram_entry *e)
{
	size_t best = 0;
	uint32_t least = UINT32_MAX;

	if (e->text.n < 4)
		return 0;
	for (size_t i = 0; i + 4 <= e->text.n; i++) {
		uint32_t piece = piece_at(e->text, i, false);
		uint32_t n = counts[count_slot(e->subject, piece)] * 4 + plainness(piece);

		if (n < least) {
			least = n;
			best = i;
		}
	}
	return best;
}

static char *folded(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n);

	for (size_t i = 0; p != NULL && i < s.n; i++)
		p[i] = (char)(s.p[i] | 0x20);
	return p;
}

static bool bits_build(struct grams *t, const struct entries *pieces, struct arena *a)
{
	size_t words = 64; /* 4,096 bits */

	t->bits_shift = 64 - 12;
	while (words * 64 < pieces->n * 32 && words < 4096) {
		words *= 2;
		t->bits_shift--;
	}
	if ((t->bits = arena_array(a, words, sizeof(*t->bits))) == NULL)
		return false;
	for (size_t i = 0; i < pieces->n; i++) {
		uint64_t bit = pieces->v[i].key >> t->bits_shift;

		t->bits[bit / 64] |= (uint64_t)1 << bit % 64;
	}
	return true;
}

/* has4, has2: by subject, whether it has literals of either kind. */
bool grams_seal(struct grams *t, struct gram_entries *from, struct arena *a, struct ids *ids, bool *has4, bool *has2)
{
	uint32_t *counts = calloc(COUNTS, sizeof(*counts));
	struct entries pieces = { NULL, 0, 0, false };
	struct entry *posting = calloc(from->n + 1, sizeof(*posting));
	size_t end;
	bool good = counts != NULL && posting != NULL && !from->failed;

	t->literals = good ? arena_array(a, from->n, sizeof(*t->literals)) : NULL;
	good = good && t->literals != NULL;
	if (good && from->n > 0)
		qsort(from->v, from->n, sizeof(*from->v), compare);
	for (size_t i = 0; good && i < from->n; i++)
		if (i == 0 || from->v[i].subject != from->v[i - 1].subject || !str_eq(from->v[i].text, from->v[i - 1].text))
			count_pieces(counts, &from->v[i]);
	for (size_t i = 0; good && i < from->n; i = end) {
		const struct gram_entry *e = &from->v[i];
		bool two = e->text.n < 4;
		struct literal *l = &t->literals[t->n];

		for (end = i; end < from->n && from->v[end].subject == e->subject && str_eq(from->v[end].text, e->text); end++)
			posting[end - i].id = from->v[end].id;
		l->offset = (uint32_t)rarest(counts, e);
		l->n = (uint32_t)e->text.n;
		l->piece = piece_at(e->text, l->offset, two);
		l->p = folded(a, e->text);
		l->posting = posting_seal(ids, posting, end - i);
		good = l->p != NULL && l->posting != 0;
		entries_add(&pieces, gram_key(l->piece, e->subject, two), (uint32_t)t->n++);
		*(two ? &has2[e->subject] : &has4[e->subject]) = true;
	}
	good = good && table_seal(&t->table, &pieces, a, ids) && bits_build(t, &pieces, a);
	free(counts);
	free(pieces.v);
	free(posting);
	return good;
}
