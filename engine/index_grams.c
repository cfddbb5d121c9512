/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Literals anywhere inside strings. Of each literal the pieces of four bytes that fewest others share stand
 * for it; a string is passed once, its pieces are tried on a small bitmap, and only where that says perhaps
 * is a literal compared. No step waits for the one before it, which is what makes this quicker than an
 * automaton on short strings.
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
	g->v[g->n++] = (struct gram_entry){text, subject, id};
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

/* Where the rarest run of `stride` pieces begins. */
static size_t rarest(const uint32_t *counts, const struct gram_entry *e, unsigned stride)
{
	size_t best = 0;
	uint64_t least = UINT64_MAX;

	for (size_t i = 0; i + stride + 3 <= e->text.n; i++) {
		uint64_t n = 0;

		for (size_t k = i; k < i + stride; k++) {
			uint32_t piece = piece_at(e->text, k, false);

			n += counts[count_slot(e->subject, piece)] * 4 + plainness(piece);
		}
		if (n < least) {
			least = n;
			best = i;
		}
	}
	return best;
}

enum { STRIDE_MAX = 8 };

static void strides(const struct gram_entries *from, uint8_t *stride, bool *has2)
{
	for (size_t i = 0; i < from->n; i++) {
		const struct gram_entry *e = &from->v[i];
		size_t longest = e->text.n - 3 < STRIDE_MAX ? e->text.n - 3 : STRIDE_MAX;

		if (e->text.n < 4)
			has2[e->subject] = true;
		else if (stride[e->subject] == 0 || longest < stride[e->subject])
			stride[e->subject] = (uint8_t)longest;
	}
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

static bool add_literal(struct grams *t, struct entries *pieces, const struct gram_entry *e, size_t from,
                        unsigned n, const char *text, posting_t posting)
{
	bool two = e->text.n < 4;

	for (size_t at = from; at < from + n; at++) {
		t->literals[t->n] = (struct literal){text, (uint32_t)e->text.n, (uint32_t)at, posting};
		entries_add(pieces, gram_key(piece_at(e->text, at, two), e->subject, two), (uint32_t)t->n++);
	}
	return text != NULL && posting != 0;
}

bool grams_seal(struct grams *t, struct gram_entries *from, struct arena *a, struct ids *ids, uint8_t *stride,
                bool *has2)
{
	uint32_t *counts = calloc(COUNTS, sizeof(*counts));
	struct entries pieces = {NULL, 0, 0, false};
	struct entry *posting = calloc(from->n + 1, sizeof(*posting));
	size_t end, most = 0;
	bool good = counts != NULL && posting != NULL && !from->failed;

	strides(from, stride, has2);
	for (size_t i = 0; i < from->n; i++)
		most += from->v[i].text.n < 4 ? 1 : stride[from->v[i].subject];
	t->literals = good ? arena_array(a, most, sizeof(*t->literals)) : NULL;
	good = good && t->literals != NULL;
	if (good && from->n > 0)
		qsort(from->v, from->n, sizeof(*from->v), compare);
	for (size_t i = 0; good && i < from->n; i++)
		if (i == 0 || from->v[i].subject != from->v[i - 1].subject ||
		    !str_eq(from->v[i].text, from->v[i - 1].text))
			count_pieces(counts, &from->v[i]);
	for (size_t i = 0; good && i < from->n; i = end) {
		const struct gram_entry *e = &from->v[i];
		unsigned n = e->text.n < 4 ? 1 : stride[e->subject];

		for (end = i; end < from->n && from->v[end].subject == e->subject &&
		              str_eq(from->v[end].text, e->text);
		     end++)
			posting[end - i].id = from->v[end].id;
		good = add_literal(t, &pieces, e, e->text.n < 4 ? 0 : rarest(counts, e, n), n,
		                   folded(a, e->text), posting_seal(ids, posting, end - i));
	}
	good = good && table_seal(&t->table, &pieces, a, ids) && bits_build(t, &pieces, a);
	free(counts);
	free(pieces.v);
	free(posting);
	return good;
}
