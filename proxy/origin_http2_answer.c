/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Answers that come on streams. nghttp2's checks of messages are off, as on the clients' side: headers/check.h judges
 * answers of every protocol. Content that the client does not take yet waits in the stream's window.
 */
#include "headers/names.h"
#include "proxy/origin_http2_stream.h"
#include "proxy/websocket.h"

static void bad(struct origin_stream *s, enum reject r)
{
	origin_stream_fail(s, fault_of(r), STR_NONE, NGHTTP2_PROTOCOL_ERROR);
}

static void answer_end(struct origin_stream *s)
{
	struct exchange *x = s->up.x;

	if (s->framing.kind == BODY_LENGTH && s->received != s->framing.length) {
		bad(s, REJECT_ORIGIN_LENGTH);
		return;
	}
	origin_stream_detach(s);
	if (!s->closed && !s->ended) /* answered early: the rest of the request is not wanted */
		origin_http2_must(s->c, nghttp2_submit_rst_stream(s->c->http2->session, NGHTTP2_FLAG_NONE, s->id,
								  s->upgrade ? NGHTTP2_NO_ERROR : NGHTTP2_CANCEL));
	transport_dirty(&s->c->t);
	exchange_answer_end(x);
}

/* Gives the client what it takes. */
void origin_answer_deliver(struct origin_stream *s)
{
	size_t n = s->in.n;

	if (n > 0 && s->up.x != NULL) {
		s->waits = s->up.x->down->full(s->up.x);
		if (s->waits)
			return;
		exchange_answer_piece(s->up.x, buf_str(&s->in));
		buf_fini(&s->in);
		if (!s->closed)
			origin_http2_must(s->c, nghttp2_session_consume_stream(s->c->http2->session, s->id, n));
		transport_dirty(&s->c->t);
	}
	if (s->in_ended && s->in.n == 0 && s->up.x != NULL)
		answer_end(s);
}

static struct origin_stream *stream(nghttp2_session *session, int32_t id)
{
	return id > 0 ? nghttp2_session_get_stream_user_data(session, id) : NULL;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct origin_stream *s = stream(session, frame->hd.stream_id);

	(void)user;
	if (s != NULL)
		s->bytes = 0;
	return 0;
}

static enum reject line(struct origin_stream *s, struct str name, struct str value)
{
	struct exchange *x = s->up.x;
	const struct settings *set = &x->config->settings;
	struct lines *lines = s->head_seen ? &x->response.trailers : &x->response.lines;
	size_t i;

	s->bytes += name.n + value.n + 4;
	if (s->bytes > (size_t)set->limit_header_bytes || lines->n >= (size_t)set->limit_header_count)
		return REJECT_ORIGIN_LARGE;
	if (name.n > 0 && name.p[0] == ':') {
		if (s->head_seen || x->response.status != 0 || lines->n > 0 || !str_eq(name, STR(":status")) || value.n != 3)
			return REJECT_ORIGIN_SYNTAX;
		for (i = 0; i < 3; i++)
			if (!ascii_digit(value.p[i]))
				return REJECT_ORIGIN_STATUS;
		x->response.status = (value.p[0] - '0') * 100 + (value.p[1] - '0') * 10 + (value.p[2] - '0');
		return REJECT_NONE;
	}
	name = arena_lower(&x->arena, name);
	value = arena_str(&x->arena, value);
	return name.p != NULL && value.p != NULL && lines_add(lines, name, value) ? REJECT_NONE : REJECT_NO_MEMORY;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
		     const uint8_t *value, size_t value_n, uint8_t flags, void *user)
{
	struct origin_stream *s = stream(session, frame->hd.stream_id);

	(void)flags;
	(void)user;
	if (s != NULL && s->up.x != NULL && s->fault == REJECT_NONE)
		s->fault = line(s, (struct str){ (const char *)name, name_n }, (struct str){ (const char *)value, value_n });
	return 0;
}

/* RFC 8441, section 5: any success is agreement, and what follows are the WebSocket's bytes. */
static bool open_tunnel(struct origin_stream *s)
{
	if (!websocket_opened(s->up.x)) {
		origin_stream_fail(s, FAULT_MEMORY, STR_NONE, NGHTTP2_INTERNAL_ERROR);
		return false;
	}
	s->tunnel = true;
	s->framing = (struct framing){ .kind = BODY_FRAMES };
	return true;
}

