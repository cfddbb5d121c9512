/* SPDX-License-Identifier: Apache-2.0 */
/* Texts and the trees or messages they become: from data files where there are many, in place where shape matters. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "base/limits.h"
#include "grammar/ast.h"

typedef struct ast *(*parse_f)(struct arena *, const struct source *, struct diags *, unsigned *);

/* ---- data files ---- */

/* Control pictures stand for what cannot be seen in a text file. */
static struct str picture_expand(struct arena *a, struct str line)
{
	static const char what[] = { 0x24, '\n', 0x09, '\t', 0x0d, '\r', 0x00, '\0' };
	char *out = arena_alloc(a, line.n + 1);
	size_t i, j, n = 0;

	for (i = 0; i < line.n; i++) {
		if (i + 2 < line.n && line.p[i] == '\xe2' && line.p[i + 1] == '\x90') {
			for (j = 0; j < sizeof(what) && (line.p[i + 2] & 0x3f) != what[j]; j += 2)
				;
			if (j < sizeof(what)) {
				out[n++] = what[j + 1];
				i += 2;
				continue;
			}
		}
		out[n++] = line.p[i];
	}
	return (struct str){ out, n };
}

static void messages_print(struct buf *out, const struct diags *d)
{
	const struct diag *g;
	unsigned line, column;

	for (g = d->first; g; g = g->next) {
		span_place(g->span, &line, &column);
		buf_printf(out, "%s%u:%u %s", g == d->first ? "" : " ", line, column, diag_name(g->code));
	}
}

/* One case: text, and the expected lines after `=> ` and `!! `, empty if there is none. */
static bool case_run(parse_f parse, struct arena *a, struct str text, struct str tree, struct str messages)
{
	static const char *const uses[] = { "", " [tab]", " [comment]", " [tabcomment]" };
	struct source src = { .text = picture_expand(a, text) }, again = { 0 };
	struct buf printed = BUF_INIT, told = BUF_INIT, got = BUF_INIT;
	struct diags d, none;
	unsigned extensions = 0;
	struct ast *e, *f;
	struct str want;
	bool ok;

	diags_init(&d);
	diags_init(&none);
	e = parse(a, &src, &d, &extensions);
	messages_print(&told, &d);
	ok = (e == NULL) == (tree.n == 0) && str_eq(buf_str(&told), messages);
	if (ok && e) {
		ast_print(&printed, e);
		buf_add(&got, buf_str(&printed));
		buf_add(&got, str_of(uses[extensions]));
		want = picture_expand(a, tree);
		if (str_starts(tree, STR("=")) && (tree.n == 1 || tree.p[1] == ' '))
			want = arena_concat(a, (struct str[]){ src.text, str_sub(tree, 1, tree.n) }, 2);
		ok = str_eq(buf_str(&got), want);
		again.text = buf_str(&printed);
		f = parse(a, &again, &none, NULL);
		ok &= f && ast_equal(e, f);
	}
	if (!ok)
		print_error("%.*s\n    got  => %.*s !! %.*s\n    want => %.*s !! %.*s\n", STR_FMT(text),
			STR_FMT(buf_str(&got)),
			STR_FMT(buf_str(&told)), STR_FMT(tree), STR_FMT(messages));
	buf_fini(&printed);
	buf_fini(&told);
	buf_fini(&got);
	diags_fini(&d);
	diags_fini(&none);
	return ok;
}

static struct str line_take(struct str *rest)
{
	ptrdiff_t n = str_find(*rest, '\n');
	struct str line = str_sub(*rest, 0, n < 0 ? rest->n : (size_t)n);

	*rest = str_sub(*rest, n < 0 ? rest->n : (size_t)n + 1, rest->n);
	return line;
}

