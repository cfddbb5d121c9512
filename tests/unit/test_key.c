/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of strings and of how they begin and end: equal for equal (folded) bytes, whatever surrounds them. */
#include "tests/unit/cases.h"

#include "engine/key.h"

enum { LONGEST = 80 };

static void fill(char *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (char)('a' + (seed * 31 + i * i * 7 + i / 3) % 26);
}

/* In memory of exactly their size, so that a read past the end is seen under AddressSanitizer. */
static struct str exact(const char *p, size_t n)
{
	char *copy = malloc(n > 0 ? n : 1);

	assert_non_null(copy);
	memcpy(copy, p, n);
	return (struct str){copy, n};
}

static void test_affixes_of_every_length(void **state)
{
	char text[LONGEST];

	(void)state;
	fill(text, sizeof(text), 5);
	for (size_t n = 1; n <= LONGEST; n++) {
		struct str whole = exact(text, n);
		struct affix head, tail;

		affix_read(&head, whole, false);
		affix_read(&tail, whole, true);
		assert_int_equal(head.n, n < AFFIX_MAX ? n : AFFIX_MAX);
		for (size_t k = 1; k <= n; k++) {
			struct str first = exact(text, k), last = exact(text + n - k, k);

			assert_true(affix_length(k) <= k && affix_length(k) <= AFFIX_MAX);
			assert_true(key_of_affix(first, false) == affix_key(&head, affix_length(k)));
			assert_true(key_of_affix(last, true) == affix_key(&tail, affix_length(k)));
			free((char *)first.p);
			free((char *)last.p);
		}
		free((char *)whole.p);
	}
}

static void test_every_byte_that_counts_changes_the_key(void **state)
{
	char text[AFFIX_MAX];

	(void)state;
	for (size_t n = 1; n <= AFFIX_MAX; n++) {
		fill(text, n, (unsigned)n);
		struct str s = {text, n};
		uint64_t head = key_of_affix(s, false), tail = key_of_affix(s, true), all = key_of_str(s);

		for (size_t i = 0; i < n; i++) {
			text[i] ^= 1;
			assert_true(key_of_str(s) != all);
			assert_true((key_of_affix(s, false) != head) == (i < affix_length(n)));
			assert_true((key_of_affix(s, true) != tail) == (i >= n - affix_length(n)));
			text[i] ^= 1;
		}
	}
}

static void test_case_does_not_count(void **state)
{
	(void)state;
	assert_true(key_of_str(STR("API.Example/Path")) == key_of_str(STR("api.example/path")));
	assert_true(key_of_affix(STR("API.Example"), false) == key_of_affix(STR("api.exaMPLE"), false));
	assert_true(key_of_affix(STR("API.Example"), true) == key_of_affix(STR("api.exaMPLE"), true));
	assert_true(key_of_str(STR("")) != key_of_str(STR(" ")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_affixes_of_every_length),
	    cmocka_unit_test(test_every_byte_that_counts_changes_the_key),
	    cmocka_unit_test(test_case_does_not_count),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
