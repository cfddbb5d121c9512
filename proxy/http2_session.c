/* SPDX-License-Identifier: Apache-2.0 */
/*
 * nghttp2's side: what its callbacks bring, sorted to streams, and the frames that cost us work without being of use,
 * counted. Against floods (CVE-2023-44487 and its kin) each connection has two budgets: resets, whoever sends them,
 * and frames without content.
 */
#include <string.h>

#include "proxy/access.h"
#include "proxy/http2.h"

enum { FLOOD_TIMES = 4 }; /* a header section so many times over the limit ends the connection */

static struct http2_stream *stream(nghttp2_session *session, int32_t id)
{
	return id > 0 ? nghttp2_session_get_stream_user_data(session, id) : NULL;
}

void http2_over(struct http2_client *h, enum fault f, uint32_t code)
{
	if (h->over)
		return;
	h->over = true;
	h->fault = f;
	http2_must(h, nghttp2_session_terminate_session(h->session, code));
}

void http2_must(struct http2_client *h, int rc)
{
	if (rc != NGHTTP2_ERR_NOMEM)
		return;
	h->lost = true;
	transport_dirty(&h->conn->t);
}

static void spend(struct http2_client *h, struct calm *c, enum fault f)
{
	if (!h->over && !calm_spend(c, http2_now(h)))
		http2_over(h, f, NGHTTP2_ENHANCE_YOUR_CALM);
}

/* A stream that a higher one passed over is closed, not idle (RFC 9113, section 5.1.1); nghttp2 takes it for one that
 * it has forgotten. */
static void note_opened(struct http2_client *h, int32_t id)
{
	if (id > h->last + 2) {
		h->skipped_from = h->last + 1;
		h->skipped_to = id - 1;
	}
	h->last = id;
}

/* Usher does not want a stream any more: what the client sends on it before it knows is no fault. */
static void forgive(struct http2_client *h, int32_t id)
{
	if (id > h->forgiven)
		h->forgiven = id;
}

/* A frame on a stream that its client ended or reset (RFC 9113, section 5.1). nghttp2 forgets streams that are closed,
 * so whether usher closed this one is known only of those above the last that it did. */
static void check_open(struct http2_client *h, int32_t id)
{
	if (id % 2 == 1 && id <= h->last && id > h->forgiven && stream(h->session, id) == NULL)
		http2_over(h, FAULT_H2_PROTOCOL, NGHTTP2_STREAM_CLOSED);
}

/* ---- received ---- */

/* Walks over frames to the end of the next header of a DATA frame (*id: its stream), or of the bytes. nghttp2 says
 * nothing of a DATA frame on a stream that it has forgotten. */
static size_t walk(struct http2_walk *w, struct str bytes, int32_t *id)
{
	size_t n = 0, piece;

	while (n < bytes.n) {
		if (w->left > 0) {
			piece = bytes.n - n < w->left ? bytes.n - n : w->left;
			w->left -= piece;
			n += piece;
			continue;
		}
		w->head[w->have++] = (uint8_t)bytes.p[n++];
		if (w->have < HTTP2_FRAME_HEAD)
			continue;
		w->have = 0;
		w->left = (size_t)w->head[0] << 16 | (size_t)w->head[1] << 8 | w->head[2];
		if (w->head[3] != NGHTTP2_DATA)
			continue;
		*id = (int32_t)((uint32_t)(w->head[5] & 127) << 24 | (uint32_t)w->head[6] << 16 | (uint32_t)w->head[7] << 8 | w->head[8]);
		break;
	}
	return n;
}

ssize_t http2_session_feed(struct http2_client *h, struct str bytes)
{
	ssize_t rc = 0;
	int32_t id;
	size_t n;

	for (; bytes.n > 0 && rc >= 0 && !h->over; bytes = str_sub(bytes, n, bytes.n)) {
		id = 0;
		n = walk(&h->walk, bytes, &id);
		rc = nghttp2_session_mem_recv(h->session, (const uint8_t *)bytes.p, n);
		check_open(h, id);
	}
	return rc;
}

