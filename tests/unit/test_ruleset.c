/* SPDX-License-Identifier: Apache-2.0 */
/* Rulesets by example: tests/data/engine/verdicts.txt and errors.txt say what each decides, or what is wrong
 * with it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/file.h"
#include "engine/facts_json.h"

static struct str next_line(struct str *rest)
{
	ptrdiff_t end = str_find(*rest, '\n');
	struct str line = end < 0 ? *rest : str_sub(*rest, 0, (size_t)end);

	*rest = end < 0 ? STR_NONE : str_sub(*rest, (size_t)end + 1, rest->n);
	return line;
}

static int by_place(const void *x, const void *y)
{
	const struct diag *a = *(struct diag *const *)x, *b = *(struct diag *const *)y;

	return a->span.from != b->span.from ? (a->span.from < b->span.from ? -1 : 1)
	                                    : (int)a->code - (int)b->code;
}

static void diags_text(const struct diags *d, struct buf *out)
{
	const struct diag *all[256];
	unsigned line, column;
	size_t n = 0;

	for (const struct diag *g = d->first; g != NULL && n < 256; g = g->next)
		all[n++] = g;
	qsort(all, n, sizeof(*all), by_place);
	for (size_t i = 0; i < n; i++) {
		span_place(all[i]->span, &line, &column);
		buf_printf(out, "%s%s %u:%u", i > 0 ? " " : "", diag_name(all[i]->code), line, column);
	}
}

static void edits_text(struct verdict *v, struct buf *out)
{
	static const char *const kinds[] = {"set",    "add",  "remove",      "path", "query",
	                                    "origin", "pool", "host_header", "sni",  "config"};

	for (const struct edit *e = v->edits; e != NULL; e = e->next)
		buf_printf(out, "e:%s %.*s=%.*s ", kinds[e->kind], STR_FMT(e->name), STR_FMT(e->value));
	v->edits = v->last_edit = NULL;
}

static void matches_text(const struct match *from, struct buf *out)
{
	for (const struct match *m = from; m != NULL; m = m->next) {
		buf_printf(out, "m:%.*s.%.*s ", STR_FMT(m->rule->name), STR_FMT(m->action));
		if (m->text.n > 0)
			buf_printf(out, "\"%.*s\" ", STR_FMT(m->text));
		if (m->dry_run)
			buf_add(out, STR("dry "));
		if (m->quiet)
			buf_add(out, STR("quiet "));
	}
}

static void outcome_text(const struct verdict *v, struct buf *out)
{
	static const char *const names[] = {"pass", "block", "respond", "redirect", "fail"};

	buf_add(out, str_of(names[v->outcome]));
	if (v->outcome == OUTCOME_PASS)
		return;
	buf_printf(out, " %d", v->status);
	if (v->outcome == OUTCOME_REDIRECT)
		buf_printf(out, " %.*s", STR_FMT(v->location));
	if (v->reason.n > 0)
		buf_printf(out, " %.*s", STR_FMT(v->reason));
	if (v->retry_after > 0)
		buf_printf(out, " retry %lld", (long long)v->retry_after);
	if (v->media_type.n > 0)
		buf_printf(out, " %.*s \"%.*s\"", STR_FMT(v->media_type), STR_FMT(v->body));
	buf_printf(out, " by %.*s", STR_FMT(v->by->name));
}

static void judge(const struct ruleset *r, struct facts *f, struct buf *out)
{
	struct verdict v = {.outcome = OUTCOME_PASS};
	const struct match *last = NULL;

	for (enum phase p = 0; p < PHASE_COUNT; p++) {
		bool on = f->in.response == NULL && p >= PHASE_RESPONSE_HEADERS
		              ? true
		              : ruleset_run(r, p, f->fields, NULL, &v);

		matches_text(last == NULL ? v.matches : last->next, out);
		last = v.last_match;
		edits_text(&v, out);
		if (!on)
			break;
	}
	outcome_text(&v, out);
}

/* "slow": a User-Agent that some patterns cannot get through. */
static void slow_down(json_t *o)
{
	char text[4001];

	if (json_object_get(o, "slow") == NULL)
		return;
	memset(text, 'a', 4000);
	memcpy(text + 3998, "b!", 3);
	json_object_del(o, "slow");
	json_object_set_new(o, "http.user_agent", json_string(text));
}

static bool expect(const struct ruleset *r, struct str line, unsigned number)
{
	const char *arrow = memmem(line.p, line.n, " => ", 4);
	struct arena a = ARENA_INIT;
	struct buf out = BUF_INIT;
	struct facts f;
	struct str want, why;
	json_t *o;
	bool same;

	assert_non_null(arrow);
	want = str_range(arrow + 4, line.p + line.n);
	o = json_loadb(line.p, (size_t)(arrow - line.p), 0, NULL);
	assert_non_null(o);
	slow_down(o);
	if (facts_of_json(&f, &a, o, STR(""), r, &why) < 0)
		fail_msg("line %u: %.*s", number, STR_FMT(why));
	judge(r, &f, &out);
	same = str_eq(want, buf_str(&out));
	if (!same)
		fprintf(stderr, "line %u:\n  want %.*s\n  have %.*s\n", number, STR_FMT(want),
		        STR_FMT(buf_str(&out)));
	facts_fini(&f);
	json_decref(o);
	buf_fini(&out);
	arena_fini(&a);
	return same;
}

