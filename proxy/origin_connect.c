/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections in the making (RFC 8305, "Happy Eyeballs"). The addresses of a name are tried one after the other, and the
 * next one begins beside those before it when they take longer than timeouts.next_address, or at once when one fails. The
 * first that is connected stays, the others end; then comes TLS. All of it has timeouts.connect.
 */
#include "proxy/origin_host.h"

#include <stdlib.h>

#include "base/err.h"
#include "proxy/origin_http2.h"

struct origin_dial {
	struct upstream up;           /* of the exchange that wants it; up.x NULL: it has gone */
	struct origin_host *host;     /* pinned */
	struct origin_dial *next_dial, **prev_dial; /* of the host's */
	struct worker *worker;
	struct deadline deadline;     /* of the next attempt, or of all */
	uint64_t give_up;             /* loop milliseconds */
	union ip_address addresses[LOOKUP_ADDRESSES]; /* as they were when it began */
	unsigned naddresses, next;
	struct origin_conn *attempts; /* under way; once one is connected it is the only one */
	bool connected;
	bool again;                   /* TLS was begun anew, without the old session */
	enum fault fault;             /* of the last attempt that failed */
	const char *detail;           /* constant */
};

static void next_attempt(struct origin_dial *d);

/* ---- the end ---- */

static struct exchange *detach(struct origin_dial *d)
{
	struct exchange *x = d->up.x;

	d->up.x = NULL;
	if (x != NULL)
		x->up = NULL;
	return x;
}

static void dial_free(struct origin_dial *d)
{
	deadline_clear(&d->worker->wheel, &d->deadline);
	*d->prev_dial = d->next_dial;
	if (d->next_dial != NULL)
		d->next_dial->prev_dial = d->prev_dial;
	d->host->pins--;
	free(d);
}

static void close_attempts(struct origin_dial *d, const struct origin_conn *but)
{
	struct origin_conn *c, *next;

	for (c = d->attempts; c != NULL; c = next) {
		next = c->next;
		if (c == but)
			continue;
		c->dial = NULL;
		origin_conn_close(c);
	}
}

static void dial_failed(struct origin_dial *d, enum fault f, const char *detail)
{
	struct origin_host *h = d->host;
	struct exchange *x = detach(d);

	close_attempts(d, NULL);
	h->pins++;
	dial_free(d);
	origin_give_up(h, x, f, str_of(detail));
	h->pins--;
	origin_hosts_prune(h->origins);
}

void origin_connect_stop(struct origin_host *h)
{
	struct exchange *x;

	while (h->dials != NULL) {
		x = detach(h->dials);
		close_attempts(h->dials, NULL);
		dial_free(h->dials);
		origin_give_up(h, x, FAULT_DRAINED, STR_NONE);
	}
}

/* ---- a connection that is ready ---- */

static void http2_ready(struct origin_conn *c, struct exchange *x)
{
	c->state = ORIGIN_BUSY;
	origin_conn_list(c, &c->host->shared);
	transport_read(&c->t, true);
	origin_conn_deadline(c, worker_settings(c->worker)->timeout_connect);
	transport_dirty(&c->t);
	if (x != NULL && origin_http2_knows(c, x))
		origin_http2_start(c, x);
	else if (x != NULL)
		origin_wait(x, c->host);
}

static void ready(struct origin_conn *c)
{
	struct origin_dial *d = c->dial;
	struct origin_host *h = c->host;
	struct exchange *x;

	if (h->http2 && c->t.tls != NULL && !str_eq(session_tls(c->t.tls)->alpn, STR("h2"))) {
		dial_failed(d, FAULT_ORIGIN_TLS, "no_h2");
		return;
	}
	if (h->http2 && !origin_http2_open(c)) {
		dial_failed(d, FAULT_MEMORY, "");
		return;
	}
	x = detach(d);
	origin_conn_unlist(c);
	c->dial = NULL;
	dial_free(d);
	if (h->http2) {
		http2_ready(c, x);
	} else if (x == NULL) { /* nobody waits any more; the next one may use it */
		origin_conn_keep(c);
	} else {
		c->state = ORIGIN_BUSY;
		origin_conn_attach(c, x);
		transport_read(&c->t, true);
		origin_http1_begin(c);
	}
}

