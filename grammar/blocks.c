/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes of rule files: settings, blocks, rules and their actions. What a setting's name or value means is for
 * others; that a rule has one condition and an action its parts is seen to here.
 */
#include "grammar/internal.h"

/* ---- settings ---- */

static struct ast_word word(struct named w, bool quoted)
{
	return (struct ast_word){ .span = w.at, .text = w.text, .quoted = quoted };
}

void words_add(struct parser *p, struct words *w, struct str text, bool quoted, struct span at)
{
	struct ast_word *v = w->v, *last = w->n ? &w->v[w->n - 1] : NULL;

	if (!w->n || (w->n >= 4 && !(w->n & (w->n - 1)))) {
		v = arena_grow(p->arena, v, w->n * sizeof(*v), (w->n ? 2 * w->n : 4) * sizeof(*v));
		if (!v) {
			nomem(p);
			return;
		}
		w->v = v;
		last = w->n ? &v[w->n - 1] : NULL;
	}
	if (last && last->comma &&
	    str_find(str_sub(p->src->text, last->span.to, at.from), '\n') >= 0)
		w->continued = true;
	else if (last && !last->comma && w->continued) {
		struct diag *g = diag_add(p->diags, U0001, at, "a comma is missing between these values");

		diag_help(p->diags, g, "the line above ends with a comma: what follows belongs to its list");
	}
	v[w->n++] = (struct ast_word){ .span = at, .text = text, .quoted = quoted };
}

void words_comma(struct parser *p, struct words *w, struct span at)
{
	if (!w->n || w->v[w->n - 1].comma)
		diag_add(p->diags, U0001, at, "a comma with no value before it");
	else
		w->v[w->n - 1].comma = true;
}

struct ast_setting *setting_new(struct parser *p, struct named name, struct words words,
	struct ast_block *block, struct span at)
{
	struct ast_setting *s = ARENA_NEW(p->arena, struct ast_setting);

	if (words.n && words.v[words.n - 1].comma)
		diag_add(p->diags, U0001, words.v[words.n - 1].span, "a value is missing after the comma");
	if (!s) {
		nomem(p);
		return NULL;
	}
	s->span = at;
	s->name_span = name.at;
	s->name = name.text;
	s->words = words.v;
	s->nwords = words.n;
	s->block = block;
	return s;
}

void settings_add(struct settings *list, struct ast_setting *s)
{
	if (!s)
		return;
	if (list->last)
		list->last->next = s;
	else
		list->first = s;
	list->last = s;
}

/* ---- blocks ---- */

static struct ast_block *block(struct parser *p, enum ast_block_kind kind, struct span at)
{
	struct ast_block *b = ARENA_NEW(p->arena, struct ast_block);

	if (!b) {
		nomem(p);
		b = &p->no_block;
		*b = (struct ast_block){ 0 };
	}
	b->kind = kind;
	b->span = at;
	return b;
}

static void block_name(struct parser *p, struct ast_block *b, struct named keyword, struct named name,
	bool list)
{
	size_t i;

	b->keyword = keyword.text;
	b->keyword_span = keyword.at;
	b->name = name.text;
	b->name_span = name.at;
	for (i = 0; i < name.text.n; i++) {
		char c = name.text.p[i];

		if (ascii_digit(c) || c == '_' || (list ? (c >= 'a' && c <= 'z') ||
			c == '.' : ascii_alpha(c) || c == '-'))
			continue;
		diag_add(p->diags, U0001, name.at,
			list ? "the name of a list has lower-case letters, digits, _ and . only"
			: "a name has letters, digits, - and _ only");
		return;
	}
	if (list && name.text.n && (name.text.p[0] == '.' || name.text.p[name.text.n - 1] == '.'))
		diag_add(p->diags, U0001, name.at, "the name of a list does not begin or end with a dot");
}

struct ast_block *block_settings(struct parser *p, struct named keyword, struct named name, struct settings s,
	struct span at)
{
	struct ast_block *b = block(p, AST_BLOCK_SETTINGS, at);

	block_name(p, b, keyword, name, false);
	b->settings = s.first;
	return b;
}

struct ast_block *block_nested(struct parser *p, struct settings s, struct span at)
{
	struct ast_block *b = block(p, AST_BLOCK_SETTINGS, at);

	b->settings = s.first;
	return b;
}

struct ast_block *block_test(struct parser *p, struct named keyword, struct named name, struct settings s,
	struct span at)
{
	struct ast_block *b = block(p, AST_BLOCK_TEST, at);

	b->keyword = keyword.text;
	b->keyword_span = keyword.at;
	b->name = name.text;
	b->name_span = name.at;
	b->settings = s.first;
	return b;
}

struct ast_block *block_reject(struct parser *p, struct named keyword, struct named name, struct span raw,
	struct span at)
{
	struct ast_block *b = block_test(p, keyword, name, (struct settings){ 0 }, at);

