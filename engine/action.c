/* SPDX-License-Identifier: Apache-2.0 */
/* Actions checked against their row, and constant values against what may be sent. */
#include "engine/rule.h"

#include <assert.h>

#include "engine/names.h"
#include "engine/rate_rule.h"
#include "headers/edit.h"

#define IN(phase) (1u << (phase))
#define IN_ALL ((1u << PHASE_COUNT) - 1)

const struct action_row action_table[ACTION_COUNT] = {
#define ACTION(id, kind, target, name, phase, phases, ends, prose) {kind, target, name, phase, phases, ends},
#include "engine/actions.def"
#undef ACTION
};

static const char *const phase_names[] = {
#define PHASE(id, name, response, prose) name,
#include "engine/phases.def"
#undef PHASE
};

int phase_find(struct str name)
{
	for (int p = 0; p < PHASE_COUNT; p++)
		if (str_eq(name, str_of(phase_names[p])))
			return p;
	return -1;
}

enum action_id action_of(const struct ast_action *ast)
{
	for (enum action_id id = 0; id < ACTION_COUNT; id++)
		if (action_table[id].kind == ast->kind &&
		    (action_table[id].target[0] == '\0' ||
		     str_eq(ast->target, str_of(action_table[id].target))))
			return id;
	return ACTION_BLOCK; /* the parser takes nothing else */
}

static bool status_check(struct compiler *c, const struct ast_word *w, int low, int high, int usual, int *out)
{
	uint64_t n;

	*out = usual;
	if (w->text.n == 0)
		return true;
	if (str_uint(w->text, 999, &n) && n >= (uint64_t)low && n <= (uint64_t)high) {
		*out = (int)n;
		return true;
	}
	diag_add(c->d, U1005, w->span, "a status from %d to %d belongs here; %.*s is none", low, high,
	         STR_FMT(w->text));
	return false;
}

static struct str media_of(struct str type)
{
	if (str_eq(type, STR("html")))
		return STR("text/html; charset=utf-8");
	if (str_eq(type, STR("json")))
		return STR("application/json");
	if (str_eq(type, STR("xml")))
		return STR("text/xml; charset=utf-8");
	return STR("text/plain; charset=utf-8");
}

static bool reply_check(struct compiler *c, const struct ast_action *ast, struct action *out)
{
	bool block = ast->kind == AST_BLOCK;

	if (!status_check(c, &ast->status, block ? 400 : 200, 599, block ? 403 : 200, &out->status))
		return false;
	if (ast->has_body) {
		out->media_type = media_of(ast->body_type);
		out->body = seal_str(c, ast->body);
	}
	return true;
}

static bool value_check(struct compiler *c, const struct ast *ast, struct computed *out)
{
	struct expr *e;

	if (ast == NULL || (e = check_value(c, ast)) == NULL)
		return false;
	out->expr = e;
	out->fixed = expr_const(e);
	if (out->fixed && !e->value.missing)
		out->text = e->value.s;
	return true;
}

static bool redirect_check(struct compiler *c, const struct ast_action *ast, struct action *out)
{
	bool good = status_check(c, &ast->status, 301, 308, 301, &out->status);

	if (good && out->status > 303 && out->status < 307) {
		diag_add(c->d, U1005, ast->status.span, "a redirect's status is 301, 302, 303, 307 or 308");
		good = false;
	}
	out->preserve_query = ast->preserve_query;
	if (!value_check(c, ast->value, &out->value))
		return false;
	if (good && out->value.fixed && !location_valid(out->value.text)) {
		diag_add(c->d, U5001, ast->value->span,
		         "this is no target for a redirect: characters of a URL only, "
		         "at least one");
		return false;
	}
	return good;
}

