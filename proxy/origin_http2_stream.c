/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A stream to an origin, from its start to its end, and the request on it. Content waits here until the origin's windows
 * and the socket take it, up to STREAM_HIGH.
 */
#include "proxy/origin_http2_stream.h"

#include <stdlib.h>

#include "base/clock.h"
#include "proxy/http2_nv.h"

enum { STREAM_HIGH = 65536 };

static void on_deadline(struct deadline *d);

void origin_stream_arm(struct origin_stream *s)
{
	const struct exchange_settings *set = &s->up.x->settings;

	if (s->tunnel) /* the client's side watches */
		deadline_clear(&s->c->worker->wheel, &s->deadline);
	else
		deadline_set(&s->c->worker->wheel, &s->deadline,
			     origin_stream_asked(s) && !s->head_seen ? set->timeout_first_byte : set->timeout_between_bytes);
}

/* ---- ends ---- */

struct exchange *origin_stream_detach(struct origin_stream *s)
{
	struct exchange *x = s->up.x;

	s->up.x = NULL;
	if (x != NULL)
		x->up = NULL;
	deadline_clear(&s->c->worker->wheel, &s->deadline);
	return x;
}

void origin_stream_free(struct origin_stream *s)
{
	struct origin_http2 *h = s->c->http2;

	origin_stream_detach(s);
	*s->prev = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	h->nstreams--;
	buf_fini(&s->in);
	buf_fini(&s->out);
	free(s);
}

/* The stream is reset; what becomes of the exchange is said after that. */
void origin_stream_fail(struct origin_stream *s, enum fault f, struct str detail, uint32_t code)
{
	struct exchange *x = origin_stream_detach(s);

	if (!s->closed)
		origin_http2_must(s->c, nghttp2_submit_rst_stream(s->c->http2->session, NGHTTP2_FLAG_NONE, s->id, code));
	transport_dirty(&s->c->t);
	if (x != NULL)
		exchange_origin_failed(x, f, detail, LOSS_UNKNOWN);
}

static void on_deadline(struct deadline *d)
{
	struct origin_stream *s = (struct origin_stream *)((char *)d - offsetof(struct origin_stream, deadline));
	struct origin_conn *c = s->c;

	if (s->up.x == NULL)
		return;
	/* where the client is slow, not the origin */
	if (s->waits || (!origin_stream_asked(s) && s->out.n == 0 && !s->head_seen)) {
		origin_stream_arm(s);
		return;
	}
	if (c->t.received == s->heard_at)
		c->http2->last = true; /* perhaps nobody is there any more */
	origin_stream_fail(s, s->head_seen || !origin_stream_asked(s) ? FAULT_BETWEEN_BYTES_TIMEOUT : FAULT_FIRST_BYTE_TIMEOUT,
			   STR_NONE, NGHTTP2_CANCEL);
}

/* ---- the request ---- */

static void resume(struct origin_stream *s)
{
	if (s->deferred) {
		s->deferred = false;
		origin_http2_must(s->c, nghttp2_session_resume_data(s->c->http2->session, s->id));
	}
	transport_dirty(&s->c->t);
}

static void on_piece(struct upstream *u, struct str bytes)
{
	struct origin_stream *s = origin_stream_of(u);

	if (s->ended || s->closed)
		return;
	if (!buf_add(&s->out, bytes)) {
		origin_stream_fail(s, FAULT_MEMORY, STR_NONE, NGHTTP2_INTERNAL_ERROR);
		return;
	}
	if (!s->head_seen)
		origin_stream_arm(s);
	resume(s);
}

static void on_end(struct upstream *u, const struct lines *trailers)
{
	struct origin_stream *s = origin_stream_of(u);

	s->ended = true;
	s->trailers = trailers != NULL && trailers->n > 0 ? trailers : NULL;
	if (!s->head_seen)
		origin_stream_arm(s);
	if (!s->closed)
		resume(s);
}

static bool on_full(struct upstream *u)
{
	struct origin_stream *s = origin_stream_of(u);

	s->was_full = !s->closed && origin_stream_full(s);
	return s->was_full;
}

static void on_cancel(struct upstream *u)
{
	struct origin_stream *s = origin_stream_of(u);

	origin_stream_detach(s);
	if (!s->closed && !(s->in_ended && s->ended))
		origin_http2_must(s->c, nghttp2_submit_rst_stream(s->c->http2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_CANCEL));
	transport_dirty(&s->c->t);
}

static void on_drained(struct upstream *u)
{
	struct origin_stream *s = origin_stream_of(u);

	if (!s->waits) /* the client was never too slow */
		return;
	origin_stream_arm(s);
	origin_answer_deliver(s);
}

bool origin_stream_full(const struct origin_stream *s)
{
	return s->out.n >= STREAM_HIGH;
}

