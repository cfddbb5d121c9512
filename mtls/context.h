/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What TLS needs of one listener and its zones, sealed and counted: certificates, anchors, CRLs, versions. Built
 * aside by a reload (tls_context_new may run on any thread), then shared read-only by all workers.
 */
#ifndef MTLS_CONTEXT_H
#define MTLS_CONTEXT_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/str.h"

enum client_auth { CLIENT_AUTH_OFF, CLIENT_AUTH_OPTIONAL, CLIENT_AUTH_REQUIRED };
enum ocsp_mode {
	OCSP_OFF,
	OCSP_SOFT, /* no answer lets the certificate pass for now */
	OCSP_HARD, /* no answer counts as a missing CRL */
};
enum tls_minimum { TLS_MIN_1_2, TLS_MIN_1_3 };

/* A path in the rule file with the place it was written, for messages. */
struct tls_path {
	struct str path; /* resolved, NUL-terminated */
	struct span span;
};

struct tls_zone_spec {
	struct str name;
	struct span span;
	const struct str *hosts; /* exact or "*.suffix", lower case */
	size_t nhosts;
	const struct tls_path *certificates, *keys; /* pairs */
	size_t ncertificates;
	enum client_auth client_auth;
	const struct tls_path *client_ca; /* bundles */
	size_t nclient_ca;
	const struct tls_path *client_crl; /* PEM or DER files, globs already expanded */
	size_t nclient_crl;
	bool crl_required;       /* a path issuer without CRL fails; default: any CRL configured */
	int64_t crl_grace;       /* seconds past nextUpdate that a CRL still serves */
	enum ocsp_mode ocsp;     /* whether responders are asked about clients' certificates */
	struct str ocsp_url;     /* whom to ask: http://…; "" the one that the certificate names */
	enum tls_minimum minimum;
	bool resume;             /* resumption reverify */
	int64_t ticket_lifetime; /* seconds */
	bool ticket_reuse;
	unsigned tickets;        /* TLS 1.3: how many after a full handshake */
};

struct tls_zone;    /* one zone, sealed, counted */
struct tls_context; /* one listener: its zones by SNI */

/* Reads and checks every file of the zone. Problems become diagnostics at the setting's span; an unreadable key
 * or CA, a certificate whose key does not match, a CRL that cannot be parsed: errors. *out NULL on error. now:
 * for warnings about expiry. */
int tls_zone_new(struct tls_zone **out, const struct tls_zone_spec *spec, struct diags *d);
struct tls_zone *tls_zone_ref(struct tls_zone *z);
void tls_zone_unref(struct tls_zone *z);
struct str tls_zone_name(const struct tls_zone *z);

/* zones: borrowed array, each zone is ref'ed. default_zone: NULL or one of them. alpn: names in order of
 * preference, e.g. "h2", "http/1.1". */
int tls_context_new(struct tls_context **out, struct tls_zone *const *zones, size_t n,
		    struct tls_zone *default_zone, const struct str *alpn, size_t nalpn);
struct tls_context *tls_context_ref(struct tls_context *c);
void tls_context_unref(struct tls_context *c);

/* The zone that serves host (exact before the longest *.suffix), or NULL. Same answer as SNI gets. */
struct tls_zone *tls_context_zone(const struct tls_context *c, struct str host);

int tls_global_init(void); /* once, before threads: PSA, RNG, memory hooks */
void tls_global_fini(void);
const char *tls_library_version(void);

#endif
