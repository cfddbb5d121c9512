/* SPDX-License-Identifier: Apache-2.0 */
#include "base/buf.h"
#include "tests/unit/cases.h"

static void adds_and_consumes(void **state)
{
	struct buf b = BUF_INIT;
	unsigned next_in = 0, next_out = 0, round;

	(void)state;
	check_str("empty", buf_str(&b), STR(""));
	for (round = 0; round < 5000; round++) {
		unsigned k, n = round * 7 % 53;

		for (k = 0; k < n; k++)
			assert_true(buf_addc(&b, (char)next_in++));
		for (k = 0; k < round * 5 % 51 && b.n; k++) {
			assert_int_equal((unsigned char)buf_str(&b).p[0], next_out++ & 0xff);
			buf_consume(&b, 1);
		}
	}
	assert_int_equal(b.n, next_in - next_out);
	assert_true(b.size < 16384);
	buf_consume(&b, b.n + 1);
	assert_int_equal(b.n, 0);
	buf_fini(&b);
}

static void fails_for_good(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_true(buf_add(&b, STR("x")));
	assert_false(buf_reserve(&b, SIZE_MAX - 1));
	assert_true(b.failed);
	assert_false(buf_add(&b, STR("y")));
	check_str("kept", buf_str(&b), STR("x"));
	buf_fini(&b);
	assert_true(buf_add(&b, STR("z")));
	buf_fini(&b);
}

static void json(void **state)
{
	static const struct {
		struct str in;
		const char *want;
	} cases[] =
	    {
	        {{"", 0}, "\"\""},
	        {{"a\"b\\c", 5}, "\"a\\\"b\\\\c\""},
	        {{"\n\r\t\0\x1f\x7f", 6}, "\"\\n\\r\\t\\u0000\\u001f\\u007f\""},
	        {{"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 9}, "\"\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\""},
	        {{"\xff\xc3", 2}, "\"\\u00ff\\u00c3\""},            /* not UTF-8, cut short */
	        {{"\xc0\xaf", 2}, "\"\\u00c0\\u00af\""},            /* overlong */
	        {{"\xed\xa0\x80", 3}, "\"\\u00ed\\u00a0\\u0080\""}, /* a surrogate */
	        {{"\xf4\x90\x80\x80", 4}, "\"\\u00f4\\u0090\\u0080\\u0080\""},
	    },
	  *c;

	(void)state;
	EACH(c, cases)
	{
		struct buf b = BUF_INIT;

		buf_json(&b, c->in);
		check_str(c->want, buf_str(&b), str_of(c->want));
		buf_fini(&b);
	}
}

/* Each byte at each place of a text of several words: no word is looked at as a whole wrongly. */
static void json_everywhere(void **state)
{
	enum { LENGTH = 19 };
	unsigned c, at;

	(void)state;
	for (c = 0; c < 256; c++) {
		struct buf one = BUF_INIT;
		char byte = (char)c;

		buf_json(&one, (struct str){&byte, 1});
		for (at = 0; at < LENGTH; at++) {
			struct buf got = BUF_INIT, want = BUF_INIT;
			char text[LENGTH];
			unsigned i;

			memset(text, 'a', sizeof(text));
			text[at] = byte;
			for (i = 0; i < LENGTH; i++)
				buf_add(&want, i == at ? str_sub(buf_str(&one), i == 0 ? 0 : 1, one.n - (i < LENGTH - 1)) :
				               i == 0  ? STR("\"a") :
				               i < LENGTH - 1 ? STR("a") : STR("a\""));
			buf_json(&got, (struct str){text, sizeof(text)});
			check_str("json", buf_str(&got), buf_str(&want));
			buf_fini(&got);
			buf_fini(&want);
		}
		buf_fini(&one);
	}
}

static void prints(void **state)
{
	struct buf b = BUF_INIT;

	(void)state;
	assert_true(buf_printf(&b, "%s=%d;", "a", 1));
	assert_true(buf_printf(&b, "%0300d", 7));
	assert_int_equal(b.n, 304);
	buf_clear(&b);
	check_str("cleared", buf_str(&b), STR(""));
	buf_fini(&b);
}

/* In the caller's array as long as it fits, then in memory of its own; the array is left alone. */
static void begins_in_an_array(void **state)
{
	char array[8];
	struct buf b = BUF_LENT(array);
	int i;

	(void)state;
	for (i = 0; i < 8; i++)
		assert_true(buf_addc(&b, (char)('a' + i)));
	assert_ptr_equal(buf_str(&b).p, array);
	buf_consume(&b, 2);
	assert_true(buf_add(&b, STR("12345678")));
	check_str("grown", buf_str(&b), STR("cdefgh12345678"));
	assert_memory_equal(array, "abcdefgh", 8);
	buf_fini(&b);
	b = (struct buf)BUF_LENT(array);
	assert_true(buf_add(&b, STR("x")));
	buf_fini(&b);
	assert_null(b.p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(adds_and_consumes),
	    cmocka_unit_test(fails_for_good),
	    cmocka_unit_test(json),
	    cmocka_unit_test(json_everywhere),
	    cmocka_unit_test(begins_in_an_array),
	    cmocka_unit_test(prints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
