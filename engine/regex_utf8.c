/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From characters and sets of characters to bytes. PCRE2 only ever sees bytes: a character beyond ASCII is
 * the sequence of its UTF-8 bytes, and under (?u) a set of characters is an alternative of such sequences.
 */
#include <stdlib.h>

#include "engine/regex_internal.h"

size_t regex_utf8(uint32_t c, unsigned char out[4])
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

/*
 * The code space as words of 64 bits: a word is what shares all bytes of its encoding but the last, 64 words what
 * shares all but the last two. Blocks that look alike become one alternative, so that the tree stays small: at each
 * level a class of bytes and what follows it.
 */
enum { WORDS = 5 * 4096 }; /* of F0 to F4, which begin the longest encodings */

struct list {
	struct regex_node *v[64];
	size_t n;
};

static bool block_empty(const uint64_t *w, size_t n)
{
	while (n > 0 && w[n - 1] == 0)
		n--;
	return n == 0;
}

/* One of l's; NULL if there is none, or no memory. */
static struct regex_node *list_node(struct regex_parser *p, enum regex_kind kind, const struct list *l, size_t from)
{
	static const struct byte_set nothing;
	struct regex_node *node;

	if (l->n <= 1)
		return l->n == 1 ? l->v[0] : bytes_node(p, &nothing, from); /* which never matches */
	if ((node = kids_node(p, kind, l->n, from)) == NULL)
		return NULL;
	for (size_t i = 0; i < l->n; i++) {
		node->kids[node->n++] = l->v[i];
		if (l->v[i]->height >= node->height)
			node->height = l->v[i]->height + 1;
	}
	return node;
}

static struct regex_node *level(struct regex_parser *p, const uint64_t *w, size_t words, size_t from);

/* Adds the alternatives of n blocks of so many words each; a block's own byte is base + its number. */
static bool blocks_add(struct regex_parser *p, struct list *l, const uint64_t *w, unsigned n, size_t words,
                       unsigned char base, size_t from)
{
	bool done[64] = {false};

	for (unsigned i = 0; i < n; i++) {
		const uint64_t *block = w + i * words;
		struct list both = {.n = 2};
		struct byte_set set = {{0}};

		if (done[i] || block_empty(block, words))
			continue;
		for (unsigned j = i; j < n; j++) {
			if (memcmp(w + j * words, block, words * sizeof(*w)) != 0)
				continue;
			done[j] = true;
			set.bits[(base + j) >> 6] |= 1ull << ((base + j) & 63);
		}
		if ((both.v[0] = bytes_node(p, &set, from)) == NULL ||
		    (both.v[1] = level(p, block, words, from)) == NULL ||
		    (l->v[l->n++] = list_node(p, REGEX_CAT, &both, from)) == NULL)
			return false;
	}
	return true;
}

/* What follows a first byte: 1, 64 or 4,096 words. */
static struct regex_node *level(struct regex_parser *p, const uint64_t *w, size_t words, size_t from)
{
	struct byte_set last = {{0, 0, w[0], 0}};
	struct list l = {.n = 0};

	if (words == 1)
		return bytes_node(p, &last, from);
	return blocks_add(p, &l, w, 64, words / 64, 0x80, from) ? list_node(p, REGEX_ALT, &l, from) : NULL;
}

static void words_fill(uint64_t *w, const struct cset *s)
{
	for (size_t i = 0; i < s->n; i++)
		for (uint32_t c = s->v[i].low; c <= s->v[i].high;) {
			if ((c & 63) == 0 && c + 63 <= s->v[i].high) {
				w[c >> 6] = UINT64_MAX;
				c += 64;
			} else {
				w[c >> 6] |= 1ull << (c & 63);
				c++;
			}
		}
	memset(w + (0xD800 >> 6), 0, (0x800 >> 6) * sizeof(*w)); /* surrogates are no characters */
}

static struct regex_node *characters_node(struct regex_parser *p, const struct cset *s, size_t from)
{
	uint64_t *w = calloc(WORDS, sizeof(*w));
	struct regex_node *node = NULL;
	struct list l = {.n = 0};
	bool good;

	if (w == NULL)
		return regex_nomem(p);
	words_fill(w, s);
	if (!block_empty(w, 2)) {
		struct byte_set ascii = {{w[0], w[1], 0, 0}};

		if ((l.v[l.n++] = bytes_node(p, &ascii, from)) == NULL)
			goto done;
	}
	w[0] = w[1] = 0;
	good = blocks_add(p, &l, w, 32, 1, 0xC0, from);
	memset(w, 0, 32 * sizeof(*w));
	good = good && blocks_add(p, &l, w, 16, 64, 0xE0, from);
	memset(w, 0, 1024 * sizeof(*w));
	if (good && blocks_add(p, &l, w, 5, 4096, 0xF0, from))
		node = list_node(p, REGEX_ALT, &l, from);
done:
	free(w);
	return node;
}

/* What was worked out for an equal set serves again. */
static struct regex_node *unit_node(struct regex_parser *p, const struct cset *s, size_t from)
{
	struct regex_node *node = regex_node_new(p, REGEX_EMPTY, from);
	struct regex_unit *u = p->units;
	uint32_t to;

	if (node == NULL)
		return NULL;
	to = node->to;
	while (u != NULL && (u->set.n != s->n || memcmp(u->set.v, s->v, s->n * sizeof(*s->v)) != 0))
		u = u->next;
	if (u == NULL) {
		if ((u = ARENA_NEW(p->a, struct regex_unit)) == NULL)
			return regex_nomem(p);
		if ((u->node = characters_node(p, s, from)) == NULL)
			return NULL;
		u->set = *s; /* sets are not changed once they are nodes */
		u->node->unit = ++p->nunits;
		u->next = p->units;
		p->units = u;
	}
	*node = *u->node;
	node->from = (uint32_t)from;
	node->to = to;
	return node;
}

struct regex_node *regex_set_node(struct regex_parser *p, struct cset *s, size_t from)
{
	struct byte_set set = {{0}};

	if (p->flags.u && s->n > 0 && s->v[s->n - 1].high > 0x7F)
		return unit_node(p, s, from);
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
	if (p->flags.i && p->flags.u) {
		struct cset cases = {0};

		return cset_add(p, &cases, c, c) && cset_fold(p, &cases) ? regex_set_node(p, &cases, from) : NULL;
	}
	n = regex_utf8(c, bytes);
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
