/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Hosts, their addresses, and their connections. Names are looked up off the loop and remembered for a while; every
 * address of a name is tried in turn until timeouts.connect is over. A connection that is idle is listened to, so
 * that one the origin closes is not used again.
 */
#include "proxy/origin.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/ip.h"
#include "base/log.h"
#include "proxy/origin_choice.h"
#include "proxy/origin_conn.h"
#include "proxy/origin_host.h"
#include "proxy/origin_http2.h"

enum {
	NAME_FAIL_MSEC = 1000, /* how long it is believed that a name has no addresses */
};

/* ---- hosts ---- */

static void host_free(struct origin_host *h)
{
	free(h->key);
	free(h->path);
	free(h->name);
	free(h->server);
	tls_client_unref(h->tls);
	free(h);
}

/* What a connection must fit beside the address: two requests share none if they would speak TLS differently. */
struct wanted {
	const struct address *address;
	struct tls_client *tls; /* borrowed */
	struct str server;
	bool http2;
	int proxy;
};

static bool host_fits(const struct origin_host *h, const struct wanted *w)
{
	return h->tls == w->tls && h->http2 == w->http2 && h->proxy == w->proxy && str_eq(str_of(h->key), w->address->text) &&
	       (w->tls == NULL || str_eq(str_of(h->server), w->server));
}

static struct origin_host *host_new(struct origins *o, const struct wanted *w)
{
	const struct address *a = w->address;
	struct origin_host *h = calloc(1, sizeof(*h));
	bool named = a->path.n == 0 && a->sa.ss_family == AF_UNSPEC;

	if (h == NULL)
		return NULL;
	h->origins = o;
	h->http2 = w->http2;
	h->proxy = w->proxy;
	h->port = a->port;
	h->key = strndup(a->text.p, a->text.n);
	if (a->path.n > 0)
		h->path = strndup(a->path.p, a->path.n);
	else if (named)
		h->name = strndup(a->host.p, a->host.n);
	else {
		h->addresses[0] = a->sa;
		h->naddresses = 1;
	}
	if (w->tls != NULL) {
		h->tls = tls_client_ref(w->tls);
		h->server = strndup(w->server.p, w->server.n);
	}
	if (h->key == NULL || (a->path.n > 0 && h->path == NULL) || (named && h->name == NULL) ||
	    (w->tls != NULL && h->server == NULL)) {
		host_free(h);
		return NULL;
	}
	h->next = o->hosts;
	o->hosts = h;
	return h;
}

static struct origin_host *host_of(struct origins *o, const struct wanted *w)
{
	struct origin_host *h;

	for (h = o->hosts; h != NULL; h = h->next)
		if (host_fits(h, w))
			return h;
	return host_new(o, w);
}

/* Frees hosts that nothing needs any more. */
static void hosts_prune(struct origins *o)
{
	struct origin_host **at = &o->hosts, *h;

	while ((h = *at) != NULL) {
		if ((h->named && !o->closing) || h->nconns > 0 || h->resolving || h->waiting != NULL) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		host_free(h);
	}
}

/* ---- connections ---- */

void origin_conn_deadline(struct origin_conn *c, int64_t msec)
{
	deadline_set(&c->worker->wheel, &c->deadline, msec);
}

struct exchange *origin_conn_detach(struct origin_conn *c)
{
	struct exchange *x = c->up.x;

	c->up.x = NULL;
	if (x != NULL)
		x->up = NULL;
	return x;
}

static void list_add(struct origin_conn *c, struct origin_conn **list)
{
	c->next = *list;
	if (c->next != NULL)
		c->next->prev = &c->next;
	c->prev = list;
	*list = c;
}

static void list_remove(struct origin_conn *c)
{
	if (c->prev == NULL)
		return;
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	c->prev = NULL;
	if (c->state == ORIGIN_IDLE)
		c->host->nidle--;
}

/* ---- exchanges that wait for a host ---- */

static void wait_for(struct exchange *x, struct origin_host *h)
{
	x->waits_for = h;
	x->next_waiting = h->waiting;
	h->waiting = x;
}

static struct exchange *waiting_take(struct exchange **list)
{
	struct exchange *x = *list;

	*list = x->next_waiting;
	x->next_waiting = NULL;
	x->waits_for = NULL;
	return x;
}

