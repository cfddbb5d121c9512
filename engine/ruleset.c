/* SPDX-License-Identifier: Apache-2.0 */
/* From the blocks of a rule file to a sealed ruleset, stage by stage; and running it, phase by phase. */
#include "engine/sealed.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/limits.h"
#include "engine/dump.h"
#include "engine/geoip.h"
#include "engine/jwt.h"
#include "engine/guard.h"
#include "engine/index.h"
#include "engine/rate_rule.h"
#include "engine/residual.h"
#include "engine/verdict.h"
#include "engine/version.h"

void compiler_init(struct compiler *c, struct arena *scratch, struct arena *sealed, struct owner *owner,
                   struct diags *d)
{
	*c = (struct compiler){.scratch = scratch, .sealed = sealed, .owner = owner, .d = d};
}

void compiler_fini(struct compiler *c)
{
	free(c->tests);
	free(c->nodes);
}

struct ruleset *ruleset_ref(struct ruleset *r)
{
	if (r != NULL)
		atomic_fetch_add_explicit(&r->refs, 1, memory_order_relaxed);
	return r;
}

void ruleset_unref(struct ruleset *r)
{
	if (r == NULL || atomic_fetch_sub_explicit(&r->refs, 1, memory_order_acq_rel) != 1)
		return;
	if (r->geoip != NULL)
		geoip_unref(r->geoip);
	owner_fini(&r->owner);
	lists_fini(&r->lists);
	arena_fini(&r->arena);
	free(r);
}

/* The ruleset blocks, so that `skip ruleset` may name a later one. */
static bool groups_check(struct rules *r, const struct ast_file *file)
{
	size_t n = 1;

	for (const struct ast_block *b = file->blocks; b != NULL; b = b->next)
		n += b->kind == AST_BLOCK_RULESET;
	if ((r->groups = arena_array(r->c->sealed, n, sizeof(*r->groups))) == NULL)
		return false;
	r->groups[0] = (struct group){.name = STR(""), .enabled = true};
	r->ngroups = 1;
	for (const struct ast_block *b = file->blocks; b != NULL; b = b->next)
		if (b->kind == AST_BLOCK_RULESET)
			group_check(r, b, &r->groups[r->ngroups++]);
	if (n > SKIP_BITS_ALL - SKIP_BIT_RULESETS)
		diag_add(r->c->d, U0012, r->groups[n - 1].span, "more than %d rulesets",
		         SKIP_BITS_ALL - SKIP_BIT_RULESETS - 1);
	return true;
}

static void rules_check(struct rules *r, const struct ast_file *file)
{
	unsigned group = 0;

	for (const struct ast_block *b = file->blocks; b != NULL; b = b->next) {
		if (b->kind == AST_BLOCK_RULE)
			rule_check(r, b, 0);
		if (b->kind != AST_BLOCK_RULESET)
			continue;
		group++;
		for (const struct ast_block *i = b->rules; i != NULL; i = i->next)
			rule_check(r, i, group);
	}
	names_check(r, file);
}

static bool computed_share(struct compiler *c, struct computed *v)
{
	return v->expr == NULL || v->fixed || (v->expr = cons(c, fold(c, v->expr))) != NULL;
}

static bool limiter_share(struct compiler *c, struct limiter *l)
{
	for (size_t i = 0; i < l->nby; i++)
		if (!computed_share(c, &l->by[i]))
			return false;
	return l->expr == NULL || (l->expr = cons(c, fold(c, l->expr))) != NULL;
}

/* Equal expressions of all rules become one before the first is lowered: then it is known what is shared. */
static bool rules_share(struct rules *r)
{
	for (size_t p = 0; p < PHASE_COUNT; p++)
		for (struct rule *i = r->first[p]; i != NULL; i = i->next) {
			if ((i->expr = cons(r->c, fold(r->c, i->expr))) == NULL)
				return false;
			for (size_t k = 0; k < i->n; k++)
				if (!computed_share(r->c, &i->actions[k].value) ||
				    (i->actions[k].limiter != NULL &&
				     !limiter_share(r->c, i->actions[k].limiter)))
					return false;
		}
	return true;
}