static bool header_check(struct compiler *c, const struct ast_action *ast, struct action *out)
{
	enum header_op op = str_eq(ast->verb, STR("set"))   ? HEADER_SET
	                    : str_eq(ast->verb, STR("add")) ? HEADER_ADD
	                                                    : HEADER_REMOVE;
	const char *why = NULL, *fault;
	enum editable e;

	out->edit = op == HEADER_SET ? EDIT_SET : op == HEADER_ADD ? EDIT_ADD : EDIT_REMOVE;
	out->response = out->id == ACTION_RESPONSE_HEADER;
	out->name = seal_str(c, ast->name);
	e = header_editable(op, out->response, ast->name, &why);
	if (e != EDITABLE) {
		diag_add(c->d,
		         e == EDITABLE_BAD_NAME   ? U5001
		         : e == EDITABLE_RESERVED ? U5003
		                                  : U5002,
		         ast->name_span, "header \"%.*s\": %s", STR_FMT(ast->name),
		         why != NULL ? why : "not for rules");
		if (op != HEADER_REMOVE)
			value_check(c, ast->value, &out->value); /* for its own errors */
		return false;
	}
	if (op == HEADER_REMOVE) {
		out->value.fixed = true;
		return true;
	}
	if (!value_check(c, ast->value, &out->value))
		return false;
	if (out->value.fixed && (fault = header_value_fault(out->value.text)) != NULL) {
		diag_add(c->d, U5001, ast->value->span, "this value cannot be sent: %s", fault);
		return false;
	}
	return true;
}

static bool rewrite_check(struct compiler *c, const struct ast_action *ast, struct action *out)
{
	bool path = str_eq(ast->verb, STR("path"));

	out->edit = path ? EDIT_PATH : EDIT_QUERY;
	if (!value_check(c, ast->value, &out->value))
		return false;
	if (out->value.fixed && !(path ? path_valid(out->value.text) : query_valid(out->value.text))) {
		diag_add(c->d, U5001, ast->value->span,
		         path ? "a path begins with / and holds characters of RFC 3986, "
		                "section 3.3, only; write others as %%XX"
		              : "a query holds printable ASCII without # and space");
		return false;
	}
	return true;
}

static bool known(const struct str *names, size_t n, struct str name, struct nearest *near)
{
	near->name = name;
	for (size_t i = 0; i < n; i++) {
		if (str_eq(names[i], name))
			return true;
		nearest_offer(near, names[i]);
	}
	return false;
}

/* A fixed value is looked at by whoever will carry it out. */
static bool value_serves(const struct rules *r, const struct ast_action *ast, const struct action *out)
{
	struct ast_word w = {.span = ast->value->span, .text = out->value.text, .quoted = true};

	return r->o->serves == NULL || r->o->serves(r->o->serves_arg, out->edit, out->name, &w);
}

static bool route_check(struct rules *r, const struct ast_action *ast, struct action *out)
{
	struct compiler *c = r->c;
	struct nearest near = {.best = STR_NONE};
	struct diag *g;

	if (str_eq(ast->verb, STR("pool"))) {
		out->edit = EDIT_POOL;
		out->value = (struct computed){.fixed = true, .text = seal_str(c, ast->target)};
		if (known(r->o->pools, r->o->npools, ast->target, &near))
			return true;
		g = diag_add(c->d, U1001, ast->target_span, "there is no pool %.*s", STR_FMT(ast->target));
		if (near.best.n > 0)
			diag_help(c->d, g, "did you mean %.*s?", STR_FMT(near.best));
		return false;
	}
	out->edit = str_eq(ast->verb, STR("origin"))        ? EDIT_ORIGIN
	            : str_eq(ast->verb, STR("host_header")) ? EDIT_HOST_HEADER
	                                                    : EDIT_SNI;
	if (!value_check(c, ast->value, &out->value))
		return false;
	if (!out->value.fixed) /* host_header: the others are strings by their grammar */
		return true;
	return value_serves(r, ast, out);
}

