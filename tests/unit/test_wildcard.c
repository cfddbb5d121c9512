/* SPDX-License-Identifier: Apache-2.0 */
/* Globs: what they match, what their stars stand for, what is refused and where, and that none is slow. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#include "engine/wildcard.h"
#include "tests/unit/work.h"

static struct wildcard *compile(struct source *src, const char *pattern, bool strict, struct diags *d)
{
	struct ast literal = {.kind = AST_STRING, .form = AST_FORM_RAW, .text = str_of(pattern)};

	src->text = arena_printf(&d->arena, "r\"%s\"", pattern);
	literal.span = (struct span){src, 0, (uint32_t)src->text.n};
	return wildcard_compile(&literal, strict, d);
}

static void test_match(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool strict, want;
		const char *stars; /* joined with | */
	} rows[] = {
	    {"a", "a", false, true, ""},
	    {"a", "A", false, true, ""},
	    {"a", "A", true, false, ""},
	    {"", "", false, true, ""},
	    {"", "a", false, false, ""},
	    {"*", "", false, true, ""},
	    {"*", "abc", false, true, "abc"},
	    {"a*", "abc", false, true, "bc"},
	    {"a*", "ba", false, false, ""},
	    {"*c", "abc", false, true, "ab"},
	    {"a*c", "ac", false, true, ""},
	    {"a*c", "a", false, false, ""},
	    {"a*a", "a", false, false, ""},
	    {"ab*ba", "aba", false, false, ""},
	    {"*a*", "banana", false, true, "b|nana"},
	    {"*a*na", "banana", false, true, "b|na"},
	    {"*a*b*c", "xaybzc", false, true, "x|y|z"},
	    {"a?c", "abc", false, false, ""},
	    {"a?c", "a?c", false, true, ""},
	    {"a\\*c", "a*c", false, true, ""},
	    {"a\\*c", "abc", false, false, ""},
	    {"a\\\\*", "a\\b", false, true, "b"},
	    {"\\**", "*x", false, true, "x"},
	    {"*.JS", "/app.js", false, true, "/app"},
	    {"*.JS", "/app.js", true, false, ""},
	    {"/a/*/b/*", "/a/1/b/2/b/3", false, true, "1|2/b/3"},
	    {"*/v*", "/v/v2", false, true, "|/v2"},
	    {"*ab*", "aab", true, true, "a|"},
	    {"*AAB*", "aaaab", false, true, "aa|"},
	    {"*x*", "abc", false, false, ""},
	    {"*aab*aab*", "aaabaaab", false, true, "a|a|"},
	    {"\xc3\xa9*", "\xc3\xa9x", false, true, "x"},
	    {"\xc3\xa9", "\xc3\x89", false, false, ""},
	    {"a*b*c*d*e*f*g*h*i*", "abcdefghi", false, true, "||||||||"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct match_place stars[16];
		struct source src = {0};
		struct diags d;
		struct wildcard *w;
		struct str text = str_of(rows[i].text);
		char joined[64] = "";

		diags_init(&d);
		w = compile(&src, rows[i].pattern, rows[i].strict, &d);
		assert_non_null(w);
		assert_int_equal(wildcard_match(w, text), rows[i].want);
		assert_int_equal(wildcard_find(w, text, stars, 16), rows[i].want);
		for (unsigned j = 0; rows[i].want && j < wildcard_stars(w); j++) {
			if (j > 0)
				strcat(joined, "|");
			strncat(joined, text.p + stars[j].from, stars[j].to - stars[j].from);
		}
		assert_string_equal(joined, rows[i].stars);
		wildcard_free(w);
		diags_fini(&d);
	}
}

static void test_errors(void **state)
{
	static const struct {
		const char *pattern;
		unsigned from, to;
	} rows[] = {
	    {"**", 0, 2}, {"a**b", 1, 3}, {"a\\b", 1, 3}, {"a\\", 1, 2}, {"\\***", 2, 4}, {"a\\?", 1, 3},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct source src = {0};
		struct diags d;

		diags_init(&d);
		assert_null(compile(&src, rows[i].pattern, false, &d));
		assert_int_equal(d.errors, 1);
		assert_int_equal(d.first->code, U0009);
		assert_int_equal(d.first->span.from, rows[i].from + 2);
		assert_int_equal(d.first->span.to, rows[i].to + 2);
		diags_fini(&d);
	}
}

static void test_literals(void **state)
{
	struct literals l[3];
	struct source src = {0};
	struct diags d;
	struct wildcard *w;

	(void)state;
	diags_init(&d);
	w = compile(&src, "/A/*longest*x*.js", false, &d);
	assert_int_equal(wildcard_literals(w, l), 3);
	assert_true(str_eq(l[0].v[0], STR("/a/")) && l[0].place == LITERAL_PREFIX && l[0].nocase &&
	            !l[0].enough);
	assert_true(str_eq(l[1].v[0], STR(".js")) && l[1].place == LITERAL_SUFFIX);
	assert_true(str_eq(l[2].v[0], STR("longest")) && l[2].place == LITERAL_ANYWHERE);
	wildcard_free(w);
	w = compile(&src, "/A/*", true, &d);
	assert_int_equal(wildcard_literals(w, l), 1);
	assert_true(str_eq(l[0].v[0], STR("/A/")) && !l[0].nocase && l[0].enough);
	wildcard_free(w);
	w = compile(&src, "*", true, &d);
	assert_int_equal(wildcard_literals(w, l), 0);
	wildcard_free(w);
	w = compile(&src, "abc", true, &d);
	assert_int_equal(wildcard_literals(w, l), 1);
	assert_true(l[0].place == LITERAL_WHOLE && l[0].enough);
	wildcard_free(w);
	diags_fini(&d);
}

/* Many stars, repetitive pieces, long values: the time is that of reading them. */
static void test_time(void **state)
{
	enum { N = 1 << 20 };
	char *text = malloc(N), pattern[4096];
	struct source src = {0};
	struct diags d;

	(void)state;
	memset(text, 'a', N);
	for (int strict = 0; strict < 2; strict++) {
		struct wildcard *w;
		double began = work_seconds();

		memset(pattern, 'a', sizeof(pattern));
		for (size_t i = 0; i < sizeof(pattern) - 2; i += 64)
			pattern[i] = '*';
		pattern[sizeof(pattern) - 3] = 'b';
		pattern[sizeof(pattern) - 2] = '*';
		pattern[sizeof(pattern) - 1] = '\0';
		diags_init(&d);
		w = compile(&src, pattern, strict, &d);
		assert_non_null(w);
		assert_false(wildcard_match(w, (struct str){text, N}));
		assert_true(work_seconds() - began < 1 * patience());
		wildcard_free(w);
		diags_fini(&d);
	}
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_match),
	    cmocka_unit_test(test_errors),
	    cmocka_unit_test(test_literals),
	    cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
