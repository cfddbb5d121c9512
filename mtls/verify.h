/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one place where a client's chain is judged: at full handshakes, at resumptions, after reloads, when
 * time runs out, and for usher cert. Private to mtls/ (it speaks Mbed TLS).
 *
 * Mbed TLS builds the path and checks signatures, dates, algorithms and CA-ness; usher adds what the library
 * leaves out: key usage for clients, name constraints (also non-critical ones), and revocation from its own
 * CRL index (the library is never given a CRL). Every way leads through chain_judge.
 */
#ifndef MTLS_VERIFY_H
#define MTLS_VERIFY_H

#include <mbedtls/x509_crt.h>

#include "base/diag.h"
#include "mtls/context.h"
#include "mtls/facts.h"

/* Anchors and CRLs of one zone. Sealed, counted. */
struct trust;

/* ca, crl as in struct tls_zone_spec. Errors and warnings become diagnostics. */
int trust_new(struct trust **out, const struct tls_zone_spec *spec, struct diags *d);
struct trust *trust_ref(struct trust *t);
void trust_unref(struct trust *t);
mbedtls_x509_crt *
trust_anchors(const struct trust *t); /* for mbedtls_ssl_set_hs_ca_chain; borrowed, never modified */
const mbedtls_x509_crt_profile *trust_profile(void); /* SHA-256 and better, RSA >= 2048, P-256/384/521 */
/* A digest of the anchors: two trusts with equal ids let the same CAs in. Part of a ticket's zone id. */
const unsigned char *trust_id(const struct trust *t); /* 32 bytes */

/* Facts and verdict of chain (as the client sent it, leaf first; NULL: absent) at Unix time now. *out is heap
 * (cert_facts_free), or the absent constant. -ERR_NOMEM leaves *out NULL: treat as refused. Signatures that
 * were checked before are not checked again (path_cache.h); all else is judged anew. Any thread. */
int chain_judge(struct cert_facts **out, const struct trust *t, mbedtls_x509_crt *chain, int64_t now);

/* Parses one certificate into chain like mbedtls_x509_crt_parse_der, but accepts a critical nameConstraints
 * extension, which usher itself enforces. */
int cert_parse_der(mbedtls_x509_crt *chain, const unsigned char *der, size_t n);

#endif
