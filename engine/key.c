/* SPDX-License-Identifier: Apache-2.0 */
/* Strings eight bytes at a time. */
#include "engine/key.h"

#define FOLD 0x2020202020202020u

static uint64_t load8(const char *p)
{
	uint64_t x;

	memcpy(&x, p, 8);
	return le64toh(x);
}

/* The last n bytes, 0 < n < 8, of a string of `all`, the first of them lowest; nothing outside the string is read. */
static uint64_t load_rest(const char *p, size_t n, size_t all)
{
	uint64_t x = 0;

	if (all >= 8)
		return load8(p + n - 8) >> (8 - n) * 8;
	for (size_t i = 0; i < n; i++)
		x |= (uint64_t)(unsigned char)p[i] << 8 * i;
	return x;
}

static inline uint64_t step(uint64_t h, uint64_t block)
{
	h = (h ^ block) * 0xff51afd7ed558ccdu;
	return h ^ h >> 32;
}

uint64_t key_of_str(struct str s)
{
	uint64_t h = s.n * 0x9e3779b97f4a7c15u;
	size_t i = 0;

	for (; i + 8 <= s.n; i += 8)
		h = step(h, load8(s.p + i) | FOLD);
	if (i < s.n)
		h = step(h, load_rest(s.p + i, s.n - i, s.n) | FOLD);
	return key_end(h);
}

uint64_t key_of_int(int64_t i)
{
	return key_end((uint64_t)i + 0x51ed270b27d4eb4fu);
}

uint64_t key_of_bool(bool b)
{
	return b ? 0x9e3779b97f4a7c15u : 0xc2b2ae3d27d4eb4fu;
}

/* The n <= 8 bytes that end where the string has `at` bytes left to its end, the last of them lowest. */
static uint64_t load_back(struct str s, size_t at, size_t n)
{
	uint64_t x = 0;

	if (n == 8)
		return __builtin_bswap64(load8(s.p + s.n - at - 8));
	for (size_t i = 0; i < n; i++)
		x |= (uint64_t)(unsigned char)s.p[s.n - at - 1 - i] << 8 * i;
	return x;
}

void affix_read(struct affix *a, struct str s, bool from_end)
{
	uint64_t h = 0x165667b19e3779f9u;
	size_t i = 0, full;

	a->n = s.n < AFFIX_MAX ? (unsigned)s.n : AFFIX_MAX;
	full = a->n / 8;
	for (; i < full; i++) {
		a->chain[i] = h;
		a->block[i] = (from_end ? load_back(s, 8 * i, 8) : load8(s.p + 8 * i)) | FOLD;
		h = step(h, a->block[i]);
	}
	a->chain[i] = h;
	a->block[i] = FOLD;
	if (a->n % 8 > 0)
		a->block[i] |= from_end ? load_back(s, 8 * i, a->n % 8) : load_rest(s.p + 8 * i, a->n % 8, a->n);
}

uint64_t key_of_affix(struct str s, bool from_end)
{
	struct affix a;

	affix_read(&a, s, from_end);
	return affix_key(&a, affix_length(s.n));
}
