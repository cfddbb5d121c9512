/* SPDX-License-Identifier: Apache-2.0 */
#include "base/arena.h"
#include "tests/unit/cases.h"

static void pieces_stay(void **state)
{
	struct arena a = ARENA_INIT;
	unsigned char *p[2000];
	size_t i, k;

	(void)state;
	for (i = 0; i < COUNT(p); i++) {
		p[i] = arena_alloc(&a, i % 97);
		assert_non_null(p[i]);
		assert_int_equal((uintptr_t)p[i] % _Alignof(max_align_t), 0);
		memset(p[i], (int)(i & 0xff), i % 97);
	}
	for (i = 0; i < COUNT(p); i++)
		for (k = 0; k < i % 97; k++)
			assert_int_equal(p[i][k], i & 0xff);
	arena_fini(&a);
	assert_int_equal(a.used, 0);
}

static void reset_keeps_one_block(void **state)
{
	struct arena a = ARENA_INIT;
	size_t once = 0, round;

	(void)state;
	arena_alloc(&a, 100);
	for (round = 0; round < 100; round++) {
		assert_non_null(arena_alloc(&a, 300000));
		assert_non_null(arena_alloc(&a, 10));
		arena_reset(&a);
		assert_in_range(a.used, 1, 65536); /* the block that was made for one large piece is gone */
		if (round)
			assert_int_equal(a.used, once);
		once = a.used;
	}
	arena_fini(&a);
	arena_alloc(&a, 300000);
	arena_reset(&a); /* a huge first block is not kept */
	assert_int_equal(a.used, 0);
	arena_fini(&a);
}

static void caps_hold(void **state)
{
	struct arena a;
	size_t n = 0;

	(void)state;
	arena_init(&a, 10000);
	assert_null(arena_alloc(&a, 10001));
	while (arena_alloc(&a, 100))
		n++;
	assert_in_range(n, 60, 100);
	assert_true(a.used <= 10000);
	arena_reset(&a);
	assert_non_null(arena_alloc(&a, 100));
	arena_fini(&a);
	assert_null(arena_array(&a, SIZE_MAX / 2, 4));
	assert_null(arena_alloc(&a, SIZE_MAX - 4));
	arena_fini(&a);
}

static void grows(void **state)
{
	struct arena a = ARENA_INIT;
	char *p = arena_alloc(&a, 4), *q;

	(void)state;
	memcpy(p, "abcd", 4);
	q = arena_grow(&a, p, 4, 600);
	assert_ptr_equal(p, q); /* the last piece grows where it is */
	memset(q + 4, 'x', 596);
	arena_alloc(&a, 1);
	p = arena_grow(&a, q, 600, 900);
	assert_ptr_not_equal(p, q);
	assert_memory_equal(p, "abcdx", 5);
	assert_ptr_equal(arena_grow(&a, p, 900, 10), p);
	assert_non_null(arena_grow(&a, NULL, 0, 10));
	p = arena_grow(&a, p, 900, 100000); /* over the end of the block */
	assert_memory_equal(p, "abcdx", 5);
	arena_fini(&a);
}

static void texts(void **state)
{
	struct arena a = ARENA_INIT;
	struct str s;

	(void)state;
	s = arena_str(&a, STR_NONE);
	assert_non_null(s.p);
	assert_int_equal(s.n, 0);
	assert_int_equal(s.p[0], '\0');
	check_str("lower", arena_lower(&a, STR("AbC\xc4-Z[")), STR("abc\xc4-z["));
	check_str("concat", arena_concat(&a, (struct str[]){STR("a"), STR_NONE, STR("b\0c")}, 3),
	          STR("ab\0c"));
	check_str("printf", arena_printf(&a, "%d-%s", 7, "x"), STR("7-x"));
	check_str("decimal", arena_decimal(&a, 0), STR("0"));
	check_str("decimal", arena_decimal(&a, 200), STR("200"));
	check_str("decimal", arena_decimal(&a, -1), STR("-1"));
	check_str("decimal", arena_decimal(&a, INT64_MAX), STR("9223372036854775807"));
	check_str("decimal", arena_decimal(&a, INT64_MIN), STR("-9223372036854775808"));
	assert_int_equal(arena_str(&a, STR("ab")).p[2], '\0');
	arena_fini(&a);
	arena_init(&a, 1);
	assert_null(arena_str(&a, STR("a long text that does not fit the cap")).p);
	assert_null(arena_printf(&a, "%100d", 1).p);
	arena_fini(&a);
}

static void expects(void **state)
{
	struct arena a = ARENA_INIT;

	(void)state;
	arena_expect(&a, 700);
	assert_in_range(a.used, 700, 750); /* no more than was said */
	assert_non_null(arena_alloc(&a, 300));
	assert_non_null(arena_alloc(&a, 300));
	assert_in_range(a.used, 700, 750);
	arena_expect(&a, 5000); /* too late: nothing happens */
	assert_in_range(a.used, 700, 750);
	assert_non_null(arena_alloc(&a, 3000)); /* a wrong guess does no harm */
	arena_fini(&a);
	arena_expect(&a, SIZE_MAX);
	assert_int_equal(a.used, 0);
	arena_init(&a, 100);
	arena_expect(&a, 1000); /* over the cap */
	assert_int_equal(a.used, 0);
	assert_non_null(arena_alloc(&a, 10));
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pieces_stay), cmocka_unit_test(reset_keeps_one_block),
	    cmocka_unit_test(caps_hold),   cmocka_unit_test(grows),
	    cmocka_unit_test(texts),       cmocka_unit_test(expects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
