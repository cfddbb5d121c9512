/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client connection that speaks HTTP/2: what its files share. http2_client.c is the connection (when it moves on,
 * waits and ends), http2_stream.c one stream and the request on it, http2_answer.c the way back, http2_session.c the
 * frames, which nghttp2 reads and writes. Its checks of messages are switched off: http2_head.c and headers/check.c
 * do them for every protocol alike.
 *
 * Everything nghttp2 says comes by callbacks, in which nothing may be read or sent. So they only hand on what came
 * and note which streams have work to do; http2_work does it afterwards.
 */
#ifndef PROXY_HTTP2_H
#define PROXY_HTTP2_H

#include <nghttp2/nghttp2.h>

#include "proxy/conn.h"
#include "proxy/exchange.h"
#include "proxy/http2_calm.h"
#include "proxy/http2_head.h"

enum {
	HTTP2_STREAM_HIGH = 65536, /* an answer's content that waits here; more is not taken from the origin */
	HTTP2_CONN_HIGH = 1048576, /* of all streams; above it each has one piece at most */
};

struct http2_client;

enum { HTTP2_FRAME_HEAD = 9 };

/* Where in the client's frames the bytes that were read end. */
struct http2_walk {
	uint8_t head[HTTP2_FRAME_HEAD], have; /* the header that is being read */
	size_t left;                          /* payload to come */
};

struct http2_stream {
	struct http2_client *h;
	struct http2_stream *next, **prev; /* of h */
	struct http2_stream *next_work;
	struct deadline deadline;
	struct exchange *x; /* owned */
	int32_t id;
	struct http2_head head;
	struct buf in, out;   /* content that the exchange, the client does not take yet */
	uint64_t received;    /* content of the request */
	uint64_t began;       /* loop milliseconds */
	uint64_t waits_from, waited; /* for content: since when, and how long before that; milliseconds */
	uint64_t sent, moved; /* content of the answer; as it was when the deadline was last looked at */
	const struct lines *trailers; /* of the answer, in x; NULL: none */
	enum fault fault;     /* why the stream ends before its time */
	bool queued;          /* has work */
	bool head_done;
	bool in_ended;        /* the client sent END_STREAM */
	bool in_told;         /* the exchange knows the end of the content, or wants no more of it */
	bool answered;        /* the exchange has given all of its answer */
	bool end_sent;        /* END_STREAM went out */
	bool deferred;        /* nghttp2 waits for content */
	bool full;            /* the exchange was told to stop */
	bool refused;         /* the message was at fault */
	bool malformed;       /* … and so its answer ends with a reset */
	bool closed;          /* nghttp2 does not know it any more */
	bool tunnel;          /* a WebSocket: bytes both ways until either side ends it */
};

/* RFC 9113, section 6.8: first a GOAWAY that only warns; once the client must have seen it, one that is meant. */
enum http2_drain { HTTP2_OPEN, HTTP2_WARNED, HTTP2_LAST };

struct http2_client {
	struct conn *conn;
	nghttp2_session *session;
	struct http2_stream *streams, *work, **work_end;
	size_t nstreams, ntunnels;
	size_t buffered;       /* bytes in all streams' out */
	struct calm resets, control;
	bool running;          /* nghttp2 or http2_work is on the stack */
	bool lost;             /* nghttp2 had no memory for something: the connection ends at once */
	bool over;             /* a GOAWAY with an error is on its way: nothing that comes is looked at */
	enum fault fault;
	uint32_t code;         /* of the GOAWAY that stop writes */
	int32_t last;          /* highest stream */
	int32_t forgiven;      /* highest stream that usher reset */
	int32_t skipped_from, skipped_to; /* the last streams it passed over */
	char detail[64];
	struct http2_walk walk;
	enum http2_drain drain;
	uint64_t idle_since, head_since, warned_at, moved, moved_at; /* loop milliseconds; head_since 0: no head begun */
};

/* ---- http2_session.c ---- */
bool http2_session_new(struct http2_client *h);
ssize_t http2_session_feed(struct http2_client *h, struct str bytes); /* negative: nghttp2's error */
/* Ends the connection with an error, after what is queued. */
void http2_over(struct http2_client *h, enum fault f, uint32_t code);
/* What nghttp2 said when it was told something: without memory it forgets, and the client would wait for ever. */
void http2_must(struct http2_client *h, int rc);

/* ---- http2_client.c ---- */
uint64_t http2_now(const struct http2_client *h);
void http2_queue(struct http2_stream *s); /* it has work */
void http2_drain(struct http2_client *h);
void http2_drain_last(struct http2_client *h);

/* ---- http2_stream.c ---- */
struct http2_stream *http2_stream_new(struct http2_client *h, int32_t id); /* NULL: out of memory */
void http2_stream_head(struct http2_stream *s, bool end);     /* the header section is complete */
void http2_stream_trailers(struct http2_stream *s, bool end);
void http2_stream_content(struct http2_stream *s, struct str bytes);
void http2_stream_end(struct http2_stream *s);
void http2_stream_work(struct http2_stream *s);
void http2_stream_free(struct http2_stream *s, enum fault f); /* f: what ended it, if its exchange is not over */
void http2_stream_reset(struct http2_stream *s, enum fault f, uint32_t code);
void http2_stream_arm(struct http2_stream *s); /* something moved: its deadline starts anew */

/* ---- http2_answer.c ---- */
extern const struct downstream http2_downstream;
ssize_t http2_answer_read(nghttp2_session *session, int32_t id, uint8_t *buf, size_t length, uint32_t *flags,
			  nghttp2_data_source *source, void *user);
int http2_answer_send(nghttp2_session *session, nghttp2_frame *frame, const uint8_t *head, size_t length,
		      nghttp2_data_source *source, void *user);

#endif
