/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The order of things: steps[] is what happens to every request before an origin sees it, answer_steps[] what happens
 * to the answer. Rules decide in their phase, glue_edits does what they decided after it, and nothing else changes a
 * message. How content moves meanwhile is in exchange_flow.c.
 */
#include "proxy/exchange.h"

#include <assert.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "headers/forwarded.h"
#include "proxy/access.h"
#include "proxy/conn.h"
#include "proxy/exchange_flow.h"
#include "proxy/glue.h"
#include "proxy/judge.h"
#include "proxy/origin.h"
#include "proxy/real_ip.h"
#include "proxy/respond.h"
#include "proxy/route.h"
#include "proxy/websocket.h"

enum { SPARES = 32 }; /* finished exchanges a worker keeps with their arenas */

enum next {
	NEXT_STEP,
	NEXT_WAIT, /* something else calls exchange_advance later */
	NEXT_DONE, /* the request has its answer, or goes to the origin */
};

struct step {
	const char *name;
	enum next (*run)(struct exchange *x, enum phase phase);
	enum phase phase; /* of run_rules */
};

static enum next fail(struct exchange *x, enum fault f)
{
	exchange_fail(x, f, STR_NONE);
	return NEXT_DONE;
}

/* ---- who, and where ---- */

/* A request is judged by the configuration of the moment its head was complete. */
static void take_config(struct exchange *x)
{
	struct held *old = x->held;

	x->held = held_ref(x->worker->held);
	x->config = x->held->config;
	held_unref(old);
}

/* RFC 9110, section 7.4: a connection made for one zone carries no request for another. */
static enum next find_zone(struct exchange *x, enum phase phase)
{
	const struct listener_conf *l = conn_listener(x->conn);
	const struct zone_conf *own, *asked;
	enum fault f;

	(void)phase;
	take_config(x);
	f = judge_conn(x->conn, &own);
	if (x->conn->t.tls != NULL)
		x->cert = cert_facts_ref(session_cert(x->conn->t.tls));
	if (f != FAULT_NONE || l == NULL) {
		x->zone = own;
		x->conn->draining = true;
		return fail(x, f != FAULT_NONE ? f : FAULT_ZONE_GONE);
	}
	asked = x->request.host.n > 0 || own == NULL ? config_zone(l, x->request.host) : own;
	if (asked == NULL)
		asked = l->default_zone;
	x->zone = own != NULL ? own : asked;
	if (asked == NULL)
		return fail(x, FAULT_ZONE_UNKNOWN);
	if (own != NULL && asked != own)
		return fail(x, FAULT_ZONE_OTHER);
	return NEXT_STEP;
}

static void fill_inputs(struct exchange *x)
{
	struct conn *c = x->conn;
	struct inputs *in = &x->inputs;

	in->cert = x->cert;
	in->tls = c->t.tls != NULL ? session_tls(c->t.tls) : NULL;
	in->proxied = c->proxied;
	in->client_ip = x->client;
	in->client_port = c->port;
	in->server_ip = c->local_ip;
	in->server_port = c->local_port;
	in->zone = x->zone->name;
	in->request = &x->request;
	in->request_id = (struct str){ x->id, 16 };
	in->now_msec = x->request.time_msec;
}

static enum next prepare(struct exchange *x, enum phase phase)
{
	struct request *req = &x->request;
	int64_t limit = x->config->settings.limit_body;
	int rc;

	(void)phase;
	if (limit > 0 && req->content_length > limit)
		return fail(x, fault_of(REJECT_BODY_LARGE));
	if (real_ip(conn_listener(x->conn), &x->conn->ip, &req->lines, &x->client)) {
		x->proxy = x->conn->ip;
		x->residual_serves = false; /* it was made for the connection's own address */
	}
	if ((rc = request_clean(req)) < 0)
		return fail(x, rc == -ERR_NOMEM ? FAULT_MEMORY : fault_of(REJECT_TWIN_NAMES));
	if (!websocket_key(x))
		return fail(x, FAULT_MEMORY);
	route_defaults(x);
	if (target_normalize(&x->arena, &req->raw, x->zone->normalize, &req->target) < 0 ||
	    !worker_seed(x->worker, x->inputs.random_seed))
		return fail(x, FAULT_MEMORY);
	fill_inputs(x);
	if ((x->fields = fields_new(&x->arena, &x->inputs)) == NULL)
		return fail(x, FAULT_MEMORY);
	ruleset_keep_raw(x->config->rules, x->fields);
	if ((x->standing = standing_get(x->conn, x->zone)) == NULL)
		return fail(x, FAULT_MEMORY);
	if (x->standing->residual == NULL && x->residual_serves)
		x->standing->residual = residual_new(x->config->rules, &x->inputs);
	return NEXT_STEP;
}

/* ---- rules ---- */

static enum next run_rules(struct exchange *x, enum phase phase)
{
	const struct ruleset *rules = x->config->rules;
	bool edited;
	enum fault f;