static void data_run(const char *path, parse_f parse, unsigned least)
{
	struct arena file = ARENA_INIT, a = ARENA_INIT;
	struct str rest, text, tree, messages;
	unsigned cases = 0, failed = 0;

	assert_int_equal(file_read(&file, path, LIMIT_FILE_BYTES, &rest), 0);
	while (rest.n) {
		text = line_take(&rest);
		if (!text.n || text.p[0] == '%')
			continue;
		tree = messages = STR_NONE;
		while (str_starts(rest, STR("    "))) {
			struct str line = line_take(&rest);

			if (str_starts(line, STR("    => ")))
				tree = str_sub(line, 7, line.n);
			else if (str_starts(line, STR("    !! ")))
				messages = str_sub(line, 7, line.n);
			else
				fail_msg("%s: not a line of a case: %.*s", path, STR_FMT(line));
		}
		cases++;
		failed += !case_run(parse, &a, text, tree, messages);
		arena_reset(&a);
	}
	arena_fini(&a);
	arena_fini(&file);
	assert_int_equal(failed, 0);
	assert_true(cases >= least);
}

static void test_conditions(void **state)
{
	(void)state;
	data_run("tests/data/grammar/conditions.txt", parse_expression, 500);
}

static void test_values(void **state)
{
	(void)state;
	data_run("tests/data/grammar/values.txt", parse_value, 40);
}

/* Whatever a text is cut down to, there is an answer or a message. */
static void test_cut_short(void **state)
{
	struct arena file = ARENA_INIT, a = ARENA_INIT;
	struct str rest, line;

	(void)state;
	assert_int_equal(file_read(&file, "tests/data/grammar/conditions.txt", LIMIT_FILE_BYTES, &rest), 0);
	while (rest.n) {
		struct str text = picture_expand(&file, (line = line_take(&rest)));
		size_t n;

		if (!line.n || line.p[0] == '%' || line.p[0] == ' ')
			continue;
		for (n = 0; n < text.n; n++) {
			struct source src = { .text = str_sub(text, 0, n) };
			struct diags d;

			diags_init(&d);
			assert_true((parse_expression(&a, &src, &d, NULL) == NULL) == (d.errors > 0));
			diags_fini(&d);
			arena_reset(&a);
		}
	}
	arena_fini(&a);
	arena_fini(&file);
}

/* ---- limits ---- */

static struct ast *parse_repeated(struct arena *a, struct diags *d, const char *before, const char *middle,
	const char *after, unsigned times)
{
	struct buf b = BUF_INIT;
	struct source *src = arena_zalloc(a, sizeof(*src));
	struct ast *e;
	unsigned i;

	for (i = 0; i < times; i++)
		buf_add(&b, str_of(before));
	buf_add(&b, str_of(middle));
	for (i = 0; i < times; i++)
		buf_add(&b, str_of(after));
	src->text = arena_str(a, buf_str(&b));
	buf_fini(&b);
	diags_init(d);
	e = parse_expression(a, src, d, NULL);
	return e;
}

static void test_nesting(void **state)
{
	static const struct {
		const char *before, *middle, *after;
		unsigned each;
	} cases[] = {
		{ "(", "a", ")", 1 }, { "not ", "a", "", 1 }, { "!", "a", "", 1 }, { "f(", "a", ")", 1 },
		{ "any(", "a", ")", 1 }, { "not (", "a", ")", 2 }, { "not any(", "a", ")", 2 },
		{ "(not f(a) and ", "a", ")", 1 }, { "a and not b and (", "a", ")", 1 },
	};
	size_t i;

	(void)state;
	for (i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		unsigned most = LIMIT_NESTING / cases[i].each;
		struct arena a = ARENA_INIT;
		struct diags d;

		if (i == 7) /* inside of the innermost parenthesis not and a call still count */
			most -= 2;
		assert_non_null(parse_repeated(&a, &d, cases[i].before, cases[i].middle, cases[i].after,
			most));
		diags_fini(&d);
		assert_null(parse_repeated(&a, &d, cases[i].before, cases[i].middle, cases[i].after,
			most + 1));
		assert_int_equal(d.errors, 1);
		assert_int_equal(d.first->code, U0012);
		diags_fini(&d);
		assert_null(parse_repeated(&a, &d, cases[i].before, cases[i].middle, cases[i].after, 4000));
		assert_int_equal(d.first->code, U0012);
		diags_fini(&d);
		arena_fini(&a);
	}
}

