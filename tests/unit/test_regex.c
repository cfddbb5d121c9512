/* SPDX-License-Identifier: Apache-2.0 */
/* The regex dialect from pattern to match, by the table tests/data/regex/cases.txt; literals, limits and
 * spans. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "engine/regex.h"
#include "tests/unit/work.h"

static struct regex *compile(struct str pattern, struct diags *d)
{
	struct source *src = ARENA_NEW(&d->arena, struct source);
	struct ast literal = {.kind = AST_STRING, .form = AST_FORM_RAW, .text = pattern};

	src->text = arena_printf(&d->arena, "r\"%.*s\"", STR_FMT(pattern));
	literal.span = (struct span){src, 0, (uint32_t)src->text.n};
	return regex_compile_captures(&literal, d);
}

/* The subject column: \n \r \t \\ \xHH. */
static struct str subject(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '\\') {
			c = s.p[++i];
			if (c == 'x') {
				c = (char)(ascii_hex(s.p[i + 1]) << 4 | ascii_hex(s.p[i + 2]));
				i += 2;
			} else {
				c = c == 'n' ? '\n' : c == 'r' ? '\r' : c == 't' ? '\t' : c;
			}
		}
		p[n++] = c;
	}
	return (struct str){p, n};
}

static struct str answer(struct arena *a, struct str pattern, struct str s, size_t groups)
{
	struct match_place found[MATCH_CAPTURES];
	struct diags d;
	struct regex *r;
	struct str text = STR("");
	int rc;

	diags_init(&d);
	r = compile(pattern, &d);
	if (r == NULL) {
		assert_int_equal(d.errors, 1);
		text = arena_printf(a, "%s %u-%u", diag_name(d.first->code), d.first->span.from - 2,
		                    d.first->span.to - 2);
	} else if ((rc = regex_find(r, s, found)) != 1) {
		text = rc == 0 ? STR("no") : STR("limit");
		assert_int_equal(regex_match(r, s), rc);
	} else {
		for (size_t i = 0; i < groups; i++)
			text = found[i].set ? arena_printf(a, "%.*s%s%zu-%zu", STR_FMT(text), i ? "\t" : "",
			                                   found[i].from, found[i].to)
			                    : arena_printf(a, "%.*s\t-", STR_FMT(text));
		assert_int_equal(regex_match(r, s), 1);
	}
	regex_free(r);
	diags_fini(&d);
	return text;
}

static void test_cases(void **state)
{
	struct arena a = ARENA_INIT;
	struct str text;
	unsigned line = 0, failed = 0, cases = 0;

	(void)state;
	assert_int_equal(file_read(&a, "tests/data/regex/cases.txt", 1 << 20, &text), 0);
	while (text.n > 0) {
		ptrdiff_t end = str_find(text, '\n'), tab, second;
		struct str row = str_sub(text, 0, end < 0 ? text.n : (size_t)end), want, got;
		size_t groups = 1;

		text = str_sub(text, row.n + 1, text.n);
		line++;
		if (row.n == 0 || row.p[0] == '#')
			continue;
		tab = str_find(row, '\t');
		assert_true(tab >= 0);
		want = str_sub(row, (size_t)tab + 1, row.n);
		second = str_find(want, '\t');
		assert_true(second >= 0);
		for (size_t i = (size_t)second + 1; i < want.n; i++)
			groups += want.p[i] == '\t';
		got = answer(&a, str_sub(row, 0, (size_t)tab), subject(&a, str_sub(want, 0, (size_t)second)),
		             groups);
		want = str_sub(want, (size_t)second + 1, want.n);
		cases++;
		if (!str_eq(got, want)) {
			print_error("cases.txt:%u: %.*s: got %.*s\n", line, STR_FMT(row), STR_FMT(got));
			failed++;
		}
	}
	assert_int_equal(failed, 0);
	assert_true(cases > 250);
	arena_fini(&a);
}

