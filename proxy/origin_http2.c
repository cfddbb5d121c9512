/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 connections to origins: nghttp2 between the transport and the streams. */
#include "proxy/origin_http2.h"

#include <stdlib.h>

#include "proxy/origin_http2_stream.h"

enum {
	STREAMS = 100,           /* on one connection, if the origin allows as many */
	STREAM_WINDOW = 131072,  /* of an answer that waits here */
	CONN_WINDOW = 1048576,
};

/* Without memory nghttp2 forgets what it was told, and the origin or the client would wait for ever. */
void origin_http2_must(struct origin_conn *c, int rc)
{
	if (rc != NGHTTP2_ERR_NOMEM)
		return;
	c->http2->lost = true;
	transport_dirty(&c->t);
}

/* The whole connection is of no use any more. */
void origin_http2_fail(struct origin_conn *c, enum fault f, struct str detail)
{
	struct origin_http2 *h = c->http2;
	struct origin_stream *s;

	h->last = true;
	while ((s = h->streams) != NULL) {
		enum loss loss = s->later && !s->head_seen ? LOSS_OLD : LOSS_UNKNOWN;
		bool tunnel = s->tunnel;
		enum fault why = s->head_seen ? fault_of(REJECT_ORIGIN_SHORT) : f;
		struct exchange *x = origin_stream_detach(s);

		origin_stream_free(s);
		if (x != NULL && tunnel)
			exchange_tunnel_broke(x, detail);
		else if (x != NULL)
			exchange_origin_failed(x, why, detail, loss);
	}
	origin_conn_close(c);
}

static ssize_t on_send(nghttp2_session *session, const uint8_t *data, size_t n, int flags, void *user)
{
	struct origin_conn *c = user;

	(void)session;
	(void)flags;
	if (transport_full(&c->t))
		return NGHTTP2_ERR_WOULDBLOCK;
	return buf_add(&c->t.out, (struct str){ (const char *)data, n }) ? (ssize_t)n : NGHTTP2_ERR_CALLBACK_FAILURE;
}

static nghttp2_session *session_new_client(struct origin_conn *c)
{
	nghttp2_session_callbacks *cb;
	nghttp2_option *o = NULL;
	nghttp2_session *session = NULL;

	if (nghttp2_session_callbacks_new(&cb) != 0)
		return NULL;
	if (nghttp2_option_new(&o) == 0) {
		origin_answer_callbacks(cb);
		nghttp2_session_callbacks_set_send_callback(cb, on_send);
		nghttp2_option_set_no_auto_window_update(o, 1);
		nghttp2_option_set_no_http_messaging(o, 1);
		if (nghttp2_session_client_new2(&session, cb, c, o) != 0)
			session = NULL;
	}
	nghttp2_option_del(o);
	nghttp2_session_callbacks_del(cb);
	return session;
}

bool origin_http2_open(struct origin_conn *c)
{
	static const nghttp2_settings_entry ours[] = {
		{ NGHTTP2_SETTINGS_ENABLE_PUSH, 0 },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, STREAM_WINDOW },
	};
	struct origin_http2 *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return false;
	c->http2 = h;
	h->session = session_new_client(c);
	return h->session != NULL &&
	       nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, ours, sizeof(ours) / sizeof(ours[0])) == 0 &&
	       nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0, CONN_WINDOW) == 0;
}

void origin_http2_free(struct origin_conn *c)
{
	struct origin_http2 *h = c->http2;

	while (h->streams != NULL)
		origin_stream_free(h->streams);
	nghttp2_session_del(h->session);
	free(h);
	c->http2 = NULL;
}

bool origin_http2_room(const struct origin_conn *c)
{
	struct origin_http2 *h = c->http2;
	uint32_t allowed = nghttp2_session_get_remote_settings(h->session, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);

	if (!h->settled)
		allowed = 1;
	return !h->last && !c->t.broken && !c->t.eof && c->t.error == 0 && h->nstreams < STREAMS && h->nstreams < allowed;
}

bool origin_http2_settled(const struct origin_conn *c)
{
	return c->http2->settled;
}

bool origin_http2_knows(const struct origin_conn *c, const struct exchange *x)
{
	return c->http2->settled || x->request.upgrade.n == 0;
}

void origin_http2_timeout(struct origin_conn *c)
{
	origin_http2_fail(c, FAULT_CONNECT_TIMEOUT, STR("no_settings"));
}

void origin_http2_readable(struct origin_conn *c)
{
	struct origin_http2 *h = c->http2;
	struct buf *in = transport_input(&c->t);
	bool settled = h->settled;
	ssize_t rc = 0;

	if (in->n > 0) {
		h->running = true;
		rc = nghttp2_session_mem_recv(h->session, (const uint8_t *)buf_str(in).p, in->n);
		h->running = false;
	}
	buf_clear(in);
	if (rc < 0)
		origin_http2_fail(c, fault_of(REJECT_ORIGIN_SYNTAX), str_of(nghttp2_strerror((int)rc)));
	else if (c->t.eof || c->t.error != 0 || c->t.broken)
		origin_http2_fail(c, FAULT_ORIGIN_CLOSED, c->t.error != 0 ? str_of(uv_strerror(c->t.error)) : STR_NONE);
	else
		transport_dirty(&c->t);
	if (c->http2 != NULL && !settled && h->settled)
		origin_conn_settled(c);
}

/* What must not be done while nghttp2 is on the stack. */
static void hand_on(struct origin_http2 *h)
{
	struct origin_stream *s, *next;

	for (s = h->streams; s != NULL; s = next) {
		next = s->next;
		if (s->closed && s->up.x == NULL) {
			origin_stream_free(s);
		} else if (s->up.x != NULL && s->was_full && !origin_stream_full(s)) {
			s->was_full = false;
			exchange_origin_drained(s->up.x);
		}
	}
}

void origin_http2_fill(struct origin_conn *c)
{
	struct origin_http2 *h = c->http2;
	int rc;

	if (h->running)
		return;
	h->running = true;
	rc = nghttp2_session_send(h->session);
	h->running = false;
	if (rc < 0 || h->lost) {
		origin_http2_fail(c, FAULT_MEMORY, STR_NONE);
		return;
	}
	hand_on(h);
	if (nghttp2_session_want_read(h->session) == 0 && nghttp2_session_want_write(h->session) == 0)
		origin_http2_fail(c, fault_of(REJECT_ORIGIN_SYNTAX), STR_NONE); /* nghttp2 has sent a GOAWAY */
	else if (h->nstreams == 0 && h->last)
		origin_conn_close(c);
	else if (h->nstreams == 0 && c->state == ORIGIN_BUSY)
		origin_conn_keep(c);
}