	if (!ruleset_has_phase(rules, phase, x->zone->name))
		return NEXT_STEP;
	if (!ruleset_run(rules, phase, x->fields, x->residual_serves ? x->standing->residual : NULL, &x->verdict)) {
		exchange_decided(x);
		return NEXT_DONE;
	}
	edited = x->verdict.edits != NULL;
	if ((f = glue_edits(x)) != FAULT_NONE) {
		exchange_fail(x, f, x->fault_detail);
		return NEXT_DONE;
	}
	if (edited)
		fields_changed(x->fields);
	return NEXT_STEP;
}

/* Rules that read the content wait for it, up to a limit. */
static enum next inspect(struct exchange *x, enum phase phase)
{
	(void)phase;
	if (!x->request.has_body || (ruleset_needs(x->config->rules) & NEED_BODY) == 0 ||
	    x->config->settings.limit_body_inspect == 0)
		return NEXT_STEP;
	return exchange_keep(x) ? NEXT_STEP : NEXT_WAIT;
}

static enum next buffer(struct exchange *x, enum phase phase)
{
	(void)phase;
	if (!x->request.has_body || !x->settings.request_buffering)
		return NEXT_STEP;
	return exchange_keep(x) ? NEXT_STEP : NEXT_WAIT;
}

/* ---- what usher adds ---- */

static enum next forwarded(struct exchange *x, enum phase phase)
{
	struct forwarded f = { x->client, x->proxy, transforms_hide_visitor(x->zone->transforms) };

	(void)phase;
	return forwarded_write(&x->request, &f) < 0 ? fail(x, FAULT_MEMORY) : NEXT_STEP;
}

/* A value that cannot stand in a header is left out: the origin gets none rather than a wrong one, and the log says so. */
static bool render(struct exchange *x, enum transform_life life, struct lines *out)
{
	int rc = transforms_render(x->zone->transforms, life, glue_source, x->fields, out);

	if (rc > 0)
		log_warning("header_left_out", LOG_S("zone", x->zone->name), LOG_S("id", ((struct str){ x->id, 16 })));
	return rc >= 0;
}

static enum next transforms(struct exchange *x, enum phase phase)
{
	struct standing *s = x->standing;
	transform_set set = x->zone->transforms;

	(void)phase;
	if (set == NULL)
		return NEXT_STEP;
	if (!s->is_rendered) {
		lines_init(&s->rendered, &s->arena);
		if (!render(x, LIFE_CONNECTION, &s->rendered))
			return fail(x, FAULT_MEMORY);
		s->is_rendered = true;
	}
	if (!lines_append(&x->request.lines, &s->rendered) ||
	    !render(x, LIFE_EXCHANGE, &x->request.lines))
		return fail(x, FAULT_MEMORY);
	fields_changed(x->fields);
	return NEXT_STEP;
}

static enum next count_hops(struct exchange *x, enum phase phase)
{
	bool last;

	(void)phase;
	if (max_forwards_count(&x->request, &last) < 0)
		return fail(x, FAULT_MEMORY);
	if (!last)
		return NEXT_STEP;
	respond_options(x);
	return NEXT_DONE;
}

static enum next send_on(struct exchange *x, enum phase phase)
{
	(void)phase;
	if (x->request.upgrade.n > 0 && x->route.origin == NULL && x->route.pool->http2 && !websocket_key_good(x))
		return fail(x, fault_of(REJECT_WEBSOCKET_KEY));
	x->at_origin = clock_mono_nsec();
	x->attempts++;
	origin_start(x);
	return NEXT_DONE;
}

static const struct step steps[] = {
	{ "zone", find_zone, 0 },
	{ "prepare", prepare, 0 },
	{ "inspect", inspect, 0 },
	{ "redirect", run_rules, PHASE_REQUEST_REDIRECT },
	{ "rewrite", run_rules, PHASE_REQUEST_REWRITE },
	{ "config", run_rules, PHASE_REQUEST_CONFIG },
	{ "firewall", run_rules, PHASE_REQUEST_FIREWALL },
	{ "ratelimit", run_rules, PHASE_REQUEST_RATELIMIT },
	{ "forwarded", forwarded, 0 },
	{ "transforms", transforms, 0 },
	{ "headers", run_rules, PHASE_REQUEST_HEADERS },
	{ "route", run_rules, PHASE_REQUEST_ROUTE },
	{ "hops", count_hops, 0 },
	{ "buffer", buffer, 0 },
	{ "origin", send_on, 0 },
};

void exchange_advance(struct exchange *x)
{
	enum next next = NEXT_STEP;

	while (next == NEXT_STEP) {
		assert(x->step < sizeof(steps) / sizeof(steps[0]));
		next = steps[x->step].run(x, steps[x->step].phase);
		if (next == NEXT_STEP)
			x->step++;
	}
}

void exchange_again(struct exchange *x)
{
	x->step = sizeof(steps) / sizeof(steps[0]) - 1;
	exchange_advance(x);
}

