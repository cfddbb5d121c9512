/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A connection once it is made: kept while it is idle, shared when it speaks HTTP/2, and its end. One that is idle is
 * listened to, so that one the origin closes is not used again.
 */
#include "proxy/origin_host.h"
#include "proxy/origin_http2.h"

#include <stdlib.h>

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

void origin_conn_list(struct origin_conn *c, struct origin_conn **list)
{
	c->next = *list;
	if (c->next != NULL)
		c->next->prev = &c->next;
	c->prev = list;
	*list = c;
}

void origin_conn_unlist(struct origin_conn *c)
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

void origin_conn_attach(struct origin_conn *c, struct exchange *x)
{
	c->up = (struct upstream){ &origin_http1_ops, x };
	x->up = &c->up;
	x->origin_text = arena_str(&x->arena, str_of(c->host->key));
}

/* ---- idle, and the end ---- */

void origin_conn_close(struct origin_conn *c)
{
	bool settled;

	if (c->state == ORIGIN_CLOSING)
		return;
	origin_conn_unlist(c);
	c->state = ORIGIN_CLOSING;
	deadline_clear(&c->worker->wheel, &c->deadline);
	transport_close(&c->t);
	if (c->http2 == NULL)
		return;
	settled = origin_http2_settled(c);
	origin_http2_free(c);
	if (!settled)
		origin_give_up(c->host, NULL, FAULT_ORIGIN_CLOSED, STR_NONE);
}

void origin_conn_keep(struct origin_conn *c)
{
	struct origin_host *h = c->host;

	if (h->nidle >= (unsigned)worker_settings(c->worker)->limit_origin_connections || h->origins->closing ||
	    h->origins->once || h->proxy != 0 || !origin_conn_current(c) || c->t.eof || c->t.error != 0 || transport_input(&c->t)->n > 0) {
		origin_conn_close(c);
		return;
	}
	origin_conn_unlist(c);
	c->state = ORIGIN_IDLE;
	transport_rest(&c->t);
	c->reused = true;
	origin_conn_list(c, &h->idle);
	h->nidle++;
	transport_read(&c->t, true);
	origin_conn_deadline(c, worker_settings(c->worker)->timeout_origin_idle);
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
		origin_go(origin_waiting_take(&list), h);
}

struct origin_conn *origin_http2_with_room(struct origin_host *h)
{
	struct origin_conn *c;

	for (c = h->shared; c != NULL; c = c->next)
		if (origin_http2_room(c) && origin_conn_current(c))
			return c;
	if ((c = h->idle) == NULL || !origin_http2_room(c))
		return NULL;
	origin_conn_unlist(c);
	c->state = ORIGIN_BUSY;
	deadline_clear(&c->worker->wheel, &c->deadline);
	origin_conn_list(c, &h->shared);
	return c;
}

/* ---- what the transport tells ---- */

static void on_closed(struct transport *t)
{
	struct origin_conn *c = origin_conn_of(t);
	struct origins *o = c->host->origins;

	c->host->nconns--;
	free(c);
	origin_hosts_prune(o);
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

/* TLS has things of its own to say (a ticket); otherwise it ended, or speaks unasked. */
static void idle_readable(struct origin_conn *c)
{
	if (c->t.tls == NULL || c->t.eof || c->t.error != 0 || transport_input(&c->t)->n > 0)
		origin_conn_close(c);
}

static void on_readable(struct transport *t)
{
	struct origin_conn *c = origin_conn_of(t);

	if (c->state == ORIGIN_HANDSHAKE) {
		origin_connect_shake_hands(c);
		return;
	}
	if (t->tls != NULL)
		tls_ended(c);
	if (c->http2 != NULL)
		origin_http2_readable(c);
	else if (c->state == ORIGIN_IDLE)
		idle_readable(c);
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

const struct transport_events origin_conn_events = { on_readable, on_drained, on_closed, on_fill };

void origin_conn_on_deadline(struct deadline *d)
{
	struct origin_conn *c = (struct origin_conn *)((char *)d - offsetof(struct origin_conn, deadline));

	if (c->state == ORIGIN_IDLE)
		origin_conn_close(c);
	else if (c->http2 != NULL)
		origin_http2_timeout(c);
	else
		origin_http1_timeout(c);
}
