/* SPDX-License-Identifier: Apache-2.0 */
/* When what a zone rests on runs out: for warnings in good time. And where its CAs say that lists are. */
#ifndef MTLS_ENDS_H
#define MTLS_ENDS_H

#include "base/arena.h"
#include "mtls/context.h"

enum tls_end_kind { TLS_END_CERTIFICATE, TLS_END_CA, TLS_END_CRL };

struct tls_end {
	enum tls_end_kind kind;
	struct str name; /* the subject, or the list's issuer, as OpenSSL's RFC2253 prints it */
	int64_t at;      /* Unix time; the last second */
};

/* The zone's own certificates, its CAs and its CRLs, lists that a newer one replaces left out. In a; *n of
 * them. 0 or -ERR_NOMEM. */
int tls_zone_ends(const struct tls_zone *z, struct arena *a, struct tls_end **out, size_t *n);

/* The addresses of CRLs in the certificates of client_ca. In a. 0 or -ERR_NOMEM. */
int tls_zone_crl_urls(const struct tls_zone *z, struct arena *a, struct str **out, size_t *n);

/* Whether text holds a list that says it is of one of the zone's CAs, and is not signed by it. A list of a CA
 * that is not in the bundle cannot be told. Also false for what cannot be parsed. */
bool tls_zone_crl_forged(const struct tls_zone *z, struct str text);

#endif
