/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Streams to an origin, over nghttp2. Its checks of messages are off, as on the clients' side: headers/check.h judges
 * answers of every protocol. Content of an answer that the client does not take yet waits in the stream's window;
 * content of a request waits here until the origin's windows and the socket take it, up to STREAM_HIGH.
 */
#include "proxy/origin_http2.h"

#include <nghttp2/nghttp2.h>
#include <stdlib.h>

#include "base/clock.h"
#include "headers/names.h"
#include "proxy/http2_nv.h"

enum {
	STREAM_HIGH = 65536,
	STREAMS = 100,           /* on one connection, if the origin allows as many */
	STREAM_WINDOW = 262144,  /* of an answer that waits here */
	CONN_WINDOW = 1048576,
};

struct origin_stream {
	struct upstream up; /* up.x NULL: nobody wants it any more */
	struct origin_conn *c;
	struct origin_stream *next, **prev;
	struct deadline deadline;
	int32_t id;
	struct buf in, out;
	const struct lines *trailers; /* of the request */
	struct framing framing;       /* of the answer */
	uint64_t received;            /* content of the answer */
	uint64_t heard_at;            /* bytes the connection had received when the request was sent */
	size_t bytes;                 /* of the header section that is arriving */
	enum reject fault;            /* of it */
	bool ended;                   /* the request is whole */
	bool deferred, was_full;
	bool head_seen, in_ended;     /* final head, end of the answer */
	bool waits;                   /* the client is full */
	bool closed;
};

struct origin_http2 {
	nghttp2_session *session;
	struct origin_stream *streams;
	unsigned nstreams;
	bool running;
	bool lost;    /* nghttp2 had no memory for something */
	bool settled; /* SETTINGS came; until then one stream is all, for who knows how many the origin takes */
	bool last; /* no new streams: it goes away, or does not answer */
};

static void on_deadline(struct deadline *d);

static struct origin_stream *stream_of(struct upstream *u)
{
	return (struct origin_stream *)u; /* the first member */
}

static void arm(struct origin_stream *s)
{
	const struct exchange_settings *set = &s->up.x->settings;

	deadline_set(&s->c->worker->wheel, &s->deadline,
		     s->ended && !s->head_seen ? set->timeout_first_byte : set->timeout_between_bytes);
}

/* Without memory nghttp2 forgets what it was told, and the origin or the client would wait for ever. */
static void must(struct origin_conn *c, int rc)
{
	if (rc != NGHTTP2_ERR_NOMEM)
		return;
	c->http2->lost = true;
	transport_dirty(&c->t);
}

/* ---- ends ---- */

static struct exchange *detach(struct origin_stream *s)
{
	struct exchange *x = s->up.x;

	s->up.x = NULL;
	if (x != NULL)
		x->up = NULL;
	deadline_clear(&s->c->worker->wheel, &s->deadline);
	return x;
}

static void stream_free(struct origin_stream *s)
{
	struct origin_http2 *h = s->c->http2;

	detach(s);
	if (s->in.n > 0)
		must(s->c, nghttp2_session_consume_connection(h->session, s->in.n));
	*s->prev = s->next;
	if (s->next != NULL)
		s->next->prev = s->prev;
	h->nstreams--;
	buf_fini(&s->in);
	buf_fini(&s->out);
	free(s);
}

/* The stream is reset; what becomes of the exchange is said after that. */
static void fail(struct origin_stream *s, enum fault f, struct str detail, uint32_t code)
{
	struct exchange *x = detach(s);

	if (!s->closed)
		must(s->c, nghttp2_submit_rst_stream(s->c->http2->session, NGHTTP2_FLAG_NONE, s->id, code));
	transport_dirty(&s->c->t);
	if (x != NULL)
		exchange_origin_failed(x, f, detail, false);
}

static void bad(struct origin_stream *s, enum reject r)
{
	fail(s, fault_of(r), STR_NONE, NGHTTP2_PROTOCOL_ERROR);
}

