/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One probe per origin of a pool that wants checks: a timer, and while a check runs a connection, to the first address of
 * its name that takes one. HTTP checks read the status line and no more. A probe's memory goes when its handles are closed.
 */
#include "proxy/health.h"

#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/version.h"
#include "proxy/balance.h"
#include "proxy/resolver.h"

enum { ANSWER = 64, FIRST_MSEC = 20 }; /* bytes of an answer that are looked at; the first check comes soon */

struct probe {
	struct health *health;
	struct probe *next_probe;
	struct config *config; /* a reference: pool and origin are in it */
	const struct pool_conf *pool;
	const struct origin_conf *origin;
	uv_timer_t timer; /* between checks, and of a check */
	union {
		uv_handle_t any;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} h;
	uv_connect_t connect;
	uv_write_t write;
	uint64_t until;        /* loop milliseconds: the end of this check */
	struct lookup lookup;
	struct answer found;   /* addresses, of which … */
	unsigned next;         /* … this is the next one to try */
	char *request;
	char answer[ANSWER];
	size_t nanswer;
	bool busy;      /* h is open or being closed, or a name is looked up */
	bool decided;   /* this check has its answer */
	bool stopping;
};

struct health {
	uv_loop_t *loop;
	struct resolver *resolver; /* NULL: no name was looked up yet */
	struct probe *probes;
};

static void check(uv_timer_t *timer);

static void probe_free(struct probe *p)
{
	struct probe **at;

	for (at = &p->health->probes; *at != NULL && *at != p; at = &(*at)->next_probe)
		;
	if (*at == p)
		*at = p->next_probe;
	config_unref(p->config);
	free(p->request);
	free(p);
}

static void on_timer_closed(uv_handle_t *handle)
{
	probe_free(handle->data);
}

static void finish_stop(struct probe *p)
{
	if (!p->busy && !uv_is_closing((uv_handle_t *)&p->timer))
		uv_close((uv_handle_t *)&p->timer, on_timer_closed);
}

static void rest(struct probe *p)
{
	p->busy = false;
	if (p->stopping)
		finish_stop(p);
	else
		uv_timer_start(&p->timer, check, (uint64_t)p->pool->health.interval, 0);
}

static void try_next(struct probe *p);

static void on_closed(uv_handle_t *handle)
{
	struct probe *p = handle->data;

	if (p->decided)
		rest(p);
	else
		try_next(p);
}

/* The check's answer. The connection ends; the next check comes after the interval. */
static void decide(struct probe *p, bool good, const char *why)
{
	if (p->decided)
		return;
	p->decided = true;
	uv_timer_stop(&p->timer);
	if (!p->stopping && balance_checked(p->pool, p->origin->member, good))
		log_warning("origin_health", LOG_S("pool", p->pool->name), LOG_S("origin", p->origin->address.text),
			    LOG_Z("health", good ? "good" : "bad"), LOG_Z("detail", why));
	lookup_forget(&p->lookup);
	if (!uv_is_closing(&p->h.any))
		uv_close(&p->h.any, on_closed);
}

/* An address that cannot be connected to leaves the others. */
static void address_failed(struct probe *p, const char *why)
{
	if (p->next >= p->found.n)
		decide(p, false, why);
	else if (!uv_is_closing(&p->h.any))
		uv_close(&p->h.any, on_closed);
}

static void on_timeout(uv_timer_t *timer)
{
	decide(timer->data, false, "timeout");
}

static void on_share(uv_timer_t *timer)
{
	address_failed(timer->data, "timeout");
}

static bool status_good(const struct probe *p)
{
	const struct health_conf *h = &p->pool->health;
	struct str line = { p->answer, p->nanswer };
	uint64_t status;

	return line.n >= 12 && str_starts(line, STR("HTTP/1.")) && str_uint(str_sub(line, 9, 12), 599, &status) &&
	       (int64_t)status >= h->status_min && (int64_t)status <= h->status_max;
}