/* Long is not deep. */
static void test_long(void **state)
{
	struct arena a = ARENA_INIT;
	struct diags d;
	struct ast *e;

	(void)state;
	assert_non_null(e = parse_repeated(&a, &d, "a eq 1 and ", "a", "", 5000));
	assert_int_equal(e->kind, AST_LOGIC);
	assert_int_equal(e->n, 5001);
	diags_fini(&d);
	assert_non_null(e = parse_repeated(&a, &d, "not a or ", "a", "", 5000));
	assert_int_equal(e->n, 5001);
	diags_fini(&d);
	assert_non_null(e = parse_repeated(&a, &d, "not f(a) xor ", "(a)", "", 3000));
	assert_int_equal(e->n, 3001);
	diags_fini(&d);
	assert_null(parse_repeated(&a, &d, "a eq 1 and ", "a", "", 6000));
	assert_int_equal(d.first->code, U0012);
	diags_fini(&d);
	arena_fini(&a);
}

/* ---- rule files ---- */

static struct ast_file *file_parse(struct arena *a, struct diags *d, const char *text)
{
	struct source *src = arena_zalloc(a, sizeof(*src));

	src->text = str_of(text);
	diags_init(d);
	return parse_file(a, src, d);
}

static void printed_equal(const struct ast *e, const char *want)
{
	struct buf b = BUF_INIT;

	assert_non_null(e);
	ast_print(&b, e);
	buf_addc(&b, '\0');
	assert_string_equal(buf_str(&b).p, want);
	buf_fini(&b);
}

static void str_equal(struct str s, const char *want)
{
	assert_int_equal(s.n, strlen(want));
	assert_memory_equal(s.p, want, s.n);
}

static void test_settings(void **state)
{
	struct arena a = ARENA_INIT;
	struct diags d;
	struct ast_file *f = file_parse(&a, &d,
		"listener public {\r\n\taddress 0.0.0.0:8443 # where\r\n\r\n protocols h2, http/1.1; plain\n"
		"  timeouts { drain 30s; idle 5s }\n}\n"
		"zone list { hosts a.example,\n  *.b.example,\n  c.example\n name \"say \\\"x\\\"\" r\"c:\\d\" }\n"
		"limits { }\n"
		"list offices.eu : ip from \"offices.txt\"\n"
		"list numbers : int { 1 2..5 0x10 }\ninclude \"rules.d/*.rules\"\n");
	struct ast_block *b = f->blocks;
	struct ast_setting *s = b->settings;

	(void)state;
	assert_int_equal(d.errors + d.warnings, 0);
	assert_int_equal(b->kind, AST_BLOCK_SETTINGS);
	str_equal(b->keyword, "listener");
	str_equal(b->name, "public");
	str_equal(s->name, "address");
	str_equal(s->words[0].text, "0.0.0.0:8443");
	assert_int_equal(s->nwords, 1);
	s = s->next;
	assert_int_equal(s->nwords, 2);
	assert_true(s->words[0].comma && !s->words[1].comma);
	s = s->next;
	str_equal(s->name, "plain");
	assert_int_equal(s->nwords, 0);
	s = s->next;
	str_equal(s->block->settings->next->name, "idle");
	assert_null(s->next);
	b = b->next;
	str_equal(b->name, "list");
	assert_int_equal(b->settings->nwords, 3);
	s = b->settings->next;
	assert_true(s->words[0].quoted);
	str_equal(s->words[0].text, "say \"x\"");
	str_equal(s->words[1].text, "c:\\d");
	b = b->next;
	str_equal(b->keyword, "limits");
	assert_int_equal(b->name.n, 0);
	b = b->next;
	assert_int_equal(b->kind, AST_BLOCK_LIST);
	str_equal(b->name, "offices.eu");
	str_equal(b->list_type, "ip");
	str_equal(b->from.text, "offices.txt");
	assert_null(b->items);
	b = b->next;
	printed_equal(b->items, "{1 2..5 0x10}");
	b = b->next;
	assert_int_equal(b->kind, AST_BLOCK_INCLUDE);
	str_equal(b->include, "rules.d/*.rules");
	assert_null(b->next);
	diags_fini(&d);
	arena_fini(&a);
}

