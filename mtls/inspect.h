/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificates without a connection: for usher cert, usher eval and tests. The same reading and judging code as a
 * handshake uses.
 */
#ifndef MTLS_INSPECT_H
#define MTLS_INSPECT_H

#include "mtls/context.h"
#include "mtls/facts.h"

/* Facts of the chain in pem (leaf first; PEM or DER bytes), judged against ca (PEM bundle or empty: nothing is
 * trusted) and crls (n texts). at: Unix time. *out is heap, freed with cert_facts_free. -ERR_INVALID with a message
 * in why (static or from out's arena) when a text cannot be parsed. */
int inspect_chain(struct cert_facts **out, struct str pem, struct str ca, const struct str *crls, size_t n,
		  int64_t at, const char **why);
void cert_facts_free(struct cert_facts *f);

/* What a file of CRLs holds, for those who fetch, watch and warn: the soonest end of all lists in it. */
struct crl_facts {
	size_t lists, entries;
	int64_t this_update, next_update; /* the latest beginning, the soonest end */
};
int inspect_crl(struct crl_facts *out, struct str text, const char **why); /* errors as inspect_chain */

/* SHA-1, SHA-256, HMAC-SHA-256 for functions of the language and for headers. */
void digest_sha256(struct str s, uint8_t out[32]);
void digest_sha1(struct str s, uint8_t out[20]);
void digest_hmac_sha256(struct str key, struct str s, uint8_t out[32]);
/* Cryptographic random bytes. false: the generator failed (then refuse the work). Any thread. */
bool random_bytes(void *out, size_t n);

#endif