	b->raw = (struct span){ raw.src, raw.from + 1, raw.to - 1 };
	return b;
}

struct ast_block *block_list(struct parser *p, struct named keyword, struct named name, struct named type,
	struct nodes items, struct span items_at, struct span at)
{
	struct ast_block *b = block(p, AST_BLOCK_LIST, at);

	block_name(p, b, keyword, name, true);
	b->list_type = type.text;
	b->list_type_span = type.at;
	b->items = ast_set(p, items, items_at);
	return b;
}

struct ast_block *block_list_from(struct parser *p, struct named keyword, struct named name,
	struct named type,
	struct named from, struct span at)
{
	struct ast_block *b = block(p, AST_BLOCK_LIST, at);

	block_name(p, b, keyword, name, true);
	b->list_type = type.text;
	b->list_type_span = type.at;
	b->from = word(from, true);
	if (!from.text.n)
		diag_add(p->diags, U0001, from.at, "the name of a file is missing");
	return b;
}

struct ast_block *block_include(struct parser *p, struct named keyword, struct str glob, struct span at)
{
	struct ast_block *b = block(p, AST_BLOCK_INCLUDE, at);

	b->keyword = keyword.text;
	b->keyword_span = keyword.at;
	b->include = glob;
	return b;
}

static void chain_add(struct ast_block ***end, struct ast_block *b)
{
	**end = b;
	*end = &b->next;
}

void file_add(struct parser *p, struct ast_block *b)
{
	if (b != &p->no_block)
		chain_add(&p->block_end, b);
}

/* ---- rules ---- */

/* Under construction a block keeps the ends of its chains beside it. */
struct builder {
	struct ast_block block; /* first: one pointer is both */
	struct settings settings;
	struct ast_block **rules_end;
	struct ast_action **actions_end;
};

struct ast_block *block_begin(struct parser *p, enum ast_block_kind kind)
{
	struct builder *b = ARENA_NEW(p->arena, struct builder);

	if (!b) {
		nomem(p);
		return NULL;
	}
	b->block.kind = kind;
	b->rules_end = &b->block.rules;
	b->actions_end = &b->block.actions;
	return &b->block;
}

/* A condition is missing: perhaps a setting is one that was misspelled. */
static void condition_tell(struct parser *p, const struct ast_block *b)
{
	struct diag *g = diag_add(p->diags, U0001, b->keyword_span,
		"this rule has no condition: `when EXPRESSION`");
	const struct ast_setting *s;

	for (s = b->settings; s; s = s->next)
		if (str_distance(s->name, STR("when"), 2) <= 2)
			diag_second(p->diags, g, s->name_span, "did you mean `when`?");
}

struct ast_block *block_end(struct parser *p, struct ast_block *b, struct named keyword, struct named name,
	struct span at)
{
	if (!b)
		return block(p, AST_BLOCK_RULE, at);
	block_name(p, b, keyword, name, false);
	b->span = at;
	b->settings = ((struct builder *)b)->settings.first;
	if (b->kind == AST_BLOCK_RULE && !b->broken) {
		if (!b->when)
			condition_tell(p, b);
		if (!b->actions)
			diag_add(p->diags, U0001, b->keyword_span, "this rule does nothing: `then ACTION`");
		b->broken = !b->when || !b->actions;
	}
	return b;
}

void block_broken(struct ast_block *b)
{
	if (b)
		b->broken = true;
}

void block_setting(struct parser *p, struct ast_block *b, struct ast_setting *s)
{
	(void)p;
	if (b)
		settings_add(&((struct builder *)b)->settings, s);
}

void rule_when(struct parser *p, struct ast_block *rule, struct ast *when, struct span at)
{
	if (!rule)
		return;
	if (rule->when) {
		struct diag *g = diag_add(p->diags, U0001, at, "a rule has one condition");

		diag_second(p->diags, g, rule->when->span, "the first one is here");
		rule->broken = true;
		return;
	}
	if (at.to - at.from > LIMIT_EXPRESSION_BYTES)
		diag_add(p->diags, U0012, (struct span){ at.src, at.from, at.from + 1 },
			"an expression longer than %d bytes", LIMIT_EXPRESSION_BYTES);
	rule->when = when;
	rule->extensions = p->scan.extensions;
}

void rule_then(struct parser *p, struct ast_block *rule, struct ast_action *action)
{
	struct builder *b = (struct builder *)rule;

	if (!rule || action == &p->no_action)
		return;
	*b->actions_end = action;
	b->actions_end = &action->next;
}

void ruleset_rule(struct parser *p, struct ast_block *set, struct ast_block *rule)
{
	if (set && rule != &p->no_block)
		chain_add(&((struct builder *)set)->rules_end, rule);
}
