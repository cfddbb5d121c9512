/* SPDX-License-Identifier: Apache-2.0 */
/* Anchors and CRLs of one zone, from the inside: what trust.c builds, verify.c reads. Private to mtls/. */
#ifndef MTLS_TRUST_H
#define MTLS_TRUST_H

#include <stdatomic.h>

#include "mtls/revocation.h"
#include "mtls/verify.h"

struct anchor {
	unsigned char digest[32]; /* SHA-256 of the certificate */
	const mbedtls_x509_crt *crt;
};

struct trust {
	atomic_uint refs;
	mbedtls_x509_crt anchors; /* the first of a list; all zero when there is none */
	struct revocation *revocation;
	bool crl_required;
	int64_t crl_grace;
	enum ocsp_mode ocsp;
	char *ocsp_url; /* owned; NULL: the certificate's */
	unsigned char id[32];
	struct anchor *sorted; /* by digest; made by trust_seal */
	size_t nanchors;
};

const mbedtls_x509_crt *trust_anchor(const struct trust *t,
                                     const unsigned char digest[32]); /* NULL: not here */
bool trust_anchor_digest(const struct trust *t, const mbedtls_x509_crt *anchor, unsigned char digest[32]);

/* Building one: empty, then CAs, then CRLs, then sealed. -ERR_INVALID: *why says what is wrong with the
 * thing, as crl_parse has it. *added is borrowed, and NULL for a CA that was there already. */
int trust_empty(struct trust **out);
int trust_add_ca(struct trust *t, struct str der, const mbedtls_x509_crt **added, const char **why);
int trust_add_crl(struct trust *t, struct str der, struct shared_crl **added, const char **why);
int trust_seal(struct trust *t);

#endif