static void arm(struct origin_dial *d)
{
	uint64_t now = uv_now(d->worker->loop), left = d->give_up > now ? d->give_up - now : 0, wait = left;
	uint64_t beside = (uint64_t)worker_settings(d->worker)->timeout_next_address;

	if (!d->connected && d->next < d->naddresses) {
		wait = left / (d->naddresses - d->next + 1); /* in a hurry, each address gets its share */
		wait = wait < beside ? wait : beside;
	}
	deadline_set(&d->worker->wheel, &d->deadline, (int64_t)wait);
}

/* ---- TLS ---- */

static bool begin_attempt(struct origin_dial *d, const union ip_address *to);

/* An origin that takes offence at an old session is asked once more without one. */
static void handshake_failed(struct origin_conn *c, const char *detail)
{
	struct origin_dial *d = c->dial;
	union ip_address peer = c->peer;

	if (!session_offered(c->t.tls) || d->again) {
		dial_failed(d, FAULT_ORIGIN_TLS, detail);
		return;
	}
	tls_peer_forget(c->host->peer);
	c->dial = NULL;
	origin_conn_close(c);
	d->again = true;
	d->connected = false;
	if (begin_attempt(d, &peer))
		arm(d);
	else
		dial_failed(d, d->fault, d->detail);
}

void origin_connect_shake_hands(struct origin_conn *c)
{
	struct exchange *x = c->dial->up.x;

	switch (session_state(c->t.tls)) {
	case SESSION_OPEN:
		if (x != NULL)
			x->origin_tls = session_tls(c->t.tls)->resumed ? STR("resumed") : STR("full");
		ready(c);
		break;
	case SESSION_HANDSHAKE:
		if (c->t.eof || c->t.error != 0)
			handshake_failed(c, "closed");
		break;
	default:
		transport_flush(&c->t); /* the alert */
		handshake_failed(c, session_reason(c->t.tls).p); /* reasons are constant words */
	}
}

/* ---- attempts ---- */

static bool wanted(const struct origin_dial *d)
{
	return d->up.x != NULL || (d->host->connecting && d->host->waiting != NULL);
}

static void attempt_failed(struct origin_conn *c, int error)
{
	struct origin_dial *d = c->dial;

	d->fault = error == UV_ENOMEM ? FAULT_MEMORY : FAULT_ORIGIN_CONNECT;
	d->detail = error == UV_ENOMEM ? "" : uv_strerror(error);
	c->dial = NULL;
	origin_conn_close(c);
}

/* The address that won is the first one next time. */
static void prefer(struct origin_host *h, const union ip_address *won)
{
	unsigned i = 0;

	while (i < h->naddresses && memcmp(&h->addresses[i], won, sizeof(*won)) != 0)
		i++;
	if (i == 0 || i == h->naddresses)
		return;
	memmove(&h->addresses[1], &h->addresses[0], i * sizeof(*won));
	h->addresses[0] = *won;
}

/* That it can be connected to was all. */
static void dial_done(struct origin_dial *d)
{
	struct exchange *x = detach(d);

	close_attempts(d, NULL);
	dial_free(d);
	exchange_connected(x);
}

static void connected(struct origin_conn *c)
{
	struct origin_dial *d = c->dial;
	struct origin_host *h = c->host;
	struct session *tls;

	close_attempts(d, c);
	d->connected = true;
	prefer(h, &c->peer);
	if (h->proxy != 0 && d->up.x == NULL) {
		dial_failed(d, FAULT_CLIENT_CLOSED, "");
		return;
	}
	if (h->proxy != 0)
		origin_announce(c, d->up.x);
	if (d->up.x != NULL && d->up.x->connect_only) {
		dial_done(d);
	} else if (h->peer == NULL) {
		ready(c);
	} else if (session_connect(&tls, h->peer) < 0) {
		dial_failed(d, FAULT_MEMORY, "");
	} else {
		c->state = ORIGIN_HANDSHAKE;
		arm(d);
		transport_secure(&c->t, tls);
		transport_read(&c->t, true);
	}
}