static int on_begin_frame(nghttp2_session *session, const nghttp2_frame_hd *hd, void *user)
{
	struct http2_client *h = user;

	(void)session;
	switch (hd->type) {
	case NGHTTP2_DATA:
		break;
	case NGHTTP2_HEADERS:
		if (hd->stream_id >= h->skipped_from && hd->stream_id <= h->skipped_to)
			http2_over(h, FAULT_H2_PROTOCOL, NGHTTP2_PROTOCOL_ERROR);
		check_open(h, hd->stream_id);
		break;
	case NGHTTP2_RST_STREAM:
		spend(h, &h->resets, FAULT_H2_RESET_FLOOD);
		break;
	default:
		spend(h, &h->control, FAULT_H2_CONTROL_FLOOD);
		break;
	}
	return 0;
}

static int on_begin_headers(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct http2_client *h = user;
	struct http2_stream *s;
	int32_t id = frame->hd.stream_id;

	if (h->over)
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	h->head_since = http2_now(h);
	if (frame->headers.cat != NGHTTP2_HCAT_REQUEST) {
		if ((s = stream(session, id)) != NULL)
			http2_head_trailers(&s->head);
		return 0;
	}
	if ((s = http2_stream_new(h, id)) == NULL) {
		access_refused(h->conn, fault_word(FAULT_MEMORY)); /* there is no exchange that could be logged */
		forgive(h, id);
		return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
	}
	note_opened(h, id);
	nghttp2_session_set_stream_user_data(session, id, s);
	calm_earn(&h->control, 2);
	return 0;
}

static int on_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
		     const uint8_t *value, size_t value_n, uint8_t flags, void *user)
{
	struct http2_client *h = user;
	struct http2_stream *s = stream(session, frame->hd.stream_id);

	(void)flags;
	if (s == NULL || h->over)
		return 0;
	http2_head_line(&s->head, (struct str){ (const char *)name, name_n }, (struct str){ (const char *)value, value_n });
	if (s->head.bytes > FLOOD_TIMES * (s->head.limits.bytes + s->head.limits.line)) {
		s->fault = FAULT_H2_HEADER_FLOOD;
		http2_over(h, FAULT_H2_HEADER_FLOOD, NGHTTP2_ENHANCE_YOUR_CALM);
	}
	return 0;
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t n, void *user)
{
	struct http2_client *h = user;
	struct http2_stream *s = stream(session, id);

	(void)flags;
	if (s != NULL && !h->over)
		http2_stream_content(s, (struct str){ (const char *)data, n });
	else
		http2_must(h, nghttp2_session_consume(session, id, n));
	return 0;
}

static int on_frame(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct http2_client *h = user;
	struct http2_stream *s = stream(session, frame->hd.stream_id);
	bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;

	if (frame->hd.type == NGHTTP2_HEADERS)
		h->head_since = 0;
	if (h->over)
		return 0;
	switch (frame->hd.type) {
	case NGHTTP2_HEADERS:
		if (s != NULL && frame->headers.cat == NGHTTP2_HCAT_REQUEST)
			http2_stream_head(s, end);
		else if (s != NULL)
			http2_stream_trailers(s, end);
		break;
	case NGHTTP2_DATA:
		if (s != NULL && end)
			http2_stream_end(s);
		else if (frame->hd.length == frame->data.padlen)
			spend(h, &h->control, FAULT_H2_CONTROL_FLOOD);
		break;
	case NGHTTP2_PING:
		if ((frame->hd.flags & NGHTTP2_FLAG_ACK) != 0 && h->drain == HTTP2_WARNED)
			http2_drain_last(h);
		break;
	default:
		break;
	}
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
	struct http2_client *h = user;
	struct http2_stream *s = stream(session, id);

	if (s == NULL)
		return 0;
	nghttp2_session_set_stream_user_data(session, id, NULL);
	s->closed = true;
	if (code == NGHTTP2_NO_ERROR && s->end_sent)
		calm_earn(&h->resets, 1);
	http2_queue(s);
	return 0;
}

/* ---- sent ---- */

static void note_goaway(struct http2_client *h, const nghttp2_goaway *g)
{
	size_t n = g->opaque_data_len < sizeof(h->detail) - 1 ? g->opaque_data_len : sizeof(h->detail) - 1;

	if (g->error_code == NGHTTP2_NO_ERROR)
		return;
	h->over = true;
	if (h->fault == FAULT_NONE)
		h->fault = g->error_code == NGHTTP2_INTERNAL_ERROR ? FAULT_MEMORY : FAULT_H2_PROTOCOL;
	if (n > 0)
		memcpy(h->detail, g->opaque_data, n);
	h->detail[n] = '\0';
}