static bool limiter_lower(struct compiler *c, struct limiter *l)
{
	for (size_t i = 0; i < l->nby; i++)
		if (!lower_value(c, l->by[i].expr, &l->by[i].program))
			return false;
	return l->expr == NULL || lower_condition(c, l->expr, &l->when_counted);
}

static bool rule_lower(struct compiler *c, struct rule *i)
{
	bool good = lower_condition(c, i->expr, &i->when);

	for (size_t k = 0; k < i->n && good; k++) {
		struct action *a = &i->actions[k];

		if (a->value.expr != NULL && !a->value.fixed)
			good = lower_value(c, a->value.expr, &a->value.program);
		if (a->limiter != NULL)
			good = good && limiter_lower(c, a->limiter);
	}
	return good;
}

/* Fewer rules than this are asked one after the other. */
enum { INDEX_FROM = 4, FETCH = 32, FETCH_FROM = 500 };

static bool phase_seal(struct rules *r, enum phase p, struct phase_rules *out)
{
	size_t n = 0;

	for (struct rule *i = r->first[p]; i != NULL; i = i->next)
		n++;
	if ((out->rules = arena_array(r->c->sealed, n, sizeof(*out->rules))) == NULL)
		return false;
	for (struct rule *i = r->first[p]; i != NULL; i = i->next)
		out->rules[out->n++] = i;
	if (n >= INDEX_FROM && !r->o->no_index && (out->index = index_build(r->c, out->rules, n)) == NULL)
		return false;
	if (!guards_build(r->c, out, out->index != NULL))
		return false;
	for (size_t i = 0; i < n; i++)
		if (!rule_lower(r->c, out->rules[i]))
			return false;
	return true;
}

static bool counts_response(const struct phase_rules *rules)
{
	for (size_t i = 0; i < rules->n; i++)
		for (size_t k = 0; k < rules->rules[i]->n; k++)
			if (rules->rules[i]->actions[k].limiter != NULL &&
			    rules->rules[i]->actions[k].limiter->at_response)
				return true;
	return false;
}

/* What pointed into the scratch arena or the rule files' texts points nowhere once the ruleset is sealed. */
static void forget_scratch(struct ruleset *s)
{
	for (struct named_list *l = s->lists.first; l != NULL; l = l->next)
		l->span = SPAN_NONE;
	for (size_t p = 0; p < PHASE_COUNT; p++)
		for (size_t i = 0; i < s->phases[p].n; i++) {
			struct rule *rule = s->phases[p].rules[i];

			rule->expr = NULL;
			for (size_t k = 0; k < rule->n; k++) {
				struct limiter *l = rule->actions[k].limiter;

				rule->actions[k].value.expr = NULL;
				for (size_t b = 0; l != NULL && b < l->nby; b++)
					l->by[b].expr = NULL;
				if (l != NULL)
					l->expr = NULL;
			}
		}
}

static int compile(struct ruleset *s, struct compiler *c, const struct ast_file *file,
                   const struct ruleset_options *o, const struct dump *dump)
{
	struct rules r = {.c = c, .o = o};
	unsigned before = c->d->errors;

	lists_load(c, &s->lists, file);
	c->lists = &s->lists;
	c->jwts = s->jwts = jwt_load(c->sealed, c->owner, file, c->d);
	if (!groups_check(&r, file))
		return -ERR_NOMEM;
	rules_check(&r, file);
	if (dump != NULL)
		dump_checked(dump, &r);
	if (c->d->errors > before)
		return -ERR_RULES;
	if (c->no_memory || !rules_share(&r))
		return -ERR_NOMEM;
	for (size_t p = 0; p < PHASE_COUNT; p++)
		if (!phase_seal(&r, p, &s->phases[p]))
			return c->d->errors > before ? -ERR_RULES : -ERR_NOMEM;
	s->n = r.n;
	s->scopes = c->scopes;
	memcpy(s->reads, c->reads, sizeof(s->reads));
	s->slots = c->slots;
	s->version = version_of(&s->arena, file, &s->lists);
	s->counts_response = counts_response(&s->phases[PHASE_REQUEST_RATELIMIT]);
	if (dump != NULL)
		dump_sealed(dump, s);
	forget_scratch(s);
	return c->no_memory || s->version.p == NULL ? -ERR_NOMEM : 0;
}

