/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A laboratory for TLS tests: zones made from the test PKI, a client built on the library's own client code,
 * and a wire between the two that is plain memory. Everything that goes wrong in setting up ends the test.
 */
#ifndef TESTS_TLS_LAB_H
#define TESTS_TLS_LAB_H

#include <mbedtls/ssl.h>

#include "base/buf.h"
#include "mtls/context.h"
#include "mtls/session.h"

/* The PKI of tests/pki/make.sh, made when it is asked for first. lab_pki("good.pem"): its path. */
const char *lab_pki(const char *name);
int64_t lab_pki_age(void);             /* seconds since it was made: dates in it count from then */
struct str lab_file(const char *path); /* contents, kept until the program ends; NUL behind them */

/* What a test says about a zone; file names are those of the PKI, lists are separated by spaces. */
struct lab_zone {
	const char *name, *hosts;
	const char *certs; /* default: server-ecdsa */
	enum client_auth client_auth;
	const char *ca, *crl;
	enum tls_minimum minimum;
	bool resume, reuse;
	int64_t lifetime; /* default 3600 */
	unsigned tickets; /* default 1 */
};

struct tls_zone *lab_zone(const struct lab_zone *spec);
/* One listener of n zones; dflt: index of the default zone or -1; alpn: names separated by spaces, or NULL.
 */
struct tls_context *lab_context(const struct lab_zone *zones, size_t n, int dflt, const char *alpn);

struct lab_client {
	mbedtls_ssl_context ssl;
	mbedtls_ssl_config conf;
	mbedtls_x509_crt ca, chain;
	mbedtls_pk_context key;
	struct buf in, out, got; /* got: plain text received */
	int rc;                  /* the library's last word; 0 once the handshake is over */
	bool done;
	const char *alpn[8];
	uint16_t groups[8];
	int suites[8];
	mbedtls_ssl_session session; /* the newest one, for resuming; see lab_save */
	bool has_session;
};

struct lab_client_spec {
	const char *sni;  /* NULL: none */
	const char *cert; /* PKI name, e.g. "good": good-chain.pem and good.key; NULL: no certificate */
	int version;      /* 12 or 13; 0: both */
	const char *alpn;
	uint16_t group; /* the only one offered; 0: the library's */
	int suite;      /* likewise */
	const mbedtls_ssl_session *resume;
	bool careless; /* takes any server's certificate */
};

void lab_client_init(struct lab_client *c, const struct lab_client_spec *spec);
void lab_client_free(struct lab_client *c);
/* Moves bytes between the two until both are silent. chunk: how many bytes at a time reach the server; 0:
 * all. */
enum session_state lab_run(struct lab_client *c, struct session *s, size_t chunk);
/* One full connection: handshake, a request and an answer each way. Returns the session, open or failed. */
struct session *lab_connect(struct lab_client *c, struct tls_context *ctx,
                            const struct lab_client_spec *spec);
void lab_say(struct lab_client *c, const char *text); /* client writes; lab_run delivers */
/* The fatal alert the client saw last, or -1. */
int lab_alert(const struct lab_client *c);

#endif
