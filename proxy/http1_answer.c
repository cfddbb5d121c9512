/* SPDX-License-Identifier: Apache-2.0 */
/* Answers to a client that speaks HTTP/1: their framing, and whether the connection goes on after them. */
#include "proxy/http1_client.h"

static struct http1_client *client_of(const struct exchange *x)
{
	return x->stream;
}

/* Where bytes for the client go. That memory ran out meanwhile is seen when they are flushed. */
static struct buf *out_of(const struct exchange *x)
{
	struct transport *t = &x->conn->t;

	transport_dirty(t);
	return &t->out;
}

static bool last_request(const struct http1_client *h)
{
	struct conn *c = h->conn;
	const struct exchange *x = h->x;

	if (h->stage == STAGE_HEAD || !h->parser.framing.keep_alive || c->draining)
		return true; /* a head that could not be read to its end has no next request either */
	if (c->t.eof && transport_input(&c->t)->n == 0)
		return true; /* nothing was sent ahead, and nothing comes */
	if (x->fault != FAULT_NONE && x->fault < fault_of(REJECT_ORIGIN_SYNTAX))
		return true; /* nor has a message that was at fault */
	if (x->request_ended)
		return c->requests >= (uint64_t)x->config->settings.limit_requests;
	/* An early answer. Who waits for 100 (Continue) may or may not send the content now: nobody can know. */
	return (x->request.expect_continue && !x->sent_continue) || x->request.content_length > HTTP1_DROP_BYTES ||
	       c->requests >= (uint64_t)x->config->settings.limit_requests;
}

static void on_head(struct exchange *x, int status, const struct lines *lines, int64_t length, bool content)
{
	struct http1_client *h = client_of(x);
	bool old = x->request.version == HTTP_1_0;
	struct http1_framing f = { .length = length };

	h->close = h->close || last_request(h);
	h->chunked = content && length < 0 && !old;
	h->until_close = content && length < 0 && old;
	h->close = h->close || h->until_close;
	f.chunked = h->chunked;
	f.close = h->close;
	f.keep_alive = old && !h->close;
	http1_write_response(out_of(x), status, lines, &f);
}

static void on_interim(struct exchange *x, int status, const struct lines *lines)
{
	struct http1_framing f = { .length = -1 };

	if (x->request.version != HTTP_1_0)
		http1_write_response(out_of(x), status, lines, &f);
}

static void on_piece(struct exchange *x, struct str bytes)
{
	struct http1_client *h = client_of(x);

	if (h->chunked)
		http1_write_chunk(out_of(x), bytes);
	else
		buf_add(out_of(x), bytes);
}

static void on_end(struct exchange *x, const struct lines *trailers)
{
	struct http1_client *h = client_of(x);

	if (h->chunked)
		http1_write_last_chunk(out_of(x), trailers);
	h->answered = true;
	http1_client_run(h);
}

static void on_abort(struct exchange *x)
{
	struct http1_client *h = client_of(x);

	h->aborted = true;
	http1_client_run(h);
}

static bool on_full(struct exchange *x)
{
	return transport_full(&x->conn->t);
}

static void on_wanted(struct exchange *x)
{
	http1_client_run(client_of(x));
}

static void on_upgrade(struct exchange *x, const struct lines *lines)
{
	struct http1_client *h = client_of(x);
	struct http1_framing f = { .length = -1, .upgrade = x->request.upgrade };

	h->stage = STAGE_TUNNEL;
	h->close = true;
	http1_write_response(out_of(x), 101, lines, &f);
	http1_client_run(h);
}

const struct downstream http1_answer = {
	.head = on_head,
	.interim = on_interim,
	.piece = on_piece,
	.end = on_end,
	.abort = on_abort,
	.full = on_full,
	.wanted = on_wanted,
	.upgrade = on_upgrade,
};