int compile_ruleset(struct ruleset **out, const struct ast_file *file, const struct ruleset_options *o,
                    const struct dump *dump, struct diags *d)
{
	struct ruleset *s = calloc(1, sizeof(*s));
	struct arena scratch;
	struct compiler c;
	int rc;

	*out = NULL;
	if (s == NULL)
		return -ERR_NOMEM;
	atomic_init(&s->refs, 1);
	arena_init(&scratch, 0);
	arena_init(&s->arena, 0);
	s->foreign_default = o->foreign_fields_default;
	compiler_init(&c, &scratch, &s->arena, &s->owner, d);
	c.foreign_default = o->foreign_fields_default;
	c.no_fold = o->no_fold;
	c.no_geoip = o->geoip == NULL;
	rc = compile(s, &c, file, o, dump);
	compiler_fini(&c);
	arena_fini(&scratch);
	if (o->geoip != NULL)
		s->geoip = geoip_ref(o->geoip);
	if (rc < 0)
		ruleset_unref(s);
	else
		*out = s;
	return rc;
}

int ruleset_compile(struct ruleset **out, const struct ast_file *file, const struct ruleset_options *o,
                    struct diags *d)
{
	return compile_ruleset(out, file, o, NULL, d);
}

struct str ruleset_version(const struct ruleset *r)
{
	return r->version;
}

size_t ruleset_rules(const struct ruleset *r)
{
	return r->n;
}

unsigned ruleset_needs(const struct ruleset *r)
{
	static const enum field_id hello[] = {FIELD_HELLO_LENGTH, FIELD_CLIENT_RANDOM, FIELD_EXTENSIONS_SHA1,
	                                      FIELD_EXTENSIONS_SHA1_LE, FIELD_CIPHERS_SHA1};
	unsigned needs = 0;

	for (size_t i = 0; i < sizeof(hello) / sizeof(hello[0]); i++)
		if (r->reads[hello[i]])
			needs |= NEED_HELLO;

	if (r->scopes & SCOPE_BIT(SCOPE_BODY))
		needs |= NEED_BODY;
	if (r->phases[PHASE_RESPONSE_HEADERS].n + r->phases[PHASE_RESPONSE_FIREWALL].n > 0 ||
	    r->counts_response)
		needs |= NEED_RESPONSE_RULES;
	return needs;
}

bool ruleset_has_phase(const struct ruleset *r, enum phase p, struct str zone)
{
	(void)zone;
	return r->phases[p].n > 0;
}

void ruleset_keep_raw(const struct ruleset *r, struct fields *f)
{
	static const enum field_id request[] = {FIELD_RAW_HEADERS, FIELD_RAW_HEADERS_NAMES,
	                                        FIELD_RAW_HEADERS_VALUES};
	static const enum field_id response[] = {FIELD_RAW_RESPONSE_HEADERS, FIELD_RAW_RESPONSE_HEADERS_NAMES,
	                                         FIELD_RAW_RESPONSE_HEADERS_VALUES};

	for (size_t i = 0; i < 3; i++) {
		if (r->reads[request[i]] && f->in->response == NULL)
			fields_value(f, &field_table[request[i]]);
		if (r->reads[response[i]] && f->in->response != NULL)
			fields_value(f, &field_table[response[i]]);
	}
}

static enum truth holds(const struct rule *rule, bool sure, struct vm *m)
{
	m->error = 0;
	if (!sure)
		return vm_condition(m, &rule->when);
	return rule->guard_only ? TRUE : vm_condition(m, &rule->rest);
}

/* One rule's turn. false: the phase is over. */
static bool ask(const struct rule *rule, bool sure, enum phase p, struct vm *m, struct verdict *v,
                struct skips *rest)
{
	enum truth t;

	if (skip_has(rest->bits, rule->ruleset) ||
	    (rule->ruleset > 0 && skip_has(v->skipped, SKIP_BIT_RULESETS + rule->ruleset)))
		return true;
	t = holds(rule, sure, m);
	if ((t != FALSE || rule->counts) && !verdict_apply(v, rule, t, m, rest))
		return false;
	return !skip_has(v->skipped, p);
}

