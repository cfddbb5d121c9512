/* SPDX-License-Identifier: Apache-2.0 */
/* load.c over HTTP/2: one connection, some requests at a time, counted as they are answered. */
#ifndef BENCH_LOAD_HTTP2_H
#define BENCH_LOAD_HTTP2_H

#include <nghttp2/nghttp2.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct http2_load {
	nghttp2_session *session;
	long (*put)(void *io, const void *p, size_t n); /* all of it; less: failed */
	long (*get)(void *io, void *p, size_t n);       /* some of it; 0: nothing yet, of a connection that does not wait; less: the end */
	void (*answered)(void *io, bool ok, double since);
	void *io;
	const char *host, *path;
	int open;  /* requests under way */
	bool good; /* the last one was */
};

struct http2_asked {
	double since;
	bool ok; /* :status 200 came */
};

static int http2_load_header(nghttp2_session *session, const nghttp2_frame *frame, const uint8_t *name, size_t name_n,
			     const uint8_t *value, size_t value_n, uint8_t flags, void *user)
{
	struct http2_asked *a = nghttp2_session_get_stream_user_data(session, frame->hd.stream_id);

	(void)flags;
	(void)user;
	if (a && name_n == 7 && memcmp(name, ":status", 7) == 0)
		a->ok = value_n == 3 && memcmp(value, "200", 3) == 0;
	return 0;
}

static int http2_load_closed(nghttp2_session *session, int32_t id, uint32_t code, void *user)
{
	struct http2_load *h = user;
	struct http2_asked *a = nghttp2_session_get_stream_user_data(session, id);

	h->open--;
	h->answered(h->io, a && a->ok && code == NGHTTP2_NO_ERROR, a ? a->since : 0);
	free(a);
	return 0;
}

static void http2_load_end(struct http2_load *h)
{
	nghttp2_session_del(h->session);
	h->session = NULL;
	h->open = 0;
}

static bool http2_load_begin(struct http2_load *h)
{
	nghttp2_session_callbacks *cb;

	if (nghttp2_session_callbacks_new(&cb) != 0)
		return false;
	nghttp2_session_callbacks_set_on_header_callback(cb, http2_load_header);
	nghttp2_session_callbacks_set_on_stream_close_callback(cb, http2_load_closed);
	h->open = 0;
	if (nghttp2_session_client_new(&h->session, cb, h) != 0)
		h->session = NULL;
	nghttp2_session_callbacks_del(cb);
	return h->session && nghttp2_submit_settings(h->session, NGHTTP2_FLAG_NONE, NULL, 0) == 0;
}

static bool http2_load_ask(struct http2_load *h, double since)
{
#define PAIR(n, v) { (uint8_t *)(uintptr_t)(n), (uint8_t *)(uintptr_t)(v), strlen(n), strlen(v), NGHTTP2_NV_FLAG_NONE }
	nghttp2_nv lines[] = { PAIR(":method", "GET"), PAIR(":scheme", "https"), PAIR(":authority", h->host), PAIR(":path", h->path),
			       PAIR("user-agent", "load/1"), PAIR("accept", "*/*") };
#undef PAIR
	struct http2_asked *a = calloc(1, sizeof(*a));

	if (!a)
		return false;
	a->since = since;
	if (nghttp2_submit_request(h->session, NULL, lines, sizeof(lines) / sizeof(lines[0]), NULL, a) < 0) {
		free(a);
		return false;
	}
	h->open++;
	return true;
}

/* Sends what is to be sent. */
static bool http2_load_send(struct http2_load *h)
{
	const uint8_t *p;
	uint8_t out[16384];
	size_t have = 0;
	ssize_t n;

	while ((n = nghttp2_session_mem_send(h->session, &p)) > 0) {
		if ((size_t)n > sizeof(out))
			return false;
		if (have + (size_t)n > sizeof(out)) {
			if (h->put(h->io, out, have) != (long)have)
				return false;
			have = 0;
		}
		memcpy(out + have, p, (size_t)n);
		have += (size_t)n;
	}
	return n == 0 && (have == 0 || h->put(h->io, out, have) == (long)have);
}

/* Reads once. 0: nothing was there; less: failed. */
static long http2_load_read(struct http2_load *h)
{
	uint8_t in[65536];
	long got = h->get(h->io, in, sizeof(in));

	return got > 0 && nghttp2_session_mem_recv(h->session, in, (size_t)got) != got ? -1 : got;
}

#endif