/* No connection can be had: x fails, and with it those that would have shared an HTTP/2 connection. */
static void give_up_on(struct origin_host *h, struct exchange *x, enum fault f, struct str detail)
{
	struct exchange *list = h->connecting ? h->waiting : NULL;

	if (h->connecting)
		h->waiting = NULL;
	h->connecting = false;
	if (x != NULL)
		exchange_origin_failed(x, f, detail, false);
	while (list != NULL)
		exchange_origin_failed(waiting_take(&list), f, detail, false);
}

/* ---- idle, and the end ---- */

void origin_conn_close(struct origin_conn *c)
{
	bool settled;

	if (c->state == ORIGIN_CLOSING)
		return;
	list_remove(c);
	c->state = ORIGIN_CLOSING;
	deadline_clear(&c->worker->wheel, &c->deadline);
	transport_close(&c->t);
	if (c->http2 == NULL)
		return;
	settled = origin_http2_settled(c);
	origin_http2_free(c);
	if (!settled)
		give_up_on(c->host, NULL, FAULT_ORIGIN_CLOSED, STR_NONE);
}

void origin_conn_keep(struct origin_conn *c)
{
	struct origin_host *h = c->host;

	if (h->nidle >= (unsigned)worker_settings(c->worker)->limit_origin_connections || h->origins->closing ||
	    h->proxy != 0 || c->t.eof || c->t.error != 0 || transport_input(&c->t)->n > 0) {
		origin_conn_close(c);
		return;
	}
	list_remove(c);
	c->state = ORIGIN_IDLE;
	transport_rest(&c->t);
	c->reused = true;
	list_add(c, &h->idle);
	h->nidle++;
	transport_read(&c->t, true);
	origin_conn_deadline(c, worker_settings(c->worker)->timeout_origin_idle);
}

static void on_closed(struct transport *t)
{
	struct origin_conn *c = origin_conn_of(t);
	struct origins *o = c->host->origins;

	c->host->nconns--;
	free(c);
	hosts_prune(o);
}

static void try_address(struct exchange *x, struct origin_host *h, unsigned address, uint64_t give_up);
static void go(struct exchange *x, struct origin_host *h);

static void connect_failed(struct origin_conn *c, enum fault f, const char *detail)
{
	struct origin_host *h = c->host;
	unsigned next = c->address + 1;
	uint64_t give_up = c->give_up, now = uv_now(&c->worker->loop);
	struct exchange *x = origin_conn_detach(c);

	origin_conn_close(c);
	if (x == NULL && h->connecting && h->waiting != NULL)
		x = waiting_take(&h->waiting);
	if (x != NULL && (f == FAULT_ORIGIN_CONNECT || f == FAULT_CONNECT_TIMEOUT) && next < h->naddresses &&
	    now < give_up)
		try_address(x, h, next, give_up);
	else
		give_up_on(h, x, f, str_of(detail));
}

static void http2_ready(struct origin_conn *c)
{
	struct origin_host *h = c->host;
	struct exchange *x;

	if (c->t.tls != NULL && !str_eq(session_tls(c->t.tls)->alpn, STR("h2"))) {
		connect_failed(c, FAULT_ORIGIN_TLS, "no_h2");
		return;
	}
	if (!origin_http2_open(c)) {
		connect_failed(c, FAULT_MEMORY, "");
		return;
	}
	c->state = ORIGIN_BUSY;
	list_add(c, &h->shared);
	transport_read(&c->t, true);
	origin_conn_deadline(c, worker_settings(c->worker)->timeout_connect);
	transport_dirty(&c->t);
	if ((x = origin_conn_detach(c)) != NULL)
		origin_http2_start(c, x);
}

void origin_conn_settled(struct origin_conn *c)
{
	struct origin_host *h = c->host;
	struct exchange *list = h->connecting ? h->waiting : NULL;

	if (c->state == ORIGIN_BUSY)
		deadline_clear(&c->worker->wheel, &c->deadline);
	if (!h->connecting)
		return;
	h->connecting = false;
	h->waiting = NULL;
	while (list != NULL)
		go(waiting_take(&list), h);
}

static void ready(struct origin_conn *c)
{
	if (c->host->http2) {
		http2_ready(c);
		return;
	}
	if (c->up.x == NULL) { /* nobody waits any more; the next one may use it */
		origin_conn_keep(c);
		return;
	}
	c->state = ORIGIN_BUSY;
	transport_read(&c->t, true);
	origin_http1_begin(c);
}