struct block { /* of a data file */
	struct str title, rules, expected;
	unsigned line; /* of the first expected line */
};

static bool next_block(struct str *rest, unsigned *number, struct block *out)
{
	struct str line;

	*out = (struct block){.line = 0};
	while (rest->n > 0) {
		line = next_line(rest);
		(*number)++;
		if (str_starts(line, STR("## "))) {
			out->title = str_sub(line, 3, line.n);
			out->rules.p = rest->p;
			while (rest->n > 0 && !str_eq(line = next_line(rest), STR("--")))
				(*number)++;
			out->rules.n = (size_t)(line.p - out->rules.p);
			(*number)++;
			out->expected = *rest;
			out->line = *number + 1;
			break;
		}
	}
	return out->line > 0;
}

static const struct str zones[] = {{"east", 4}, {"west", 4}};

static struct ruleset *compile(struct str text, struct diags *d)
{
	struct ruleset_options o = {.zones = zones, .nzones = 2};
	static struct source src; /* diagnostics point to it */
	struct arena a = ARENA_INIT;
	struct ruleset *r = NULL;
	struct ast_file *file;

	src = (struct source){.name = STR("rules"), .text = text};
	file = parse_file(&a, &src, d);
	assert_non_null(file);
	ruleset_compile(&r, file, &o, d);
	arena_fini(&a);
	return r;
}

static unsigned run_block(const struct block *b)
{
	struct str rest = b->expected, line;
	unsigned failed = 0, number = b->line;
	struct ruleset *r;
	struct diags d;

	diags_init(&d);
	r = compile(b->rules, &d);
	if (r == NULL) {
		diags_print(&d, stderr, false);
		fail_msg("%.*s", STR_FMT(b->title));
	}
	diags_fini(&d);
	while (rest.n > 0 && (line = next_line(&rest)).n > 0)
		failed += !expect(r, line, number++);
	ruleset_unref(r);
	return failed;
}

static void verdicts(void **state)
{
	struct arena a = ARENA_INIT;
	struct str text;
	struct block b;
	unsigned number = 0, failed = 0, blocks = 0;

	(void)state;
	assert_int_equal(file_read(&a, "tests/data/engine/verdicts.txt", 1 << 20, &text), 0);
	for (struct str rest = text; next_block(&rest, &number, &b); blocks++)
		failed += run_block(&b);
	assert_true(blocks > 15);
	assert_int_equal(failed, 0);
	arena_fini(&a);
}

static void errors(void **state)
{
	struct arena a = ARENA_INIT;
	unsigned number = 0, failed = 0, blocks = 0;
	struct str text;
	struct block b;

	(void)state;
	assert_int_equal(file_read(&a, "tests/data/engine/errors.txt", 1 << 20, &text), 0);
	for (struct str rest = text; next_block(&rest, &number, &b); blocks++) {
		struct str expected = b.expected, want = next_line(&expected);
		struct buf have = BUF_INIT;
		struct diags d;

		diags_init(&d);
		ruleset_unref(compile(b.rules, &d));
		diags_text(&d, &have);
		if (!str_eq(want, buf_str(&have))) {
			fprintf(stderr, "%.*s:\n  want %.*s\n  have %.*s\n", STR_FMT(b.title), STR_FMT(want),
			        STR_FMT(buf_str(&have)));
			failed++;
		}
		buf_fini(&have);
		diags_fini(&d);
	}
	assert_true(blocks > 5);
	assert_int_equal(failed, 0);
	arena_fini(&a);
}

/* The version follows what rules say, not how they are laid out. */
static void versions(void **state)
{
	static const struct {
		const char *a, *b;
		bool same;
	} cases[] = {
	    {"rule a { when ssl then log }", "rule a {\n when  ssl # c\n then log }", true},
	    {"rule a { when ssl then log }", "rule b { when ssl then log }", false},
	    {"rule a { when ssl then log }", "rule a { when not ssl then log }", false},
	    {"rule a { when ssl then log }", "rule a { when ssl then block }", false},
	    {"list l : ip { 10.0.0.1 }", "list l : ip { 10.0.0.2 }", false},
	    {"rule a { enabled no when ssl then log }", "rule a { when ssl then log }", false},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct diags d;
		struct ruleset *a, *b;

		diags_init(&d);
		a = compile(str_of(cases[i].a), &d);
		b = compile(str_of(cases[i].b), &d);
		assert_non_null(a);
		assert_non_null(b);
		assert_int_equal(ruleset_version(a).n, 32);
		assert_int_equal(str_eq(ruleset_version(a), ruleset_version(b)), cases[i].same);
		ruleset_unref(a);
		ruleset_unref(b);
		diags_fini(&d);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verdicts),
	    cmocka_unit_test(errors),
	    cmocka_unit_test(versions),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