/* A literal's list, joined: place ("!": enough), then the strings. */
static void test_literals(void **state)
{
	static const struct {
		const char *pattern, *want;
	} rows[] = {
	    {"abc", "anywhere! abc"},
	    {"^abc$", "whole! abc"},
	    {"^/api/", "prefix! /api/"},
	    {"\\.php$", "suffix! .php"},
	    {"^(?:a|b)c$", "whole! ac bc"},
	    {"foo|bar", "anywhere! foo bar"},
	    {"a.*b", "anywhere a"},
	    {"^a.*bcd$", "suffix bcd"},
	    {".*", "none"},
	    {"a|", "none"},
	    {"(?i)AbC", "anywhere! abc nocase"},
	    {"(?i:A)bC", "anywhere abc nocase"},
	    {"x+yz", "anywhere xyz"},
	    {"[ab]c", "anywhere! ac bc"},
	    {"[a-z]c", "anywhere c"},
	    {"colou?r", "anywhere! color colour"},
	    {"(foo){2}", "anywhere! foofoo"},
	    {"(foo){2,}", "anywhere foo"},
	    {"a{0}b", "anywhere! b"},
	    {"\\bfoo\\b", "anywhere foo"},
	    {"(?m)^foo$", "anywhere foo"},
	    {"^foo|^bar", "prefix foo bar"},
	    {"^foo|bar", "anywhere foo bar"},
	    {"(?i)k\\w", "anywhere k nocase"},
	    {"a[0-2]", "anywhere! a0 a1 a2"},
	    {"union.{1,9}select", "anywhere select"},
	    {"[a&&b]", "none"},
	    {"^$", "none"},
	    {"", "none"},
	    {"^/a/[0-9]+$", "prefix /a/"},
	    {"(?:ab)+c", "anywhere abc"},
	    {"^a$|b", "anywhere a b"},
	};
	static const char *const places[] = {"anywhere", "prefix", "suffix", "whole"};
	struct arena a = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct diags d;
		struct regex *r;
		const struct literals *l;
		struct str got = STR("none");

		diags_init(&d);
		r = compile(str_of(rows[i].pattern), &d);
		assert_non_null(r);
		l = regex_literals(r);
		if (l->n > 0)
			got = arena_printf(&a, "%s%s", places[l->place], l->enough ? "!" : "");
		for (size_t j = 0; j < l->n; j++)
			got = arena_printf(&a, "%.*s %.*s", STR_FMT(got), STR_FMT(l->v[j]));
		if (l->n > 0 && l->nocase)
			got = arena_printf(&a, "%.*s nocase", STR_FMT(got));
		assert_string_equal(arena_str(&a, got).p, rows[i].want);
		regex_free(r);
		diags_fini(&d);
	}
	arena_fini(&a);
}

/* Patterns that explode on a backtracking engine end quickly and say that there is no answer; those that are
 * merely slow there get their answer all the same. */
static void test_limits(void **state)
{
	static const struct {
		const char *pattern;
		int want, or_else;
	} rows[] = {
	    {"(a+)+$", -ERR_LIMIT, -ERR_LIMIT},
	    {"(a|aa)+$", -ERR_LIMIT, -ERR_LIMIT},
	    {"(.*)*x", -ERR_LIMIT, 0},
	    {"([a-z]+)*=\\d", -ERR_LIMIT, 0},
	    {"(a*b?)*c", -ERR_LIMIT, 0},
	    {"(\\w|\\d\\d)+[^\\w]x", -ERR_LIMIT, 0},
	    {"(?:a?){64}a{64}$", 0, -ERR_LIMIT},
	    {"[a-z]+[a-z]+\\d", 0, 0},
	    {"[a-z]+[a-z]+[a-z]+[a-z]+!", 1, 1},
	    {".*.*=\\d", 0, 0},
	    {".*?.*?.*?\\d\\d", 0, 0},
	    {"(?:\\w+!)+end", 0, 0},
	    {"a[a-z]{0,500}b[a-z]{0,500}c", 0, 0},
	    {"(?:a+b)+c", 0, 0},
	    {"\\w*\\w*\\w*!", 1, 1},
	    {"(?:(?:a|b)+c)+d", 0, 0},
	    {"(?:select|set|insert)+x", 0, 0},
	};
	enum { N = 100002 };
	char *text = malloc(N);
	struct diags d;

	(void)state;
	memset(text, 'a', N);
	text[0] = '=';
	text[N - 1] = '!';
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct regex *r;
		double began;
		int rc;

		diags_init(&d);
		r = compile(str_of(rows[i].pattern), &d);
		assert_non_null(r);
		began = work_seconds();
		rc = regex_match(r, (struct str){text, N});
		if (rc != rows[i].want && rc != rows[i].or_else)
			fail_msg("%s: %d", rows[i].pattern, rc);
		assert_true(work_seconds() - began < 1 * patience());
		regex_free(r);
		diags_fini(&d);
	}
	free(text);
}

static void test_places(void **state)
{
	static const struct {
		const char *text, *decoded;
		enum ast_form form;
		unsigned from, to;
	} rows[] = {
	    {"r#\"a(?!b)\"#", "a(?!b)", AST_FORM_RAW, 4, 7},
	    {"\"\\\"(?!b)\"", "\"(?!b)", AST_FORM_REGEX, 3, 6},
	    {"\"\\.(?!b)\"", "\\.(?!b)", AST_FORM_REGEX, 3, 6},
	    {"\"[\\\"\"](?!b)\"", "[\\\"\"](?!b)", AST_FORM_REGEX, 6, 9},
	    {"\"\\\\.(?!b)\"", "\\.(?!b)", AST_FORM_QUOTED, 4, 7},
	    {"\"\\x61\\141(?!b)\"", "aa(?!b)", AST_FORM_QUOTED, 9, 12},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct source src = {.text = str_of(rows[i].text)};
		struct ast literal = {.kind = AST_STRING,
		                      .form = rows[i].form,
		                      .hashes = rows[i].form == AST_FORM_RAW,
		                      .text = str_of(rows[i].decoded),
		                      .span = {&src, 0, (uint32_t)src.text.n}};
		struct diags d;

		diags_init(&d);
		assert_null(regex_compile(&literal, &d));
		assert_int_equal(d.first->code, U4002);
		assert_int_equal(d.first->span.from, rows[i].from);
		assert_int_equal(d.first->span.to, rows[i].to);
		diags_fini(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_cases),
	    cmocka_unit_test(test_literals),
	    cmocka_unit_test(test_limits),
	    cmocka_unit_test(test_places),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
