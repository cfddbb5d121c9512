/* SPDX-License-Identifier: Apache-2.0 */
/* Rule blocks: settings, phase, condition; actions are in action.c. */
#include "engine/rule.h"

#include "engine/names.h"
#include "engine/rate_rule.h"

static const char *const phase_names[] = {
#define PHASE(id, name, response, prose) name,
#include "engine/phases.def"
#undef PHASE
};

static const bool phase_response[] = {
#define PHASE(id, name, response, prose) response,
#include "engine/phases.def"
#undef PHASE
};

static const struct ast_setting *setting_find(const struct ast_block *b, const char *name)
{
	for (const struct ast_setting *s = b->settings; s != NULL; s = s->next)
		if (str_eq(s->name, str_of(name)))
			return s;
	return NULL;
}

bool setting_switch(struct compiler *c, const struct ast_setting *s, bool *out)
{
	static const struct {
		const char *word;
		bool on;
	} words[] = {
	    {"yes", true}, {"no", false}, {"on", true}, {"off", false}, {"true", true}, {"false", false},
	};

	for (size_t i = 0; s->nwords == 1 && i < sizeof(words) / sizeof(words[0]); i++)
		if (str_eq(s->words[0].text, str_of(words[i].word))) {
			*out = words[i].on;
			return true;
		}
	diag_add(c->d, U8001, s->span, "%.*s is yes or no", STR_FMT(s->name));
	return false;
}

static bool settings_known(struct compiler *c, const struct ast_block *b)
{
	static const char *const names[] = {"phase", "enabled", "tags", "description", "zones"};
	struct nearest near;
	struct diag *g;
	bool good = true, known;

	for (const struct ast_setting *s = b->settings; s != NULL; s = s->next) {
		near = (struct nearest){.name = s->name};
		known = false;
		for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
			known = known || str_eq(s->name, str_of(names[i]));
			nearest_offer(&near, str_of(names[i]));
		}
		if (known) {
			for (const struct ast_setting *t = b->settings; t != s; t = t->next)
				if (str_eq(t->name, s->name)) {
					g = diag_add(c->d, U8001, s->name_span, "%.*s is given twice",
					             STR_FMT(s->name));
					diag_second(c->d, g, t->name_span, "first here");
					good = false;
					break;
				}
			continue;
		}
		g = diag_add(c->d, U8001, s->name_span, "a rule has no setting %.*s", STR_FMT(s->name));
		if (near.best.n > 0)
			diag_help(c->d, g, "did you mean %.*s?", STR_FMT(near.best));
		good = false;
	}
	return good;
}

const struct expr *zones_check(struct rules *r, const struct ast_block *block)
{
	const struct ast_setting *s = setting_find(block, "zones");
	struct ast set = {.kind = AST_SET}, *items, **kids;
	const struct field *field = &field_table[FIELD_ZONE];
	const struct expr *of;
	struct expr *e, *f;

	if (s == NULL)
		return NULL;
	set.span = s->span;
	set.n = s->nwords;
	kids = arena_array(r->c->scratch, s->nwords, sizeof(*kids));
	items = arena_array(r->c->scratch, s->nwords, sizeof(*items));
	f = expr_new(r->c, EX_FIELD, TYPE_BYTES, s->span);
	if (kids == NULL || items == NULL || f == NULL) {
		r->c->no_memory = true;
		return NULL;
	}
	for (size_t i = 0; i < s->nwords; i++) {
		struct nearest near = {.name = s->words[i].text};
		bool known = r->o->zones == NULL;
		struct diag *g;

		for (size_t z = 0; z < r->o->nzones; z++) {
			known = known || str_eq(r->o->zones[z], s->words[i].text);
			nearest_offer(&near, r->o->zones[z]);
		}
		items[i] =
		    (struct ast){.kind = AST_STRING, .span = s->words[i].span, .text = s->words[i].text};
		kids[i] = &items[i];
		if (known)
			continue;
		g = diag_add(r->c->d, U1001, s->words[i].span, "there is no zone %.*s",
		             STR_FMT(s->words[i].text));
		if (near.best.n > 0)
			diag_help(r->c->d, g, "did you mean %.*s?", STR_FMT(near.best));
	}
	set.kids = kids;
	struct ast *kept = ARENA_NEW(r->c->scratch, struct ast);

	if (kept == NULL)
		return NULL;
	*kept = set;
	f->field = field;
	f->scopes = SCOPE_BIT(field->scope);
	of = f;
	if ((e = expr_parent(r->c, EX_TEST, TYPE_BOOL, s->span, &of, 1)) == NULL)
		return NULL;
	e->test = test_intern(r->c, TEST_IN, TYPE_BYTES, kept, NULL);
	return e->test != NULL ? e : NULL;
}