static bool run_all(const struct phase_rules *rules, const struct left *left, enum phase p, struct vm *m,
                    struct verdict *v)
{
	struct skips rest = {{0}};

	for (size_t i = 0; i < rules->n; i++)
		if ((left == NULL || skip_has(left->alive.rules, (unsigned)i)) &&
		    !ask(rules->rules[i], left != NULL && skip_has(left->sure, (unsigned)i), p, m, v, &rest))
			break;
	return v->outcome == OUTCOME_PASS;
}

/* Of many rules few are asked, and those are not in the processor's caches: their parts are sent for
 * together, each round what the one before leads to. */
static void fetch(const struct phase_rules *rules, const struct marks *marks)
{
	const struct rule *some[FETCH];
	size_t n = 0;

	if (rules->n < FETCH_FROM)
		return;
	for (size_t i = marks_next(marks, 0); i != SIZE_MAX && n < FETCH; i = marks_next(marks, i + 1)) {
		some[n++] = rules->rules[i];
		__builtin_prefetch(rules->rules[i]);
		__builtin_prefetch(&rules->rules[i]->when);
	}
	for (size_t i = 0; i < n; i++)
		__builtin_prefetch(some[i]->when.code);
	for (size_t i = 0; i < n; i++)
		if (some[i]->when.code->op == OP_FIELD_TEST)
			__builtin_prefetch(some[i]->when.code->test);
}

static bool run_marked(const struct phase_rules *rules, const struct left *left, enum phase p, struct vm *m,
                       struct verdict *v)
{
	struct skips rest = {{0}};
	void *memory = arena_alloc(m->fields->arena, index_marks_size(rules->index));
	struct marks marks;

	if (memory == NULL) {
		verdict_fail(v, NULL, -ERR_NOMEM);
		return false;
	}
	index_marks(rules->index, memory, &marks);
	if (left == NULL) {
		index_look(rules->index, m, INDEX_CONNECTION | INDEX_REQUEST, NULL, &marks);
	} else {
		for (size_t i = 0; i < left->nbase; i++)
			marks_set(&marks, left->base[i]);
		index_look(rules->index, m, INDEX_REQUEST, &left->alive, &marks);
	}
	fetch(rules, &marks);
	for (size_t i = marks_next(&marks, 0); i != SIZE_MAX; i = marks_next(&marks, i + 1))
		if (!ask(rules->rules[i], left != NULL && skip_has(left->sure, (unsigned)i), p, m, v, &rest))
			break;
	return v->outcome == OUTCOME_PASS;
}

bool ruleset_run(const struct ruleset *r, enum phase p, struct fields *f, struct residual *res,
                 struct verdict *v)
{
	const struct phase_rules *rules = &r->phases[p];
	struct vm m = {.fields = f};
	const struct left *left;

	f->ruleset = r;
	f->geoip = r->geoip;
	if (v->outcome != OUTCOME_PASS || skip_has(v->skipped, p) || rules->n == 0)
		return v->outcome == OUTCOME_PASS;
	if ((m.memo = memo_for(f, r, &r->slots)) == NULL) {
		verdict_fail(v, NULL, -ERR_NOMEM);
		return false;
	}
	left = residual_left(res, r, p, &m);
	return rules->index != NULL ? run_marked(rules, left, p, &m, v) : run_all(rules, left, p, &m, v);
}

void ruleset_count_response(const struct ruleset *r, struct fields *f)
{
	const struct phase_rules *rules = &r->phases[PHASE_REQUEST_RATELIMIT];
	struct vm m = {.fields = f};

	if (!r->counts_response || (m.memo = memo_for(f, r, &r->slots)) == NULL)
		return;
	for (size_t i = 0; i < rules->n; i++)
		for (size_t k = 0; k < rules->rules[i]->n; k++)
			if (rules->rules[i]->actions[k].limiter != NULL)
				limiter_count_response(rules->rules[i]->actions[k].limiter, &m);
}
