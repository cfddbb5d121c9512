/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1 with an origin: one request at a time. Its answer is parsed as strictly as a client's request, and the
 * connection is used again only if both messages ended where they said and nothing came after.
 */
#include "proxy/origin_conn.h"

#include "base/err.h"

static struct origin_conn *conn_of_upstream(struct upstream *u)
{
	return (struct origin_conn *)((char *)u - offsetof(struct origin_conn, up));
}

static void fail(struct origin_conn *c, enum fault f, struct str detail)
{
	enum loss loss = c->reused && !c->heard ? LOSS_OLD : LOSS_UNKNOWN;
	struct exchange *x = origin_conn_detach(c);

	origin_conn_close(c);
	if (x != NULL)
		exchange_origin_failed(x, f, detail, loss);
}

/* ---- the request ---- */

static bool wants_length(struct str method)
{
	return str_eq(method, STR("POST")) || str_eq(method, STR("PUT")) || str_eq(method, STR("PATCH"));
}

static void expect_head(struct origin_conn *c)
{
	struct exchange *x = c->up.x;
	const struct settings *s = &x->config->settings;
	struct http1_limits limits = { (size_t)s->limit_request_line, (size_t)s->limit_header_bytes,
				       (size_t)s->limit_header_count };

	lines_init(&x->response.lines, &x->arena);
	lines_init(&x->response.trailers, &x->arena);
	http1_response(&c->parser, &x->response, x->request.method, x->request.upgrade.n > 0, &limits);
}

void origin_http1_begin(struct origin_conn *c)
{
	struct exchange *x = c->up.x;
	const struct request *req = &x->request;
	struct str host = x->route.host.n > 0 ? x->route.host : req->authority;
	struct str uri = x->rewritten || x->zone->normalize_to_origin ? req->target.uri : req->raw.uri;
	struct http1_framing f = { .length = -1, .close = x->check != NULL, .upgrade = req->upgrade };

	c->request_sent = !req->has_body;
	c->head_seen = c->heard = c->waits = false;
	c->chunked = req->has_body && req->content_length < 0;
	f.chunked = c->chunked;
	if (!c->chunked && (req->has_body || wants_length(req->method)))
		f.length = req->content_length;
	expect_head(c);
	http1_write_request(&c->t.out, req, uri, host, &f); /* failures to write are seen when it is flushed */
	transport_dirty(&c->t);
	origin_conn_deadline(c, c->request_sent ? x->settings.timeout_first_byte : x->settings.timeout_between_bytes);
	exchange_origin_ready(x);
}

static void on_piece(struct upstream *u, struct str bytes)
{
	struct origin_conn *c = conn_of_upstream(u);

	if (c->t.broken || (c->request_sent && c->state != ORIGIN_TUNNEL))
		return;
	transport_dirty(&c->t);
	if (c->chunked)
		http1_write_chunk(&c->t.out, bytes);
	else
		buf_add(&c->t.out, bytes);
	if (!c->head_seen)
		origin_conn_deadline(c, u->x->settings.timeout_between_bytes);
}

static void on_end(struct upstream *u, const struct lines *trailers)
{
	struct origin_conn *c = conn_of_upstream(u);

	if (c->state == ORIGIN_TUNNEL) {
		transport_end(&c->t);
		return;
	}
	if (c->chunked)
		http1_write_last_chunk(&c->t.out, trailers);
	c->request_sent = true;
	transport_dirty(&c->t);
	if (!c->head_seen)
		origin_conn_deadline(c, u->x->settings.timeout_first_byte);
}

static bool on_full(struct upstream *u)
{
	struct origin_conn *c = conn_of_upstream(u);

	return !c->t.broken && transport_full(&c->t);
}

static void on_drained(struct upstream *u)
{
	struct origin_conn *c = conn_of_upstream(u);

	if (!c->waits)
		return;
	c->waits = false;
	transport_read(&c->t, true);
	origin_http1_readable(c);
}

static void on_cancel(struct upstream *u)
{
	struct origin_conn *c = conn_of_upstream(u);

	origin_conn_detach(c);
	origin_conn_close(c); /* what was begun cannot be taken back */
}

const struct upstream_ops origin_http1_ops = {
	.piece = on_piece,
	.end = on_end,
	.full = on_full,
	.drained = on_drained,
	.cancel = on_cancel,
};

/* ---- the answer ---- */

enum go { GO_ON, GO_WAIT };

static enum go finish(struct origin_conn *c)
{
	bool keep = c->parser.framing.keep_alive && c->request_sent && !c->t.broken;
	struct exchange *x = origin_conn_detach(c);

