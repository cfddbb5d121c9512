/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An exchange's answer as HTTP/2: header sections for nghttp2 to encode, content that waits until the client's
 * windows and the socket take it.
 */
#include "proxy/http2.h"

#include "proxy/http2_nv.h"

static struct http2_stream *stream_of(const struct exchange *x)
{
	return x->stream;
}

/* ---- header sections ---- */

/* status 0: trailers. length -1: not said. false: no memory. */
static bool section(struct http2_nvs *nvs, struct exchange *x, int status, const struct lines *lines, int64_t length)
{
	struct str text;

	if (!http2_nvs_init(nvs, &x->arena, (lines != NULL ? lines->n : 0) + 2))
		return false;
	if (status != 0) {
		text = arena_decimal(&x->arena, status);
		if (text.p == NULL)
			return false;
		http2_nvs_add(nvs, STR(":status"), text);
	}
	if (lines != NULL)
		http2_nvs_lines(nvs, lines);
	return length < 0 || http2_nvs_length(nvs, &x->arena, length);
}

static void failed(struct http2_stream *s)
{
	http2_stream_reset(s, FAULT_MEMORY, NGHTTP2_INTERNAL_ERROR);
}

/* No WebSocket: what the client sent for it, and still sends, is thrown away. */
static void not_open(struct http2_stream *s)
{
	s->in_told = true;
	http2_queue(s);
}

/* RFC 8441, section 5.1: success is 200 here. */
static void on_upgrade(struct exchange *x, const struct lines *lines)
{
	struct http2_stream *s = stream_of(x);
	nghttp2_data_provider provider = { { .ptr = s }, http2_answer_read };
	struct http2_nvs nvs;

	if (s->closed)
		return;
	s->tunnel = true;
	s->h->ntunnels++;
	if (!section(&nvs, x, 200, lines, -1) ||
	    nghttp2_submit_response(s->h->session, s->id, nvs.v, nvs.n, &provider) < 0)
		failed(s);
	http2_stream_arm(s);
	http2_queue(s);
}

static void on_head(struct exchange *x, int status, const struct lines *lines, int64_t length, bool content)
{
	struct http2_stream *s = stream_of(x);
	nghttp2_data_provider provider = { { .ptr = s }, http2_answer_read };
	struct http2_nvs nvs;

	if (s->closed)
		return;
	if (x->request.upgrade.n > 0)
		not_open(s);
	if (!section(&nvs, x, status, lines, length) ||
	    nghttp2_submit_response(s->h->session, s->id, nvs.v, nvs.n, content || s->malformed ? &provider : NULL) < 0)
		failed(s);
	http2_stream_arm(s);
	transport_dirty(&s->h->conn->t);
}

static void on_interim(struct exchange *x, int status, const struct lines *lines)
{
	struct http2_stream *s = stream_of(x);
	struct http2_nvs nvs;

	if (s->closed)
		return;
	if (!section(&nvs, x, status, lines, -1) ||
	    nghttp2_submit_headers(s->h->session, NGHTTP2_FLAG_NONE, s->id, NULL, nvs.v, nvs.n, NULL) < 0)
		failed(s);
	transport_dirty(&s->h->conn->t);
}

/* ---- content ---- */

static void resume(struct http2_stream *s)
{
	if (s->deferred) {
		s->deferred = false;
		http2_must(s->h, nghttp2_session_resume_data(s->h->session, s->id));
	}
	transport_dirty(&s->h->conn->t);
}

static void on_piece(struct exchange *x, struct str bytes)
{
	struct http2_stream *s = stream_of(x);

	if (s->closed)
		return;
	if (s->out.n == 0)
		http2_stream_arm(s);
	if (!buf_add(&s->out, bytes)) {
		failed(s);
		return;
	}
	s->h->buffered += bytes.n;
	resume(s);
}

static void on_end(struct exchange *x, const struct lines *trailers)
{
	struct http2_stream *s = stream_of(x);

	s->answered = true;
	s->trailers = trailers != NULL && trailers->n > 0 ? trailers : NULL;
	if (!s->closed)
		resume(s);
}

static void on_abort(struct exchange *x)
{
	struct http2_stream *s = stream_of(x);

	http2_stream_reset(s, x->fault, s->tunnel ? NGHTTP2_CANCEL /* RFC 8441, section 5.3 */ :
				       http2_malformed((enum reject)x->fault) ? NGHTTP2_PROTOCOL_ERROR :
										NGHTTP2_INTERNAL_ERROR);
}

static bool on_full(struct exchange *x)
{
	struct http2_stream *s = stream_of(x);

	s->full = s->out.n >= HTTP2_STREAM_HIGH || (s->h->buffered >= HTTP2_CONN_HIGH && s->out.n > 0);
	return s->full;
}

static void on_wanted(struct exchange *x)
{
	struct http2_stream *s = stream_of(x);

	if (s->closed)
		return;
	http2_stream_arm(s);
	http2_queue(s);
}

const struct downstream http2_downstream = {
	.head = on_head,
	.interim = on_interim,
	.piece = on_piece,
	.end = on_end,
	.abort = on_abort,
	.full = on_full,
	.wanted = on_wanted,
	.upgrade = on_upgrade,
};

/* ---- what nghttp2 asks for ---- */

static void last_frame(struct http2_stream *s, uint32_t *flags)
{
	struct http2_nvs nvs;

	*flags |= NGHTTP2_DATA_FLAG_EOF;
	if (s->malformed) { /* RFC 9113, section 8.1.1: told why, then reset */
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		http2_must(s->h, nghttp2_submit_rst_stream(s->h->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_PROTOCOL_ERROR));
	} else if (s->trailers != NULL) {
		bool made = section(&nvs, s->x, 0, s->trailers, -1);

		if (made && nvs.n == 0)
			return;
		*flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
		if (!made || nghttp2_submit_trailer(s->h->session, s->id, nvs.v, nvs.n) < 0)
			failed(s);
	}
}

ssize_t http2_answer_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
			  nghttp2_data_source *source, void *user)
{
	struct http2_stream *s = source->ptr;
	size_t n = s->out.n < length ? s->out.n : length;

	(void)session;
	(void)id;
	(void)buf;
	(void)user;
	if (n == 0 && !s->answered) {
		s->deferred = true;
		return NGHTTP2_ERR_DEFERRED;
	}
	if (n > 0)
		*flags |= NGHTTP2_DATA_FLAG_NO_COPY;
	if (n == s->out.n && s->answered)
		last_frame(s, flags);
	return (ssize_t)n;
}

int http2_answer_send(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t length,
		      nghttp2_data_source *source, void *user)
{
	struct http2_stream *s = source->ptr;
	struct http2_client *h = s->h;
	struct transport *t = &h->conn->t;

	(void)session;
	(void)frame;
	(void)user;
	if (transport_full(t))
		return NGHTTP2_ERR_WOULDBLOCK;
	if (!buf_reserve(&t->out, length + 9) || !buf_add(&t->out, (struct str){ (const char *)head, 9 }) ||
	    !buf_add(&t->out, str_sub(buf_str(&s->out), 0, length)))
		return NGHTTP2_ERR_CALLBACK_FAILURE;
	buf_consume(&s->out, length);
	h->buffered -= length;
	s->sent += length;
	http2_stream_arm(s);
	calm_earn(&h->control, 2); /* the window updates that it will bring */
	if (s->full && s->out.n < HTTP2_STREAM_HIGH)
		http2_queue(s);
	return 0;
}
