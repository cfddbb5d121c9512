/* SPDX-License-Identifier: Apache-2.0 */
/* The CRLs of one zone, and what they say about a certificate. Sealed after the last revocation_add. Private
 * to mtls/. */
#ifndef MTLS_REVOCATION_H
#define MTLS_REVOCATION_H

#include "mtls/crl_share.h"

struct revocation;

int revocation_new(struct revocation **out);
void revocation_free(struct revocation *r);
/* Takes the reference to the list over, also on failure. */
int revocation_add(struct revocation *r, struct shared_crl *c);
size_t revocation_count(const struct revocation *r);
const struct crl *revocation_list(const struct revocation *r, size_t i);

enum revocation_status {
	REVOCATION_GOOD,
	REVOCATION_REVOKED,
	REVOCATION_MISSING, /* no list covers it that is valid yet */
	REVOCATION_EXPIRED,
	REVOCATION_BAD_SIGNATURE,
};

/*
 * cert was issued by the key of issuer (the path says so). Of the lists of one scope the newest counts that
 * this key made and that has begun. A list under the issuer's name that its key did not make is BAD_SIGNATURE
 * when nothing better is there, unless its key identifier says that it belongs to another key. grace: seconds
 * a list serves past its nextUpdate. *until is lowered to the last second at which the answer is sure to be
 * the same. Any thread.
 */
enum revocation_status revocation_check(const struct revocation *r, const struct cert *cert,
                                        const struct cert *issuer, int64_t now, int64_t grace,
                                        int64_t *until);

/* Whether issuer, by name, made list c: for messages when files are read. */
enum crl_origin { CRL_OF_OTHER, CRL_GOOD, CRL_BAD };
enum crl_origin revocation_origin(struct shared_crl *c, const struct cert *issuer);

#endif
