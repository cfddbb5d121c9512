/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One origin as TLS knows it: how it is spoken to, the name it must prove, and the sessions with it that may be resumed.
 *
 * A session is resumed with the peer it was made with and with no other: other CAs, another certificate of usher's,
 * another version or another name are another peer. What its full handshake found, a chain that leads to an anchor and
 * is for this name, holds for the peer's whole life but for the time; so a session is offered only while every
 * certificate of that path is valid, and only for so long after that handshake as the spec allows (tls_client_spec). Resuming
 * prolongs neither.
 *
 * Belongs to one thread, and outlives the sessions made with it.
 */
#ifndef MTLS_PEER_H
#define MTLS_PEER_H

#include "mtls/client.h"

struct tls_peer;

/* Takes its own reference to c. NULL: out of memory. */
struct tls_peer *tls_peer_new(struct tls_client *c, struct str name);
void tls_peer_free(struct tls_peer *p);
/* No session so far is used any more. */
void tls_peer_forget(struct tls_peer *p);
bool tls_peer_is(const struct tls_peer *p, const struct tls_client *c, struct str name);

/* A session that begins: its ClientHello is in session_output. The name is what the origin's certificate must be for, and
 * the server name that is sent. Afterwards session_feed and the rest as for a client's session; session_cert says
 * nothing about the origin, session_tls only alpn and resumed. 0, -ERR_NOMEM or -ERR_TLS. */
int session_connect(struct session **out, struct tls_peer *p);
/* An earlier session was offered: if the handshake fails or hangs, that may be why. */
bool session_offered(const struct session *s);

#endif