static void test_rules(void **state)
{
	struct arena a = ARENA_INIT;
	struct diags d;
	struct ast_file *f = file_parse(&a, &d,
		"rule phase { phase request_firewall tags one, two enabled no when a\tand b # why\n"
		" then block 403 json \"{}\" then log \"x\" description \"d\" zones z1, z2 }\n"
		"rule then { then redirect 302 concat(\"https://\", a) preserve_query when true }\n"
		"rule r { when a in {1 2} then redirect \"https://x\"; then skip phase quiet quiet\n"
		"  then skip ruleset block then skip rate_limits quiet then skip rules }\n"
		"rule h { when a then set request header \"x\" = lower(a) then add response header \"y\" = \"z\"\n"
		"  then remove request header \"x\" then rewrite path = \"/\" then rewrite query=a\n"
		"  then route origin \"http://a\" then route pool origin then route host_header \"h\" then route sni \"s\"\n"
		"  then config timeout_idle 30s then config mode \"off\" then respond 200 text \"ok\" then block then log }\n"
		"rule l { when a then rate_limit { by ip.src, a[\"k\"][0] requests 100 per 60s; for 10m\n"
		"  counting http.response.code eq 401 block 429 text \"slow\" } then log }\n"
		"ruleset s { mode log\n zones a\n rule one { when a then log } rule two { when b then log } }\n");
	struct ast_block *b = f->blocks;
	struct ast_action *t;

	(void)state;
	if (d.errors)
		diags_print(&d, stderr, false);
	assert_int_equal(d.errors + d.warnings, 0);
	str_equal(b->name, "phase");
	str_equal(b->settings->name, "phase");
	str_equal(b->settings->next->words[1].text, "two");
	str_equal(b->settings->next->next->words[0].text, "no");
	printed_equal(b->when, "a and b");
	assert_int_equal(b->extensions, AST_EXT_TAB);
	str_equal(b->actions->status.text, "403");
	str_equal(b->actions->body_type, "json");
	str_equal(b->actions->body, "{}");
	assert_int_equal(b->actions->next->kind, AST_LOG);
	str_equal(b->actions->next->body, "x");
	b = b->next;
	str_equal(b->name, "then");
	assert_true(b->actions->preserve_query);
	str_equal(b->actions->status.text, "302");
	printed_equal(b->actions->value, "concat(\"https://\", a)");
	b = b->next;
	t = b->actions;
	assert_int_equal(t->status.text.n, 0);
	printed_equal(t->value, "\"https://x\"");
	t = t->next;
	str_equal(t->verb, "phase");
	str_equal(t->target, "quiet");
	assert_true(t->quiet);
	t = t->next;
	str_equal(t->verb, "ruleset");
	str_equal(t->target, "block");
	assert_false(t->quiet);
	assert_true(t->next->quiet);
	str_equal(t->next->next->verb, "rules");
	b = b->next;
	t = b->actions;
	str_equal(t->verb, "set");
	str_equal(t->target, "request");
	str_equal(t->name, "x");
	printed_equal(t->value, "lower(a)");
	t = t->next;
	str_equal(t->verb, "add");
	str_equal(t->target, "response");
	t = t->next;
	str_equal(t->verb, "remove");
	assert_null(t->value);
	t = t->next;
	assert_int_equal(t->kind, AST_REWRITE);
	str_equal(t->verb, "path");
	t = t->next;
	str_equal(t->verb, "query");
	t = t->next;
	str_equal(t->verb, "origin");
	printed_equal(t->value, "\"http://a\"");
	t = t->next;
	str_equal(t->verb, "pool");
	str_equal(t->target, "origin");
	t = t->next;
	str_equal(t->verb, "host_header");
	t = t->next;
	str_equal(t->verb, "sni");
	t = t->next;
	assert_int_equal(t->kind, AST_CONFIG);
	str_equal(t->verb, "timeout_idle");
	printed_equal(t->value, "\"30s\"");
	t = t->next;
	printed_equal(t->value, "\"off\"");
	t = t->next;
	assert_int_equal(t->kind, AST_RESPOND);
	t = t->next;
	assert_int_equal(t->kind, AST_BLOCK);
	assert_int_equal(t->status.text.n, 0);
	assert_false(t->has_body);
	assert_null(t->next->next);
	b = b->next;
	t = b->actions;
	assert_int_equal(t->rate->nby, 2);
	printed_equal(t->rate->by[1], "a[\"k\"][0]");
	str_equal(t->rate->requests.text, "100");
	str_equal(t->rate->per.text, "60s");
	str_equal(t->rate->duration.text, "10m");
	printed_equal(t->rate->counting, "http.response.code eq 401");
	str_equal(t->rate->action->body, "slow");
	assert_int_equal(t->next->kind, AST_LOG);
	b = b->next;
	assert_int_equal(b->kind, AST_BLOCK_RULESET);
	str_equal(b->settings->next->name, "zones");
	str_equal(b->rules->next->name, "two");
	assert_null(b->rules->next->next);
	diags_fini(&d);
	arena_fini(&a);
}

