/* SPDX-License-Identifier: Apache-2.0 */
#include "base/diag.h"
#include "base/limits.h"
#include "tests/unit/cases.h"

static const struct source one = {STR_NONE, STR_NONE, STR_NONE, 0};

static char *printed(const struct diags *d, bool color)
{
	char *text = NULL;
	size_t n = 0;
	FILE *out = open_memstream(&text, &n);

	assert_non_null(out);
	diags_print(d, out, color);
	fclose(out);
	return text;
}

static void check_printed(const struct diags *d, const char *want)
{
	char *text = printed(d, false);

	assert_string_equal(text, want);
	free(text);
}

static void shows_line_and_carets(void **state)
{
	struct source a = one;
	struct diags d;
	struct diag *g;

	(void)state;
	a.name = STR("a.rules");
	a.text = STR("rule x {\n\twhen f\xc3\xa9ld eq 7\r\n}");
	diags_init(&d);
	g = diag_add(&d, U1001, (struct span){&a, 15, 20}, "there is no field %s", "f\xc3\xa9ld");
	diag_second(&d, g, (struct span){&a, 5, 6}, "in this rule");
	diag_help(&d, g, "did you mean `%s`?", "field");
	diag_add(&d, U0002, (struct span){&a, 28, 28}, "unclosed");
	diag_add(&d, U8004, SPAN_NONE, "without a place");
	check_printed(&d, "warning[U8004]: without a place\n"
	                  "a.rules:2:7: error[U1001]: there is no field f\xc3\xa9ld\n"
	                  "    \twhen f\xc3\xa9ld eq 7\n"
	                  "    \t     ^^^^\n"
	                  "a.rules:1:6: note: in this rule\n"
	                  "    rule x {\n"
	                  "         ^\n"
	                  "help: did you mean `field`?\n"
	                  "a.rules:3:2: error[U0002]: unclosed\n"
	                  "    }\n"
	                  "     ^\n");
	assert_int_equal(d.errors, 2);
	assert_int_equal(d.warnings, 1);
	diags_fini(&d);
	assert_int_equal(d.errors, 0);
}

static void expressions_have_no_name(void **state)
{
	struct source a = one;
	struct diags d;

	(void)state;
	a.text = STR("ssl eq true\nand x");
	diags_init(&d);
	diag_add(&d, U1002, (struct span){&a, 4, 17}, "no");
	check_printed(&d,
	              "1:5: error[U1002]: no\n    ssl eq true\n        ^^^^^^^\n"); /* to the line's end */
	diags_fini(&d);
}

static void sorts_and_says_once(void **state)
{
	struct source a = one, b = one, c = one;
	struct diags d;
	size_t n;
	const struct diag **v;

	(void)state;
	a.text = b.text = c.text = STR("text");
	a.order = 2;
	b.order = c.order = 1;
	diags_init(&d);
	diag_add(&d, U1001, (struct span){&a, 0, 1}, "fifth");
	diag_add(&d, U1001, (struct span){&c, 2, 3}, "second");
	diag_add(&d, U1001, (struct span){&b, 0, 1}, "third");
	diag_add(&d, U1002, (struct span){&b, 0, 1}, "fourth");
	diag_add(&d, U1001, (struct span){&b, 0, 1}, "third");
	diag_add(&d, U1001, (struct span){&c, 1, 3}, "first");
	v = diags_sorted(&d, &n);
	assert_int_equal(n, 5);
	check_str("1", v[0]->message, STR("first"));
	check_str("2", v[1]->message, STR("second"));
	check_str("3", v[2]->message, STR("third"));
	check_str("4", v[3]->message, STR("fourth"));
	check_str("5", v[4]->message, STR("fifth"));
	free(v);
	diags_fini(&d);
	assert_null(diags_sorted(&d, &n));
	assert_int_equal(n, 0);
}

static void keeps_errors_behind_many_warnings(void **state)
{
	struct source a = one;
	struct diags d;
	unsigned i;
	char *text;

	(void)state;
	a.text = STR("x");
	diags_init(&d);
	for (i = 0; i < LIMIT_DIAGS + 10; i++)
		diag_help(&d, diag_add(&d, U8004, (struct span){&a, 0, 1}, "w%u", i), "h");
	diag_add(&d, U1001, (struct span){&a, 0, 1}, "the error");
	assert_int_equal(d.warnings, LIMIT_DIAGS + 10);
	text = printed(&d, false);
	assert_non_null(strstr(text, "the error"));
	assert_non_null(strstr(text, "w199"));
	assert_null(strstr(text, "w200"));
	assert_non_null(strstr(text, "10 more not shown"));
	free(text);
	diags_fini(&d);
}

static void survives_without_memory(void **state)
{
	struct diags d;
	struct diag *g;

	(void)state;
	diags_init(&d);
	d.arena.cap = 1;
	g = diag_add(&d, U1001, SPAN_NONE, "x");
	assert_non_null(g);
	diag_help(&d, g, "x");
	diag_second(&d, g, SPAN_NONE, "x");
	assert_int_equal(d.errors, 1);
	check_printed(&d, "1 more not shown\n");
	d.arena.cap = 0;
	diags_fini(&d);
}

static void lets_no_control_character_out(void **state)
{
	struct source a = one;
	struct diags d;

	(void)state;
	a.text = STR("a\033[31mb\0c\x7f");
	a.name = STR("n\033.rules");
	diags_init(&d);
	diag_add(&d, U0001, (struct span){&a, 0, 1}, "m\033m");
	check_printed(&d, "n?.rules:1:1: error[U0001]: m?m\n    a?[31mb?c?\n    ^\n");
	diags_fini(&d);
}

static void cuts_long_lines(void **state)
{
	char line[5000];
	struct source a = one;
	struct diags d;
	char *text;

	(void)state;
	memset(line, 'a', sizeof(line));
	line[3000] = 'X';
	a.text = (struct str){line, sizeof(line)};
	diags_init(&d);
	diag_add(&d, U0001, (struct span){&a, 3000, 5000}, "m");
	text = printed(&d, false);
	assert_true(strlen(text) < 500);
	assert_non_null(strstr(text, "1:3001: "));
	assert_non_null(strstr(text, "aaX"));
	free(text);
	text = printed(&d, true);
	assert_non_null(strstr(text, "\033["));
	free(text);
	diags_fini(&d);
}

static void spans_past_the_end(void **state)
{
	struct source a = one;
	unsigned line, column;

	(void)state;
	a.text = STR("a\nb\n");
	span_place((struct span){&a, 99, 100}, &line, &column);
	assert_int_equal(line, 3);
	assert_int_equal(column, 1);
	span_place(SPAN_NONE, &line, &column);
	assert_int_equal(line, 0);
}

static void codes(void **state)
{
	enum diag_code code;

	(void)state;
	assert_string_equal(diag_name(U1001), "U1001");
	assert_int_equal(diag_severity(U8004), SEV_WARNING);
	assert_true(diag_code_of(STR("U8004"), &code));
	assert_int_equal(code, U8004);
	assert_false(diag_code_of(STR("U9999"), &code));
	assert_true(strlen(diag_title(U0001)) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(shows_line_and_carets),
	    cmocka_unit_test(expressions_have_no_name),
	    cmocka_unit_test(sorts_and_says_once),
	    cmocka_unit_test(keeps_errors_behind_many_warnings),
	    cmocka_unit_test(survives_without_memory),
	    cmocka_unit_test(lets_no_control_character_out),
	    cmocka_unit_test(cuts_long_lines),
	    cmocka_unit_test(spans_past_the_end),
	    cmocka_unit_test(codes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
