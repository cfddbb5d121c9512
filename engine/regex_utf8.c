/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From characters and sets of characters to bytes. PCRE2 only ever sees bytes: a character beyond ASCII is
 * the sequence of its UTF-8 bytes, and under (?u) a set of characters is an alternative of such sequences.
 */
#include "engine/regex_internal.h"

static size_t utf8_encode(uint32_t c, unsigned char out[4])
{
	if (c < 0x80) {
		out[0] = (unsigned char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (unsigned char)(0xC0 | c >> 6);
		out[1] = (unsigned char)(0x80 | (c & 0x3F));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (unsigned char)(0xE0 | c >> 12);
		out[1] = (unsigned char)(0x80 | (c >> 6 & 0x3F));
		out[2] = (unsigned char)(0x80 | (c & 0x3F));
		return 3;
	}
	out[0] = (unsigned char)(0xF0 | c >> 18);
	out[1] = (unsigned char)(0x80 | (c >> 12 & 0x3F));
	out[2] = (unsigned char)(0x80 | (c >> 6 & 0x3F));
	out[3] = (unsigned char)(0x80 | (c & 0x3F));
	return 4;
}

static struct regex_node *bytes_node(struct regex_parser *p, const struct byte_set *set, size_t from)
{
	struct regex_node *node = regex_node_new(p, REGEX_CLASS, from);
	struct byte_set *own = node != NULL ? ARENA_NEW(p->a, struct byte_set) : NULL;
	unsigned count = byte_set_count(set), c = 0;

	if (own == NULL)
		return regex_nomem(p);
	*own = *set;
	node->set = own;
	while (c < 256 && !byte_set_has(set, (unsigned char)c))
		c++;
	if (count == 1) {
		node->kind = REGEX_BYTE;
		node->byte = (unsigned char)c;
	} else if (count == 2 && c >= 'A' && c <= 'Z' && byte_set_has(set, (unsigned char)(c + 32))) {
		node->kind = REGEX_BYTE;
		node->byte = (unsigned char)(c + 32);
		node->nocase = true;
	}
	return node;
}

static struct regex_node *kids_node(struct regex_parser *p, enum regex_kind kind, size_t n, size_t from)
{
	struct regex_node *node = regex_node_new(p, kind, from);

	if (node == NULL || (node->kids = arena_array(p->a, n, sizeof(*node->kids))) == NULL)
		return regex_nomem(p);
	node->height = kind == REGEX_ALT ? 2 : 1;
	return node;
}

struct sequences {
	struct regex_node **v;
	size_t n, cap;
};

/* One alternative: at each of n positions any byte from low[i] to high[i]. */
static bool sequence_add(struct regex_parser *p, struct sequences *l, const unsigned char *low,
                         const unsigned char *high, size_t n, size_t from)
{
	struct regex_node *cat = kids_node(p, REGEX_CAT, n, from);

	if (cat == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct byte_set set = {{0}};

		for (unsigned c = low[i]; c <= high[i]; c++)
			set.bits[c >> 6] |= 1ull << (c & 63);
		if ((cat->kids[cat->n++] = bytes_node(p, &set, from)) == NULL)
			return false;
	}
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 16;
		void *v = arena_grow(p->a, l->v, l->cap * sizeof(*l->v), cap * sizeof(*l->v));

		if (v == NULL) {
			regex_nomem(p);
			return false;
		}
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = n == 1 ? cat->kids[0] : cat;
	return true;
}

/* Splits low–high until all its encodings are one product of byte ranges. */
static bool range_add(struct regex_parser *p, struct sequences *l, uint32_t low, uint32_t high, size_t from)
{
	static const uint32_t ends[] = {0x7F, 0x7FF, 0xD7FF, 0xDFFF, 0xFFFF};
	unsigned char a[4], b[4];
	size_t n;

	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (low <= ends[i] && high > ends[i])
			return range_add(p, l, low, ends[i], from) &&
			       range_add(p, l, ends[i] + 1, high, from);
	if (low >= 0xD800 && high <= 0xDFFF)
		return true; /* surrogates are no characters */
	for (unsigned bits = 6; bits <= 18; bits += 6) {
		uint32_t mask = (1u << bits) - 1;

		if (high < 0x80 || (low & ~mask) == (high & ~mask))
			break;
		if ((low & mask) != 0)
			return range_add(p, l, low, low | mask, from) &&
			       range_add(p, l, (low | mask) + 1, high, from);
		if ((high & mask) != mask)
			return range_add(p, l, low, (high & ~mask) - 1, from) &&
			       range_add(p, l, high & ~mask, high, from);
	}
	n = utf8_encode(low, a);
	utf8_encode(high, b);
	return sequence_add(p, l, a, b, n, from);
}

struct regex_node *regex_set_node(struct regex_parser *p, struct cset *s, size_t from)
{
	struct byte_set set = {{0}};
	struct sequences l = {0};
	struct regex_node *node;

	if (p->flags.u && s->n > 0 && s->v[s->n - 1].high > 0x7F) {
		for (size_t i = 0; i < s->n; i++)
			if (!range_add(p, &l, s->v[i].low, s->v[i].high, from))
				return NULL;
		if (l.n == 1)
			return l.v[0];
		if ((node = kids_node(p, REGEX_ALT, 0, from)) == NULL)
			return NULL;
		node->kids = l.v;
		node->n = l.n;
		return node;
	}
	for (size_t i = 0; i < s->n; i++)
		for (uint32_t c = s->v[i].low; c <= s->v[i].high; c++)
			set.bits[c >> 6] |= 1ull << (c & 63);
	return bytes_node(p, &set, from);
}

struct regex_node *regex_literal_node(struct regex_parser *p, uint32_t c, bool raw, size_t from)
{
	unsigned char bytes[4];
	struct regex_node *cat;
	size_t n;

	if (c < 0x80 || (raw && !p->flags.u)) {
		struct byte_set set = {{0}};
		bool letter = c < 0x80 && ascii_alpha((char)c);

		if (letter && p->flags.i && p->flags.u && (c == 'k' || c == 'K' || c == 's' || c == 'S')) {
			struct cset fold = {0};

			c |= 32;
			if (!cset_add(p, &fold, c - 32, c - 32) || !cset_add(p, &fold, c, c) ||
			    !cset_add(p, &fold, c == 'k' ? 0x212A : 0x17F, c == 'k' ? 0x212A : 0x17F))
				return NULL;
			return regex_set_node(p, &fold, from);
		}
		set.bits[c >> 6] |= 1ull << (c & 63);
		if (letter && p->flags.i)
			set.bits[(c ^ 32) >> 6] |= 1ull << ((c ^ 32) & 63);
		return bytes_node(p, &set, from);
	}
	if (p->flags.i && p->flags.u)
		return regex_fail(p, U4002, from, p->at,
		                  "(?i) together with (?u) is not supported beyond ASCII");
	n = utf8_encode(c, bytes);
	if ((cat = kids_node(p, REGEX_CAT, n, from)) == NULL)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		struct byte_set set = {{0}};

		set.bits[bytes[i] >> 6] |= 1ull << (bytes[i] & 63);
		if ((cat->kids[cat->n++] = bytes_node(p, &set, from)) == NULL)
			return NULL;
	}
	return cat;
}
