/* SPDX-License-Identifier: Apache-2.0 */
/* Ruleset blocks: mode, scope, whether they are enabled; and names that must be given once. */
#include "engine/rule.h"

#include <stdlib.h>

#include "engine/names.h"

static bool mode_check(struct compiler *c, const struct ast_setting *s, bool *dry_run)
{
	if (s->nwords == 1 && str_eq(s->words[0].text, STR("enforce"))) {
		*dry_run = false;
		return true;
	}
	if (s->nwords == 1 && str_eq(s->words[0].text, STR("log"))) {
		*dry_run = true;
		return true;
	}
	diag_add(c->d, U8001, s->span, "mode is enforce or log");
	return false;
}

void group_check(struct rules *r, const struct ast_block *b, struct group *out)
{
	static const char *const names[] = {"mode", "zones", "phase", "enabled", "description", "tags"};
	struct diag *g;

	*out = (struct group){
	    .name = seal_str(r->c, b->name), .span = b->name_span, .enabled = true, .block = b};
	for (const struct ast_setting *s = b->settings; s != NULL; s = s->next) {
		struct nearest near = {.name = s->name};
		bool known = false;

		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			known = known || str_eq(s->name, str_of(names[i]));
			nearest_offer(&near, str_of(names[i]));
		}
		if (str_eq(s->name, STR("mode")))
			mode_check(r->c, s, &out->dry_run);
		else if (str_eq(s->name, STR("enabled")))
			setting_switch(r->c, s, &out->enabled);
		if (known)
			continue;
		g = diag_add(r->c->d, U8001, s->name_span, "a ruleset has no setting %.*s", STR_FMT(s->name));
		if (near.best.n > 0)
			diag_help(r->c->d, g, "did you mean %.*s?", STR_FMT(near.best));
	}
	out->scope = zones_check(r, b);
}

struct seen {
	struct str name;
	struct span span;
	size_t at;
};

static int by_name(const void *x, const void *y)
{
	const struct seen *a = x, *b = y;
	int c = str_cmp(a->name, b->name);

	return c != 0 ? c : (a->at > b->at) - (a->at < b->at);
}

static void once(struct compiler *c, struct seen *v, size_t n, const char *kind)
{
	struct diag *g;

	qsort(v, n, sizeof(*v), by_name);
	for (size_t i = 1; i < n; i++) {
		if (!str_eq(v[i].name, v[i - 1].name))
			continue;
		g = diag_add(c->d, U1008, v[i].span, "there is a %s %.*s already", kind, STR_FMT(v[i].name));
		diag_second(c->d, g, v[i - 1].span, "defined here");
	}
}

static void add(struct seen *v, size_t *n, const struct ast_block *b)
{
	v[*n] = (struct seen){b->name, b->name_span, *n};
	(*n)++;
}

void names_check(struct rules *r, const struct ast_file *file)
{
	size_t most = 0, rules = 0, groups = 0;
	struct seen *v, *g;

	for (const struct ast_block *b = file->blocks; b != NULL; b = b->next) {
		most++;
		for (const struct ast_block *i = b->rules; i != NULL; i = i->next)
			most++;
	}
	v = arena_array(r->c->scratch, most, sizeof(*v));
	g = arena_array(r->c->scratch, most, sizeof(*g));
	if (v == NULL || g == NULL) {
		r->c->no_memory = true;
		return;
	}
	for (const struct ast_block *b = file->blocks; b != NULL; b = b->next) {
		if (b->kind == AST_BLOCK_RULE)
			add(v, &rules, b);
		if (b->kind != AST_BLOCK_RULESET)
			continue;
		add(g, &groups, b);
		for (const struct ast_block *i = b->rules; i != NULL; i = i->next)
			add(v, &rules, i);
	}
	once(r->c, v, rules, "rule");
	once(r->c, g, groups, "ruleset");
}
