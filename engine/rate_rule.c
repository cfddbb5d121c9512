/* SPDX-License-Identifier: Apache-2.0 */
/* Rate limits as rules see them. */
#include "engine/rate_rule.h"

#include "base/buf.h"
#include "base/err.h"
#include "engine/field_get.h"

/* 60s, 10m, 1h, 1d, 500ms → milliseconds. */
static bool duration(struct str s, int64_t *out)
{
	static const struct {
		const char *unit;
		int64_t msec;
	} units[] = {
	    {"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}, {"d", 86400000},
	};
	size_t digits = 0;
	uint64_t n;

	while (digits < s.n && ascii_digit(s.p[digits]))
		digits++;
	if (!str_uint(str_sub(s, 0, digits), 100000000, &n))
		return false;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (str_eq(str_sub(s, digits, s.n), str_of(units[i].unit))) {
			*out = (int64_t)n * units[i].msec;
			return true;
		}
	return false;
}

static bool numbers_check(struct compiler *c, const struct ast_rate_limit *ast, struct rate_limit *out)
{
	bool good = true;

	if (ast->requests.text.n == 0 || ast->per.text.n == 0) {
		diag_add(c->d, U1005, ast->span, "a rate limit needs `requests N per TIME`");
		return false;
	}
	if (!str_uint(ast->requests.text, 1000000000, &out->requests) || out->requests == 0) {
		diag_add(c->d, U1005, ast->requests.span, "a number of requests from 1 belongs here");
		good = false;
	}
	if (!duration(ast->per.text, &out->period_msec) || out->period_msec < 1000 ||
	    out->period_msec > 86400000) {
		diag_add(c->d, U1005, ast->per.span, "a time from 1s to 1d belongs here");
		good = false;
	}
	out->mitigation_msec = 0;
	if (ast->duration.text.n > 0 && !str_eq(ast->duration.text, STR("0")) &&
	    (!duration(ast->duration.text, &out->mitigation_msec) || out->mitigation_msec > 7 * 86400000ll)) {
		diag_add(c->d, U1005, ast->duration.span, "a time from 0s (throttle) to 7d belongs here");
		good = false;
	}
	return good;
}

static bool by_check(struct compiler *c, const struct ast *ast, struct limiter *l)
{
	struct expr *e;

	if (ast->kind == AST_NAME && str_eq(ast->text, STR("cf.colo.id"))) {
		diag_add(c->d, U1012, ast->span, "there is one place here: cf.colo.id makes no difference");
		return true;
	}
	if ((e = check_any(c, ast)) == NULL)
		return false;
	l->by[l->nby++] = (struct computed){.expr = e};
	return true;
}

/* What makes two limits the same after a reload: name, condition, characteristics, counting. */
static bool identity(struct compiler *c, const struct ast_block *rule, const struct ast_rate_limit *ast,
                     struct rate_limit *out)
{
	struct buf text = BUF_INIT;
	bool good = buf_add(&text, rule->name) && buf_addc(&text, '\n') && ast_print(&text, rule->when);

	for (size_t i = 0; i < ast->nby && good; i++)
		good = buf_addc(&text, '\n') && ast_print(&text, ast->by[i]);
	if (good && ast->counting != NULL)
		good = buf_addc(&text, '\n') && ast_print(&text, ast->counting);
	if (good)
		rate_limit_id(out, buf_str(&text));
	else
		c->no_memory = true;
	buf_fini(&text);
	return good;
}

bool limiter_check(struct rules *r, const struct ast_block *rule, const struct ast_rate_limit *ast,
                   struct action *out)
{
	struct limiter *l = ARENA_NEW(r->c->sealed, struct limiter);
	struct compiler *c = r->c;
	bool good, response = c->response;
	const char *place = c->place;

	if (l == NULL || (l->by = arena_array(c->sealed, ast->nby, sizeof(*l->by))) == NULL) {
		c->no_memory = true;
		return false;
	}
	out->limiter = l;
	good = ast->broken || numbers_check(c, ast, &l->limit);
	if (ast->nby == 0 && !ast->broken) {
		diag_add(c->d, U1005, ast->span, "a rate limit needs `by`: what it counts, such as ip.src");
		good = false;
	}
	for (size_t i = 0; i < ast->nby; i++)
		good = by_check(c, ast->by[i], l) && good;
	if (ast->counting != NULL) {
		l->counting = true;
		c->response = true;
		l->expr = check_condition(c, ast->counting);
		c->response = response;
		c->place = place;
		good = good && l->expr != NULL;
		l->at_response = l->expr != NULL && l->expr->scopes & SCOPES_RESPONSE;
	}
	l->log_only = ast->action != NULL && ast->action->kind == AST_LOG;
	return good && rule->when != NULL && identity(c, rule, ast, &l->limit);
}

static int key_of(const struct limiter *l, struct vm *m, struct rate_table **table, struct rate_key *out)
{
	struct value *values = arena_alloc(m->fields->arena, l->nby * sizeof(*values));

	if (values == NULL || (*table = rate_shared()) == NULL)
		return -ERR_NOMEM;
	for (size_t i = 0; i < l->nby; i++) {
		m->error = 0;
		vm_value(m, &l->by[i].program, &values[i]);
		if (values[i].missing == NO_ANSWER)
			return m->error < 0 ? m->error : -ERR_NOMEM;
	}
	rate_key(*table, &l->limit, values, l->nby, out);
	return 0;
}

int limiter_judge(const struct limiter *l, enum truth t, struct vm *m, int64_t *retry_msec)
{
	bool count = !l->counting && t != FALSE;
	struct rate_answer answer;
	struct rate_table *table;
	struct rate_key key;
	int rc;

	if (l->counting && !l->at_response)
		count = vm_condition(m, &l->when_counted) != FALSE;
	if (!count && t == FALSE)
		return 0;
	if ((rc = key_of(l, m, &table, &key)) < 0)
		return t == FALSE ? 0 : rc;
	answer = count ? rate_count(table, &l->limit, &key, m->fields->in->now_msec)
	               : rate_look(table, &l->limit, &key, m->fields->in->now_msec);
	*retry_msec = answer.retry_msec;
	return answer.over && t != FALSE;
}

void limiter_count_response(const struct limiter *l, struct vm *m)
{
	struct rate_table *table;
	struct rate_key key;

	if (l->at_response && vm_condition(m, &l->when_counted) != FALSE && key_of(l, m, &table, &key) == 0)
		rate_count(table, &l->limit, &key, m->fields->in->now_msec);
}