	if (keep)
		origin_conn_keep(c); /* closes it if bytes follow the answer */
	else
		origin_conn_close(c);
	exchange_answer_end(x);
	return GO_WAIT;
}

static enum go head(struct origin_conn *c)
{
	struct exchange *x = c->up.x;
	const struct framing *f = &c->parser.framing;
	int status = x->response.status;
	int64_t length = -1;

	if (status < 200 && status != 101) {
		if (!exchange_interim(x, status)) {
			fail(c, fault_of(REJECT_ORIGIN_INTERIM), STR_NONE);
			return GO_WAIT;
		}
		expect_head(c);
		return GO_ON;
	}
	c->head_seen = true;
	origin_conn_deadline(c, x->settings.timeout_between_bytes);
	if (status == 101)
		c->state = ORIGIN_TUNNEL;
	if (status != 101 && status != 204 && lines_get(&x->response.lines, STR("content-length")) != NULL)
		length = (int64_t)f->length; /* also where no content follows: HEAD, 304 */
	exchange_answer(x, length, f->kind != BODY_NONE);
	return c->up.x != NULL ? GO_ON : GO_WAIT;
}

static enum go ended(struct origin_conn *c)
{
	if (c->t.error != 0 && c->t.error != UV_ENOMEM && !c->heard) {
		fail(c, FAULT_ORIGIN_CLOSED, str_of(uv_strerror(c->t.error)));
		return GO_WAIT;
	}
	if (c->t.error != 0) {
		fail(c, c->t.error == UV_ENOMEM ? FAULT_MEMORY : fault_of(REJECT_ORIGIN_SHORT),
		     str_of(uv_strerror(c->t.error)));
		return GO_WAIT;
	}
	if (!c->heard) {
		fail(c, FAULT_ORIGIN_CLOSED, STR_NONE);
		return GO_WAIT;
	}
	if (http1_eof(&c->parser) == HTTP1_END)
		return finish(c);
	fail(c, fault_of(c->parser.fault), STR_NONE);
	return GO_WAIT;
}

static enum go step(struct origin_conn *c)
{
	struct exchange *x = c->up.x;

	if (c->head_seen && x->down->full(x)) {
		c->waits = true;
		transport_read(&c->t, false);
		deadline_clear(&c->worker->wheel, &c->deadline); /* the client's own deadline watches now */
		return GO_WAIT;
	}
	switch (http1_next(&c->parser, transport_input(&c->t))) {
	case HTTP1_HEAD:
		return head(c);
	case HTTP1_PIECE:
		exchange_answer_piece(x, c->parser.piece);
		return c->up.x != NULL ? GO_ON : GO_WAIT;
	case HTTP1_END:
		return finish(c);
	case HTTP1_FAULT:
		fail(c, fault_of(c->parser.fault), STR_NONE);
		return GO_WAIT;
	case HTTP1_MORE:
		break;
	}
	if (c->t.eof || c->t.error != 0)
		return ended(c);
	if (c->head_seen)
		origin_conn_deadline(c, x->settings.timeout_between_bytes);
	return GO_WAIT;
}

static void tunnel(struct origin_conn *c)
{
	struct exchange *x = c->up.x;

	if (x->down->full(x)) {
		c->waits = true;
		transport_read(&c->t, false);
		return;
	}
	if (transport_input(&c->t)->n > 0) {
		exchange_answer_piece(x, buf_str(transport_input(&c->t)));
		buf_clear(transport_input(&c->t));
	}
	if (!c->t.eof && c->t.error == 0)
		return;
	origin_conn_detach(c);
	origin_conn_close(c);
	if (c->t.error != 0)
		exchange_tunnel_broke(x, str_of(uv_strerror(c->t.error)));
	else
		exchange_answer_end(x);
}

void origin_http1_readable(struct origin_conn *c)
{
	if (transport_input(&c->t)->n > 0)
		c->heard = true;
	while (c->up.x != NULL && c->state == ORIGIN_BUSY && step(c) == GO_ON)
		;
	if (c->up.x != NULL && c->state == ORIGIN_TUNNEL && !c->waits)
		tunnel(c);
}

void origin_http1_timeout(struct origin_conn *c)
{
	struct exchange *x = c->up.x;

	if (x == NULL) {
		origin_conn_close(c);
		return;
	}
	if (c->state == ORIGIN_TUNNEL)
		return; /* the client's side watches */
	if (!c->request_sent && transport_queued(&c->t) == 0) { /* the client is slow, not the origin */
		origin_conn_deadline(c, x->settings.timeout_between_bytes);
		return;
	}
	fail(c, c->head_seen || !c->request_sent ? FAULT_BETWEEN_BYTES_TIMEOUT : FAULT_FIRST_BYTE_TIMEOUT, STR_NONE);
}