static void head(struct origin_stream *s, bool end)
{
	struct exchange *x = s->up.x;
	struct response *res = &x->response;
	enum reject r = s->fault;
	int64_t length = -1;
	int status = res->status;

	if (r == REJECT_NONE && (status < 100 || status == 101))
		r = REJECT_ORIGIN_STATUS;
	if (r == REJECT_NONE)
		r = response_check(res, HTTP_2, x->request.method, false, &s->framing);
	if (r == REJECT_NONE && status < 200 && end)
		r = REJECT_ORIGIN_SYNTAX;
	if (r == REJECT_NONE && end && s->framing.kind == BODY_LENGTH)
		r = REJECT_ORIGIN_LENGTH;
	if (r != REJECT_NONE) {
		bad(s, r);
		return;
	}
	if (status < 200) {
		if (!exchange_interim(x, status)) {
			bad(s, REJECT_ORIGIN_INTERIM);
			return;
		}
		res->status = 0;
		lines_init(&res->lines, &x->arena);
		return;
	}
	if (s->upgrade && status / 100 == 2 && !open_tunnel(s))
		return;
	s->head_seen = true;
	s->in_ended = end;
	origin_stream_arm(s);
	if (!s->tunnel && status != 204 && lines_get(&res->lines, STR("content-length")) != NULL)
		length = (int64_t)s->framing.length;
	exchange_answer(x, length, !s->tunnel && s->framing.kind != BODY_NONE && !end);
	if (end && s->up.x != NULL)
		origin_answer_deliver(s);
}

static void trailers(struct origin_stream *s, bool end)
{
	enum reject r = s->fault;

	if (r == REJECT_NONE)
		r = end && !s->tunnel ? response_trailers_check(&s->up.x->response.trailers) : REJECT_ORIGIN_SYNTAX;
	if (r != REJECT_NONE) {
		bad(s, r == REJECT_ORIGIN_LARGE || r == REJECT_NO_MEMORY ? r : REJECT_ORIGIN_TRAILER);
		return;
	}
	s->in_ended = true;
	origin_answer_deliver(s);
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t n, void *user)
{
	struct origin_conn *c = user;
	struct origin_stream *s = stream(session, id);

	(void)flags;
	/* what one client does not take must not keep the answers of others from coming */
	origin_http2_must(c, nghttp2_session_consume_connection(session, n));
	if (s == NULL || s->up.x == NULL) {
		origin_http2_must(c, nghttp2_session_consume_stream(session, id, n));
		return 0;
	}
	s->received += n;
	origin_stream_arm(s);
	if (!s->head_seen || s->framing.kind == BODY_NONE ||
	    (s->framing.kind == BODY_LENGTH && s->received > s->framing.length)) {
		bad(s, s->head_seen ? REJECT_ORIGIN_LENGTH : REJECT_ORIGIN_SYNTAX);
	} else if (!buf_add(&s->in, (struct str){ (const char *)data, n })) {
		origin_stream_fail(s, FAULT_MEMORY, STR_NONE, NGHTTP2_INTERNAL_ERROR);
	} else {
		origin_answer_deliver(s);
	}
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct origin_conn *c = user;
	struct origin_stream *s = stream(session, frame->hd.stream_id);
	bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

	if (frame->hd.type == NGHTTP2_GOAWAY)
		c->http2->last = true;
	else if (frame->hd.type == NGHTTP2_SETTINGS && (frame->hd.flags & NGHTTP2_FLAG_ACK) == 0)
		c->http2->settled = true;
	if (s == NULL || s->up.x == NULL)
		return 0;
	if (frame->hd.type == NGHTTP2_HEADERS) {
		if (s->head_seen)
			trailers(s, end);
		else
			head(s, end);
	} else if (frame->hd.type == NGHTTP2_DATA && end) {
		s->in_ended = true;
		origin_answer_deliver(s);
	}
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
	struct origin_stream *s = stream(session, id);
	struct exchange *x;
	bool refused;

	(void)user;
	if (s == NULL)
		return 0;
	refused = code == NGHTTP2_REFUSED_STREAM && !s->head_seen;
	s->closed = true;
	if (s->up.x != NULL && s->in_ended)
		return 0; /* its content still waits for the client */
	x = origin_stream_detach(s);
	if (x != NULL && s->tunnel)
		exchange_tunnel_broke(x, str_of(nghttp2_http2_strerror(code)));
	else if (x != NULL)
		exchange_origin_failed(x, s->head_seen ? fault_of(REJECT_ORIGIN_SHORT) : FAULT_ORIGIN_CLOSED,
				       str_of(nghttp2_http2_strerror(code)), refused ? LOSS_REFUSED : LOSS_UNKNOWN);
	origin_stream_free(s);
	return 0;
}

void origin_answer_callbacks(nghttp2_session_callbacks *cb)
{
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
}
