/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys under which an index knows values: 64 bits, equal for equal values. Strings are folded (bit 5 of every
 * byte set), so keys also agree for strings that differ in case only; the rules' programs tell those apart.
 */
#ifndef ENGINE_KEY_H
#define ENGINE_KEY_H

#include <endian.h>

#include "base/str.h"

static inline uint64_t key_end(uint64_t h) /* spreads every bit */
{
	h *= 0x9e3779b97f4a7c15u;
	return h ^ h >> 32;
}

uint64_t key_of_str(struct str s);
uint64_t key_of_int(int64_t i);
uint64_t key_of_bool(bool b);

static inline uint64_t key_pair(uint64_t a, uint64_t b)
{
	return key_end(a ^ (b * 0xc2b2ae3d27d4eb4fu + 0x165667b19e3779f9u));
}

/* ---- how a string begins or ends ----------------------------------------------------------------------- */

enum { AFFIX_MAX = 64, AFFIX_BLOCKS = AFFIX_MAX / 8 };

/* By how many of its bytes a prefix or suffix of n (not 0) is known: few different lengths are few look-ups.
 */
static inline unsigned affix_length(size_t n)
{
	return n <= 8 ? (unsigned)n : n < AFFIX_MAX ? (unsigned)n & ~3u : AFFIX_MAX;
}

/* One string's first (or last) bytes, from which the key of any length is near. */
struct affix {
	uint64_t block[AFFIX_BLOCKS + 1]; /* eight bytes each, folded, from the string's end inwards */
	uint64_t chain[AFFIX_BLOCKS + 1]; /* of all blocks before */
	unsigned n;                       /* bytes known: at most AFFIX_MAX */
};

void affix_read(struct affix *a, struct str s, bool from_end);

/* length: at most a->n. */
static inline uint64_t affix_key(const struct affix *a, unsigned length)
{
	uint64_t part = a->block[length / 8] & (((uint64_t)1 << length % 8 * 8) - 1);

	return key_end((a->chain[length / 8] ^ part) * 0xff51afd7ed558ccdu + length);
}

uint64_t key_of_affix(struct str s, bool from_end); /* by its affix_length */

#endif