static bool phase_check(struct rules *r, const struct ast_block *b, const struct ast_block *group,
                        enum phase *out)
{
	const struct ast_setting *s = setting_find(b, "phase");
	struct nearest near;
	struct diag *g;
	int found;

	if (s == NULL && group != NULL)
		s = setting_find(group, "phase");
	*out = action_table[action_of(b->actions)].phase;
	for (const struct ast_action *a = b->actions; a != NULL; a = a->next)
		if (a->kind != AST_LOG && a->kind != AST_SKIP) {
			*out = action_table[action_of(a)].phase;
			break;
		}
	if (s == NULL)
		return true;
	if (s->nwords == 1 && (found = phase_find(s->words[0].text)) >= 0) {
		*out = (enum phase)found;
		return true;
	}
	near = (struct nearest){.name = s->nwords > 0 ? s->words[0].text : STR("")};
	for (size_t i = 0; i < PHASE_COUNT; i++)
		nearest_offer(&near, str_of(phase_names[i]));
	g = diag_add(r->c->d, U8001, s->span, "phase needs the name of a phase");
	if (near.best.n > 0)
		diag_help(r->c->d, g, "did you mean %.*s?", STR_FMT(near.best));
	return false;
}

static const struct expr *both(struct rules *r, const struct expr *scope, const struct expr *e)
{
	const struct expr *kids[2] = {scope, e};

	return scope == NULL || e == NULL ? e : expr_parent(r->c, EX_AND, TYPE_BOOL, e->span, kids, 2);
}

static bool actions_check(struct rules *r, const struct ast_block *b, struct rule *rule)
{
	size_t n = 0;
	bool good = true;

	for (const struct ast_action *a = b->actions; a != NULL; a = a->next)
		n++;
	if ((rule->actions = arena_array(r->c->sealed, n, sizeof(*rule->actions))) == NULL) {
		r->c->no_memory = true;
		return false;
	}
	for (const struct ast_action *a = b->actions; a != NULL; a = a->next) {
		struct action *out = &rule->actions[rule->n++];

		good = action_check(r, b, a, rule->phase, out) && good;
		if (a->next != NULL && action_table[out->id].ends) {
			diag_add(r->c->d, U1006, a->next->span, "nothing can follow %s: it ends the request",
			         action_table[out->id].name);
			good = false;
		}
		rule->counts = rule->counts || (good && out->limiter != NULL && out->limiter->counting);
		rule->fails_closed =
		    rule->fails_closed || out->id == ACTION_BLOCK || out->id == ACTION_RATE_LIMIT;
	}
	return good;
}

static void add(struct rules *r, struct rule *rule)
{
	if (r->last[rule->phase] != NULL)
		r->last[rule->phase]->next = rule;
	else
		r->first[rule->phase] = rule;
	r->last[rule->phase] = rule;
	r->n++;
}

void rule_check(struct rules *r, const struct ast_block *b, unsigned group)
{
	const struct group *g = &r->groups[group];
	const struct ast_setting *enabled = setting_find(b, "enabled"),
	                         *about = setting_find(b, "description");
	struct rule *rule = ARENA_NEW(r->c->sealed, struct rule);
	const struct expr *scope, *when;
	bool on = true, good;

	if (rule == NULL) {
		r->c->no_memory = true;
		return;
	}
	good = settings_known(r->c, b);
	if (enabled != NULL)
		good = setting_switch(r->c, enabled, &on) && good;
	scope = zones_check(r, b);
	if (b->when == NULL || b->actions == NULL)
		return; /* a syntax error, told already */
	good = phase_check(r, b, g->block, &rule->phase) && good;
	rule->info.name = seal_str(r->c, b->name);
	rule->info.ruleset = g->name;
	if (about != NULL && about->nwords > 0)
		rule->info.description = seal_str(r->c, about->words[0].text);
	rule->ruleset = group;
	rule->dry_run = g->dry_run;
	r->c->response = phase_response[rule->phase];
	r->c->place = phase_names[rule->phase];
	when = check_condition(r->c, b->when);
	good = actions_check(r, b, rule) && good;
	if (when == NULL || !good || !on || !g->enabled)
		return;
	if ((rule->expr = both(r, g->scope, both(r, scope, when))) != NULL)
		add(r, rule);
}