static int on_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user)
{
	struct http2_client *h = user;
	struct http2_stream *s;

	switch (frame->hd.type) {
	case NGHTTP2_RST_STREAM: /* also those that the client made us send */
		forgive(h, frame->hd.stream_id);
		s = stream(session, frame->hd.stream_id);
		if (s != NULL && s->fault == FAULT_NONE && frame->rst_stream.error_code != NGHTTP2_NO_ERROR)
			s->fault = FAULT_H2_PROTOCOL; /* nghttp2 found something, a window overrun say */
		if (frame->rst_stream.error_code != NGHTTP2_NO_ERROR)
			spend(h, &h->resets, FAULT_H2_RESET_FLOOD);
		break;
	case NGHTTP2_GOAWAY:
		note_goaway(h, &frame->goaway);
		break;
	case NGHTTP2_HEADERS:
	case NGHTTP2_DATA:
		s = stream(session, frame->hd.stream_id);
		if (s == NULL || (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) == 0)
			break;
		s->end_sent = true;
		if (!s->in_ended) /* RFC 9113, section 8.1: the rest of the request is not needed */
			http2_must(h, nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_NO_ERROR));
		break;
	default:
		break;
	}
	return 0;
}

static ssize_t on_send(nghttp2_session *session, const uint8_t *data, size_t n, int flags, void *user)
{
	struct http2_client *h = user;

	(void)session;
	(void)flags;
	return buf_add(&h->conn->t.out, (struct str){ (const char *)data, n }) ? (ssize_t)n : NGHTTP2_ERR_CALLBACK_FAILURE;
}

/* ---- the beginning ---- */

static nghttp2_session_callbacks *callbacks_new(void)
{
	nghttp2_session_callbacks *cb;

	if (nghttp2_session_callbacks_new(&cb) != 0)
		return NULL;
	nghttp2_session_callbacks_set_on_begin_frame_callback(cb, on_begin_frame);
	nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
	nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
	nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
	nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
	nghttp2_session_callbacks_set_on_frame_send_callback(cb, on_sent);
	nghttp2_session_callbacks_set_send_callback(cb, on_send);
	nghttp2_session_callbacks_set_send_data_callback(cb, http2_answer_send);
	return cb;
}

static nghttp2_option *option_new(const struct settings *set)
{
	size_t frames = (size_t)set->limit_header_bytes / 16384 + 8;
	nghttp2_option *o;

	if (nghttp2_option_new(&o) != 0)
		return NULL;
	nghttp2_option_set_no_auto_window_update(o, 1);
	nghttp2_option_set_no_http_messaging(o, 1);
	nghttp2_option_set_no_closed_streams(o, 1); /* 30 kB a connection, were they remembered */
	nghttp2_option_set_max_continuations(o, frames);
	nghttp2_option_set_stream_reset_rate_limit(o, 1000000, 1000000); /* ours counts both sides' */
	return o;
}

bool http2_session_new(struct http2_client *h)
{
	const struct settings *set = worker_settings(h->conn->worker);
	nghttp2_settings_entry ours[] = {
		{ NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, (uint32_t)set->limit_http2_streams },
		{ NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, (uint32_t)set->limit_http2_window },
		{ NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 1 },
		{ NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, /* 32 a line: RFC 9113, section 6.5.2 */
		  (uint32_t)(set->limit_header_bytes + 32 * set->limit_header_count) },
	};
	nghttp2_session_callbacks *cb = callbacks_new();
	nghttp2_option *o = option_new(set);
	bool ok = cb != NULL && o != NULL && nghttp2_session_server_new2(&h->session, cb, h, o) == 0;

	nghttp2_session_callbacks_del(cb);
	nghttp2_option_del(o);
	h->walk.left = NGHTTP2_CLIENT_MAGIC_LEN;
	return ok && nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, ours, sizeof(ours) / sizeof(ours[0])) == 0 &&
	       nghttp2_session_set_local_window_size(h->session, NGHTTP2_FLAG_NONE, 0,
						     (int32_t)set->limit_http2_connection_window) == 0;
}
