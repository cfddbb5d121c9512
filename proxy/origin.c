/* SPDX-License-Identifier: Apache-2.0 */
/* From an exchange that wants an origin to a connection: the host, its addresses, an idle connection or a new one. */
#include "proxy/origin.h"

#include <stdlib.h>

#include "base/err.h"
#include "proxy/origin_choice.h"
#include "proxy/origin_host.h"
#include "proxy/origin_http2.h"

/* ---- the exchange's side ---- */

/* To a host whose addresses are known. A second attempt goes over a new connection. */
void origin_go(struct exchange *x, struct origin_host *h)
{
	struct origin_conn *c;

	if (h->http2 && (c = origin_http2_with_room(h)) != NULL && origin_http2_knows(c, x)) {
		x->origin_text = arena_str(&x->arena, str_of(h->key));
		origin_http2_start(c, x);
	} else if (h->connecting) {
		origin_wait(x, h);
	} else {
		origin_connect(x, h);
	}
}

/* Before what must not be asked twice: an idle connection that its origin has ended meanwhile would lose it. */
static void close_stale(struct origin_host *h)
{
	while (h->idle != NULL && transport_stale(&h->idle->t))
		origin_conn_close(h->idle);
}

void origin_start(struct exchange *x)
{
	struct origins *o = x->worker->origins;
	enum fault why;
	struct origin_wanted wanted = { NULL, NULL, STR_NONE, x->route.origin == NULL && x->route.pool->http2,
				 x->route.origin == NULL ? x->route.pool->proxy_protocol : 0 };
	const struct origin_conf *conf = origin_choose(x, &why);
	struct origin_host *h;
	struct origin_conn *c;

	if (conf == NULL || o->closing) {
		exchange_origin_failed(x, why, STR_NONE, LOSS_UNKNOWN);
		return;
	}
	wanted.address = &conf->address;
	x->origin_tls = STR_NONE;
	x->connect_until = uv_now(x->worker->loop) + (uint64_t)x->settings.timeout_connect;
	origin_enter(x, conf);
	if (conf->tls && (wanted.tls = origin_tls_client(x)) == NULL) {
		exchange_origin_failed(x, FAULT_ORIGIN_TLS, STR("no_client"), LOSS_UNKNOWN);
		return;
	}
	wanted.server = x->route.sni.n > 0 ? x->route.sni : origin_server_name(x->route.origin == NULL ? x->route.pool : NULL, conf);
	if ((h = origin_host_of(o, &wanted)) == NULL) {
		exchange_origin_failed(x, FAULT_MEMORY, STR_NONE, LOSS_UNKNOWN);
		return;
	}
	origin_refresh(h);
	if (!origin_idempotent(x))
		close_stale(h);
	if ((c = h->idle) != NULL && x->attempts == 1 && !h->http2) { /* a second attempt goes over a new connection */
		origin_conn_unlist(c);
		c->state = ORIGIN_BUSY;
		origin_conn_attach(c, x);
		origin_http1_begin(c);
		return;
	}
	origin_resolve(x, h);
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

int origins_new(struct origins **out, struct worker *w, bool once)
{
	if ((*out = calloc(1, sizeof(**out))) == NULL)
		return -ERR_NOMEM;
	(*out)->worker = w;
	(*out)->once = once;
	return 0;
}

void origins_reload(struct origins *o)
{
	struct origin_host *h;

	for (h = o->hosts; h != NULL; h = h->next) {
		h->named = !o->once && origin_host_is_named(h);
		while (!h->named && h->idle != NULL)
			origin_conn_close(h->idle);
	}
	origin_hosts_prune(o);
	if (o->resolver != NULL)
		resolver_settings(o->resolver, worker_settings(o->worker));
}

void origins_close(struct origins *o)
{
	struct origin_host *h;

	o->closing = true;
	for (h = o->hosts; h != NULL; h = h->next) {
		origin_connect_stop(h);
		while (h->idle != NULL)
			origin_conn_close(h->idle);
		while (h->shared != NULL) /* their last requests have just been given up */
			origin_conn_close(h->shared);
	}
	origin_hosts_prune(o);
	resolver_close(o->resolver);
}

void origins_free(struct origins *o)
{
	struct origin_host *h;

	while (o != NULL && (h = o->hosts) != NULL) {
		o->hosts = h->next;
		origin_host_free(h);
	}
	if (o != NULL)
		resolver_free(o->resolver);
	free(o);
}