/* The whole connection is of no use any more. */
static void conn_fail(struct origin_conn *c, enum fault f, struct str detail)
{
	struct origin_http2 *h = c->http2;
	struct origin_stream *s;

	h->last = true;
	while ((s = h->streams) != NULL) {
		bool fresh = c->reused && !s->head_seen;
		enum fault why = s->head_seen ? fault_of(REJECT_ORIGIN_SHORT) : f;
		struct exchange *x = detach(s);

		stream_free(s);
		if (x != NULL)
			exchange_origin_failed(x, why, detail, fresh);
	}
	origin_conn_close(c);
}

static void on_deadline(struct deadline *d)
{
	struct origin_stream *s = (struct origin_stream *)((char *)d - offsetof(struct origin_stream, deadline));
	struct origin_conn *c = s->c;

	if (s->up.x == NULL)
		return;
	if (s->waits || (!s->ended && s->out.n == 0 && !s->head_seen)) { /* the client is slow, not the origin */
		arm(s);
		return;
	}
	if (c->t.received == s->heard_at)
		c->http2->last = true; /* perhaps nobody is there any more */
	fail(s, s->head_seen || !s->ended ? FAULT_BETWEEN_BYTES_TIMEOUT : FAULT_FIRST_BYTE_TIMEOUT, STR_NONE,
	     NGHTTP2_CANCEL);
}

/* ---- the request ---- */

static void resume(struct origin_stream *s)
{
	if (s->deferred) {
		s->deferred = false;
		must(s->c, nghttp2_session_resume_data(s->c->http2->session, s->id));
	}
	transport_dirty(&s->c->t);
}

static void on_piece(struct upstream *u, struct str bytes)
{
	struct origin_stream *s = stream_of(u);

	if (s->ended || s->closed)
		return;
	if (!buf_add(&s->out, bytes)) {
		fail(s, FAULT_MEMORY, STR_NONE, NGHTTP2_INTERNAL_ERROR);
		return;
	}
	if (!s->head_seen)
		arm(s);
	resume(s);
}

static void on_end(struct upstream *u, const struct lines *trailers)
{
	struct origin_stream *s = stream_of(u);

	s->ended = true;
	s->trailers = trailers != NULL && trailers->n > 0 ? trailers : NULL;
	if (!s->head_seen)
		arm(s);
	if (!s->closed)
		resume(s);
}

static bool on_full(struct upstream *u)
{
	struct origin_stream *s = stream_of(u);

	s->was_full = !s->closed && s->out.n >= STREAM_HIGH;
	return s->was_full;
}

static void on_cancel(struct upstream *u)
{
	struct origin_stream *s = stream_of(u);

	detach(s);
	if (!s->closed && !(s->in_ended && s->ended))
		must(s->c, nghttp2_submit_rst_stream(s->c->http2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_CANCEL));
	transport_dirty(&s->c->t);
}

static void on_drained(struct upstream *u);

static const struct upstream_ops stream_ops = {
	.piece = on_piece,
	.end = on_end,
	.full = on_full,
	.drained = on_drained,
	.cancel = on_cancel,
};

static void cancel_connecting(struct upstream *u)
{
	struct exchange *x = u->x;

	u->x = NULL;
	x->up = NULL;
}

const struct upstream_ops origin_http2_connecting = { .cancel = cancel_connecting };

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

static bool submit(struct origin_stream *s)
{
	struct exchange *x = s->up.x;
	const struct request *req = &x->request;
	struct str uri = x->rewritten || x->zone->normalize_to_origin ? req->target.uri : req->raw.uri;
	nghttp2_data_provider provider = { { .ptr = s }, on_read };
	struct http2_nvs nvs;

	if (!http2_nvs_init(&nvs, &x->arena, req->lines.n + 6))
		return false;
	http2_nvs_add(&nvs, STR(":method"), req->method);
	http2_nvs_add(&nvs, STR(":scheme"), s->c->t.tls != NULL ? STR("https") : STR("http"));
	http2_nvs_add(&nvs, STR(":authority"), x->route.host.n > 0 ? x->route.host : req->authority);
	http2_nvs_add(&nvs, STR(":path"), uri);
	http2_nvs_lines(&nvs, &req->lines);
	http2_nvs_add(&nvs, STR("te"), STR("trailers")); /* usher passes them on; gRPC insists */
	if (req->content_length >= 0 && (req->has_body || wants_length(req->method)) &&
	    !http2_nvs_length(&nvs, &x->arena, req->content_length))
		return false;
	s->id = nghttp2_submit_request(s->c->http2->session, NULL, nvs.v, nvs.n, req->has_body ? &provider : NULL, s);
	return s->id > 0;
}