static const struct upstream_ops stream_ops = {
	.piece = on_piece,
	.end = on_end,
	.full = on_full,
	.drained = on_drained,
	.cancel = on_cancel,
	.may_refuse = true,
};

static ssize_t on_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
		       nghttp2_data_source *source, void *user)
{
	struct origin_stream *s = source->ptr;
	size_t n = s->out.n < length ? s->out.n : length;
	struct http2_nvs nvs;

	(void)user;
	if (s->up.x == NULL) /* a reset is on its way */
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (n == 0 && !s->ended) {
		s->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	memcpy(buf, buf_str(&s->out).p, n);
	buf_consume(&s->out, n);
	if (s->out.n > 0 || !s->ended)
		return (ssize_t)n;
	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (s->trailers == NULL)
		return (ssize_t)n;
	if (!http2_nvs_init(&nvs, &s->up.x->arena, s->trailers->n))
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	if (http2_nvs_lines(&nvs, s->trailers) > 0) {
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		if (nghttp2_submit_trailer(session, id, nvs.v, nvs.n) < 0)
			return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	return (ssize_t)n;
}

static bool wants_length(struct str method)
{
	return str_eq(method, STR("POST")) || str_eq(method, STR("PUT")) || str_eq(method, STR("PATCH"));
}

static void head_of(struct origin_stream *s, struct http2_nvs *nvs)
{
	struct exchange *x = s->up.x;
	const struct request *req = &x->request;
	struct str uri = x->rewritten || x->zone->normalize_to_origin ? req->target.uri : req->raw.uri;

	http2_nvs_add(nvs, STR(":method"), s->upgrade ? STR("CONNECT") : req->method);
	if (s->upgrade)
		http2_nvs_add(nvs, STR(":protocol"), req->upgrade);
	http2_nvs_add(nvs, STR(":scheme"), s->c->t.tls != NULL ? STR("https") : STR("http"));
	http2_nvs_add(nvs, STR(":authority"), x->route.host.n > 0 ? x->route.host : req->authority);
	http2_nvs_add(nvs, STR(":path"), uri);
	http2_nvs_lines(nvs, &req->lines);
	if (s->upgrade)
		http2_nvs_remove(nvs, STR("sec-websocket-key")); /* RFC 8441, section 5 */
	else
		http2_nvs_add(nvs, STR("te"), STR("trailers")); /* usher passes them on; gRPC insists */
}

static bool submit(struct origin_stream *s)
{
	struct exchange *x = s->up.x;
	const struct request *req = &x->request;
	nghttp2_data_provider provider = { { .ptr = s }, on_read };
	struct http2_nvs nvs;

	if (!http2_nvs_init(&nvs, &x->arena, req->lines.n + 6))
		return false;
	head_of(s, &nvs);
	if (req->content_length >= 0 && (req->has_body || wants_length(req->method)) &&
	    !http2_nvs_length(&nvs, &x->arena, req->content_length))
		return false;
	s->id = nghttp2_submit_request(s->c->http2->session, NULL, nvs.v, nvs.n, s->ended ? NULL : &provider, s);
	return s->id > 0;
}

void origin_http2_start(struct origin_conn *c, struct exchange *x)
{
	struct origin_http2 *h = c->http2;
	struct origin_stream *s;

	if (x->request.upgrade.n > 0 &&
	    nghttp2_session_get_remote_settings(h->session, NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL) == 0) {
		exchange_refuse(x, fault_of(REJECT_ORIGIN_UPGRADE));
		return;
	}
	if ((s = calloc(1, sizeof(*s))) == NULL) {
		exchange_origin_failed(x, FAULT_MEMORY, STR_NONE, LOSS_UNKNOWN);
		return;
	}
	s->c = c;
	s->up = (struct upstream){ &stream_ops, x };
	s->upgrade = x->request.upgrade.n > 0;
	s->ended = !x->request.has_body && !s->upgrade;
	s->heard_at = c->t.received;
	s->later = h->used;
	h->used = true;
	deadline_init(&s->deadline, on_deadline);
	s->next = h->streams;
	if (s->next != NULL)
		s->next->prev = &s->next;
	s->prev = &h->streams;
	h->streams = s;
	h->nstreams++;
	x->response.status = 0;
	lines_init(&x->response.lines, &x->arena);
	lines_init(&x->response.trailers, &x->arena);
	if (!submit(s)) {
		x = origin_stream_detach(s);
		origin_stream_free(s);
		h->last = true; /* also when the stream numbers are used up */
		exchange_origin_failed(x, FAULT_MEMORY, STR_NONE, LOSS_UNKNOWN);
		return;
	}
	x->up = &s->up;
	origin_stream_arm(s);
	transport_dirty(&c->t);
	exchange_origin_ready(x);
}