static void on_alloc(uv_handle_t *handle, size_t hint, uv_buf_t *buf)
{
	struct probe *p = handle->data;

	(void)hint;
	*buf = uv_buf_init(p->answer + p->nanswer, (unsigned)(sizeof(p->answer) - p->nanswer));
}

static void on_bytes(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct probe *p = stream->data;

	(void)buf;
	if (n < 0) {
		decide(p, false, n == UV_EOF ? "closed" : uv_strerror((int)n));
		return;
	}
	p->nanswer += (size_t)n;
	if (p->nanswer >= 13 || p->nanswer == sizeof(p->answer))
		decide(p, status_good(p), status_good(p) ? "" : "status");
}

static void on_written(uv_write_t *write, int status)
{
	if (status < 0 && status != UV_ECANCELED)
		decide(write->data, false, uv_strerror(status));
}

static uint64_t left(const struct probe *p)
{
	uint64_t now = uv_now(p->health->loop);

	return p->until > now ? p->until - now : 0;
}

static void on_connected(uv_connect_t *connect, int status)
{
	struct probe *p = connect->data;
	uv_buf_t out;

	if (p->decided || status == UV_ECANCELED)
		return;
	if (status < 0) {
		address_failed(p, uv_strerror(status));
		return;
	}
	uv_timer_start(&p->timer, on_timeout, left(p), 0);
	if (p->pool->health.kind == HEALTH_TCP || p->origin->tls || p->pool->http2) {
		decide(p, true, "");
		return;
	}
	out = uv_buf_init(p->request, (unsigned)strlen(p->request));
	p->write.data = p;
	if (uv_write(&p->write, &p->h.stream, &out, 1, on_written) < 0 ||
	    uv_read_start(&p->h.stream, on_alloc, on_bytes) < 0)
		decide(p, false, "write");
}

static void dial(struct probe *p, const struct sockaddr *sa)
{
	int rc;

	p->h.any.data = p->connect.data = p;
	if (p->origin->address.path.n > 0)
		uv_pipe_connect(&p->connect, &p->h.pipe, p->origin->address.path.p, on_connected);
	else if ((rc = uv_tcp_connect(&p->connect, &p->h.tcp, sa, on_connected)) < 0)
		address_failed(p, uv_strerror(rc));
}

/* The handle that was for another address is closed. */
static void try_next(struct probe *p)
{
	const union ip_address *to = &p->found.addresses[p->next++];

	if (uv_tcp_init(p->health->loop, &p->h.tcp) < 0) {
		p->decided = true; /* nothing is known: the next check may tell */
		rest(p);
		return;
	}
	uv_timer_start(&p->timer, p->next < p->found.n ? on_share : on_timeout, left(p) / (p->found.n - p->next + 1), 0);
	dial(p, &to->sa);
}

/* The handle is there already, so that whatever happens ends with closing it. */
static void on_answer(struct lookup *l, const struct answer *a)
{
	struct probe *p = (struct probe *)((char *)l - offsetof(struct probe, lookup));

	if (p->next > 0) /* an earlier answer serves */
		return;
	if (a->n == 0) {
		decide(p, false, a->error);
		return;
	}
	p->found = *a;
	uv_timer_start(&p->timer, a->n > 1 ? on_share : on_timeout, left(p) / a->n, 0);
	p->next = 1;
	dial(p, &a->addresses[0].sa);
}

static bool resolver(struct probe *p)
{
	struct health *h = p->health;

	if (h->resolver == NULL && resolver_new(&h->resolver, h->loop) == 0)
		resolver_settings(h->resolver, &p->config->settings);
	return h->resolver != NULL;
}