static void on_connected(uv_connect_t *req, int status)
{
	struct origin_conn *c = origin_conn_of(req->handle->data);
	struct origin_dial *d = c->dial;

	if (c->state != ORIGIN_CONNECTING)
		return;
	if (status == 0) {
		connected(c);
		return;
	}
	attempt_failed(c, status);
	next_attempt(d);
}

static struct origin_conn *conn_new(struct origin_dial *d, const union ip_address *to)
{
	struct origin_host *h = d->host;
	uv_loop_t *loop = d->worker->loop;
	struct origin_conn *c = calloc(1, sizeof(*c));

	if (c == NULL || (h->path != NULL ? uv_pipe_init(loop, &c->t.h.pipe, 0) : uv_tcp_init(loop, &c->t.h.tcp)) < 0) {
		free(c);
		return NULL;
	}
	transport_init(&c->t, &origin_conn_events);
	c->worker = d->worker;
	c->host = h;
	c->dial = d;
	c->peer = *to;
	c->state = ORIGIN_CONNECTING;
	deadline_init(&c->deadline, origin_conn_on_deadline);
	h->nconns++;
	origin_conn_list(c, &d->attempts);
	return c;
}

/* False: it has failed already. */
static bool begin_attempt(struct origin_dial *d, const union ip_address *to)
{
	struct origin_conn *c = conn_new(d, to);
	int rc;

	if (c == NULL) {
		d->fault = FAULT_MEMORY;
		d->detail = "";
		return false;
	}
	if (d->host->path != NULL) {
		uv_pipe_connect(&c->connect, &c->t.h.pipe, d->host->path, on_connected);
		return true;
	}
	if ((rc = uv_tcp_connect(&c->connect, &c->t.h.tcp, &to->sa, on_connected)) < 0) {
		attempt_failed(c, rc);
		return false;
	}
	uv_tcp_nodelay(&c->t.h.tcp, 1);
	return true;
}

/* May be the end of d. */
static void next_attempt(struct origin_dial *d)
{
	while (d->next < d->naddresses && wanted(d))
		if (begin_attempt(d, &d->addresses[d->next++]))
			break;
	if (d->attempts != NULL)
		arm(d);
	else
		dial_failed(d, d->fault, d->detail);
}

static void on_deadline(struct deadline *deadline)
{
	struct origin_dial *d = (struct origin_dial *)((char *)deadline - offsetof(struct origin_dial, deadline));

	if (uv_now(d->worker->loop) < d->give_up) {
		next_attempt(d);
		return;
	}
	if (d->connected && session_offered(d->attempts->t.tls))
		tls_peer_forget(d->host->peer);
	dial_failed(d, FAULT_CONNECT_TIMEOUT, "");
}

/* ---- the exchange's side ---- */

static void on_cancel(struct upstream *u)
{
	detach((struct origin_dial *)u); /* the first member; what was begun goes on, for the next one */
}

/* The rest comes when the connection is ready. */
static const struct upstream_ops dial_ops = { .cancel = on_cancel };

void origin_connect(struct exchange *x, struct origin_host *h)
{
	struct origin_dial *d = calloc(1, sizeof(*d));

	h->connecting = h->http2;
	if (d == NULL) {
		origin_give_up(h, x, FAULT_MEMORY, STR_NONE);
		return;
	}
	h->pins++;
	d->next_dial = h->dials;
	if (d->next_dial != NULL)
		d->next_dial->prev_dial = &d->next_dial;
	d->prev_dial = &h->dials;
	h->dials = d;
	d->host = h;
	d->worker = x->worker;
	d->give_up = x->connect_until;
	d->naddresses = h->path != NULL ? 1 : h->naddresses;
	memcpy(d->addresses, h->addresses, sizeof(d->addresses));
	d->fault = FAULT_ORIGIN_CONNECT;
	d->detail = "";
	deadline_init(&d->deadline, on_deadline);
	d->up = (struct upstream){ &dial_ops, x };
	x->up = &d->up;
	x->origin_text = arena_str(&x->arena, str_of(h->key));
	x->origin_tls = STR_NONE;
	next_attempt(d);
}
