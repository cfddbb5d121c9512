/* SPDX-License-Identifier: Apache-2.0 */
/* Nodes of a rule's actions. Whether a status, a header's name or a limit makes sense is for the checker. */
#include "grammar/internal.h"

static struct ast_word word(struct named w)
{
	return (struct ast_word){ .span = w.at, .text = w.text };
}

struct ast_action *action_new(struct parser *p, enum ast_action_kind kind, struct span at)
{
	struct ast_action *a = ARENA_NEW(p->arena, struct ast_action);

	if (!a) {
		nomem(p);
		a = &p->no_action;
		*a = (struct ast_action){ 0 };
	}
	a->kind = kind;
	a->span = at;
	return a;
}

static void body_set(struct ast_action *a, struct named body)
{
	a->has_body = body.at.src != NULL;
	a->body = body.text;
	a->body_span = body.at;
}

struct ast_action *action_reply(struct parser *p, enum ast_action_kind kind, struct named status,
	struct named type,
	struct named body, struct span at)
{
	struct ast_action *a = action_new(p, kind, at);

	a->status = word(status);
	a->body_type = type.text;
	body_set(a, body);
	if (kind == AST_RESPOND && !status.text.n)
		diag_add(p->diags, U0001, at, "respond needs a status: `respond 200 text \"…\"`");
	if (type.text.n && !a->has_body)
		diag_add(p->diags, U0001, type.at, "a body in quotes is missing after %.*s",
			STR_FMT(type.text));
	if (a->has_body && !type.text.n) {
		struct diag *g = diag_add(p->diags, U0001, body.at, "the type of this body is missing");

		diag_help(p->diags, g, "write text, html, json or xml before it");
	}
	return a;
}

struct ast_action *action_redirect(struct parser *p, struct named status, struct ast *value, bool preserve,
	struct span at)
{
	struct ast_action *a = action_new(p, AST_REDIRECT, at);

	a->status = word(status);
	a->value = value;
	a->preserve_query = preserve;
	return a;
}

struct ast_action *action_log(struct parser *p, struct named text, struct span at)
{
	struct ast_action *a = action_new(p, AST_LOG, at);

	body_set(a, text);
	return a;
}

struct ast_action *action_skip(struct parser *p, struct named what, struct named name, bool quiet,
	struct span at)
{
	struct ast_action *a = action_new(p, AST_SKIP, at);

	a->verb = what.text;
	a->verb_span = what.at;
	a->target = name.text;
	a->target_span = name.at;
	a->quiet = quiet;
	return a;
}

struct ast_action *action_header(struct parser *p, struct named verb, struct named side, struct named name,
	struct ast *value, struct span at)
{
	struct ast_action *a = action_new(p, AST_HEADER, at);

	a->verb = verb.text;
	a->verb_span = verb.at;
	a->target = side.text;
	a->target_span = side.at;
	a->name = name.text;
	a->name_span = name.at;
	a->value = value;
	return a;
}

struct ast_action *action_value(struct parser *p, enum ast_action_kind kind, struct named verb,
	struct ast *value, struct span at)
{
	struct ast_action *a = action_new(p, kind, at);

	a->verb = verb.text;
	a->verb_span = verb.at;
	a->value = value;
	return a;
}

struct ast_action *action_pool(struct parser *p, struct named verb, struct named name, struct span at)
{
	struct ast_action *a = action_new(p, AST_ROUTE, at);

	a->verb = verb.text;
	a->verb_span = verb.at;
	a->target = name.text;
	a->target_span = name.at;
	return a;
}

/* ---- rate limits ---- */

struct ast_action *action_rate(struct parser *p, struct ast_rate_limit *rate, struct span at)
{
	struct ast_action *a = action_new(p, AST_RATE_LIMIT, at);

	a->rate = rate;
	rate->span = at;
	return a;
}

struct ast_rate_limit *rate_begin(struct parser *p)
{
	struct ast_rate_limit *r = ARENA_NEW(p->arena, struct ast_rate_limit);

	if (!r) {
		nomem(p);
		r = &p->no_rate;
		*r = (struct ast_rate_limit){ 0 };
	}
	return r;
}

static void twice(struct parser *p, struct span at)
{
	diag_add(p->diags, U0001, at, "this part of the rate limit is given twice");
}

void rate_by(struct parser *p, struct ast_rate_limit *r, struct nodes by, struct span at)
{
	if (r->nby)
		twice(p, at);
	r->by = by.v;
	r->nby = by.n;
}

void rate_word(struct parser *p, struct ast_word *slot, struct named key, struct named value)
{

	if (slot->text.n)
		twice(p, key.at);
	*slot = word(value);
}

void rate_counting(struct parser *p, struct ast_rate_limit *r, struct ast *counting, struct span at)
{
	if (r->counting)
		twice(p, at);
	r->counting = counting;
}

void rate_action(struct parser *p, struct ast_rate_limit *r, struct ast_action *action)
{
	if (r->action)
		twice(p, action->span);
	r->action = action;
}