static void test_tests(void **state)
{
	struct arena a = ARENA_INIT;
	struct diags d;
	struct ast_file *f = file_parse(&a, &d,
		"test \"a guest\" {\n request GET https://staff.example/ client { cert_presented yes  cert_verified no }\n"
		" expect block 403 by staff }\n"
		"test named { request GET https://a/ }\n"
		"reject \"one line\" { rule odd { when a eq \"}\" then block } says 1:40 U1003 }\n"
		"reject \"unbalanced\" {\n  rule odd { when a eq \"}\n  says 1:2 U0002\n}\nlimits { x 1 }\n");
	struct ast_block *b = f->blocks;
	struct ast_setting *s = b->settings;

	(void)state;
	assert_int_equal(d.errors, 0);
	str_equal(b->name, "a guest");
	str_equal(s->words[1].text, "https://staff.example/");
	s = s->next;
	str_equal(s->name, "client");
	assert_int_equal(s->nwords, 0);
	str_equal(s->block->settings->words[0].text, "yes");
	str_equal(s->block->settings->next->name, "cert_verified");
	str_equal(s->next->name, "expect");
	assert_int_equal(s->next->nwords, 4);
	b = b->next->next;
	str_equal(b->keyword, "reject");
	str_equal(str_sub(b->raw.src->text, b->raw.from, b->raw.to),
		" rule odd { when a eq \"}\" then block } says 1:40 U1003 ");
	b = b->next;
	str_equal(str_sub(b->raw.src->text, b->raw.from, b->raw.to),
		"\n  rule odd { when a eq \"}\n  says 1:2 U0002\n");
	str_equal(b->next->keyword, "limits");
	diags_fini(&d);
	arena_fini(&a);
}

/* A file in which nearly everything is wrong: all of it is told in one run, in the words of the file beside it. */
static void test_mistakes(void **state)
{
	struct arena a = ARENA_INIT;
	struct source src = { .name = STR("mistakes.rules") };
	struct diags d;
	struct str want;
	char *got;
	size_t n;
	FILE *out = open_memstream(&got, &n);

	(void)state;
	diags_init(&d);
	assert_int_equal(file_read(&a, "tests/data/grammar/mistakes.rules", LIMIT_FILE_BYTES, &src.text), 0);
	assert_int_equal(file_read(&a, "tests/data/grammar/mistakes.txt", LIMIT_FILE_BYTES, &want), 0);
	assert_non_null(parse_file(&a, &src, &d));
	diags_print(&d, out, false);
	fclose(out);
	assert_string_equal(got, want.p);
	assert_true(d.errors > 50);
	free(got);
	diags_fini(&d);
	arena_fini(&a);
}

