/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/cases.h"

static void compares(void **state)
{
	static const struct {
		const char *a, *b;
		int cmp;
		bool nocase;
	} cases[] =
	    {
	        {"", "", 0, true},       {"a", "", 1, false},        {"a", "b", -1, false},
	        {"ab", "a", 1, false},   {"Host", "hOST", -1, true}, {"a", "\xff", -1, false},
	        {"[", "{", -1, false},   {"@", "`", -1, false},      {"\xc4", "\xe4", -1, false},
	        {"abc", "abc", 0, true},
	    },
	  *c;

	(void)state;
	EACH(c, cases)
	{
		int got = str_cmp(str_of(c->a), str_of(c->b));

		check_int(c->a, got < 0 ? -1 : got > 0, c->cmp);
		check_int(c->a, str_eq_nocase(str_of(c->a), str_of(c->b)), c->nocase);
		check_int(c->a, str_eq(str_of(c->a), str_of(c->b)), c->cmp == 0);
	}
	assert_true(str_eq(STR_NONE, STR("")));
	assert_false(str_eq(STR("a\0b"), STR("a\0c")));
}

/* Each pair of bytes at each place of texts of many lengths. */
static void compares_everywhere(void **state)
{
	static const size_t lengths[] = {1, 3, 4, 5, 7, 8, 9, 15, 16, 17};
	char a[17], b[17];
	size_t i, at;
	int x, y;

	(void)state;
	for (i = 0; i < sizeof(lengths) / sizeof(lengths[0]); i++)
		for (at = 0; at < lengths[i]; at++) {
			memset(a, 'n', sizeof(a));
			memset(b, 'N', sizeof(b));
			for (x = 0; x < 256; x++)
				for (y = 0; y < 256; y++) {
					a[at] = (char)x;
					b[at] = (char)y;
					if (str_eq_nocase((struct str){a, lengths[i]}, (struct str){b, lengths[i]}) !=
					    (ascii_lower((char)x) == ascii_lower((char)y)))
						fail_msg("%d and %d at %zu of %zu", x, y, at, lengths[i]);
				}
		}
}

static void searches(void **state)
{
	static const struct {
		const char *s, *needle;
		bool starts, ends, contains;
	} cases[] =
	    {
	        {"abc", "", true, true, true},        {"abc", "a", true, false, true},
	        {"abc", "c", false, true, true},      {"abc", "abc", true, true, true},
	        {"abc", "abcd", false, false, false}, {"", "", true, true, true},
	        {"", "a", false, false, false},       {"aab", "ab", false, true, true},
	    },
	  *c;

	(void)state;
	EACH(c, cases)
	{
		check_int(c->s, str_starts(str_of(c->s), str_of(c->needle)), c->starts);
		check_int(c->s, str_ends(str_of(c->s), str_of(c->needle)), c->ends);
		check_int(c->s, str_contains(str_of(c->s), str_of(c->needle)), c->contains);
	}
	assert_int_equal(str_find(STR("a.b.c"), '.'), 1);
	assert_int_equal(str_rfind(STR("a.b.c"), '.'), 3);
	assert_int_equal(str_find(STR_NONE, '.'), -1);
	assert_int_equal(str_rfind(STR(""), '.'), -1);
}

static void slices(void **state)
{
	(void)state;
	check_str("sub", str_sub(STR("hello"), 1, 3), STR("el"));
	check_str("past the end", str_sub(STR("hello"), 3, 99), STR("lo"));
	check_str("crossed", str_sub(STR("hello"), 4, 2), STR(""));
	check_str("none", str_sub(STR_NONE, 0, 5), STR(""));
	check_str("trim", str_trim(STR(" \t a b\t ")), STR("a b"));
	check_str("all blank", str_trim(STR(" \t ")), STR(""));
	check_str("not a line end", str_trim(STR("\na\r")), STR("\na\r"));
}