void origin_http2_start(struct origin_conn *c, struct exchange *x)
{
	struct origin_http2 *h = c->http2;
	struct origin_stream *s = calloc(1, sizeof(*s));

	if (s == NULL) {
		exchange_origin_failed(x, FAULT_MEMORY, STR_NONE, false);
		return;
	}
	s->c = c;
	s->up = (struct upstream){ &stream_ops, x };
	s->ended = !x->request.has_body;
	s->heard_at = c->t.received;
	deadline_init(&s->deadline, on_deadline);
	s->next = h->streams;
	if (s->next != NULL)
		s->next->prev = &s->next;
	s->prev = &h->streams;
	h->streams = s;
	h->nstreams++;
	lines_init(&x->response.lines, &x->arena);
	lines_init(&x->response.trailers, &x->arena);
	if (!submit(s)) {
		x = detach(s);
		stream_free(s);
		h->last = true; /* also when the stream numbers are used up */
		exchange_origin_failed(x, FAULT_MEMORY, STR_NONE, false);
		return;
	}
	x->up = &s->up;
	arm(s);
	transport_dirty(&c->t);
	exchange_origin_ready(x);
}

/* ---- the answer ---- */

static void answer_end(struct origin_stream *s)
{
	struct exchange *x = s->up.x;

	if (s->framing.kind == BODY_LENGTH && s->received != s->framing.length) {
		bad(s, REJECT_ORIGIN_LENGTH);
		return;
	}
	detach(s);
	if (!s->closed && !s->ended) /* answered early: the rest of the request is not wanted */
		must(s->c, nghttp2_submit_rst_stream(s->c->http2->session, NGHTTP2_FLAG_NONE, s->id, NGHTTP2_CANCEL));
	transport_dirty(&s->c->t);
	exchange_answer_end(x);
}

/* Gives the client what it takes. */
static void deliver(struct origin_stream *s)
{
	size_t n = s->in.n;

	if (n > 0 && s->up.x != NULL) {
		s->waits = s->up.x->down->full(s->up.x);
		if (s->waits)
			return;
		exchange_answer_piece(s->up.x, buf_str(&s->in));
		buf_fini(&s->in);
		if (s->closed)
			must(s->c, nghttp2_session_consume_connection(s->c->http2->session, n));
		else
			must(s->c, nghttp2_session_consume(s->c->http2->session, s->id, n));
		transport_dirty(&s->c->t);
	}
	if (s->in_ended && s->in.n == 0 && s->up.x != NULL)
		answer_end(s);
}

static void on_drained(struct upstream *u)
{
	struct origin_stream *s = stream_of(u);

	if (!s->waits) /* the client was never too slow */
		return;
	arm(s);
	deliver(s);
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
		if (!exchange_interim(x, status, &res->lines)) {
			bad(s, REJECT_ORIGIN_INTERIM);
			return;
		}
		res->status = 0;
		lines_init(&res->lines, &x->arena);
		return;
	}
	s->head_seen = true;
	s->in_ended = end;
	arm(s);
	if (status != 204 && lines_get(&res->lines, STR("content-length")) != NULL)
		length = (int64_t)s->framing.length;
	exchange_answer(x, length, s->framing.kind != BODY_NONE && !end);
	if (end && s->up.x != NULL)
		deliver(s);
}

