/* SPDX-License-Identifier: Apache-2.0 */
/* Typed trees, programs and indexes for people to read; nothing reads them back. */
#include "engine/dump.h"

#include "base/err.h"
#include "engine/index.h"

static const char *const phase_names[] = {
#define PHASE(id, name, response, prose) name,
#include "engine/phases.def"
#undef PHASE
};

static void node_name(struct buf *out, const struct expr *e)
{
	static const char *const orders[] = {"eq", "ne", "lt", "le", "gt", "ge"};

	switch (e->kind) {
	case EX_CONST:
		buf_add(out, STR("const "));
		value_print(out, &e->value);
		break;
	case EX_FIELD:
		buf_printf(out, "field %s", e->field->name);
		break;
	case EX_INDEX:
		buf_printf(out, "index %u", e->number);
		break;
	case EX_KEY:
		buf_add(out, STR("key "));
		buf_json(out, e->text);
		break;
	case EX_EACH:
		buf_add(out, STR("each"));
		break;
	case EX_CALL:
		buf_printf(out, "call %s%s", e->function->name,
		           e->n > 0 && e->kids[0]->each ? " for each" : "");
		break;
	case EX_TEST:
		buf_add(out, STR("test "));
		test_print(out, e->test);
		break;
	case EX_COMPARE:
		buf_printf(out, "compare %s", orders[e->op - AST_EQ]);
		break;
	case EX_NOT:
		buf_add(out, STR("not"));
		break;
	case EX_AND:
		buf_add(out, STR("and"));
		break;
	case EX_OR:
		buf_add(out, STR("or"));
		break;
	case EX_XOR:
		buf_add(out, STR("xor"));
		break;
	case EX_ANY:
		buf_add(out, STR("any"));
		break;
	case EX_ALL:
		buf_add(out, STR("all"));
		break;
	}
}

static void tree(struct buf *out, const struct expr *e, int depth)
{
	buf_printf(out, "%*s", 2 * depth, "");
	node_name(out, e);
	buf_printf(out, " : %s%s\n", e->each ? "each " : "", type_name(e->type));
	for (size_t i = 0; i < e->n; i++)
		tree(out, e->kids[i], depth + 1);
}

static void head(struct buf *out, const struct rule *rule)
{
	buf_printf(out, "rule %.*s (%s)\n", STR_FMT(rule->info.name), phase_names[rule->phase]);
}

void dump_checked(const struct dump *d, struct rules *r)
{
	if (d->stage > DUMP_FOLDED)
		return;
	for (size_t p = 0; p < PHASE_COUNT; p++)
		for (struct rule *i = r->first[p]; i != NULL; i = i->next) {
			head(d->out, i);
			tree(d->out, d->stage == DUMP_FOLDED ? fold(r->c, i->expr) : i->expr, 1);
			for (size_t k = 0; k < i->n; k++)
				if (i->actions[k].value.expr != NULL && !i->actions[k].value.fixed) {
					buf_printf(d->out, "  value of %s\n",
					           action_table[i->actions[k].id].name);
					tree(d->out,
					     d->stage == DUMP_FOLDED ? fold(r->c, i->actions[k].value.expr)
					                             : i->actions[k].value.expr,
					     2);
				}
		}
}

static void programs(struct buf *out, const struct rule *rule)
{
	head(out, rule);
	program_print(out, &rule->when);
	if (rule->guard_only)
		buf_add(out, STR("once its guard holds on a connection: matches\n"));
	else if (rule->guard > 0) {
		buf_add(out, STR("once its guard holds on a connection:\n"));
		program_print(out, &rule->rest);
	}
	for (size_t k = 0; k < rule->n; k++)
		if (rule->actions[k].value.program.code != NULL) {
			buf_printf(out, "value of %s\n", action_table[rule->actions[k].id].name);
			program_print(out, &rule->actions[k].value.program);
		}
}

void dump_sealed(const struct dump *d, const struct ruleset *s)
{
	for (size_t p = 0; p < PHASE_COUNT; p++) {
		const struct phase_rules *rules = &s->phases[p];

		if (rules->n == 0)
			continue;
		if (d->stage == DUMP_INDEX) {
			buf_printf(d->out, "phase %s: %zu rules, ", phase_names[p], rules->n);
			if (rules->index != NULL)
				index_print(d->out, rules->index, rules->rules);
			else
				buf_add(d->out, STR("too few for an index\n"));
			continue;
		}
		for (size_t i = 0; i < rules->n && d->stage == DUMP_PROGRAM; i++)
			programs(d->out, rules->rules[i]);
	}
}

static size_t names_of(const struct ast_file *file, struct str keyword, struct str *out)
{
	size_t n = 0;

	for (const struct ast_block *b = file->blocks; b != NULL; b = b->next)
		if (b->kind == AST_BLOCK_SETTINGS && str_eq(b->keyword, keyword)) {
			if (out != NULL)
				out[n] = b->name;
			n++;
		}
	return n;
}

int ruleset_dump(struct buf *out, const struct ast_file *file, enum dump_stage stage, struct diags *d)
{
	struct arena a = ARENA_INIT;
	size_t nzones = names_of(file, STR("zone"), NULL), npools = names_of(file, STR("pool"), NULL);
	struct str *zones = arena_array(&a, nzones + 1, sizeof(*zones)),
	           *pools = arena_array(&a, npools + 1, sizeof(*pools));
	struct ruleset_options o = {.nzones = nzones, .npools = npools};
	struct dump dump = {out, stage};
	struct ruleset *r = NULL;
	int rc = -ERR_NOMEM;

	if (zones != NULL && pools != NULL) {
		names_of(file, STR("zone"), zones);
		names_of(file, STR("pool"), pools);
		o.zones =
		    nzones > 0 ? zones : NULL; /* an included file has none of its own: any name will do */
		o.pools = pools;
		rc = compile_ruleset(&r, file, &o, &dump, d);
	}
	ruleset_unref(r);
	arena_fini(&a);
	return rc == 0 && out->failed ? -ERR_NOMEM : rc;
}