/* The end of TLS is not the end of TCP: only a close_notify says that an answer is complete. */
static void tls_ended(struct origin_conn *c)
{
	switch (session_state(c->t.tls)) {
	case SESSION_FAILED:
		c->t.error = c->t.error != 0 ? c->t.error : UV_EPROTO;
		break;
	case SESSION_CLOSED:
		c->t.eof = true;
		break;
	default:
		if (c->t.eof && c->t.error == 0)
			c->t.error = UV_ECONNRESET;
	}
}

static void shake_hands(struct origin_conn *c)
{
	switch (session_state(c->t.tls)) {
	case SESSION_OPEN:
		ready(c);
		break;
	case SESSION_HANDSHAKE:
		if (c->t.eof || c->t.error != 0)
			connect_failed(c, FAULT_ORIGIN_TLS, "closed");
		break;
	default:
		transport_flush(&c->t); /* the alert */
		connect_failed(c, FAULT_ORIGIN_TLS, session_reason(c->t.tls).p); /* reasons are constant words */
	}
}

static void on_readable(struct transport *t)
{
	struct origin_conn *c = origin_conn_of(t);

	if (c->state == ORIGIN_HANDSHAKE) {
		shake_hands(c);
		return;
	}
	if (t->tls != NULL)
		tls_ended(c);
	if (c->http2 != NULL)
		origin_http2_readable(c);
	else if (c->state == ORIGIN_IDLE)
		origin_conn_close(c); /* it ended, or speaks unasked */
	else if (c->state == ORIGIN_BUSY || c->state == ORIGIN_TUNNEL)
		origin_http1_readable(c);
}

static void on_drained(struct transport *t)
{
	struct origin_conn *c = origin_conn_of(t);

	if (c->http2 != NULL)
		transport_dirty(t);
	else if (c->up.x != NULL && (c->state == ORIGIN_BUSY || c->state == ORIGIN_TUNNEL))
		exchange_origin_drained(c->up.x);
}

static void on_fill(struct transport *t)
{
	struct origin_conn *c = origin_conn_of(t);

	if (c->http2 != NULL)
		origin_http2_fill(c);
}

static const struct transport_events events = { on_readable, on_drained, on_closed, on_fill };

static void on_connected(uv_connect_t *req, int status)
{
	struct origin_conn *c = origin_conn_of(req->handle->data);
	struct session *tls;

	if (c->state != ORIGIN_CONNECTING)
		return;
	if (status < 0) {
		connect_failed(c, FAULT_ORIGIN_CONNECT, uv_strerror(status));
		return;
	}
	if (c->host->proxy != 0 && c->up.x == NULL) {
		origin_conn_close(c);
		return;
	}
	if (c->host->proxy != 0)
		origin_announce(c);
	if (c->host->tls == NULL) {
		ready(c);
		return;
	}
	if (session_connect(&tls, c->host->tls, str_of(c->host->server)) < 0) {
		connect_failed(c, FAULT_MEMORY, "");
		return;
	}
	c->state = ORIGIN_HANDSHAKE;
	origin_conn_deadline(c, c->give_up > uv_now(req->handle->loop) ?
					(int64_t)(c->give_up - uv_now(req->handle->loop)) : 0);
	transport_secure(&c->t, tls);
	transport_read(&c->t, true);
}

static void on_deadline(struct deadline *d)
{
	struct origin_conn *c = (struct origin_conn *)((char *)d - offsetof(struct origin_conn, deadline));

	if (c->state == ORIGIN_IDLE)
		origin_conn_close(c);
	else if (c->state == ORIGIN_CONNECTING || c->state == ORIGIN_HANDSHAKE)
		connect_failed(c, FAULT_CONNECT_TIMEOUT, "");
	else if (c->http2 != NULL)
		origin_http2_timeout(c);
	else
		origin_http1_timeout(c);
}

static void attach(struct origin_conn *c, struct exchange *x)
{
	c->up.ops = c->host->http2 ? &origin_http2_connecting : &origin_http1_ops;
	c->up.x = x;
	x->up = &c->up;
	x->origin_text = arena_str(&x->arena, str_of(c->host->key));
}

/* An address that does not answer must leave time for those after it. */
static uint64_t share_of(const struct origin_host *h, unsigned address, uint64_t left)
{
	return address + 1 < h->naddresses ? left / (h->naddresses - address) : left;
}

