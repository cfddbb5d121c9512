/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From accept to close. What a state does with input, with its deadline and when the worker drains is a row of
 * states[]; everything about HTTP is its protocol's.
 */
#include "proxy/conn.h"

#include <assert.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "proxy/access.h"
#include "proxy/judge.h"
#include "proxy/proxy_header.h"
#include "proxy/proxy_tlv.h"
#include "proxy/server.h"

enum {
	TRIM_MSEC = 500, /* a connection so long at rest is expected to stay so */
	/* RFC 9112, section 9.6: what a client still sends is thrown away for a while, else a reset takes its answer away. */
	LINGER_MSEC = 2000,  /* since its last byte */
	LINGER_MOST = 30000, /* … and since the answer was sent */
	LINGER_BYTES = 67108864,
};

static void preface_readable(struct conn *c);
static void handshake_readable(struct conn *c);
static void choosing_readable(struct conn *c);
static void serving_readable(struct conn *c);
static void lingering_readable(struct conn *c);
static void handshake_timeout(struct conn *c);
static void serving_timeout(struct conn *c);
static void cut(struct conn *c);
static void serving_drain(struct conn *c);
static void mark_drain(struct conn *c);

static const struct state {
	void (*readable)(struct conn *c);
	void (*timeout)(struct conn *c);
	void (*drain)(struct conn *c);
} states[] = {
	[CONN_PREFACE] = { preface_readable, handshake_timeout, cut },
	[CONN_HANDSHAKE] = { handshake_readable, handshake_timeout, mark_drain },
	[CONN_CHOOSING] = { choosing_readable, cut, cut },
	[CONN_SERVING] = { serving_readable, serving_timeout, serving_drain },
	[CONN_LINGERING] = { lingering_readable, cut, mark_drain },
	[CONN_CLOSING] = { NULL, NULL, NULL },
};

const struct listener_conf *conn_listener(const struct conn *c)
{
	return c->listener->conf;
}

void conn_deadline(struct conn *c, int64_t msec)
{
	deadline_set(&c->worker->wheel, &c->deadline, msec);
}

void conn_rest(struct conn *c)
{
	transport_rest(&c->t);
	deadline_set(&c->worker->wheel, &c->trim, TRIM_MSEC);
}

static void on_trim(struct deadline *d)
{
	struct conn *c = (struct conn *)((char *)d - offsetof(struct conn, trim));

	if (c->state != CONN_SERVING || !c->t.resting)
		return;
	judge_reset(c); /* the next request makes its standing again */
	transport_trim(&c->t);
}

/* ---- the end ---- */

static void on_closed(struct transport *t)
{
	struct conn *c = conn_of(t);
	struct worker *w = c->worker;

	listener_unref(c->listener);
	if (c->counted)
		server_conn_gone(w->server, c->proxy_ip.family != 0 ? &c->proxy_ip : &c->ip);
	free(c->proxied);
	free(c);
	worker_conn_gone(w);
}

static void close_now(struct conn *c, enum fault f)
{
	struct worker *w = c->worker;

	if (c->state == CONN_CLOSING)
		return;
	c->state = CONN_CLOSING;
	if (c->protocol != NULL)
		c->protocol->stop(c, f);
	if ((f == FAULT_MEMORY || c->t.error == UV_ENOMEM) && !c->logged)
		access_ended(c, FAULT_MEMORY, STR_NONE);
	deadline_clear(&w->wheel, &c->deadline);
	deadline_clear(&w->wheel, &c->trim);
	judge_forget(w, c);
	judge_reset(c);
	*c->prev = c->next;
	if (c->next != NULL)
		c->next->prev = c->prev;
	w->nconns--;
	transport_close(&c->t);
}

void conn_cut(struct conn *c, enum fault f)
{
	close_now(c, f);
}

static void cut(struct conn *c)
{
	close_now(c, FAULT_CLIENT_CLOSED);
}

void conn_end(struct conn *c, enum fault f)
{
	if (c->state == CONN_CLOSING || c->state == CONN_LINGERING)
		return;
	c->state = CONN_LINGERING;
	if (c->protocol != NULL)
		c->protocol->stop(c, f);
	c->protocol = NULL;
	c->linger_from = c->t.received;
	conn_deadline(c, worker_settings(c->worker)->timeout_send);
	transport_read(&c->t, true);
	transport_end(&c->t);
	transport_flush(&c->t);
}

static void lingering_ended(struct conn *c)
{
	c->linger_until = uv_now(c->worker->loop) + LINGER_MOST;
	lingering_readable(c);
}

