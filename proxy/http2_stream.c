/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stream and the request that comes by it. Content waits here until the exchange takes it, and only then may the
 * client send as much again: what can wait is bounded by limits.http2_window and http2_connection_window.
 */
#include "proxy/http2.h"

#include <stdlib.h>

enum { RATE_MSEC = 5000 }; /* waited for content before limits.body_rate is looked at */

static void on_deadline(struct deadline *d);

struct http2_stream *http2_stream_new(struct http2_client *h, int32_t id)
{
	struct conn *c = h->conn;
	const struct settings *set = worker_settings(c->worker);
	struct http2_limits limits = { (size_t)set->limit_request_line, (size_t)set->limit_header_bytes,
				       (size_t)set->limit_header_count };
	struct http2_stream *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	if ((s->x = exchange_new(c->worker, c, &http2_downstream, s)) == NULL) {
		free(s);
		return NULL;
	}
	s->h = h;
	s->began = http2_now(h);
	s->id = s->x->stream_id = id;
	deadline_init(&s->deadline, on_deadline);
	http2_head_begin(&s->head, &s->x->request, &limits);
	s->next = h->streams;
	if (s->next != NULL)
		s->next->prev = &s->next;
	s->prev = &h->streams;
	h->streams = s;
	h->nstreams++;
	return s;
}

void http2_stream_free(struct http2_stream *s, enum fault f)
{
	struct http2_client *h = s->h;
	struct exchange *x = s->x;

	if (s->in.n > 0)
		http2_must(h, nghttp2_session_consume_connection(h->session, s->in.n));
	h->buffered -= s->out.n;
	deadline_clear(&h->conn->worker->wheel, &s->deadline);
	*s->prev = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	h->ntunnels -= s->tunnel;
	if (--h->nstreams == 0)
		h->idle_since = http2_now(h);
	if (s->fault != FAULT_NONE)
		f = s->fault;
	if (!x->response_ended)
		exchange_client_gone(x, f);
	else if (!s->end_sent && !s->malformed && x->fault == FAULT_NONE)
		x->fault = f; /* the origin had answered whole; the client did not get it */
	exchange_free(x);
	buf_fini(&s->in);
	buf_fini(&s->out);
	free(s);
}

void http2_stream_reset(struct http2_stream *s, enum fault f, uint32_t code)
{
	if (s->closed)
		return;
	if (s->fault == FAULT_NONE)
		s->fault = f;
	http2_must(s->h, nghttp2_submit_rst_stream(s->h->session, NGHTTP2_FLAG_NONE, s->id, code));
	transport_dirty(&s->h->conn->t);
}

/* ---- time ---- */

/* A handshake has no content: what comes is for the WebSocket, if there will be one. */
static bool is_handshake(const struct http2_stream *s)
{
	return s->x->request.upgrade.n > 0;
}

static bool waits_for_content(const struct http2_stream *s)
{
	return !s->tunnel && s->head_done && !s->in_ended && !s->in_told && s->in.n == 0 && exchange_wants(s->x);
}

void http2_stream_arm(struct http2_stream *s)
{
	struct worker *w = s->h->conn->worker;
	const struct settings *set = worker_settings(w);
	bool waits = waits_for_content(s);
	int64_t msec = s->tunnel ? set->timeout_tunnel : waits ? set->timeout_body : set->timeout_send;

	if (waits && s->waits_from == 0)
		s->waits_from = http2_now(s->h);
	s->moved = s->sent;
	deadline_set(&w->wheel, &s->deadline, msec);
}

/* Once: what else is wrong with the request does not matter any more. */
static void refuse(struct http2_stream *s, enum fault f)
{
	s->in_told = true;
	if (s->refused)
		return;
	s->refused = true;
	s->malformed = http2_malformed((enum reject)f) && !s->x->head_sent;
	if (!s->x->response_ended)
		exchange_refuse(s->x, f);
	else if (http2_malformed((enum reject)f))
		http2_stream_reset(s, f, NGHTTP2_PROTOCOL_ERROR);
}

static void on_deadline(struct deadline *d)
{
	struct http2_stream *s = (struct http2_stream *)((char *)d - offsetof(struct http2_stream, deadline));

	if (s->closed)
		return;
	if (s->tunnel) { /* whatever moves arms it anew */
		http2_stream_reset(s, FAULT_TUNNEL_TIMEOUT, NGHTTP2_CANCEL);
	} else if (waits_for_content(s)) {
		refuse(s, fault_of(REJECT_BODY_TIMEOUT));
		transport_dirty(&s->h->conn->t);
	} else if (s->out.n > 0 && s->moved == s->sent) {
		http2_stream_reset(s, FAULT_SEND_TIMEOUT, NGHTTP2_CANCEL);
	} else {
		http2_stream_arm(s);
	}
}