/* ---- the answer ---- */

static enum next answer_transforms(struct exchange *x, enum phase phase)
{
	(void)phase;
	return transforms_response(x->zone->transforms, &x->response.lines) < 0 ? fail(x, FAULT_MEMORY) : NEXT_STEP;
}

static const struct step answer_steps[] = {
	{ "response transforms", answer_transforms, 0 },
	{ "response headers", run_rules, PHASE_RESPONSE_HEADERS },
	{ "response firewall", run_rules, PHASE_RESPONSE_FIREWALL },
};

bool exchange_answer_rules(struct exchange *x)
{
	size_t i;

	x->inputs.response = &x->response;
	x->inputs.origin_ttfb_msec = (int64_t)((x->answered - x->at_origin) / 1000000);
	fields_changed(x->fields);
	ruleset_keep_raw(x->config->rules, x->fields);
	for (i = 0; i < sizeof(answer_steps) / sizeof(answer_steps[0]); i++)
		if (answer_steps[i].run(x, answer_steps[i].phase) == NEXT_DONE)
			return false;
	return true;
}

/* ---- the end of it ---- */

void exchange_fail(struct exchange *x, enum fault f, struct str detail)
{
	if (x->response_ended)
		return;
	if (x->fault == FAULT_NONE) {
		x->fault = f;
		x->fault_detail = detail;
	}
	exchange_let_go(x);
	if (x->head_sent || x->check != NULL || fault_status(f) == 0) {
		x->response_ended = true;
		x->down->abort(x);
	} else {
		respond_fault(x, f);
	}
}

void exchange_decided(struct exchange *x)
{
	exchange_let_go(x);
	if (x->verdict.outcome == OUTCOME_FAIL) {
		x->fault_detail = x->verdict.reason;
		x->fault = FAULT_RULE;
		respond_fault(x, FAULT_RULE);
		return;
	}
	respond_verdict(x);
}

static void name_request(struct exchange *x, uint64_t number)
{
	int i;

	for (i = 0; i < 16; i++)
		x->id[i] = "0123456789abcdef"[number >> (60 - 4 * i) & 15];
}

static struct exchange *make(struct worker *w, const struct downstream *down, void *stream)
{
	struct exchange *x = w->spare;
	struct arena arena;

	if (x != NULL) {
		w->spare = x->next_spare;
		w->nspare--;
		arena = x->arena;
	} else {
		if ((x = malloc(sizeof(*x))) == NULL)
			return NULL;
		arena_init(&arena, 0);
	}
	*x = (struct exchange){ .arena = arena, .worker = w, .down = down, .stream = stream };
	x->held = held_ref(w->held);
	x->config = x->held->config;
	x->request.arena = x->response.arena = &x->arena;
	x->request.time_msec = clock_now_msec();
	x->request.content_length = -1;
	lines_init(&x->request.lines, &x->arena);
	lines_init(&x->request.trailers, &x->arena);
	lines_init(&x->edited[0], &x->arena);
	lines_init(&x->edited[1], &x->arena);
	x->started = clock_mono_nsec();
	return x;
}

struct exchange *exchange_new(struct worker *w, struct conn *c, const struct downstream *down, void *stream)
{
	struct exchange *x = make(w, down, stream);

	if (x == NULL)
		return NULL;
	x->conn = c;
	x->request.tls = c->t.tls != NULL || (c->proxied != NULL && c->proxied->tls);
	x->client = c->ip;
	x->proxy = c->proxy_ip;
	x->residual_serves = true;
	name_request(x, w->request_id++);
	c->requests++;
	return x;
}

struct exchange *exchange_check(struct worker *w, const struct pool_conf *pool, const struct origin_conf *origin,
				const struct downstream *down, void *stream)
{
	struct exchange *x = make(w, down, stream);

	if (x == NULL)
		return NULL;
	x->route.pool = pool;
	x->check = origin;
	x->rewritten = true; /* the target is as it is filled in */
	return x;
}

void exchange_ask(struct exchange *x)
{
	x->request_ended = true;
	x->attempts = 1;
	origin_start(x);
}

void exchange_free(struct exchange *x)
{
	struct worker *w = x->worker;

	exchange_let_go(x);
	x->ended = clock_mono_nsec();
	if (x->check == NULL)
		access_exchange(x);
	cert_facts_unref(x->cert);
	standing_unref(x->standing);
	held_unref(x->held);
	buf_fini(&x->kept);
	buf_fini(&x->sent);
	if (w->nspare >= SPARES) {
		arena_fini(&x->arena);
		free(x);
		return;
	}
	arena_reset(&x->arena);
	x->next_spare = w->spare;
	w->spare = x;
	w->nspare++;
}

void exchange_spares_free(struct worker *w)
{
	struct exchange *x;

	while ((x = w->spare) != NULL) {
		w->spare = x->next_spare;
		arena_fini(&x->arena);
		free(x);
	}
	w->nspare = 0;
}