static void lingering_readable(struct conn *c)
{
	struct buf *in = transport_input(&c->t);

	buf_clear(in);
	if (c->t.error != 0 || c->t.broken || (c->t.eof && c->t.ended) ||
	    (c->t.tls != NULL && c->t.ended && session_state(c->t.tls) != SESSION_OPEN) ||
	    c->t.received - c->linger_from > LINGER_BYTES ||
	    (c->t.ended && uv_now(c->worker->loop) > c->linger_until))
		close_now(c, FAULT_NONE);
	else if (c->t.ended)
		conn_deadline(c, LINGER_MSEC);
}

/* ---- the handshake ---- */

static void handshake_failed(struct conn *c, const char *reason, struct str detail)
{
	access_handshake(c, reason, detail);
	conn_end(c, FAULT_NONE); /* with the alert, if there is one */
}

static void serve(struct conn *c, const struct protocol *protocol)
{
	c->state = CONN_SERVING;
	deadline_clear(&c->worker->wheel, &c->deadline);
	c->protocol = protocol;
	if (!c->protocol->start(c)) {
		c->protocol = NULL;
		close_now(c, FAULT_MEMORY);
		return;
	}
	if (c->draining)
		c->protocol->drain(c);
	if (c->state == CONN_SERVING)
		c->protocol->readable(c);
}

static void handshake_readable(struct conn *c)
{
	struct session *s = c->t.tls;
	const struct zone_conf *zone;
	enum fault f;

	switch (session_state(s)) {
	case SESSION_HANDSHAKE:
		if (c->t.error != 0)
			handshake_failed(c, "client_reset", str_of(uv_strerror(c->t.error)));
		else if (c->t.eof)
			handshake_failed(c, "client_closed", STR(""));
		return;
	case SESSION_FAILED:
		handshake_failed(c, NULL, STR(""));
		return;
	case SESSION_CLOSED:
	case SESSION_OPEN:
		break;
	}
	/* A session made under an older configuration is judged by today's at once. */
	f = judge_conn(c, &zone);
	if (f == FAULT_CLIENT_FORBIDDEN) {
		session_alert(s, 116); /* certificate_required, RFC 8446 section 6.2 */
		handshake_failed(c, fault_word(f), STR(""));
		return;
	}
	serve(c, str_eq(session_tls(s)->alpn, STR("h2")) ? &http2_protocol : &http1_protocol);
}

/* ---- HTTP/2 with prior knowledge ---- */

