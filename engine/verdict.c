/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Verdicts: the outcome, its edits in order, the matches in order. A rule without an answer fires if it
 * blocks; any other ends the request with 500. A value that cannot be sent ends it too: no rule ever lets
 * something through because its own work failed.
 */
#include "engine/verdict.h"

#include <assert.h>

#include "base/err.h"
#include "engine/rate_rule.h"
#include "headers/edit.h"

static struct str reason_of(int error)
{
	return error == -ERR_LIMIT ? STR("match_limit") : STR("no_memory");
}

void verdict_fail(struct verdict *v, const struct rule_info *by, int error)
{
	v->outcome = OUTCOME_FAIL;
	v->by = by;
	v->status = 500;
	v->reason = reason_of(error);
}

static void fail_bad_value(struct verdict *v, const struct rule *rule)
{
	verdict_fail(v, &rule->info, 0);
	v->reason = STR("bad_value");
}

bool location_valid(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	return s.n > 0;
}

static struct str action_name(const struct rule *rule)
{
	const struct action *a = &rule->actions[0];

	for (size_t i = 1; i < rule->n && a->id == ACTION_LOG; i++)
		a = &rule->actions[i];
	if (a->id != ACTION_REQUEST_HEADER && a->id != ACTION_RESPONSE_HEADER)
		return str_of(action_table[a->id].name);
	return a->edit == EDIT_SET ? STR("set") : a->edit == EDIT_ADD ? STR("add") : STR("remove");
}

static bool note(struct verdict *v, const struct rule *rule, struct vm *m)
{
	struct match *match = ARENA_NEW(m->fields->arena, struct match);

	if (match == NULL)
		return false;
	match->rule = &rule->info;
	match->action = action_name(rule);
	match->dry_run = rule->dry_run;
	for (size_t i = 0; i < rule->n; i++) {
		if (rule->actions[i].text.n > 0)
			match->text = rule->actions[i].text;
		match->quiet = match->quiet || rule->actions[i].quiet;
	}
	if (v->last_match != NULL)
		v->last_match->next = match;
	else
		v->matches = match;
	v->last_match = match;
	return true;
}

static void end(struct verdict *v, const struct rule *rule, const struct action *a, enum outcome outcome)
{
	v->outcome = outcome;
	v->by = &rule->info;
	v->status = a->status;
	v->media_type = a->media_type;
	v->body = a->body;
}

/* 1: out is set; 0: missing; negative: no answer. */
static int compute(const struct computed *c, struct vm *m, struct str *out)
{
	struct value v;

	*out = c->text;
	if (c->fixed)
		return 1;
	m->error = 0;
	vm_value(m, &c->program, &v);
	if (v.missing == NO_ANSWER)
		return m->error < 0 ? m->error : -ERR_NOMEM;
	*out = v.missing ? STR_NONE : v.s;
	return !v.missing;
}

/* location?query, or location&query if it has another one of its own; a fragment stays last. What was made from
 * http.request.full_uri has the query already. */
static struct str with_query(struct vm *m, struct str location)
{
	const struct value *query = fields_value(m->fields, &field_table[FIELD_QUERY]);
	ptrdiff_t hash = str_find(location, '#');
	struct str head = hash < 0 ? location : str_sub(location, 0, (size_t)hash);
	ptrdiff_t mark = str_find(head, '?');
	struct str parts[4] = {head, mark < 0 ? STR("?") : STR("&"), query->s,
	                       str_sub(location, head.n, location.n)};

	if (query->missing || query->s.n == 0 ||
	    (mark >= 0 && str_eq(str_sub(head, (size_t)mark + 1, head.n), query->s)))
		return location;
	return arena_concat(m->fields->arena, parts, 4);
}

static bool redirect(struct verdict *v, const struct rule *rule, const struct action *a, struct vm *m)
{
	struct str location;
	int rc = compute(&a->value, m, &location);

	if (rc < 0) {
		verdict_fail(v, &rule->info, rc);
	} else if (rc == 0 || !location_valid(location)) {
		fail_bad_value(v, rule);
	} else {
		end(v, rule, a, OUTCOME_REDIRECT);
		v->location = a->preserve_query ? with_query(m, location) : location;
		if (v->location.p == NULL)
			verdict_fail(v, &rule->info, -ERR_NOMEM);
		else if (!location_valid(v->location))
			fail_bad_value(v, rule);
	}
	return false;
}

