/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1 messages, pulled out of a buffer of received bytes piece by piece: head, content, end. Heads are read twice,
 * here and by llhttp in strict mode, and both must find the same end of the content, because usher and the origin must
 * read one message in one way only. Pure: no sockets, no clock.
 */
#ifndef PROXY_HTTP1_H
#define PROXY_HTTP1_H

#include "proxy/http1_chunks.h"
#include "proxy/http1_lines.h"

enum http1_event {
	HTTP1_MORE,  /* needs more bytes */
	HTTP1_HEAD,  /* the head is complete: request or response is filled in */
	HTTP1_PIECE, /* http1.piece is content; good until the buffer is added to */
	HTTP1_END,   /* the message is complete, trailers included */
	HTTP1_FAULT, /* http1.fault says what; nothing more can be read */
};

enum { HTTP1_EMPTY_LINES = 8 }; /* so many are passed over before a request */

struct http1 {
	struct arena *arena;        /* borrowed: head and trailers go there */
	struct request *request;    /* one of the two */
	struct response *response;
	struct http1_limits limits;
	struct http1_section section; /* the head, later the trailers */
	struct http1_chunks chunks;
	uint64_t left;              /* of content whose length is known */
	struct str target, piece;
	enum http_version version;  /* of the response */
	enum reject fault;
	struct str method;          /* that the response answers */
	struct framing framing;     /* after HTTP1_HEAD */
	unsigned skipped;           /* empty lines before the request */
	bool start_read;            /* the start line was judged while the rest was still to come */
	bool head_done, in_trailer, complete;
	bool upgraded;              /* response: 101 is an answer */
};

/* Begins a message. req->tls is set: it says which scheme an absolute target must have. */
void http1_request(struct http1 *p, struct request *req, const struct http1_limits *limits);
void http1_response(struct http1 *p, struct response *rsp, struct str method, bool upgraded,
		    const struct http1_limits *limits);

/* The next event; consumes what it used of in. */
enum http1_event http1_next(struct http1 *p, struct buf *in);
/* The peer sends no more: HTTP1_END if the message ends that way, else HTTP1_FAULT. */
enum http1_event http1_eof(struct http1 *p);

/* Heads and content as bytes, written anew: nothing of a message's framing is copied. length -1 and chunked false:
 * none (no content, or up to the end of the connection). */
struct http1_framing {
	int64_t length;
	bool chunked;
	bool close, keep_alive; /* Connection: close, keep-alive */
	struct str upgrade;     /* Connection: upgrade and Upgrade: this; empty: none */
};
bool http1_write_request(struct buf *out, const struct request *req, struct str uri, struct str host,
			 const struct http1_framing *f);
bool http1_write_response(struct buf *out, int status, const struct lines *lines, const struct http1_framing *f);
bool http1_write_chunk(struct buf *out, struct str piece);
bool http1_write_last_chunk(struct buf *out, const struct lines *trailers);

#endif
