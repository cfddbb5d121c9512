/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An HTTP/2 connection as a protocol of conn.c. Bytes go into nghttp2 as they come; what it has to say is asked for
 * when the transport is about to send (fill), so that one turn of the loop makes one write of it.
 */
#include "proxy/http2.h"

#include <stdlib.h>

#include "proxy/access.h"

enum { WARN_MSEC = 1000 }; /* a client that does not answer the PING behind a warning GOAWAY has so long */

uint64_t http2_now(const struct http2_client *h)
{
	return uv_now(h->conn->worker->loop);
}

/* ---- work ---- */

void http2_queue(struct http2_stream *s)
{
	struct http2_client *h = s->h;

	if (!s->queued) {
		s->queued = true;
		s->next_work = NULL;
		*h->work_end = s;
		h->work_end = &s->next_work;
	}
	if (!h->running)
		transport_dirty(&h->conn->t);
}

static void work(struct http2_client *h)
{
	struct http2_stream *s;

	while ((s = h->work) != NULL) {
		h->work = s->next_work;
		if (h->work == NULL)
			h->work_end = &h->work;
		s->queued = false;
		http2_stream_work(s);
	}
}

/* ---- time ---- */

static bool stuck(const struct http2_client *h)
{
	return transport_queued(&h->conn->t) > 0;
}

static void sooner(uint64_t *at, uint64_t since, int64_t msec)
{
	if (since + (uint64_t)msec < *at)
		*at = since + (uint64_t)msec;
}

static void arm(struct http2_client *h)
{
	const struct settings *set = worker_settings(h->conn->worker);
	uint64_t now = http2_now(h), at = now + (uint64_t)set->timeout_idle;

	if (!stuck(h))
		h->moved_at = now;
	if (h->nstreams == 0) {
		conn_rest(h->conn);
		sooner(&at, h->idle_since, set->timeout_idle);
	}
	if (h->head_since != 0)
		sooner(&at, h->head_since, set->timeout_header);
	if (h->drain == HTTP2_WARNED)
		sooner(&at, h->warned_at, WARN_MSEC);
	if (stuck(h))
		sooner(&at, h->moved_at, set->timeout_send);
	conn_deadline(h->conn, at > now ? (int64_t)(at - now) : 0);
}

/* ---- the end ---- */

static void end(struct http2_client *h)
{
	struct conn *c = h->conn;

	if (h->fault != FAULT_NONE)
		access_ended(c, h->fault, str_of(h->detail));
	conn_end(c, h->fault);
}

void http2_drain(struct http2_client *h)
{
	static const uint8_t mark[8] = { 'd', 'r', 'a', 'i', 'n', 'i', 'n', 'g' };

	if (h->drain != HTTP2_OPEN || h->over)
		return;
	h->drain = HTTP2_WARNED;
	h->warned_at = http2_now(h);
	http2_must(h, nghttp2_submit_shutdown_notice(h->session));
	http2_must(h, nghttp2_submit_ping(h->session, NGHTTP2_FLAG_NONE, mark));
	transport_dirty(&h->conn->t);
}

void http2_drain_last(struct http2_client *h)
{
	h->drain = HTTP2_LAST;
	http2_must(h, nghttp2_submit_goaway(h->session, NGHTTP2_FLAG_NONE,
					    nghttp2_session_get_last_proc_stream_id(h->session), NGHTTP2_NO_ERROR, NULL, 0));
	transport_dirty(&h->conn->t);
}

/* nghttp2 cannot go on. */
static void broken(struct http2_client *h, int error)
{
	h->fault = FAULT_H2_PROTOCOL;
	h->code = NGHTTP2_PROTOCOL_ERROR;
	switch (error) {
	case NGHTTP2_ERR_FLOODED:
		h->fault = FAULT_H2_CONTROL_FLOOD;
		h->code = NGHTTP2_ENHANCE_YOUR_CALM;
		break;
	case NGHTTP2_ERR_NOMEM:
	case NGHTTP2_ERR_CALLBACK_FAILURE:
		h->fault = FAULT_MEMORY;
		h->code = NGHTTP2_INTERNAL_ERROR;
		break;
	default:
		break;
	}
	end(h);
}

/* false: the connection has ended, h is gone */
static bool settle(struct http2_client *h)
{
	bool writes = nghttp2_session_want_write(h->session) != 0;

	if (!writes && (nghttp2_session_want_read(h->session) == 0 || (h->drain == HTTP2_LAST && h->nstreams == 0))) {
		end(h);
		return false;
	}
	arm(h);
	return true;
}

/* ---- the connection ---- */