static void try_address(struct exchange *x, struct origin_host *h, unsigned address, uint64_t give_up)
{
	struct worker *w = x->worker;
	uint64_t now = uv_now(&w->loop);
	struct origin_conn *c = calloc(1, sizeof(*c));
	int rc;

	if (c == NULL || (h->path != NULL ? uv_pipe_init(&w->loop, &c->t.h.pipe, 0)
					  : uv_tcp_init(&w->loop, &c->t.h.tcp)) < 0) {
		free(c);
		give_up_on(h, x, FAULT_MEMORY, STR_NONE);
		return;
	}
	transport_init(&c->t, &events);
	c->worker = w;
	c->host = h;
	c->address = address;
	c->give_up = give_up;
	c->state = ORIGIN_CONNECTING;
	deadline_init(&c->deadline, on_deadline);
	h->nconns++;
	attach(c, x);
	origin_conn_deadline(c, (int64_t)(share_of(h, address, give_up > now ? give_up - now : 0)));
	if (h->path != NULL) {
		uv_pipe_connect(&c->connect, &c->t.h.pipe, h->path, on_connected);
		return;
	}
	rc = uv_tcp_connect(&c->connect, &c->t.h.tcp, (struct sockaddr *)&h->addresses[address], on_connected);
	if (rc < 0)
		connect_failed(c, FAULT_ORIGIN_CONNECT, uv_strerror(rc));
	else
		uv_tcp_nodelay(&c->t.h.tcp, 1);
}

static void dial(struct exchange *x, struct origin_host *h)
{
	h->connecting = h->http2;
	try_address(x, h, 0, uv_now(&x->worker->loop) + (uint64_t)x->settings.timeout_connect);
}

static struct origin_conn *http2_with_room(struct origin_host *h)
{
	struct origin_conn *c;

	for (c = h->shared; c != NULL; c = c->next)
		if (origin_http2_room(c))
			return c;
	if ((c = h->idle) == NULL || !origin_http2_room(c))
		return NULL;
	list_remove(c);
	c->state = ORIGIN_BUSY;
	deadline_clear(&c->worker->wheel, &c->deadline);
	list_add(c, &h->shared);
	return c;
}

/* To a host whose addresses are known. A second attempt goes over a new connection. */
static void go(struct exchange *x, struct origin_host *h)
{
	struct origin_conn *c;

	if (h->http2 && (c = http2_with_room(h)) != NULL) {
		x->origin_text = arena_str(&x->arena, str_of(h->key));
		origin_http2_start(c, x);
	} else if (h->connecting) {
		wait_for(x, h);
	} else {
		dial(x, h);
	}
}

/* ---- names ---- */

static void set_port(struct sockaddr_storage *sa, uint16_t port)
{
	if (sa->ss_family == AF_INET6)
		((struct sockaddr_in6 *)sa)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)sa)->sin_port = htons(port);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
	struct origin_host *h = req->data;
	struct addrinfo *a;
	struct exchange *x, *list;
	uint64_t now = uv_now(req->loop);

	h->resolving = false;
	if (status == 0) {
		h->naddresses = 0;
		for (a = found; a != NULL && h->naddresses < ORIGIN_ADDRESSES; a = a->ai_next) {
			if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
				continue;
			memcpy(&h->addresses[h->naddresses], a->ai_addr, a->ai_addrlen);
			set_port(&h->addresses[h->naddresses++], h->port);
		}
	}
	uv_freeaddrinfo(found);
	if (status < 0) /* old addresses serve on when a name server fails */
		log_warning("origin_name_failed", LOG_Z("origin", h->key), LOG_Z("error", uv_strerror(status)));
	h->resolved_until = now + (status == 0 ? (uint64_t)worker_settings(h->origins->worker)->timeout_resolve :
						 NAME_FAIL_MSEC); /* getaddrinfo tells no TTL */
	list = h->waiting;
	h->waiting = NULL;
	while (list != NULL) {
		x = waiting_take(&list);
		if (h->naddresses > 0)
			go(x, h);
		else
			exchange_origin_failed(x, FAULT_ORIGIN_NAME, str_of(uv_strerror(status)), false);
	}
	hosts_prune(h->origins);
}