/* ---- what comes ---- */

void http2_stream_head(struct http2_stream *s, bool end)
{
	struct conn *c = s->h->conn;
	struct framing f;
	enum reject r = http2_head_end(&s->head, end, &f);

	s->head_done = true;
	s->in_ended = end;
	if (c->requests >= (uint64_t)worker_settings(c->worker)->limit_requests)
		http2_drain(s->h);
	if (r != REJECT_NONE) {
		refuse(s, fault_of(r));
		return;
	}
	s->in_told = !s->x->request.has_body && !is_handshake(s);
	http2_stream_arm(s);
	exchange_begin(s->x);
	if (c->draining)
		http2_drain(s->h);
}

void http2_stream_trailers(struct http2_stream *s, bool end)
{
	enum reject r = http2_head_trailers_end(&s->head, end);

	s->in_ended = s->in_ended || end;
	if (is_handshake(s)) /* RFC 9113, section 8.5: nothing but DATA */
		http2_stream_reset(s, fault_of(REJECT_TRAILER), NGHTTP2_PROTOCOL_ERROR);
	else if (r != REJECT_NONE)
		refuse(s, fault_of(r));
	else
		http2_stream_end(s);
}

static void consumed(struct http2_stream *s, size_t n)
{
	http2_must(s->h, nghttp2_session_consume(s->h->session, s->id, n));
}

/* Time in which usher did not want content is not the client's. */
static enum fault too_slow(struct http2_stream *s)
{
	const struct settings *set = &s->x->config->settings;
	uint64_t now = http2_now(s->h);

	if (s->waits_from == 0)
		return FAULT_NONE;
	s->waited += now - s->waits_from;
	s->waits_from = 0;
	if (set->timeout_request > 0 && now - s->began > (uint64_t)set->timeout_request)
		return FAULT_REQUEST_TIMEOUT;
	if (s->waited > RATE_MSEC && s->received * 1000 < (uint64_t)set->limit_body_rate * s->waited)
		return fault_of(REJECT_BODY_SLOW);
	return FAULT_NONE;
}

void http2_stream_content(struct http2_stream *s, struct str bytes)
{
	enum fault f = too_slow(s);

	s->received += bytes.n;
	if (!is_handshake(s) && !http2_length_fits(&s->x->request, s->received, false))
		refuse(s, fault_of(REJECT_H2_LENGTH));
	else if (f != FAULT_NONE && !s->in_told && !s->x->response_ended)
		refuse(s, f);
	if (s->in_told) {
		consumed(s, bytes.n);
		return;
	}
	if (s->in.n == 0 && exchange_wants(s->x)) {
		exchange_piece(s->x, bytes);
		consumed(s, bytes.n);
		http2_stream_arm(s);
		return;
	}
	http2_stream_arm(s);
	if (!buf_add(&s->in, bytes))
		refuse(s, FAULT_MEMORY);
	http2_queue(s);
}

void http2_stream_end(struct http2_stream *s)
{
	s->in_ended = true;
	if (!is_handshake(s) && !http2_length_fits(&s->x->request, s->received, true))
		refuse(s, fault_of(REJECT_H2_LENGTH));
	http2_queue(s);
}

/* Hands on what the exchange takes now. */
static void deliver(struct http2_stream *s)
{
	struct exchange *x = s->x;
	size_t n = s->in.n;

	if (n > 0 && (s->in_told || exchange_wants(x))) {
		if (!s->in_told)
			exchange_piece(x, buf_str(&s->in));
		buf_fini(&s->in);
		consumed(s, n);
		http2_stream_arm(s);
	}
	if (s->in_ended && !s->in_told && s->in.n == 0 && (s->tunnel || !is_handshake(s))) {
		s->in_told = true;
		exchange_request_end(x);
	}
}

void http2_stream_work(struct http2_stream *s)
{
	if (s->closed) {
		http2_stream_free(s, FAULT_H2_RESET);
		return;
	}
	if (s->head_done)
		deliver(s);
	if (s->full && s->out.n < HTTP2_STREAM_HIGH) {
		s->full = false;
		exchange_client_drained(s->x);
	}
}
