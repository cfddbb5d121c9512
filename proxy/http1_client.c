/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client connection that speaks HTTP/1: requests one after the other, the next one parsed when the answer to the
 * one before has been written. One function, http1_client_run, moves everything on that can be moved; events only call it.
 */
#include <assert.h>
#include <stdlib.h>

#include "proxy/http1_client.h"

enum {
	INPUT_HIGH = 65536, /* read ahead so much while nobody wants input: pipelined requests, or to see the end */
	RATE_MSEC = 5000,   /* waited for content before limits.body_rate is looked at */
};

/* ---- the request ---- */

/* What run does next. */
enum go { GO_ON, GO_WAIT, GO_GONE /* the connection ended: h is freed */ };

static enum go finish(struct http1_client *h)
{
	struct conn *c = h->conn;
	struct exchange *x = h->x;
	bool close = h->close, aborted = h->aborted, reset = h->until_close;

	h->x = NULL;
	h->stage = STAGE_IDLE;
	exchange_free(x);
	if (aborted) {
		transport_flush(&c->t);
		if (reset)
			transport_reset(&c->t); /* else the client takes what it has for everything */
		conn_cut(c, FAULT_NONE);
		return GO_GONE;
	}
	if (close || c->draining) {
		conn_end(c, FAULT_NONE);
		return GO_GONE;
	}
	h->answered = h->chunked = h->until_close = false;
	return GO_ON;
}

/* The empty line that some clients send behind content (RFC 9112, section 2.2) begins no request. */
static bool nothing_yet(const struct buf *in)
{
	struct str s = buf_str(in);
	size_t i;

	for (i = 0; i < s.n && s.p[i] == "\r\n"[i % 2]; i++)
		;
	return i == s.n && s.n <= 2 * HTTP1_EMPTY_LINES;
}

static enum go idle(struct http1_client *h)
{
	struct conn *c = h->conn;
	const struct settings *s = worker_settings(c->worker);
	struct http1_limits limits = { (size_t)s->limit_request_line, (size_t)s->limit_header_bytes,
				       (size_t)s->limit_header_count };

	if (c->t.error != 0 || c->t.broken) {
		conn_cut(c, FAULT_NONE);
		return GO_GONE;
	}
	if (nothing_yet(transport_input(&c->t))) {
		if (c->t.eof || c->draining) {
			conn_end(c, FAULT_NONE);
			return GO_GONE;
		}
		conn_rest(c);
		conn_deadline(c, s->timeout_idle);
		return GO_WAIT;
	}
	if ((h->x = exchange_new(c->worker, c, &http1_answer, h)) == NULL) {
		conn_cut(c, FAULT_MEMORY);
		return GO_GONE;
	}
	http1_request(&h->parser, &h->x->request, &limits);
	h->stage = STAGE_HEAD;
	h->dropped = 0;
	h->began = uv_now(c->worker->loop);
	h->waits_from = h->waited = 0;
	conn_deadline(c, s->timeout_header);
	return GO_ON;
}

static void refuse(struct http1_client *h, enum fault f)
{
	h->close = true;
	exchange_refuse(h->x, f);
}

static enum go gone(struct http1_client *h, enum fault f)
{
	exchange_client_gone(h->x, f);
	h->aborted = true;
	return finish(h);
}

static enum go head(struct http1_client *h)
{
	struct transport *t = &h->conn->t;
	struct buf *in = transport_input(t);

	switch (http1_next(&h->parser, in)) {
	case HTTP1_HEAD:
		http1_ahead_next(&h->ahead);
		h->stage = h->x->request.has_body ? STAGE_CONTENT : STAGE_ANSWER;
		exchange_begin(h->x);
		return GO_ON;
	case HTTP1_FAULT:
		refuse(h, fault_of(h->parser.fault));
		return GO_ON;
	default:
		return t->eof ? gone(h, FAULT_CLIENT_CLOSED) : GO_WAIT;
	}
}

/* Content arrived after waiting, or did not. Time in which usher did not want any is not the client's. */
static enum fault too_slow(struct http1_client *h)
{
	const struct settings *s = &h->x->config->settings;
	uint64_t now = uv_now(h->conn->worker->loop);

	if (h->waits_from != 0)
		h->waited += now - h->waits_from;
	h->waits_from = 0;
	if (s->timeout_request > 0 && now - h->began > (uint64_t)s->timeout_request)
		return FAULT_REQUEST_TIMEOUT;
	if (h->waited > RATE_MSEC && h->x->request_bytes * 1000 < (uint64_t)s->limit_body_rate * h->waited)
		return fault_of(REJECT_BODY_SLOW);
	return FAULT_NONE;
}

static enum go content(struct http1_client *h)
{
	enum fault f;

	struct transport *t = &h->conn->t;
	struct exchange *x = h->x;

	if (h->answered && h->close)
		return finish(h);
	if (!exchange_wants(x)) {
		conn_deadline(h->conn, worker_settings(h->conn->worker)->timeout_send);
		return GO_WAIT;
	}
	switch (http1_next(&h->parser, transport_input(t))) {
	case HTTP1_PIECE:
		if (h->waits_from != 0 && !h->answered && (f = too_slow(h)) != FAULT_NONE) {
			refuse(h, f);
			return GO_ON;
		}
		h->dropped += h->answered ? h->parser.piece.n : 0;
		if (h->dropped > HTTP1_DROP_BYTES)
			h->close = true;
		else
			exchange_piece(x, h->parser.piece);
		return GO_ON;
	case HTTP1_END:
		h->stage = STAGE_ANSWER;
		exchange_request_end(x);
		return GO_ON;
	case HTTP1_FAULT:
		h->close = true;
		if (h->answered)
			return finish(h);
		refuse(h, fault_of(h->parser.fault));
		return GO_ON;
	default:
		if (t->eof)
			return gone(h, fault_of(REJECT_BODY_SHORT));
		if (h->waits_from == 0)
			h->waits_from = uv_now(h->conn->worker->loop);
		conn_deadline(h->conn, worker_settings(h->conn->worker)->timeout_body);
		return GO_WAIT;
	}
}

