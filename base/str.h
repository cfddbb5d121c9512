/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Slices of bytes. A slice borrows; whoever owns the bytes says so elsewhere (an arena, a connection's buffer,
 * a sealed ruleset). Bytes may be anything, NUL included: nothing here relies on a terminator.
 */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
	const char *p; /* may be NULL only if n == 0 */
	size_t n;
};

#define STR(lit) ((struct str){ ("" lit), sizeof(lit) - 1 })
#define STR_EIGHT(byte) ((uint64_t)(byte) * 0x0101010101010101u) /* to look at eight bytes at once */
#define STR_NONE ((struct str){ NULL, 0 })
#define STR_FMT(s) (int)(s).n, (s).n ? (s).p : "" /* for "%.*s" */

static inline struct str str_of(const char *z)
{
	return (struct str){ z, z ? strlen(z) : 0 };
}

static inline struct str str_range(const char *from, const char *to)
{
	return (struct str){ from, (size_t)(to - from) };
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII only; other bytes are themselves. */
static inline char ascii_lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (char)(c | 0x20) : c;
}

static inline char ascii_upper(char c)
{
	return c >= 'a' && c <= 'z' ? (char)(c & ~0x20) : c;
}

static inline bool ascii_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool ascii_alpha(char c)
{
	return ascii_lower(c) >= 'a' && ascii_lower(c) <= 'z';
}

/* 0–15, or -1 if c is no hexadecimal digit. */
static inline int ascii_hex(char c)
{
	if (ascii_digit(c))
		return c - '0';
	c = ascii_lower(c);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool str_eq_nocase_long(struct str a, struct str b); /* str_eq_nocase for equal lengths */

/* Equal, ASCII case ignored. Most names differ in length or in their first letter: that is asked in place. */
static inline bool str_eq_nocase(struct str a, struct str b)
{
	if (a.n != b.n)
		return false;
	return a.n == 0 || (ascii_lower(a.p[0]) == ascii_lower(b.p[0]) && str_eq_nocase_long(a, b));
}

/* Clamped to s. */
static inline struct str str_sub(struct str s, size_t from, size_t to)
{
	if (to > s.n)
		to = s.n;
	if (from > to)
		from = to;
	return (struct str){ from ? s.p + from : s.p, to - from };
}

int str_cmp(struct str a, struct str b);        /* unsigned bytewise, like memcmp then length */
bool str_starts(struct str s, struct str prefix);
bool str_ends(struct str s, struct str suffix);
bool str_contains(struct str s, struct str needle); /* an empty needle is in everything */
ptrdiff_t str_find(struct str s, char c);            /* index, or -1 */
ptrdiff_t str_rfind(struct str s, char c);
size_t str_count(struct str s, char c);
bool str_has_control(struct str s);                  /* a byte below 0x20 that is no HTAB, or 0x7f */
struct str str_trim(struct str s);                        /* SP and HTAB at both ends (OWS of RFC 9110) */
uint64_t str_hash(struct str s, uint64_t seed);

/* The whole of s as an unsigned decimal number without sign; false if empty, not all digits, or over max. */
bool str_uint(struct str s, uint64_t max, uint64_t *out);

/* Edit distance up to limit (then limit + 1), for "did you mean". */
size_t str_distance(struct str a, struct str b, size_t limit);

#endif
