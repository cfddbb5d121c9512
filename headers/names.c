/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looking names up in names.def and reserved.def. Most names of a message have no row, so one bit is asked first, which
 * a name's first letter and length pick: it is set if there is such a row. Then the length, which all but a few fail.
 */
#include "headers/names.h"
#include "headers/lines.h"

static const struct {
	struct str name;
	unsigned flags;
} known[] = {
#define NAME(name, flags) {{name, sizeof(name) - 1}, flags},
#include "headers/names.def"
#undef NAME
};

static const struct {
	struct str name;
	bool is_prefix;
} reserved[] = {
#define RESERVED(name, is_prefix, prose) {{name, sizeof(name) - 1}, is_prefix},
#include "headers/reserved.def"
#undef RESERVED
};

enum { KNOWN = sizeof(known) / sizeof(known[0]), RESERVED_ROWS = sizeof(reserved) / sizeof(reserved[0]) };

/* The rows' lengths side by side, where memchr finds the few of the length in question at once. */
static const unsigned char lengths[KNOWN] = {
#define NAME(name, flags) sizeof(name) - 1,
#include "headers/names.def"
#undef NAME
};

#define PLACE(letter, n) (((unsigned)(letter) * 8 ^ (unsigned)(n)) % 256)
#define BIT(name, word)                                                                                      \
	(PLACE((name)[0], sizeof(name) - 1) / 64 == (word)                                                   \
	     ? UINT64_C(1) << PLACE((name)[0], sizeof(name) - 1) % 64                                        \
	     : 0)

static const uint64_t beginnings[4] = {
#define NAME(name, flags) | BIT(name, 0)
    0
#include "headers/names.def"
#undef NAME
    ,
#define NAME(name, flags) | BIT(name, 1)
    0
#include "headers/names.def"
#undef NAME
    ,
#define NAME(name, flags) | BIT(name, 2)
    0
#include "headers/names.def"
#undef NAME
    ,
#define NAME(name, flags) | BIT(name, 3)
    0
#include "headers/names.def"
#undef NAME
    ,
};

static bool may_be_known(struct str name)
{
	unsigned place = name.n > 0 ? PLACE(ascii_lower(name.p[0]), name.n) : 0;

	return name.n > 0 && (beginnings[place / 64] >> place % 64 & 1) != 0;
}

/* The next row at or after i for names of n bytes; KNOWN at the end. */
static size_t row_of_length(size_t i, size_t n)
{
	const unsigned char *at = n < 256 && i < KNOWN ? memchr(lengths + i, (int)n, KNOWN - i) : NULL;

	return at ? (size_t)(at - lengths) : KNOWN;
}

unsigned name_flags(struct str name)
{
	size_t i;

	if (!may_be_known(name))
		return 0;
	for (i = row_of_length(0, name.n); i < KNOWN; i = row_of_length(i + 1, name.n))
		if (ascii_lower(name.p[0]) == known[i].name.p[0] && str_eq_nocase(known[i].name, name))
			return known[i].flags;
	return 0;
}

unsigned name_flags_twin(struct str name)
{
	size_t i;

	if (!may_be_known(name))
		return 0;
	for (i = row_of_length(0, name.n); i < KNOWN; i = row_of_length(i + 1, name.n))
		if (ascii_lower(name.p[0]) == known[i].name.p[0] && name_twin(known[i].name, name))
			return known[i].flags;
	return 0;
}

/* Whether name begins like row, which is in folded form. */
static bool folds_to(struct str name, struct str row)
{
	size_t i;

	if (name.n < row.n)
		return false;
	for (i = 0; i < row.n; i++) {
		char c = name.p[i];

		if ((ascii_alpha(c) || ascii_digit(c) ? ascii_lower(c) : '-') != row.p[i])
			return false;
	}
	return true;
}

bool name_reserved(struct str name)
{
	size_t i;

	for (i = 0; i < RESERVED_ROWS && name.n; i++)
		if (ascii_lower(name.p[0]) == reserved[i].name.p[0] &&
		    (reserved[i].is_prefix || reserved[i].name.n == name.n) &&
		    folds_to(name, reserved[i].name))
			return true;
	return false;
}

bool name_cloudflare(struct str name)
{
	return folds_to(name, STR("cf-")) || folds_to(name, STR("x-cf-"));
}