static int resolve(struct origin_host *h)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	int rc;

	if (h->resolving)
		return 0;
	h->resolve.data = h;
	rc = uv_getaddrinfo(&h->origins->worker->loop, &h->resolve, on_resolved, h->name, NULL, &hints);
	h->resolving = rc == 0;
	return rc;
}

/* ---- the exchange's side ---- */

void origin_start(struct exchange *x)
{
	struct origins *o = x->worker->origins;
	enum fault why;
	struct wanted wanted = { NULL, NULL, STR_NONE, x->route.origin == NULL && x->route.pool->http2,
				 x->route.origin == NULL ? x->route.pool->proxy_protocol : 0 };
	const struct origin_conf *conf = origin_choose(x, &o->turn, &why);
	struct origin_host *h;
	struct origin_conn *c;

	if (conf == NULL || o->closing) {
		exchange_origin_failed(x, why, STR_NONE, false);
		return;
	}
	wanted.address = &conf->address;
	origin_enter(x, conf);
	if (conf->tls && (wanted.tls = origin_tls_client(x)) == NULL) {
		exchange_origin_failed(x, FAULT_ORIGIN_TLS, STR("no_client"), false);
		return;
	}
	wanted.server = x->route.sni.n > 0 ? x->route.sni : origin_server_name(x, conf);
	if ((h = host_of(o, &wanted)) == NULL) {
		exchange_origin_failed(x, FAULT_MEMORY, STR_NONE, false);
		return;
	}
	if ((c = h->idle) != NULL && x->attempts == 1 && !h->http2) { /* a second attempt goes over a new connection */
		list_remove(c);
		c->state = ORIGIN_BUSY;
		attach(c, x);
		origin_http1_begin(c);
		return;
	}
	if (h->name != NULL && (h->naddresses == 0 || uv_now(&x->worker->loop) >= h->resolved_until)) {
		int rc = resolve(h);

		if (h->naddresses == 0) { /* else the old ones serve while the name is looked up */
			if (rc < 0) {
				exchange_origin_failed(x, FAULT_ORIGIN_NAME, str_of(uv_strerror(rc)), false);
				return;
			}
			wait_for(x, h);
			return;
		}
	}
	go(x, h);
}

void origin_forget(struct exchange *x)
{
	struct origin_host *h = x->waits_for;
	struct exchange **at;

	origin_leave(x);
	if (h == NULL)
		return;
	x->waits_for = NULL;
	for (at = &h->waiting; *at != NULL; at = &(*at)->next_waiting)
		if (*at == x) {
			*at = x->next_waiting;
			break;
		}
	x->next_waiting = NULL;
}

/* ---- a worker's ---- */

int origins_new(struct origins **out, struct worker *w)
{
	if ((*out = calloc(1, sizeof(**out))) == NULL)
		return -ERR_NOMEM;
	(*out)->worker = w;
	return 0;
}

static bool pool_names(const struct pool_conf *p, const struct origin_host *h)
{
	size_t i;

	for (i = 0; i < p->n; i++)
		if (str_eq(p->origins[i].address.text, str_of(h->key)) && (p->origins[i].tls ? p->tls : NULL) == h->tls &&
		    p->http2 == h->http2 && p->proxy_protocol == h->proxy)
			return true;
	return false;
}

/* Connections made under another way to speak TLS (other CAs, say) are not used any more either. */
static bool is_named(const struct origins *o, const struct origin_host *h)
{
	const struct config *config = worker_config(o->worker);
	size_t i;

	for (i = 0; i < config->npools; i++)
		if (pool_names(&config->pools[i], h))
			return true;
	for (i = 0; i < config->nzones; i++)
		if (pool_names(config->zones[i].pool, h))
			return true;
	return false;
}

void origins_reload(struct origins *o)
{
	struct origin_host *h;

	for (h = o->hosts; h != NULL; h = h->next) {
		h->named = is_named(o, h);
		while (!h->named && h->idle != NULL)
			origin_conn_close(h->idle);
	}
	hosts_prune(o);
}

void origins_close(struct origins *o)
{
	struct origin_host *h;

	o->closing = true;
	for (h = o->hosts; h != NULL; h = h->next)
		while (h->idle != NULL)
			origin_conn_close(h->idle);
	hosts_prune(o);
}

void origins_free(struct origins *o)
{
	struct origin_host *h;

	while (o != NULL && (h = o->hosts) != NULL) {
		o->hosts = h->next;
		host_free(h);
	}
	free(o);
}
