/* SPDX-License-Identifier: Apache-2.0 */
/* The look-up structures of an index. Each maps something to a posting: the rules to mark. */
#ifndef ENGINE_INDEX_PARTS_H
#define ENGINE_INDEX_PARTS_H

#include "engine/anchor.h"
#include "engine/index.h"
#include "engine/key.h"

/* A posting: 0 nothing; an even number 2·(id+1) one id; an odd number 2·at+1 a place in the ids, which begin
 * with their count. An id below the number of rules is a rule, else a group of rules (all that ask for one
 * big set). */
typedef uint32_t posting_t;

struct ids { /* growing while built, then sealed */
	uint32_t *v;
	size_t n, size;
};

/* Everything that maps a 64-bit key to rules is filled as pairs, sorted, and becomes one open table. */
struct entry {
	uint64_t key;
	uint32_t id;
};

struct entries {
	struct entry *v;
	size_t n, size;
	bool failed;
};

void entries_add(struct entries *e, uint64_t key, uint32_t id);
void entries_sort(struct entries *e);

struct table {
	struct cell {
		uint64_t key;
		posting_t posting; /* 0: empty */
	} * cells;
	uint64_t *filter; /* small enough to stay near: most keys that are asked for are not there */
	uint64_t filter_mask;
	unsigned shift; /* 64 - log2 of the number of cells */
	uint32_t n;
};

bool table_seal(struct table *t, struct entries *from, struct arena *a, struct ids *ids);

static inline posting_t table_get(const struct table *t, uint64_t key)
{
	uint64_t mask = ((uint64_t)1 << (64 - t->shift)) - 1, bit = key & t->filter_mask;

	if (!(t->filter[bit / 64] >> bit % 64 & 1))
		return 0;
	for (uint64_t at = key >> t->shift;; at = (at + 1) & mask) {
		if (t->cells[at].posting == 0 || t->cells[at].key == key)
			return t->cells[at].posting;
	}
}

struct affixes { /* prefixes, or suffixes read from the end */
	struct table table;
	uint64_t lengths; /* bit l-1: there is one of affix_length l */
};

/* Numbers or addresses: segments of the line with the rules that cover each. */
struct segments {
	struct segment {
		uint64_t key; /* where it begins: 64 bits, or the high half of 128 */
		posting_t posting;
	} * v;
	uint64_t *low; /* the lower half; NULL: 64 bits are enough */
	size_t n;
	uint32_t *first; /* 65537 entries by the top 16 bits, when there are many */
	unsigned top;    /* how far to shift down to them */
};

struct span_entry {
	uint64_t high_from, from, high_to, to;
	uint32_t id;
};

struct spans {
	struct span_entry *v;
	size_t n, size;
	bool failed;
};

void spans_add(struct spans *s, const struct span_entry *e);
/* ids that overlap too much of the rest are given back in *wide (count first in the posting). */
bool segments_seal(struct segments *t, struct spans *from, bool wide_keys, struct arena *a, struct ids *ids);
posting_t segments_get(const struct segments *t, uint64_t high, uint64_t low);
static inline void segments_fetch(const struct segments *t, uint64_t x) /* sends for what a look at x needs */
{
	uint64_t slot = x >> t->top;

	if (t->first != NULL)
		__builtin_prefetch(&t->first[slot < 65536 ? slot : 65536]);
}

/* Literals inside strings. Where the shortest literal of a subject has n bytes, every (n - 3)rd place of the
 * string is tried with the four bytes there, and of each literal n - 3 neighbouring pieces of four bytes are
 * known, the rarest that it has: one of them falls on such a place wherever the literal stands. Literals of
 * two and three bytes are known by their first two, at every place. */
struct literal {
	const char *p;      /* folded */
	uint32_t n, offset; /* where in the literal the piece is */
	posting_t posting;
};

struct grams {
	uint64_t *bits; /* one in front of the table */
	unsigned bits_shift;
	struct table table; /* piece and subject → literals: posting ids are literal numbers */
	struct literal *literals;
	size_t n;
};

struct gram_entry {
	struct str text;
	uint32_t subject, id;
};

struct gram_entries {
	struct gram_entry *v;
	size_t n, size;
	bool failed;
};

void grams_add(struct gram_entries *g, struct str text, uint32_t subject, uint32_t id);
/* stride, has2: by subject, to be set. */
bool grams_seal(struct grams *t, struct gram_entries *from, struct arena *a, struct ids *ids, uint8_t *stride,
                bool *has2);
static inline uint64_t gram_key(uint32_t piece, uint32_t subject, bool two)
{
	return (((uint64_t)subject * 2 + two) << 32 | piece) * 0x9e3779b97f4a7c15u;
}

posting_t posting_seal(struct ids *ids, const struct entry *e,
                       size_t n); /* of entries with one key, ids ascending */

struct big_set {
	const struct set *set;
	posting_t posting;
	struct big_set *next;
};

struct probe { /* one subject and all that is asked of it */
	struct subject subject;
	struct program program; /* VALUE, LIST */
	struct table *eq;
	struct affixes *prefixes, *suffixes;
	struct segments *ints, *v4, *v6;
	struct big_set *big;
	uint8_t stride; /* literals of four bytes and more inside: every so many places are tried; 0: none */
	bool has2;      /* shorter ones */
	bool paired;    /* half of a pair */
	bool hashed;    /* and the key of its whole value is wanted for that */
	uint32_t head;  /* and how it begins: a place in a look-up's heads, from 1 */
	posting_t is_true, is_false;
	bool asked;    /* anything but pairs is asked of it */
	posting_t own; /* every rule that asks more of it than half a pair */
	posting_t all; /* every rule that asks anything of it: for a value that nobody knows */
};

struct pair {
	uint32_t a, b; /* probes */
	bool prefix;   /* of b its beginnings count */
	bool connection;
	uint64_t lengths; /* which: bit l-1 for length l */
	struct table table;
	posting_t all; /* every rule in it */
};

struct header_name { /* which probe a header line belongs to */
	struct str name;
	uint32_t probe;
};

struct index {
	size_t nrules;
	struct probe *probes;
	uint32_t nprobes;
	struct pair *pairs;
	uint32_t npairs, nheads;
	struct grams grams;
	uint32_t *ids;
	posting_t *groups;           /* by id - nrules */
	posting_t always;            /* rules without an anchor */
	struct header_name *headers; /* of the request, by a small hash of the name */
	uint64_t header_lengths;     /* bit l % 64: some name is that long */
	uint8_t header_first[257];   /* headers of hash h are [first[h], first[h+1]) */
	uint32_t nheaders;
	uint32_t *gathered, ngathered; /* probes that are fields */
	uint32_t nanchored;
};

static inline uint8_t header_hash(struct str name)
{
	return (uint8_t)(name.n * 37 + ((unsigned char)name.p[0] | 0x20) * 7 +
	                 ((unsigned char)name.p[name.n - 1] | 0x20) +
	                 ((unsigned char)name.p[name.n / 2] | 0x20) * 3);
}

#endif
