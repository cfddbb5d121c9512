/* SPDX-License-Identifier: Apache-2.0 */
/*
 * TLS towards an origin: usher is the client. What a connection needs is sealed and counted; the connection itself is
 * a struct session like any other, whose peer is the origin.
 *
 * One version is offered, never a range: clients of this library that offer TLS 1.2 and 1.3 together can be talked down
 * (CVE-2026-115490).
 */
#ifndef MTLS_CLIENT_H
#define MTLS_CLIENT_H

#include "mtls/context.h"
#include "mtls/session.h"

struct tls_client_spec {
	struct span span;                  /* for what has no place of its own */
	const struct tls_path *ca;         /* bundles; n 0: the system's */
	size_t nca;
	struct tls_path certificate, key;  /* path.n 0: none */
	bool verify;                       /* the origin's chain and name; on unless the operator says otherwise */
	enum tls_minimum version;          /* the one that is offered */
	bool http2;                        /* ALPN: h2 instead of http/1.1; look at what session_tls says was agreed */
};

struct tls_client;

/* Reads every file. Problems become diagnostics. *out NULL on error. Any thread. */
int tls_client_new(struct tls_client **out, const struct tls_client_spec *spec, struct diags *d);
struct tls_client *tls_client_ref(struct tls_client *c);
void tls_client_unref(struct tls_client *c);

/* A session that begins: its ClientHello is in session_output. name: what the origin's certificate must be for, and the
 * server name that is sent. Afterwards session_feed and the rest as for a client's session; session_cert says nothing
 * about the origin. Takes its own reference. 0, -ERR_NOMEM or -ERR_TLS. */
int session_connect(struct session **out, struct tls_client *c, struct str name);

#endif
