/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A signature on something that is not a certificate (a CRL, an OCSP answer), taken apart once so that it can
 * be checked whenever the signer's key turns up: what was signed is kept as its digest only. Private to
 * mtls/.
 */
#ifndef MTLS_SIGNATURE_H
#define MTLS_SIGNATURE_H

#include <mbedtls/pk.h>

#include "base/arena.h"
#include "mtls/der.h"

struct signature {
	mbedtls_pk_type_t pk; /* MBEDTLS_PK_NONE: unknown or too weak an algorithm, never good */
	mbedtls_md_type_t md, mgf_md;
	int salt;
	unsigned char hash[64];
	size_t hash_length;
	struct str value; /* copied into the arena */
};

/* algorithm: the whole AlgorithmIdentifier; tbs: the bytes signed; value: inside the BIT STRING. -ERR_NOMEM
 * or 0. */
int signature_read(struct signature *s, struct arena *a, struct str algorithm, struct str tbs,
                   struct str value);

/* Whether key made it. The key must satisfy trust_profile() as well. Any thread. */
bool signature_good(const struct signature *s, const mbedtls_pk_context *key);

#endif
