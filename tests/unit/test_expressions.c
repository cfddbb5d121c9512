/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The language by example: every row of tests/expressions/<name>.txt, evaluated as usher eval does, and
 * printed and parsed again to an equal tree. tests/expressions/README says how rows are written.
 */
#include <glob.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/err.h"
#include "base/file.h"
#include "engine/facts_json.h"
#include "engine/value_json.h"
#include "mtls/context.h"

#define LISTS "tests/expressions/lists.rules"

struct corpus {
	const char *path;
	unsigned line, rows, failed;
	struct ruleset *lists;
	json_t *facts;
	struct arena a; /* of one row */
};

static struct ruleset *lists_load(void)
{
	struct arena a = ARENA_INIT;
	struct source src = {.name = STR(LISTS)};
	struct ruleset_options o = {0};
	struct ruleset *r = NULL;
	struct diags d;

	diags_init(&d);
	assert_int_equal(file_read(&a, LISTS, 1 << 20, &src.text), 0);
	ruleset_compile(&r, parse_file(&a, &src, &d), &o, &d);
	if (d.errors > 0)
		diags_print(&d, stderr, false);
	assert_int_equal(d.errors, 0);
	diags_fini(&d);
	arena_fini(&a);
	return r;
}

static int by_place(const void *x, const void *y)
{
	const struct diag *a = *(struct diag *const *)x, *b = *(struct diag *const *)y;

	return a->span.from < b->span.from ? -1 : a->span.from > b->span.from;
}

/* "error U1001 1:5 U1003 1:9": every error, by position. */
static struct str errors(struct arena *a, const struct diags *d)
{
	const struct diag *all[64];
	struct str text = STR("error");
	size_t n = 0;

	for (const struct diag *g = d->first; g != NULL && n < 64; g = g->next)
		if (g->severity == SEV_ERROR)
			all[n++] = g;
	qsort(all, n, sizeof(*all), by_place);
	for (size_t i = 0; i < n; i++) {
		unsigned line, column;

		span_place(all[i]->span, &line, &column);
		text = arena_printf(a, "%.*s %s %u:%u", STR_FMT(text), diag_name(all[i]->code), line, column);
	}
	return text;
}

static struct str evaluate(struct corpus *c, const struct expression *e)
{
	struct buf out = BUF_INIT;
	struct facts f;
	struct value v;
	struct str why, text;
	int rc = facts_of_json(&f, &c->a, c->facts, STR("tests/expressions"), c->lists, &why);

	if (rc < 0)
		return arena_printf(&c->a, "facts: %.*s", STR_FMT(why));
	rc = expression_eval(e, f.fields, &v);
	if (rc < 0)
		buf_add(&out, STR("no answer"));
	else if (v.missing)
		buf_add(&out, STR("missing"));
	else
		value_put_json(&out, &v);
	text = arena_str(&c->a, buf_str(&out));
	buf_fini(&out);
	facts_fini(&f);
	return text;
}

/* parse(print(e)) equals e, and printing that changes nothing more. */
static bool round_trip(struct corpus *c, const struct source *src, struct diags *d)
{
	const struct ast *first = parse_expression(&c->a, src, d, NULL), *second;
	struct buf once = BUF_INIT, twice = BUF_INIT;
	struct source printed = {.name = STR("")};
	bool same = false;

	if (first == NULL || !ast_print(&once, first))
		goto done;
	printed.text = arena_str(&c->a, buf_str(&once));
	second = parse_expression(&c->a, &printed, d, NULL);
	same = second != NULL && ast_equal(first, second) && ast_print(&twice, second) &&
	       str_eq(buf_str(&once), buf_str(&twice));
	if (!same)
		print_error("%s:%u: printed as %.*s, which reads differently\n", c->path, c->line,
		            STR_FMT(printed.text));
done:
	buf_fini(&once);
	buf_fini(&twice);
	return same;
}

/* ␊ ␍ ␉ stand for the characters they show. */
static struct str expression_text(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		struct str rest = str_sub(s, i, s.n);
		char c = str_starts(rest, STR("␊"))   ? '\n'
		         : str_starts(rest, STR("␍")) ? '\r'
		         : str_starts(rest, STR("␉")) ? '\t'
		                                      : '\0';

		p[n++] = c != '\0' ? c : s.p[i];
		i += c != '\0' ? 2 : 0;
	}
	return (struct str){p, n};
}

static void row(struct corpus *c, struct str text, struct str want)
{
	struct source src = {.name = STR("")};
	struct expression *e;
	struct diags d;
	struct str got;
	bool good;

	diags_init(&d);
	src.text = expression_text(&c->a, text);
	e = expression_compile(&src, c->lists, &d);
	got = e != NULL ? evaluate(c, e) : errors(&c->a, &d);
	good = str_eq(got, want);
	if (!good)
		print_error("%s:%u: %.*s => %.*s\n    got %.*s\n", c->path, c->line, STR_FMT(text),
		            STR_FMT(want), STR_FMT(got));
	if (e != NULL && !round_trip(c, &src, &d))
		good = false;
	c->rows++;
	c->failed += !good;
	expression_free(e);
	diags_fini(&d);
}

static void facts(struct corpus *c, struct str text)
{
	json_error_t error;

	json_decref(c->facts);
	c->facts = json_loadb(text.p, text.n, JSON_ALLOW_NUL, &error);
	if (c->facts == NULL)
		print_error("%s:%u: %s\n", c->path, c->line, error.text);
	assert_non_null(c->facts);
}

static void file_run(struct corpus *c, struct str text)
{
	c->line = 0;
	facts(c, STR("{}"));
	while (text.n > 0) {
		ptrdiff_t end = str_find(text, '\n'), arrow = -1;
		struct str line = str_sub(text, 0, end < 0 ? text.n : (size_t)end);

		text = str_sub(text, line.n + 1, text.n);
		c->line++;
		if (line.n == 0 || line.p[0] == '#')
			continue;
		if (str_starts(line, STR("facts "))) {
			facts(c, str_sub(line, 6, line.n));
			continue;
		}
		for (size_t i = 0; i + 4 <= line.n; i++)
			if (memcmp(line.p + i, " => ", 4) == 0)
				arrow = (ptrdiff_t)i;
		if (arrow < 0)
			print_error("%s:%u: no answer in this row\n", c->path, c->line);
		assert_true(arrow >= 0);
		row(c, str_sub(line, 0, (size_t)arrow), str_sub(line, (size_t)arrow + 4, line.n));
		arena_reset(&c->a);
	}
}

static void test_corpus(void **state)
{
	struct corpus c = {.lists = lists_load(), .a = ARENA_INIT};
	struct arena files = ARENA_INIT;
	struct str text;
	glob_t found;

	(void)state;
	assert_non_null(c.lists);
	assert_int_equal(glob("tests/expressions/*.txt", 0, NULL, &found), 0);
	for (size_t i = 0; i < found.gl_pathc; i++) {
		c.path = found.gl_pathv[i];
		assert_int_equal(file_read(&files, c.path, 1 << 22, &text), 0);
		file_run(&c, text);
	}
	print_message("%u expressions, %u failed\n", c.rows, c.failed);
	assert_int_equal(c.failed, 0);
	assert_true(c.rows >= 1500);
	globfree(&found);
	json_decref(c.facts);
	ruleset_unref(c.lists);
	arena_fini(&files);
	arena_fini(&c.a);
}

static int start(void **state)
{
	(void)state;
	return tls_global_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_corpus)};

	return cmocka_run_group_tests(tests, start, NULL);
}
