/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRLs by their bytes: zones, listeners and configurations that read the same list share one table of serial
 * numbers, before and after a reload, and what is known about its signature. Private to mtls/.
 */
#ifndef MTLS_CRL_SHARE_H
#define MTLS_CRL_SHARE_H

#include "mtls/crl.h"

struct shared_crl;

/* Parses der, or finds it among the lists in use. Errors as crl_parse. */
int crl_share(struct shared_crl **out, struct str der, const char **why);
void crl_unshare(struct shared_crl *s); /* NULL is welcome */
const struct crl *shared_crl(const struct shared_crl *s);

/* Whether the list's signature is made by key; key_digest: SHA-256 of its SubjectPublicKeyInfo. Checked once
 * for each key, and a bad one again after a while: it may have been a lack of memory. */
bool shared_crl_signed_by(struct shared_crl *s, const mbedtls_pk_context *key, const uint8_t key_digest[32]);

#endif
