/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS towards origins: usher is the client. What connections need is sealed and counted; mtls/peer.h makes them.
 *
 * One version is offered, never a range: clients of this library that offer TLS 1.2 and 1.3 together can be talked down
 * (CVE-2026-115490).
 */
#ifndef MTLS_CLIENT_H
#define MTLS_CLIENT_H

#include "mtls/context.h"
#include "mtls/session.h"

enum { TLS_CLIENT_SESSION_SECONDS = 3600 }; /* where nobody says otherwise */

struct tls_client_spec {
	struct span span;                  /* for what has no place of its own */
	const struct tls_path *ca;         /* bundles; n 0: the system's */
	size_t nca;
	struct tls_path certificate, key;  /* path.n 0: none */
	bool verify;                       /* the origin's chain and name; on unless the operator says otherwise */
	enum tls_minimum version;          /* the one that is offered */
	int64_t session_seconds;           /* after its full handshake a session may be resumed; 0: never */
	bool http2;                        /* ALPN: h2 instead of http/1.1; look at what session_tls says was agreed */
};

struct tls_client;

/* Reads every file. Problems become diagnostics. *out NULL on error. Any thread. */
int tls_client_new(struct tls_client **out, const struct tls_client_spec *spec, struct diags *d);
struct tls_client *tls_client_ref(struct tls_client *c);
void tls_client_unref(struct tls_client *c);

#endif
