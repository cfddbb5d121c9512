/* SPDX-License-Identifier: Apache-2.0 */
/* Comparing, searching and reading slices. Owns nothing, allocates nothing. */
#include "base/str.h"

/* Eight bytes at once: A to Z become a to z, all others stay. */
static uint64_t lower_eight(uint64_t word)
{
	uint64_t low = word & STR_EIGHT(0x7f), from_a = low + STR_EIGHT(0x80 - 'A'), over_z = low + STR_EIGHT(0x7f - 'Z');

	return word | (from_a & ~over_z & ~word & STR_EIGHT(0x80)) >> 2;
}

static uint64_t eight_at(const char *p)
{
	uint64_t word;

	memcpy(&word, p, 8);
	return word;
}

/* n bytes, 4 to 7, some of them twice. */
static uint64_t some_at(const char *p, size_t n)
{
	uint32_t first, last;

	memcpy(&first, p, 4);
	memcpy(&last, p + n - 4, 4);
	return (uint64_t)first << 32 | last;
}

bool str_eq_nocase_long(struct str a, struct str b)
{
	size_t i;

	if (a.n >= 8) {
		for (i = 0; i + 8 < a.n; i += 8)
			if (lower_eight(eight_at(a.p + i)) != lower_eight(eight_at(b.p + i)))
				return false;
		return lower_eight(eight_at(a.p + a.n - 8)) == lower_eight(eight_at(b.p + a.n - 8));
	}
	if (a.n >= 4)
		return lower_eight(some_at(a.p, a.n)) == lower_eight(some_at(b.p, a.n));
	for (i = 0; i < a.n; i++)
		if (ascii_lower(a.p[i]) != ascii_lower(b.p[i]))
			return false;
	return true;
}

/* Whether one of eight bytes is below 0x20, or 0x7f. */
static bool eight_have_control(uint64_t word)
{
	uint64_t del = word ^ STR_EIGHT(0x7f);

	return ((((word - STR_EIGHT(0x20)) & ~word) | ((del - STR_EIGHT(1)) & ~del)) & STR_EIGHT(0x80)) != 0;
}

bool str_has_control(struct str s)
{
	size_t i = 0;

	while (i < s.n) {
		unsigned char c = (unsigned char)s.p[i];

		/* the last eight may begin among those before them */
		if (s.n >= 8 && !eight_have_control(eight_at(i + 8 <= s.n ? s.p + i : s.p + s.n - 8))) {
			i += 8;
			continue;
		}
		if ((c < 0x20 && c != '\t') || c == 0x7f)
			return true;
		i++;
	}
	return false;
}

int str_cmp(struct str a, struct str b)
{
	size_t n = a.n < b.n ? a.n : b.n;
	int c = n ? memcmp(a.p, b.p, n) : 0;

	if (c)
		return c;
	return a.n < b.n ? -1 : a.n > b.n;
}

bool str_starts(struct str s, struct str prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

bool str_ends(struct str s, struct str suffix)
{
	return s.n >= suffix.n && (suffix.n == 0 || memcmp(s.p + (s.n - suffix.n), suffix.p, suffix.n) == 0);
}

size_t str_count(struct str s, char c)
{
	size_t i, n = 0;

	for (i = 0; i < s.n; i++)
		n += s.p[i] == c;
	return n;
}

bool str_contains(struct str s, struct str needle)
{
	if (needle.n == 0)
		return true;
	return s.n >= needle.n && memmem(s.p, s.n, needle.p, needle.n) != NULL;
}

ptrdiff_t str_find(struct str s, char c)
{
	const char *at = s.n ? memchr(s.p, c, s.n) : NULL;

	return at ? at - s.p : -1;
}

ptrdiff_t str_rfind(struct str s, char c)
{
	const char *at = s.n ? memrchr(s.p, c, s.n) : NULL;

	return at ? at - s.p : -1;
}

struct str str_trim(struct str s)
{
	size_t from = 0, to = s.n;

	while (from < to && (s.p[from] == ' ' || s.p[from] == '\t'))
		from++;
	while (to > from && (s.p[to - 1] == ' ' || s.p[to - 1] == '\t'))
		to--;
	return str_sub(s, from, to);
}

/* wyhash-like folding would be faster on long keys; the keys here are names and addresses, so eight bytes at
 * a time through a multiply and a xor-shift (the finaliser of splitmix64) is enough and easy to see through.
 */
static uint64_t mix(uint64_t h)
{
	h ^= h >> 30;
	h *= UINT64_C(0xbf58476d1ce4e5b9);
	h ^= h >> 27;
	h *= UINT64_C(0x94d049bb133111eb);
	return h ^ h >> 31;
}

uint64_t str_hash(struct str s, uint64_t seed)
{
	uint64_t h = seed ^ (s.n * UINT64_C(0x9e3779b97f4a7c15)), word;

	while (s.n >= 8) {
		memcpy(&word, s.p, 8);
		h = mix(h + word);
		s = str_sub(s, 8, s.n);
	}
	word = 0;
	if (s.n)
		memcpy(&word, s.p, s.n);
	return mix(h + word + UINT64_C(0x9e3779b97f4a7c15));
}

bool str_uint(struct str s, uint64_t max, uint64_t *out)
{
	uint64_t v = 0;
	size_t i;

	if (s.n == 0)
		return false;
	for (i = 0; i < s.n; i++) {
		unsigned digit;

		if (!ascii_digit(s.p[i]))
			return false;
		digit = (unsigned)(s.p[i] - '0');
		if (v > (UINT64_MAX - digit) / 10)
			return false;
		v = v * 10 + digit;
	}
	if (v > max)
		return false;
	*out = v;
	return true;
}

/* Optimal string alignment: insert, delete, replace, and swap of neighbours each cost one. Three rows of the
 * table suffice; names longer than a row are simply far apart. */
enum { ROW = 96 };

static size_t min3(size_t a, size_t b, size_t c)
{
	size_t m = a < b ? a : b;

	return m < c ? m : c;
}

size_t str_distance(struct str a, struct str b, size_t limit)
{
	size_t rows[3][ROW + 1], *before = rows[0], *last = rows[1], *row = rows[2];
	size_t i, j;

	if (b.n > ROW || a.n > b.n + limit || b.n > a.n + limit)
		return limit + 1;
	for (j = 0; j <= b.n; j++)
		last[j] = j;
	for (i = 1; i <= a.n; i++) {
		size_t best = row[0] = i, *spare;

		for (j = 1; j <= b.n; j++) {
			size_t cost = a.p[i - 1] != b.p[j - 1];

			row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + cost);
			if (i > 1 && j > 1 && a.p[i - 1] == b.p[j - 2] && a.p[i - 2] == b.p[j - 1])
				row[j] = min3(row[j], before[j - 2] + 1, SIZE_MAX);
			if (row[j] < best)
				best = row[j];
		}
		if (best > limit)
			return limit + 1;
		spare = before;
		before = last;
		last = row;
		row = spare;
	}
	return last[b.n] > limit ? limit + 1 : last[b.n];
}
