/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The handshake of a WebSocket (RFC 6455, section 4; over HTTP/2 RFC 8441). An HTTP/2 client sends no key and could
 * check no answer to one, so usher does both, and what rules and the origin see is the same in both versions.
 */
#ifndef PROXY_WEBSOCKET_H
#define PROXY_WEBSOCKET_H

#include "proxy/exchange.h"

/* Whether x is a handshake that came by extended CONNECT: to its client any 2xx means that the WebSocket is open. */
bool websocket_extended(const struct exchange *x);

/* Gives such a handshake its key. false: no memory or randomness. */
bool websocket_key(struct exchange *x);

/* Whether the client has said a key that an answer can be given to. */
bool websocket_key_good(const struct exchange *x);
/* Over HTTP/2 an origin agrees by a 2xx. Makes of its head the 101 that an origin of HTTP/1.1 would have sent. false: no
 * memory. */
bool websocket_opened(struct exchange *x);

/* The origin's final head, before it is cleaned: may the client be told? */
enum fault websocket_answer(struct exchange *x);

#endif
