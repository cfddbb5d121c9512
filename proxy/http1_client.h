/* SPDX-License-Identifier: Apache-2.0 */
/* A client connection that speaks HTTP/1, between its two files: http1_client.c reads requests, http1_answer.c writes answers. */
#ifndef PROXY_HTTP1_CLIENT_H
#define PROXY_HTTP1_CLIENT_H

#include "proxy/conn.h"
#include "proxy/exchange.h"
#include "proxy/http1.h"
#include "proxy/http1_ahead.h"

enum { HTTP1_DROP_BYTES = 262144 }; /* content thrown away after an early answer to keep the connection */

enum http1_stage {
	STAGE_IDLE,    /* no byte of a request */
	STAGE_HEAD,    /* some of a head */
	STAGE_CONTENT, /* of the request */
	STAGE_ANSWER,  /* the request is complete, its answer is not */
	STAGE_TUNNEL,  /* after 101: bytes both ways */
};

struct http1_client {
	struct conn *conn;
	struct exchange *x; /* NULL when STAGE_IDLE */
	struct http1 parser;
	enum http1_stage stage;
	bool running, answered, aborted;
	bool close;         /* the connection ends after this answer */
	bool chunked;       /* the answer's content is */
	bool until_close;   /* … or ends with the connection */
	uint64_t dropped;
	uint64_t began;     /* loop milliseconds of the request's first byte */
	uint64_t waits_from, waited; /* for content: since when, and how long before that; milliseconds */
	struct http1_ahead ahead; /* requests that wait behind this one */
	uint64_t moved;     /* bytes the client took, in a tunnel received too, when the deadline was last looked at */
};

void http1_client_run(struct http1_client *h); /* moves everything on that can be moved; h may be gone after it */
extern const struct downstream http1_answer;   /* exchanges' way to the client; stream: the http1_client */

#endif