static enum go answer(struct http1_client *h)
{
	if (h->answered)
		return finish(h);
	conn_deadline(h->conn, worker_settings(h->conn->worker)->timeout_send);
	return GO_WAIT;
}

static enum go tunnel_step(struct http1_client *h)
{
	struct transport *t = &h->conn->t;
	struct buf *in = transport_input(t);
	struct exchange *x = h->x;

	conn_deadline(h->conn, worker_settings(h->conn->worker)->timeout_tunnel);
	if (h->answered)
		return finish(h);
	if (!exchange_wants(x))
		return GO_WAIT;
	if (in->n > 0) {
		exchange_piece(x, buf_str(in));
		buf_clear(in);
		return GO_ON;
	}
	if (t->eof && !x->request_ended)
		exchange_request_end(x);
	return GO_WAIT;
}

static enum go step(struct http1_client *h)
{
	if (h->x != NULL && (h->conn->t.error != 0 || h->conn->t.broken))
		return gone(h, h->conn->t.error == UV_ENOMEM ? FAULT_MEMORY : FAULT_CLIENT_CLOSED);
	if (h->aborted)
		return finish(h);
	switch (h->stage) {
	case STAGE_IDLE:
		return idle(h);
	case STAGE_HEAD:
		return h->answered ? finish(h) : head(h);
	case STAGE_CONTENT:
		return content(h);
	case STAGE_ANSWER:
		return answer(h);
	case STAGE_TUNNEL:
		return tunnel_step(h);
	}
	return GO_WAIT;
}

void http1_client_run(struct http1_client *h)
{
	struct buf *in = transport_input(&h->conn->t);
	size_t had = in->n;
	enum go go;
	bool more;

	if (h->running)
		return; /* the loop below sees what changed */
	h->running = true;
	while ((go = step(h)) == GO_ON)
		;
	if (go == GO_GONE)
		return;
	h->running = false;
	http1_ahead_count(&h->ahead, in, had > in->n ? had - in->n : 0, h->stage <= STAGE_HEAD);
	more = in->n < INPUT_HIGH && h->ahead.waiting < (size_t)worker_settings(h->conn->worker)->limit_pipeline;
	transport_read(&h->conn->t, more || h->stage == STAGE_HEAD || (h->x != NULL && exchange_wants(h->x)));
}

/* ---- the connection ---- */

static bool start(struct conn *c)
{
	struct http1_client *h = calloc(1, sizeof(*h));

	if (h == NULL)
		return false;
	h->conn = c;
	c->protocol_data = h;
	return true;
}

static void readable(struct conn *c)
{
	http1_client_run(c->protocol_data);
}

static void drained(struct conn *c)
{
	struct http1_client *h = c->protocol_data;

	if (h->x != NULL)
		exchange_client_drained(h->x);
}

/* From outside of run: the answer must not end the connection before refuse has returned. */
static void refuse_late(struct http1_client *h, enum fault f)
{
	h->running = true;
	refuse(h, f);
	h->running = false;
	http1_client_run(h);
}

static void timeout(struct conn *c)
{
	struct http1_client *h = c->protocol_data;
	const struct settings *s = worker_settings(c->worker);
	uint64_t moved;
	bool tunnel;

	switch (h->stage) {
	case STAGE_IDLE:
		conn_end(c, FAULT_NONE);
		return;
	case STAGE_HEAD:
		refuse_late(h, fault_of(REJECT_HEADER_TIMEOUT));
		return;
	case STAGE_CONTENT:
		if (exchange_wants(h->x) && !h->answered) {
			refuse_late(h, fault_of(REJECT_BODY_TIMEOUT));
			return;
		}
		/* fallthrough */
	case STAGE_ANSWER:
	case STAGE_TUNNEL:
		tunnel = h->stage == STAGE_TUNNEL;
		moved = transport_taken(&c->t) + (tunnel ? c->t.received : 0);
		if (moved == h->moved && (tunnel || transport_queued(&c->t) > 0)) {
			conn_cut(c, tunnel ? FAULT_TUNNEL_TIMEOUT : FAULT_SEND_TIMEOUT);
			return;
		}
		h->moved = moved;
		conn_deadline(c, tunnel ? s->timeout_tunnel : s->timeout_send);
	}
}

static void drain(struct conn *c)
{
	struct http1_client *h = c->protocol_data;

	c->draining = true;
	if (h->x == NULL)
		http1_client_run(h);
}

static bool is_idle(const struct conn *c)
{
	const struct http1_client *h = c->protocol_data;

	return h->stage == STAGE_IDLE || h->stage == STAGE_TUNNEL; /* a tunnel asks no fact any more */
}

static void stop(struct conn *c, enum fault f)
{
	struct http1_client *h = c->protocol_data;

	c->protocol_data = NULL;
	if (h->x != NULL) {
		exchange_client_gone(h->x, f);
		exchange_free(h->x);
	}
	free(h);
}

const struct protocol http1_protocol = {
	.name = "http/1.1",
	.start = start,
	.readable = readable,
	.drained = drained,
	.timeout = timeout,
	.drain = drain,
	.idle = is_idle,
	.stop = stop,
};
