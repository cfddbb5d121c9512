/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One probe per origin of a pool that wants checks. Each check is an exchange of usher's own (exchange_check), which goes
 * to the origin as a client's request would: to the first address that takes a connection, over TLS and HTTP/2 as the
 * pool says, with a full handshake each time. What counts is the status; some of the content is taken for politeness.
 */
#include "proxy/health.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/version.h"
#include "proxy/aside.h"
#include "proxy/balance.h"
#include "proxy/exchange.h"

enum {
	FIRST_MSEC = 20, /* the first check comes soon */
	POLITE = 65536,  /* bytes of content */
};

struct probe {
	struct health *health;
	struct probe *next;
	const struct pool_conf *pool;
	const struct origin_conf *origin;
	struct deadline deadline; /* of the check, or of the rest after it */
	struct exchange *x;       /* the check; NULL: none has been made, or it is forgotten */
	bool checking;
	bool decided;             /* this check has its answer */
};

struct health {
	struct worker *worker;
	struct probe *probes; /* of the worker's configuration */
};

/* ---- what a check finds ---- */

static void decide(struct probe *p, bool good, const char *reason, struct str detail)
{
	if (p->decided)
		return;
	p->decided = true;
	if (balance_checked(p->pool, p->origin->member, good))
		log_warning("origin_health", LOG_S("pool", p->pool->name), LOG_S("origin", p->origin->address.text),
			    LOG_Z("health", good ? "good" : "bad"), LOG_Z("reason", reason), LOG_S("detail", detail));
}

/* The exchange may be on the stack: it is freed when the next check is due. */
static void rest(struct probe *p)
{
	p->checking = false;
	deadline_set(&p->health->worker->wheel, &p->deadline, p->pool->health.interval);
}

static void on_head(struct exchange *x, int status, const struct lines *lines, int64_t length, bool content)
{
	struct probe *p = x->stream;
	const struct health_conf *h = &p->pool->health;

	(void)lines;
	(void)length;
	(void)content;
	if (status >= h->status_min && status <= h->status_max)
		decide(p, true, "", STR_NONE);
	else
		decide(p, false, "status", arena_decimal(&x->arena, status));
}

static void on_interim(struct exchange *x, int status, const struct lines *lines)
{
	(void)x;
	(void)status;
	(void)lines;
}

static void on_piece(struct exchange *x, struct str bytes)
{
	(void)x;
	(void)bytes;
}

/* Whoever has more to say is left alone when the check's time is over. */
static bool on_full(struct exchange *x)
{
	return x->response_bytes > POLITE;
}

static void on_end(struct exchange *x, const struct lines *trailers)
{
	struct probe *p = x->stream;

	(void)trailers;
	decide(p, true, "", STR_NONE); /* without a head: it was connected to */
	rest(p);
}

static void on_abort(struct exchange *x)
{
	struct probe *p = x->stream;

	if (x->fault == FAULT_MEMORY) /* nothing is known: the next check may tell */
		p->decided = true;
	decide(p, false, fault_word(x->fault), x->fault_detail);
	rest(p);
}

static const struct downstream checks = {
	.head = on_head,
	.interim = on_interim,
	.piece = on_piece,
	.end = on_end,
	.abort = on_abort,
	.full = on_full,
};

/* ---- a check ---- */

static bool prepare(struct probe *p, struct exchange *x)
{
	const struct health_conf *h = &p->pool->health;
	struct request *req = &x->request;

	req->method = STR("GET");
	req->authority = h->host.n > 0 ? h->host : p->origin->authority;
	req->target.uri = h->path;
	x->connect_only = h->kind == HEALTH_TCP;
	x->settings = (struct exchange_settings){ h->timeout, h->timeout, h->timeout, false };
	return lines_add(&req->lines, STR("user-agent"), STR("usher-health/" USHER_VERSION)) &&
	       lines_add(&req->lines, STR("accept"), STR("*/*"));
}

static void check(struct probe *p)
{
	struct exchange *x = exchange_check(p->health->worker, p->pool, p->origin, &checks, p);

	p->x = x;
	p->decided = false;
	if (x == NULL || !prepare(p, x)) { /* nothing is known */
		rest(p);
		return;
	}
	p->checking = true;
	deadline_set(&p->health->worker->wheel, &p->deadline, p->pool->health.timeout);
	exchange_ask(x);
}

static void forget(struct probe *p)
{
	if (p->x != NULL)
		exchange_free(p->x);
	p->x = NULL;
}

static enum fault what_was_slow(const struct exchange *x)
{
	return x->waits_for != NULL ? FAULT_NAME_TIMEOUT : x->origin_ready ? FAULT_FIRST_BYTE_TIMEOUT : FAULT_CONNECT_TIMEOUT;
}

static void on_deadline(struct deadline *d)
{
	struct probe *p = (struct probe *)((char *)d - offsetof(struct probe, deadline));

	if (!p->checking) {
		forget(p);
		check(p);
		return;
	}
	decide(p, false, fault_word(what_was_slow(p->x)), STR_NONE);
	forget(p);
	rest(p);
}

/* ---- all of them ---- */

static void probe_start(struct health *h, const struct pool_conf *pool, const struct origin_conf *o)
{
	struct probe *p = calloc(1, sizeof(*p));

	if (p == NULL) {
		log_error("health_check_failed", LOG_Z("reason", "no_memory"), LOG_S("origin", o->address.text));
		return;
	}
	p->health = h;
	p->pool = pool;
	p->origin = o;
	p->next = h->probes;
	h->probes = p;
	deadline_init(&p->deadline, on_deadline);
	deadline_set(&h->worker->wheel, &p->deadline, FIRST_MSEC);
}

static void stop(struct health *h)
{
	struct probe *p;

	while ((p = h->probes) != NULL) {
		h->probes = p->next;
		forget(p);
		deadline_clear(&h->worker->wheel, &p->deadline);
		free(p);
	}
}

void health_watch(struct health *h, struct config *c)
{
	size_t i, k;

	stop(h);
	if (!aside_config(h->worker, c)) {
		log_error("health_check_failed", LOG_Z("reason", "no_memory"));
		return;
	}
	for (i = 0; i < c->npools; i++) {
		const struct pool_conf *pool = &c->pools[i];

		for (k = 0; k < pool->n; k++)
			if (pool->health.kind != HEALTH_NONE)
				probe_start(h, pool, &pool->origins[k]);
			else
				atomic_store(&pool->origins[k].member->unhealthy, false);
	}
}

int health_new(struct health **out, uv_loop_t *loop)
{
	struct health *h = calloc(1, sizeof(*h));

	*out = NULL;
	if (h == NULL || aside_new(&h->worker, loop) < 0) {
		free(h);
		return -ERR_NOMEM;
	}
	*out = h;
	return 0;
}

void health_close(struct health *h)
{
	if (h == NULL)
		return;
	stop(h);
	aside_close(h->worker);
}

void health_free(struct health *h)
{
	if (h != NULL)
		aside_free(h->worker);
	free(h);
}