static void numbers(void **state)
{
	static const struct {
		const char *s;
		uint64_t max;
		bool ok;
		uint64_t value;
	} cases[] =
	    {
	        {"0", 9, true, 0},
	        {"7", 9, true, 7},
	        {"10", 9, false, 0},
	        {"", 9, false, 0},
	        {"+1", 9, false, 0},
	        {"-1", 9, false, 0},
	        {" 1", 9, false, 0},
	        {"1 ", 9, false, 0},
	        {"0x1", 99, false, 0},
	        {"007", 9, true, 7},
	        {"18446744073709551615", UINT64_MAX, true, UINT64_MAX},
	        {"18446744073709551616", UINT64_MAX, false, 0},
	        {"99999999999999999999", UINT64_MAX, false, 0},
	    },
	  *c;

	(void)state;
	EACH(c, cases)
	{
		uint64_t v = 0;

		check_int(c->s, str_uint(str_of(c->s), c->max, &v), c->ok);
		assert_true(v == c->value);
	}
}

static void distances(void **state)
{
	static const struct {
		const char *a, *b;
		size_t limit, want;
	} cases[] =
	    {
	        {"", "", 2, 0},       {"abc", "abc", 2, 0},        {"abc", "abd", 2, 1},
	        {"abc", "acb", 2, 1}, {"abc", "ab", 2, 1},         {"ab", "abc", 2, 1},
	        {"abc", "xyz", 2, 3}, {"kitten", "sitting", 3, 3}, {"http.hots", "http.host", 3, 1},
	        {"", "abc", 3, 3},    {"a", "abcdef", 2, 3},
	    },
	  *c;
	char longer[500];

	(void)state;
	EACH(c, cases)
	check_int(c->a, (long long)str_distance(str_of(c->a), str_of(c->b), c->limit), (long long)c->want);
	memset(longer, 'a', sizeof(longer));
	assert_int_equal(str_distance((struct str){longer, 500}, (struct str){longer, 499}, 2), 3);
}

static void hashes(void **state)
{
	char text[64];
	uint64_t seen[65];
	size_t n, k;

	(void)state;
	memset(text, 0, sizeof(text));
	for (n = 0; n <= 64; n++) {
		seen[n] = str_hash((struct str){text, n}, 1);
		assert_true(seen[n] == str_hash((struct str){text, n}, 1));
		assert_true(seen[n] != str_hash((struct str){text, n}, 2));
		for (k = 0; k < n; k++)
			assert_true(seen[k] != seen[n]);
	}
	assert_true(str_hash(STR("abcdefgh"), 0) != str_hash(STR("abcdefgi"), 0));
	assert_true(str_hash(STR("abcdefghi"), 0) != str_hash(STR("abcdefghj"), 0));
}

static void counts(void **state)
{
	(void)state;
	check_int("lines", (int)str_count(STR("a\nb\n\nc"), '\n'), 3);
	check_int("none", (int)str_count(STR("abc"), '\n'), 0);
	check_int("empty", (int)str_count(STR(""), '\n'), 0);
}

/* Each byte at each place of texts of many lengths, with and without a HTAB beside it. */
static void controls_everywhere(void **state)
{
	char text[40];
	size_t n, at;
	int c, tab;

	(void)state;
	for (n = 1; n <= sizeof(text); n++)
		for (at = 0; at < n; at++)
			for (c = 0; c < 256; c++)
				for (tab = 0; tab < 2; tab++) {
					memset(text, 'a', sizeof(text));
					if (tab)
						text[(at + 3) % n] = '\t';
					text[at] = (char)c;
					if (str_has_control((struct str){text, n}) != ((c < 0x20 && c != '\t') || c == 0x7f))
						fail_msg("byte %d at %zu of %zu", c, at, n);
				}
	assert_false(str_has_control(STR_NONE));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(counts), cmocka_unit_test(controls_everywhere),
	    cmocka_unit_test(compares), cmocka_unit_test(compares_everywhere), cmocka_unit_test(searches),  cmocka_unit_test(slices),
	    cmocka_unit_test(numbers),  cmocka_unit_test(distances), cmocka_unit_test(hashes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