static void choosing_readable(struct conn *c)
{
	const struct str preface = STR("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
	struct str in = buf_str(&c->t.in);

	if (!str_starts(preface, str_sub(in, 0, preface.n)))
		serve(c, &http1_protocol);
	else if (in.n >= preface.n)
		serve(c, &http2_protocol);
	else if (c->t.eof || c->t.error != 0)
		close_now(c, FAULT_CLIENT_CLOSED);
}

static void plain_begin(struct conn *c, const struct listener_conf *l)
{
	if (!l->http2) {
		serve(c, &http1_protocol);
		return;
	}
	if (!l->http1) {
		serve(c, &http2_protocol);
		return;
	}
	c->state = CONN_CHOOSING;
	conn_deadline(c, worker_settings(c->worker)->timeout_idle);
	choosing_readable(c);
}

static void handshake_timeout(struct conn *c)
{
	access_handshake(c, "handshake_timeout", STR(""));
	close_now(c, FAULT_NONE);
}

/* The transport's first bytes are the client's own. */
static void begin(struct conn *c)
{
	const struct listener_conf *l = conn_listener(c);
	struct session *s;

	if (l == NULL) {
		close_now(c, FAULT_ZONE_GONE);
		return;
	}
	if (!l->tls) {
		plain_begin(c, l);
		return;
	}
	if (session_new(&s, l->context) < 0) {
		close_now(c, FAULT_MEMORY);
		return;
	}
	c->state = CONN_HANDSHAKE;
	transport_secure(&c->t, s);
	handshake_readable(c);
}

static void preface_readable(struct conn *c)
{
	struct proxy_addresses a;
	enum proxy_header got = proxy_header_read(&c->t.in, &a);

	if (got == PROXY_HEADER_DONE) {
		if (a.known) {
			c->proxy_ip = c->ip;
			c->ip = a.source;
			c->port = a.source_port;
			c->local_ip = a.destination;
			c->local_port = a.destination_port;
			if (a.client.said && (c->proxied = proxied_copy(&a.client)) == NULL) {
				close_now(c, FAULT_MEMORY);
				return;
			}
		}
		begin(c);
	} else if (got == PROXY_HEADER_BAD) {
		access_handshake(c, "bad_proxy_header", STR(""));
		close_now(c, FAULT_NONE);
	} else if (c->t.error != 0 || c->t.eof) {
		close_now(c, FAULT_CLIENT_CLOSED);
	}
}

/* ---- serving ---- */

static void serving_readable(struct conn *c)
{
	enum session_state state = c->t.tls != NULL ? session_state(c->t.tls) : SESSION_OPEN;

	if (state == SESSION_FAILED) {
		access_handshake(c, NULL, STR(""));
		conn_end(c, FAULT_NONE);
		return;
	}
	if (state == SESSION_CLOSED)
		c->t.eof = true;
	c->protocol->readable(c);
}

static void serving_timeout(struct conn *c)
{
	c->protocol->timeout(c);
}

static void serving_drain(struct conn *c)
{
	c->draining = true;
	c->protocol->drain(c);
}

static void mark_drain(struct conn *c)
{
	c->draining = true;
}

void conn_drain(struct conn *c)
{
	if (states[c->state].drain != NULL)
		states[c->state].drain(c);
}

static void on_readable(struct transport *t)
{
	struct conn *c = conn_of(t);

	if (states[c->state].readable != NULL)
		states[c->state].readable(c);
}

static void on_drained(struct transport *t)
{
	struct conn *c = conn_of(t);

	if (c->state == CONN_SERVING && c->protocol->drained != NULL)
		c->protocol->drained(c);
	else if (c->state == CONN_LINGERING && t->ended)
		lingering_ended(c);
}

static void on_fill(struct transport *t)
{
	struct conn *c = conn_of(t);

	if (c->state == CONN_SERVING && c->protocol->fill != NULL)
		c->protocol->fill(c);
}

static void on_deadline(struct deadline *d)
{
	struct conn *c = (struct conn *)((char *)d - offsetof(struct conn, deadline));

	if (states[c->state].timeout != NULL)
		states[c->state].timeout(c);
}

/* ---- the beginning ---- */

static const struct transport_events events = { on_readable, on_drained, on_closed, on_fill };

static bool trusted(const struct listener_conf *l, const struct ip *ip)
{
	size_t i;

	for (i = 0; i < l->nproxy_protocol; i++)
		if (cidr_has(&l->proxy_protocol[i], ip))
			return true;
	return false;
}

/* There is no connection yet that could be logged. */
static void no_connection(const struct listener *l, int fd)
{
	struct sockaddr_storage sa;
	socklen_t len = sizeof(sa);
	char text[IP_TEXT];
	struct ip ip;
	uint16_t port = 0;
	size_t n = 0;

	if (getpeername(fd, (struct sockaddr *)&sa, &len) == 0 && ip_of_sockaddr((struct sockaddr *)&sa, &ip, &port))
		n = ip_print(&ip, text);
	log_warning("accept_failed", LOG_Z("address", l->address), LOG_S("client", ((struct str){ text, n })),
		    LOG_I("client_port", port), LOG_Z("error", "out of memory"));
}

void conn_accept(struct listener *l, int fd)
{
	struct worker *w = l->worker;
	struct conn *c = calloc(1, sizeof(*c));
	const char *refused;

	if (c == NULL || (l->unix_socket ? uv_pipe_init(w->loop, &c->t.h.pipe, 0) :
					   uv_tcp_init(w->loop, &c->t.h.tcp)) < 0) {
		no_connection(l, fd);
		free(c);
		close(fd);
		return;
	}
	transport_init(&c->t, &events);
	c->worker = w;
	c->listener = l;
	l->users++;
	deadline_init(&c->deadline, on_deadline);
	deadline_init(&c->trim, on_trim);
	c->accepted = clock_mono_nsec();
	c->next = w->conns;
	if (c->next != NULL)
		c->next->prev = &c->next;
	c->prev = &w->conns;
	w->conns = c;
	w->nconns++;
	if ((l->unix_socket ? uv_pipe_open(&c->t.h.pipe, fd) : uv_tcp_open(&c->t.h.tcp, fd)) < 0) {
		close(fd);
		close_now(c, FAULT_MEMORY);
		return;
	}
	if (!l->unix_socket) {
		uv_tcp_nodelay(&c->t.h.tcp, 1);
		transport_peer(&c->t, &c->ip, &c->port);
		transport_local(&c->t, &c->local_ip, &c->local_port);
	}
	if (!server_conn_new(w->server, worker_settings(w), &c->ip, &refused)) {
		access_refused(c, refused);
		close_now(c, FAULT_NONE);
		return;
	}
	c->counted = true;
	conn_deadline(c, worker_settings(w)->timeout_handshake);
	transport_read(&c->t, true);
	if (l->conf != NULL && trusted(l->conf, &c->ip))
		c->state = CONN_PREFACE;
	else
		begin(c);
}
