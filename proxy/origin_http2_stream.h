/* SPDX-License-Identifier: Apache-2.0 */
/* A request to an origin on its HTTP/2 stream. For the files of proxy/origin_http2*.c alone. */
#ifndef PROXY_ORIGIN_HTTP2_STREAM_H
#define PROXY_ORIGIN_HTTP2_STREAM_H

#include <nghttp2/nghttp2.h>

#include "proxy/origin_http2.h"

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
	bool later;                   /* its connection had carried another one before */
	bool upgrade;                 /* it is an extended CONNECT (RFC 8441) … */
	bool tunnel;                  /* … that the origin has agreed to */
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
	bool used;    /* has carried a request */
	bool lost;    /* nghttp2 had no memory for something */
	bool settled; /* SETTINGS came; until then one stream is all, for who knows how many the origin takes */
	bool last; /* no new streams: it goes away, or does not answer */
};

/* All that must come before an answer has been said. */
static inline bool origin_stream_asked(const struct origin_stream *s)
{
	return s->ended || s->upgrade;
}

static inline struct origin_stream *origin_stream_of(struct upstream *u)
{
	return (struct origin_stream *)u; /* the first member */
}

/* ---- origin_http2.c ---- */

/* What nghttp2 answered. Without memory it forgets what it was told, and the origin or the client would wait for ever. */
void origin_http2_must(struct origin_conn *c, int rc);
/* The whole connection is of no use any more. */
void origin_http2_fail(struct origin_conn *c, enum fault f, struct str detail);

/* ---- origin_http2_stream.c: its life, and the request ---- */

bool origin_stream_full(const struct origin_stream *s); /* of the request's content */
void origin_stream_arm(struct origin_stream *s);
struct exchange *origin_stream_detach(struct origin_stream *s);
void origin_stream_free(struct origin_stream *s);
/* The stream is reset; what becomes of the exchange is said after that. */
void origin_stream_fail(struct origin_stream *s, enum fault f, struct str detail, uint32_t code);

/* ---- origin_http2_answer.c ---- */

void origin_answer_callbacks(nghttp2_session_callbacks *cb);
void origin_answer_deliver(struct origin_stream *s); /* gives the client what it takes */

#endif