static void trailers(struct origin_stream *s, bool end)
{
	enum reject r = s->fault;

	if (r == REJECT_NONE)
		r = end ? response_trailers_check(&s->up.x->response.trailers) : REJECT_ORIGIN_SYNTAX;
	if (r != REJECT_NONE) {
		bad(s, r == REJECT_ORIGIN_LARGE || r == REJECT_NO_MEMORY ? r : REJECT_ORIGIN_TRAILER);
		return;
	}
	s->in_ended = true;
	deliver(s);
}

static int on_data(nghttp2_session *session, uint8_t flags, int32_t id, const uint8_t *data, size_t n, void *user)
{
	struct origin_conn *c = user;
	struct origin_stream *s = stream(session, id);

	(void)flags;
	if (s == NULL || s->up.x == NULL) {
		must(c, nghttp2_session_consume(session, id, n));
		return 0;
	}
	s->received += n;
	arm(s);
	if (!s->head_seen || s->framing.kind == BODY_NONE ||
	    (s->framing.kind == BODY_LENGTH && s->received > s->framing.length)) {
		must(c, nghttp2_session_consume(session, id, n));
		bad(s, s->head_seen ? REJECT_ORIGIN_LENGTH : REJECT_ORIGIN_SYNTAX);
	} else if (!buf_add(&s->in, (struct str){ (const char *)data, n })) {
		fail(s, FAULT_MEMORY, STR_NONE, NGHTTP2_INTERNAL_ERROR);
	} else {
		deliver(s);
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
		deliver(s);
	}
	return 0;
}

static int on_close(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
	struct origin_stream *s = stream(session, id);
	struct exchange *x;
	bool refused = code == NGHTTP2_REFUSED_STREAM;

	(void)user;
	if (s == NULL)
		return 0;
	s->closed = true;
	if (s->up.x != NULL && s->in_ended)
		return 0; /* its content still waits for the client */
	x = detach(s);
	if (x != NULL)
		exchange_origin_failed(x, s->head_seen ? fault_of(REJECT_ORIGIN_SHORT) : FAULT_ORIGIN_CLOSED,
				       str_of(nghttp2_http2_strerror(code)), refused && !s->head_seen);
	stream_free(s);
	return 0;
}

/* ---- the connection ---- */

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
		nghttp2_session_callbacks_set_on_begin_headers_callback(cb, on_begin_headers);
		nghttp2_session_callbacks_set_on_header_callback(cb, on_header);
		nghttp2_session_callbacks_set_on_data_chunk_recv_callback(cb, on_data);
		nghttp2_session_callbacks_set_on_frame_recv_callback(cb, on_frame);
		nghttp2_session_callbacks_set_on_stream_close_callback(cb, on_close);
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
		stream_free(h->streams);
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

void origin_http2_timeout(struct origin_conn *c)
{
	conn_fail(c, FAULT_CONNECT_TIMEOUT, STR("no_settings"));
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
		conn_fail(c, fault_of(REJECT_ORIGIN_SYNTAX), str_of(nghttp2_strerror((int)rc)));
	else if (c->t.eof || c->t.error != 0 || c->t.broken)
		conn_fail(c, FAULT_ORIGIN_CLOSED, c->t.error != 0 ? str_of(uv_strerror(c->t.error)) : STR_NONE);
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
			stream_free(s);
		} else if (s->up.x != NULL && s->was_full && s->out.n < STREAM_HIGH) {
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
		conn_fail(c, FAULT_MEMORY, STR_NONE);
		return;
	}
	hand_on(h);
	if (nghttp2_session_want_read(h->session) == 0 && nghttp2_session_want_write(h->session) == 0)
		conn_fail(c, fault_of(REJECT_ORIGIN_SYNTAX), STR_NONE); /* nghttp2 has sent a GOAWAY */
	else if (h->nstreams == 0 && h->last)
		origin_conn_close(c);
	else if (h->nstreams == 0 && c->state == ORIGIN_BUSY)
		origin_conn_keep(c);
}
