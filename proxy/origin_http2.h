/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/2 with an origin: one connection carries many exchanges, each on a stream with an upstream of its own.
 * origin_connect.c makes the connection, and origin_conn.c finds one with room for the next exchange.
 */
#ifndef PROXY_ORIGIN_HTTP2_H
#define PROXY_ORIGIN_HTTP2_H

#include "proxy/origin_conn.h"

bool origin_http2_open(struct origin_conn *c);  /* it is connected; false: no memory */
void origin_http2_free(struct origin_conn *c);  /* no stream is left */
bool origin_http2_room(const struct origin_conn *c);
bool origin_http2_settled(const struct origin_conn *c); /* the origin has said how much it takes */
/* … or need not have, for x. A WebSocket is asked for only where that is understood. */
bool origin_http2_knows(const struct origin_conn *c, const struct exchange *x);
void origin_http2_timeout(struct origin_conn *c);       /* … and has not said so for too long */
void origin_http2_start(struct origin_conn *c, struct exchange *x); /* x's request on a new stream */
void origin_http2_readable(struct origin_conn *c);
void origin_http2_fill(struct origin_conn *c);

#endif
