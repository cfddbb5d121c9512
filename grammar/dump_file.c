/* SPDX-License-Identifier: Apache-2.0 */
/* The tree of a rule file made visible, one setting, action or node a line. For people; nothing reads it back. */
#include "base/buf.h"
#include "grammar/internal.h"

static const char *const action_names[] = {
	[AST_BLOCK] = "block", [AST_RESPOND] = "respond", [AST_REDIRECT] = "redirect", [AST_LOG] = "log",
	[AST_SKIP] = "skip", [AST_HEADER] = "header", [AST_REWRITE] = "rewrite", [AST_ROUTE] = "route",
	[AST_CONFIG] = "config", [AST_RATE_LIMIT] = "rate_limit",
};

static void dump_place(struct buf *out, struct span at)
{
	unsigned line, column;

	if (at.src) {
		span_place(at, &line, &column);
		buf_printf(out, " @%u:%u", line, column);
	}
	buf_addc(out, '\n');
}

/* A word of the language, or nothing if it was not given. */
static void dump_word(struct buf *out, struct str w)
{
	if (w.n)
		buf_printf(out, " %.*s", STR_FMT(w));
}

/* What an operator chose. */
static void dump_text(struct buf *out, struct str s)
{
	buf_addc(out, ' ');
	buf_json(out, s);
}

static void dump_settings(struct buf *out, const struct ast_setting *s, int depth)
{
	size_t i;

	for (; s; s = s->next) {
		buf_printf(out, "%*s%.*s", 2 * depth, "", STR_FMT(s->name));
		for (i = 0; i < s->nwords; i++) {
			dump_text(out, s->words[i].text);
			if (s->words[i].comma)
				buf_addc(out, ',');
		}
		dump_place(out, s->span);
		if (s->block)
			dump_settings(out, s->block->settings, depth + 1);
	}
}

static void dump_action(struct buf *out, const struct ast_action *a, int depth);

static void dump_rate(struct buf *out, const struct ast_rate_limit *r, int depth)
{
	size_t i;

	buf_printf(out, "%*srequests", 2 * depth, "");
	dump_word(out, r->requests.text);
	dump_word(out, r->per.text.n ? STR("per") : STR_NONE);
	dump_word(out, r->per.text);
	dump_word(out, r->duration.text.n ? STR("for") : STR_NONE);
	dump_word(out, r->duration.text);
	buf_addc(out, '\n');
	for (i = 0; i < r->nby; i++)
		dump_node(out, r->by[i], depth);
	if (r->counting) {
		buf_printf(out, "%*scounting\n", 2 * depth, "");
		dump_node(out, r->counting, depth + 1);
	}
	if (r->action)
		dump_action(out, r->action, depth);
}

static void dump_action(struct buf *out, const struct ast_action *a, int depth)
{
	buf_printf(out, "%*s%s", 2 * depth, "", action_names[a->kind]);
	dump_word(out, a->status.text);
	dump_word(out, a->verb);
	dump_word(out, a->target);
	dump_word(out, a->body_type);
	if (a->has_body)
		dump_text(out, a->body);
	if (a->name.n)
		dump_text(out, a->name);
	dump_word(out, a->quiet ? STR("quiet") : STR_NONE);
	dump_word(out, a->preserve_query ? STR("preserve_query") : STR_NONE);
	dump_place(out, a->span);
	if (a->value)
		dump_node(out, a->value, depth + 1);
	if (a->rate)
		dump_rate(out, a->rate, depth + 1);
}

static void dump_blocks(struct buf *out, const struct ast_block *b, int depth)
{
	const struct ast_action *a;

	for (; b; b = b->next) {
		buf_printf(out, "%*s%.*s", 2 * depth, "", STR_FMT(b->keyword));
		if (b->name.n)
			dump_text(out, b->name);
		dump_word(out, b->list_type);
		if (b->from.text.n)
			dump_text(out, b->from.text);
		if (b->include.n)
			dump_text(out, b->include);
		if (b->raw.src)
			dump_text(out, str_sub(b->raw.src->text, b->raw.from, b->raw.to));
		dump_word(out, b->broken ? STR("broken") : STR_NONE);
		dump_place(out, b->span);
		dump_settings(out, b->settings, depth + 1);
		if (b->items)
			dump_node(out, b->items, depth + 1);
		if (b->when)
			dump_node(out, b->when, depth + 1);
		for (a = b->actions; a; a = a->next)
			dump_action(out, a, depth + 1);
		dump_blocks(out, b->rules, depth + 1);
	}
}

bool file_dump(struct buf *out, const struct ast_file *f)
{
	dump_blocks(out, f->blocks, 0);
	return !out->failed;
}