static bool start(struct conn *c)
{
	struct http2_client *h = calloc(1, sizeof(*h));
	const struct settings *set = worker_settings(c->worker);

	if (h == NULL)
		return false;
	h->conn = c;
	h->work_end = &h->work;
	h->idle_since = h->moved_at = http2_now(h);
	h->moved = transport_taken(&c->t);
	calm_init(&h->resets, set->limit_http2_resets, h->idle_since);
	calm_init(&h->control, set->limit_http2_control_frames, h->idle_since);
	if (!http2_session_new(h)) {
		nghttp2_session_del(h->session);
		free(h);
		return false;
	}
	c->protocol_data = h;
	transport_read(&c->t, true);
	transport_dirty(&c->t);
	return true;
}

static void readable(struct conn *c)
{
	struct http2_client *h = c->protocol_data;
	struct buf *in = transport_input(&c->t);
	ssize_t rc = 0;

	if (c->t.error != 0 || c->t.broken) {
		conn_cut(c, c->t.error == UV_ENOMEM ? FAULT_MEMORY : FAULT_CLIENT_CLOSED);
		return;
	}
	if (in->n > 0 && !h->over) {
		h->running = true;
		rc = http2_session_feed(h, buf_str(in));
		h->running = false;
	}
	buf_clear(in);
	if (rc < 0) {
		broken(h, (int)rc);
		return;
	}
	if (c->t.eof) { /* half an HTTP/2 connection serves nobody */
		conn_cut(c, FAULT_CLIENT_CLOSED);
		return;
	}
	transport_dirty(&c->t);
}

static void fill(struct conn *c)
{
	struct http2_client *h = c->protocol_data;
	int rc = 0;

	if (h->running)
		return;
	h->running = true;
	do {
		work(h);
		if (transport_full(&c->t)) /* answers that nobody reads stay streams, and so are limited */
			break;
		rc = nghttp2_session_send(h->session);
	} while (rc == 0 && h->work != NULL);
	h->running = false;
	if (h->lost)
		rc = NGHTTP2_ERR_NOMEM;
	if (rc < 0)
		broken(h, rc);
	else
		settle(h);
}

static void drained(struct conn *c)
{
	transport_dirty(&c->t);
}

static void timeout(struct conn *c)
{
	struct http2_client *h = c->protocol_data;
	const struct settings *set = worker_settings(c->worker);
	uint64_t now = http2_now(h), taken = transport_taken(&c->t);

	if (h->moved != taken) {
		h->moved = taken;
		h->moved_at = now;
	}
	if (stuck(h) && now - h->moved_at >= (uint64_t)set->timeout_send) {
		access_ended(c, FAULT_SEND_TIMEOUT, STR(""));
		conn_cut(c, FAULT_SEND_TIMEOUT);
		return;
	}
	if (h->head_since != 0 && now - h->head_since >= (uint64_t)set->timeout_header) {
		h->head_since = 0;
		http2_over(h, fault_of(REJECT_HEADER_TIMEOUT), NGHTTP2_ENHANCE_YOUR_CALM);
	}
	if (h->drain == HTTP2_WARNED && now - h->warned_at >= WARN_MSEC)
		http2_drain_last(h);
	if (h->nstreams == 0 && now - h->idle_since >= (uint64_t)set->timeout_idle) {
		conn_end(c, FAULT_NONE);
		return;
	}
	transport_dirty(&c->t);
}

static void drain(struct conn *c)
{
	c->draining = true;
	http2_drain(c->protocol_data);
}

static bool is_idle(const struct conn *c)
{
	const struct http2_client *h = c->protocol_data;

	return h->nstreams == h->ntunnels; /* a tunnel asks no fact any more */
}

/* Whole frames are in the transport's buffer, so one may follow. */
static void write_goaway(struct http2_client *h)
{
	uint32_t last = (uint32_t)nghttp2_session_get_last_proc_stream_id(h->session);
	const uint8_t frame[17] = { 0, 0, 8, NGHTTP2_GOAWAY, 0, 0, 0, 0, 0, (uint8_t)(last >> 24), (uint8_t)(last >> 16),
				    (uint8_t)(last >> 8), (uint8_t)last, 0, 0, 0, (uint8_t)h->code };

	buf_add(&h->conn->t.out, (struct str){ (const char *)frame, sizeof(frame) });
	transport_dirty(&h->conn->t);
}

static void stop(struct conn *c, enum fault f)
{
	struct http2_client *h = c->protocol_data;

	c->protocol_data = NULL;
	if (!h->over && h->drain != HTTP2_LAST)
		write_goaway(h);
	while (h->streams != NULL)
		http2_stream_free(h->streams, f != FAULT_NONE ? f : FAULT_CLIENT_CLOSED);
	nghttp2_session_del(h->session);
	free(h);
}

const struct protocol http2_protocol = {
	.name = "h2",
	.start = start,
	.readable = readable,
	.drained = drained,
	.fill = fill,
	.timeout = timeout,
	.drain = drain,
	.idle = is_idle,
	.concurrent = true,
	.stop = stop,
};