static bool config_check(struct rules *r, const struct ast_action *ast, struct action *out)
{
	struct compiler *c = r->c;
	static const struct str names[] = {
#define CONFIG(name, prose) {name, sizeof(name) - 1},
#include "engine/configs.def"
#undef CONFIG
	};
	struct nearest near = {.best = STR_NONE};
	struct diag *g;

	out->edit = EDIT_CONFIG;
	out->name = seal_str(c, ast->verb);
	if (!known(names, sizeof(names) / sizeof(names[0]), ast->verb, &near)) {
		g = diag_add(c->d, U1001, ast->verb_span, "there is no setting %.*s for a request",
		             STR_FMT(ast->verb));
		if (near.best.n > 0)
			diag_help(c->d, g, "did you mean %.*s?", STR_FMT(near.best));
		return false;
	}
	return value_check(c, ast->value, &out->value) && value_serves(r, ast, out);
}

static bool skip_check(struct rules *r, const struct ast_action *ast, struct action *out)
{
	struct nearest near = {.name = ast->target};
	struct diag *g;
	int phase;

	out->quiet = ast->quiet;
	out->skip = SKIP_BITS;
	if (str_eq(ast->verb, STR("rules"))) {
		out->skip = SKIP_RULES;
		return true;
	}
	if (str_eq(ast->verb, STR("rate_limits"))) {
		out->bit = PHASE_REQUEST_RATELIMIT;
		return true;
	}
	if (str_eq(ast->verb, STR("phase"))) {
		if ((phase = phase_find(ast->target)) >= 0) {
			out->bit = (unsigned)phase;
			return true;
		}
		for (size_t i = 0; i < PHASE_COUNT; i++)
			nearest_offer(&near, str_of(phase_names[i]));
	} else {
		for (size_t i = 1; i < r->ngroups; i++) {
			if (str_eq(r->groups[i].name, ast->target)) {
				out->bit = (unsigned)(SKIP_BIT_RULESETS + i);
				return true;
			}
			nearest_offer(&near, r->groups[i].name);
		}
	}
	g = diag_add(r->c->d, U1001, ast->target_span, "there is no %.*s %.*s", STR_FMT(ast->verb),
	             STR_FMT(ast->target));
	if (near.best.n > 0)
		diag_help(r->c->d, g, "did you mean %.*s?", STR_FMT(near.best));
	return false;
}

static bool misplaced(struct compiler *c, const struct ast_action *ast, const struct action_row *row,
                      enum phase phase)
{
	struct diag *g =
	    diag_add(c->d, U1006, ast->span, "phase %s has no %s", phase_names[phase], row->name);

	diag_help(c->d, g, "%s runs in %s", row->name, phase_names[row->phase]);
	return false;
}

static bool rate_check(struct rules *r, const struct ast_block *rule, const struct ast_action *ast,
                       struct action *out)
{
	const struct ast_action *then = ast->rate->action;
	bool good = true;

	out->status = 429;
	if (then != NULL && then->kind == AST_BLOCK) {
		good = reply_check(r->c, then, out);
		if (then->status.text.n == 0)
			out->status = 429;
	} else if (then != NULL && then->kind == AST_LOG) {
		out->text = seal_str(r->c, then->body);
	}
	return limiter_check(r, rule, ast->rate, out) && good;
}

bool action_check(struct rules *r, const struct ast_block *rule, const struct ast_action *ast,
                  enum phase phase, struct action *out)
{
	const struct action_row *row;
	bool good;

	*out = (struct action){.id = action_of(ast)};
	row = &action_table[out->id];
	good = row->phases & IN(phase) || misplaced(r->c, ast, row, phase);
	switch (ast->kind) {
	case AST_BLOCK:
	case AST_RESPOND:
		return reply_check(r->c, ast, out) && good;
	case AST_REDIRECT:
		return redirect_check(r->c, ast, out) && good;
	case AST_LOG:
		out->text = seal_str(r->c, ast->body);
		return good;
	case AST_SKIP:
		return skip_check(r, ast, out) && good;
	case AST_HEADER:
		return header_check(r->c, ast, out) && good;
	case AST_REWRITE:
		return rewrite_check(r->c, ast, out) && good;
	case AST_ROUTE:
		return route_check(r, ast, out) && good;
	case AST_CONFIG:
		return config_check(r, ast, out) && good;
	case AST_RATE_LIMIT:
		return rate_check(r, rule, ast, out) && good;
	}
	assert(!"an action");
	return false;
}