/* Out of memory at any point: no tree, no crash. */
static void test_no_memory(void **state)
{
	struct arena a = ARENA_INIT;
	struct source src = { .name = STR("") };
	struct ast_file *f = NULL;
	struct diags d;
	size_t cap;

	(void)state;
	assert_int_equal(file_read(&a, "tests/data/grammar/mistakes.rules", LIMIT_FILE_BYTES, &src.text), 0);
	for (cap = 1; !f; cap += 4096) {
		struct arena small;

		arena_init(&small, cap);
		diags_init(&d);
		f = parse_file(&small, &src, &d);
		assert_true(cap < 1 << 20);
		diags_fini(&d);
		arena_fini(&small);
	}
	assert_true(cap > 3 * 4096);
	arena_fini(&a);
}

static void test_dumps(void **state)
{
	struct arena a = ARENA_INIT;
	struct source src = { .text = STR("not a[\"k\"][0] eq 1 and (b)") };
	struct source rules = { .text = STR("rule r {\n when a then log\n}") };
	struct buf b = BUF_INIT;
	struct diags d;

	(void)state;
	diags_init(&d);
	assert_true(ast_dump(&b, parse_expression(&a, &src, &d, NULL)));
	buf_addc(&b, '\0');
	assert_string_equal(buf_str(&b).p,
		"logic and @1:1\n  not @1:1\n    compare eq @1:5\n      index 0 @1:5\n        index \"k\" @1:5\n"
		"          name a @1:5\n      literal 1 @1:18\n  name b ( ) @1:25\n");
	buf_clear(&b);
	assert_true(tokens_dump(&b, &rules, true));
	buf_addc(&b, '\0');
	assert_string_equal(buf_str(&b).p,
		"1:1 rule \"rule\"\n1:6 word \"r\"\n1:8 '{' \"{\"\n2:2 when \"when\"\n2:7 name \"a\"\n2:9 then \"then\"\n"
		"2:14 log \"log\"\n3:1 '}' \"}\"\n");
	buf_clear(&b);
	assert_true(file_dump(&b, file_parse(&a, &d,
		"list l : ip { 10.0.0.0/8 }\nruleset s { mode log\n rule r { tags a, b\n when ssl\n"
		" then set request header \"x\" = f(a)\n"
		" then rate_limit { by ip.src requests 5 per 10s counting c block 429 json \"{}\" } } }\n")));
	buf_addc(&b, '\0');
	assert_string_equal(buf_str(&b).p,
		"list \"l\" ip @1:1\n  set @1:13\n    literal 10.0.0.0/8 @1:15\nruleset \"s\" @2:1\n  mode \"log\" @2:13\n"
		"  rule \"r\" @3:2\n    tags \"a\", \"b\" @3:11\n    name ssl @4:7\n"
		"    header set request \"x\" @5:7\n      call f @5:32\n        name a @5:34\n"
		"    rate_limit @6:7\n      requests 5 per 10s\n      name ip.src @6:23\n"
		"      counting\n        name c @6:58\n      block 429 json \"{}\" @6:60\n");
	buf_fini(&b);
	diags_fini(&d);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_conditions), cmocka_unit_test(test_values),
			cmocka_unit_test(test_cut_short),
		cmocka_unit_test(test_nesting), cmocka_unit_test(test_long), cmocka_unit_test(test_settings),
		cmocka_unit_test(test_rules), cmocka_unit_test(test_tests), cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_no_memory), cmocka_unit_test(test_dumps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
