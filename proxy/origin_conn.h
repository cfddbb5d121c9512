/* SPDX-License-Identifier: Apache-2.0 */
/* One connection to an origin, as origin_conn.c (whose it is, and when it is kept) and origin_http1.c and origin_http2.c
 * (what is said over it) know it. */
#ifndef PROXY_ORIGIN_CONN_H
#define PROXY_ORIGIN_CONN_H

#include "proxy/exchange.h"
#include "proxy/http1.h"
#include "proxy/resolver.h"
#include "proxy/transport.h"

struct origin_dial;
struct origin_host;
struct origin_http2;

enum origin_state { ORIGIN_CONNECTING, ORIGIN_HANDSHAKE, ORIGIN_BUSY, ORIGIN_TUNNEL, ORIGIN_IDLE, ORIGIN_CLOSING };

struct origin_conn {
	struct transport t;
	struct upstream up;
	struct worker *worker;
	struct origin_host *host;
	struct origin_conn *next, **prev; /* of the host's idle or shared connections, or its dial's; prev NULL: neither */
	struct deadline deadline;
	uv_connect_t connect;
	struct origin_dial *dial; /* it is being made; NULL: it is made, or closing */
	union ip_address peer;    /* where it leads; not for unix sockets */
	enum origin_state state;
	struct origin_http2 *http2; /* NULL: it speaks HTTP/1; owned */
	struct http1 parser;
	bool reused;         /* it has carried a request before */
	bool chunked;        /* the request's content is */
	bool request_sent;   /* all of it is written */
	bool head_seen;      /* the final head of the answer */
	bool heard;          /* at least one byte of an answer */
	bool waits;          /* the client is full: nothing is read */
};

static inline struct origin_conn *origin_conn_of(struct transport *t)
{
	return (struct origin_conn *)t;
}

void origin_http1_begin(struct origin_conn *c);    /* writes the head of c->up.x's request */
void origin_http1_readable(struct origin_conn *c); /* input, eof or an error, while busy */
void origin_http1_timeout(struct origin_conn *c);
extern const struct upstream_ops origin_http1_ops;

/* The exchange, if any, is gone from c already. */
void origin_conn_keep(struct origin_conn *c);  /* it may carry another request */
void origin_conn_close(struct origin_conn *c);
void origin_conn_settled(struct origin_conn *c); /* an HTTP/2 connection can be shared now */
void origin_conn_deadline(struct origin_conn *c, int64_t msec);
/* Takes c's exchange off it. */
struct exchange *origin_conn_detach(struct origin_conn *c);

/* Writes the PROXY header that the host wants. The connection is that of x's client, and never another's. */
void origin_announce(struct origin_conn *c, const struct exchange *x);

#endif
