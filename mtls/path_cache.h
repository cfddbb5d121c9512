/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Paths that were built and checked before, so that judging the same chain again costs no signature check: at
 * resumptions, after reloads, when a certificate's or a CRL's time runs out.
 *
 * What is remembered rests on nothing that changes: the bytes of the chain and the set of anchors name an
 * entry, and they decide which signatures are good. Dates, names, usage and revocation are not remembered;
 * they are judged anew every time. One table for the process, of fixed size, shared by all threads. Private
 * to mtls/.
 */
#ifndef MTLS_PATH_CACHE_H
#define MTLS_PATH_CACHE_H

#include "base/limits.h"
#include "mtls/trust.h"

/* A path that the library has chosen. Depth 0 is the leaf, the highest one the anchor. */
struct path {
	struct {
		const mbedtls_x509_crt *cert; /* borrowed */
		uint32_t flags;               /* the library's, before usher looks */
	} at[LIMIT_PATH];
	int n;         /* highest depth + 1; 0: no path */
	bool overflow; /* deeper than LIMIT_PATH */
};

struct path_key {
	uint8_t sum[32];
};

/* The name of the chain that f was read from, under the anchors of t. */
void path_key(struct path_key *k, const struct trust *t, const struct cert_facts *f);

/* Fills path with certificates of chain and t. False: not remembered (path is empty then). */
bool path_recall(struct path *path, const struct path_key *k, const struct trust *t,
                 const mbedtls_x509_crt *chain);

/* Remembers a path that the library has built for this chain and these anchors and found signed all the way.
 * Others are left out: a bad signature may have been a lack of memory, and must not stick. */
void path_remember(const struct path *path, const struct path_key *k, const struct trust *t,
                   const mbedtls_x509_crt *chain);

#endif