static void check(uv_timer_t *timer)
{
	struct probe *p = timer->data;
	const struct address *a = &p->origin->address;
	uv_loop_t *loop = p->health->loop;

	p->nanswer = 0;
	p->decided = false;
	p->next = p->found.n = 0;
	p->until = uv_now(loop) + (uint64_t)p->pool->health.timeout;
	if ((a->path.n > 0 ? uv_pipe_init(loop, &p->h.pipe, 0) : uv_tcp_init(loop, &p->h.tcp)) < 0) {
		rest(p); /* nothing is known: the next check may tell */
		return;
	}
	p->h.any.data = p;
	p->busy = true;
	uv_timer_start(&p->timer, on_timeout, (uint64_t)p->pool->health.timeout, 0);
	if (a->path.n > 0 || a->sa.ss_family != AF_UNSPEC)
		dial(p, (const struct sockaddr *)&a->sa);
	else if (resolver(p))
		resolver_ask(p->health->resolver, &p->lookup, a->host.p, a->port);
	else
		decide(p, false, "out of memory");
}

static char *request_text(const struct pool_conf *pool, const struct origin_conf *o)
{
	struct str host = pool->health.host.n > 0 ? pool->health.host : o->authority;
	struct buf b = BUF_INIT;
	char *text;

	if (pool->proxy_protocol != 0) /* who reads version 2 reads this, too */
		buf_add(&b, STR("PROXY UNKNOWN\r\n"));
	buf_printf(&b, "GET %.*s HTTP/1.1\r\nHost: %.*s\r\nUser-Agent: usher-health/" USHER_VERSION
		       "\r\nAccept: */*\r\nConnection: close\r\n\r\n",
		   STR_FMT(pool->health.path), STR_FMT(host));
	text = b.failed ? NULL : strndup(b.p + b.off, b.n);
	buf_fini(&b);
	return text;
}

static void probe_start(struct health *h, struct config *c, const struct pool_conf *pool, const struct origin_conf *o)
{
	struct probe *p = calloc(1, sizeof(*p));

	if (p != NULL && pool->health.kind == HEALTH_HTTP && (p->request = request_text(pool, o)) == NULL) {
		free(p);
		p = NULL;
	}
	if (p == NULL) {
		log_error("health_check_failed", LOG_Z("reason", "no_memory"), LOG_S("origin", o->address.text));
		return;
	}
	p->health = h;
	p->config = config_ref(c);
	p->pool = pool;
	p->origin = o;
	uv_timer_init(h->loop, &p->timer);
	p->timer.data = p;
	p->lookup.answered = on_answer;
	p->next_probe = h->probes;
	h->probes = p;
	uv_timer_start(&p->timer, check, FIRST_MSEC, 0);
}

void health_stop(struct health *h)
{
	struct probe *p, *next;

	for (p = h != NULL ? h->probes : NULL; p != NULL; p = next) {
		next = p->next_probe;
		if (p->stopping)
			continue;
		p->stopping = true;
		if (p->busy)
			decide(p, false, "stopped");
		finish_stop(p);
	}
}

void health_watch(struct health *h, struct config *c)
{
	size_t i, k;

	health_stop(h);
	if (h->resolver != NULL)
		resolver_settings(h->resolver, &c->settings);
	for (i = 0; i < c->npools; i++) {
		const struct pool_conf *pool = &c->pools[i];

		for (k = 0; k < pool->n; k++)
			if (pool->health.kind != HEALTH_NONE)
				probe_start(h, c, pool, &pool->origins[k]);
			else
				atomic_store(&pool->origins[k].member->unhealthy, false);
	}
}

int health_new(struct health **out, uv_loop_t *loop)
{
	if ((*out = calloc(1, sizeof(**out))) == NULL)
		return -ERR_NOMEM;
	(*out)->loop = loop;
	return 0;
}

bool health_stopped(const struct health *h)
{
	return h == NULL || h->probes == NULL;
}

void health_close(struct health *h)
{
	health_stop(h);
	if (h != NULL)
		resolver_close(h->resolver);
}

void health_free(struct health *h)
{
	if (h != NULL)
		resolver_free(h->resolver);
	free(h);
}
