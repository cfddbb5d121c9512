/* SPDX-License-Identifier: Apache-2.0 */
/* Connections in the making: every address of a name is tried in turn until timeouts.connect is over, then comes TLS. */
#include "base/err.h"
#include "proxy/origin_host.h"
#include "proxy/origin_http2.h"

#include <stdlib.h>

static void try_address(struct exchange *x, struct origin_host *h, unsigned address, uint64_t give_up);

void origin_connect_failed(struct origin_conn *c, enum fault f, const char *detail)
{
	struct origin_host *h = c->host;
	unsigned next = c->address + 1;
	uint64_t give_up = c->give_up, now = uv_now(&c->worker->loop);
	struct exchange *x = origin_conn_detach(c);
	bool offered = f == FAULT_ORIGIN_TLS && session_offered(c->t.tls);

	if (offered)
		tls_peer_forget(h->peer);
	origin_conn_close(c);
	if (x == NULL && h->connecting && h->waiting != NULL)
		x = origin_waiting_take(&h->waiting);
	if (x != NULL && offered && now < give_up) /* an origin that takes offence at the old session: without one */
		try_address(x, h, next - 1, give_up);
	else if (x != NULL && (f == FAULT_ORIGIN_CONNECT || f == FAULT_CONNECT_TIMEOUT) && next < h->naddresses &&
	    now < give_up)
		try_address(x, h, next, give_up);
	else
		origin_give_up(h, x, f, str_of(detail));
}

static void http2_ready(struct origin_conn *c)
{
	struct origin_host *h = c->host;
	struct exchange *x;

	if (c->t.tls != NULL && !str_eq(session_tls(c->t.tls)->alpn, STR("h2"))) {
		origin_connect_failed(c, FAULT_ORIGIN_TLS, "no_h2");
		return;
	}
	if (!origin_http2_open(c)) {
		origin_connect_failed(c, FAULT_MEMORY, "");
		return;
	}
	c->state = ORIGIN_BUSY;
	origin_conn_list(c, &h->shared);
	transport_read(&c->t, true);
	origin_conn_deadline(c, worker_settings(c->worker)->timeout_connect);
	transport_dirty(&c->t);
	if ((x = origin_conn_detach(c)) != NULL)
		origin_http2_start(c, x);
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

void origin_connect_shake_hands(struct origin_conn *c)
{
	switch (session_state(c->t.tls)) {
	case SESSION_OPEN:
		if (c->up.x != NULL)
			c->up.x->origin_tls = session_tls(c->t.tls)->resumed ? STR("resumed") : STR("full");
		ready(c);
		break;
	case SESSION_HANDSHAKE:
		if (c->t.eof || c->t.error != 0)
			origin_connect_failed(c, FAULT_ORIGIN_TLS, "closed");
		break;
	default:
		transport_flush(&c->t); /* the alert */
		origin_connect_failed(c, FAULT_ORIGIN_TLS, session_reason(c->t.tls).p); /* reasons are constant words */
	}
}

static void on_connected(uv_connect_t *req, int status)
{
	struct origin_conn *c = origin_conn_of(req->handle->data);
	struct session *tls;

	if (c->state != ORIGIN_CONNECTING)
		return;
	if (status < 0) {
		origin_connect_failed(c, FAULT_ORIGIN_CONNECT, uv_strerror(status));
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
	if (session_connect(&tls, c->host->peer) < 0) {
		origin_connect_failed(c, FAULT_MEMORY, "");
		return;
	}
	c->state = ORIGIN_HANDSHAKE;
	origin_conn_deadline(c, c->give_up > uv_now(req->handle->loop) ?
					(int64_t)(c->give_up - uv_now(req->handle->loop)) : 0);
	transport_secure(&c->t, tls);
	transport_read(&c->t, true);
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
		origin_give_up(h, x, FAULT_MEMORY, STR_NONE);
		return;
	}
	transport_init(&c->t, &origin_conn_events);
	c->worker = w;
	c->host = h;
	c->address = address;
	c->give_up = give_up;
	c->state = ORIGIN_CONNECTING;
	deadline_init(&c->deadline, origin_conn_on_deadline);
	h->nconns++;
	origin_conn_attach(c, x);
	origin_conn_deadline(c, (int64_t)(share_of(h, address, give_up > now ? give_up - now : 0)));
	if (h->path != NULL) {
		uv_pipe_connect(&c->connect, &c->t.h.pipe, h->path, on_connected);
		return;
	}
	rc = uv_tcp_connect(&c->connect, &c->t.h.tcp, (struct sockaddr *)&h->addresses[address], on_connected);
	if (rc < 0)
		origin_connect_failed(c, FAULT_ORIGIN_CONNECT, uv_strerror(rc));
	else
		uv_tcp_nodelay(&c->t.h.tcp, 1);
}

void origin_connect(struct exchange *x, struct origin_host *h)
{
	h->connecting = h->http2;
	try_address(x, h, 0, uv_now(&x->worker->loop) + (uint64_t)x->settings.timeout_connect);
}