static bool sendable(const struct action *a, struct str value, bool present)
{
	switch (a->edit) {
	case EDIT_SET:
	case EDIT_ADD:
		return header_value_fault(value) == NULL;
	case EDIT_PATH:
		return present && path_valid(value);
	case EDIT_QUERY:
		return query_valid(value);
	case EDIT_HOST_HEADER:
		return present && location_valid(value);
	default:
		return true;
	}
}

static bool edit(struct verdict *v, const struct rule *rule, const struct action *a, struct vm *m)
{
	struct edit *e = ARENA_NEW(m->fields->arena, struct edit);
	struct str value;
	int rc = e == NULL ? -ERR_NOMEM : compute(&a->value, m, &value);

	if (rc < 0) {
		verdict_fail(v, &rule->info, rc);
		return false;
	}
	if (!a->value.fixed && !sendable(a, value, rc > 0)) {
		fail_bad_value(v, rule);
		return false;
	}
	*e = (struct edit){
	    .kind = a->edit, .response = a->response, .name = a->name, .value = value, .by = &rule->info};
	if (v->last_edit != NULL)
		v->last_edit->next = e;
	else
		v->edits = e;
	v->last_edit = e;
	return true;
}

static void skip(struct verdict *v, const struct rule *rule, const struct action *a, struct skips *rest)
{
	if (a->skip == SKIP_RULES)
		rest->bits[rule->ruleset / 64] |= (uint64_t)1 << rule->ruleset % 64;
	else
		v->skipped[a->bit / 64] |= (uint64_t)1 << a->bit % 64;
}

static bool act(struct verdict *v, const struct rule *rule, const struct action *a, struct vm *m,
                struct skips *rest)
{
	switch (a->id) {
	case ACTION_BLOCK:
		end(v, rule, a, OUTCOME_BLOCK);
		return false;
	case ACTION_RESPOND:
		end(v, rule, a, OUTCOME_RESPOND);
		return false;
	case ACTION_REDIRECT:
		return redirect(v, rule, a, m);
	case ACTION_LOG:
		return true;
	case ACTION_SKIP:
		skip(v, rule, a, rest);
		return true;
	case ACTION_REQUEST_HEADER:
	case ACTION_RESPONSE_HEADER:
	case ACTION_REWRITE:
	case ACTION_ROUTE:
	case ACTION_CONFIG:
		return edit(v, rule, a, m);
	case ACTION_RATE_LIMIT:
	case ACTION_COUNT:
		break;
	}
	assert(!"an action");
	return false;
}

/* A rate limit: counted also when it only logs; noted when it is over. */
static bool limit(struct verdict *v, const struct rule *rule, const struct action *a, enum truth t,
                  struct vm *m)
{
	int64_t retry_msec = 0;
	int error = m->error, rc = limiter_judge(a->limiter, t, m, &retry_msec);

	if (rc == 0)
		return true;
	if (!note(v, rule, m)) {
		verdict_fail(v, &rule->info, -ERR_NOMEM);
		return false;
	}
	if (rule->dry_run || a->limiter->log_only)
		return true;
	if (rc < 0 || t == UNKNOWN)
		v->reason = reason_of(rc < 0 ? rc : error);
	end(v, rule, a, OUTCOME_BLOCK);
	v->retry_after = (retry_msec + 999) / 1000;
	return false;
}

bool verdict_apply(struct verdict *v, const struct rule *rule, enum truth t, struct vm *m, struct skips *rest)
{
	int error = m->error < 0 ? m->error : -ERR_NOMEM;

	for (size_t i = 0; i < rule->n; i++)
		if (rule->actions[i].id == ACTION_RATE_LIMIT)
			return limit(v, rule, &rule->actions[i], t, m);
	if (!note(v, rule, m)) {
		verdict_fail(v, &rule->info, -ERR_NOMEM);
		return false;
	}
	if (rule->dry_run)
		return true;
	if (t == UNKNOWN && !rule->fails_closed) {
		verdict_fail(v, &rule->info, error);
		return false;
	}
	if (t == UNKNOWN)
		v->reason = reason_of(error);
	for (size_t i = 0; i < rule->n; i++)
		if (!act(v, rule, &rule->actions[i], m, rest))
			return false;
	return true;
}
