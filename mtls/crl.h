/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One certificate revocation list (RFC 5280 5), read by usher itself: the library refuses every conforming
 * issuingDistributionPoint, keeps 150 bytes an entry and searches them one by one. Here a list is its digest,
 * its signature, its scope and a sorted table of serial numbers. Sealed once parsed. Private to mtls/.
 */
#ifndef MTLS_CRL_H
#define MTLS_CRL_H

#include "base/arena.h"
#include "mtls/cert.h"
#include "mtls/serials.h"
#include "mtls/signature.h"

struct crl {
	struct arena arena;          /* owns the slices below */
	struct str issuer_canonical; /* dn_canonical of the issuer */
	struct str issuer;           /* for messages, as dn_print has it */
	int64_t this_update;
	int64_t next_update;       /* this_update where the list has none: stale at once */
	struct str number;         /* cRLNumber without leading zeros; "" for none, which is the oldest */
	struct str key_id;         /* authorityKeyIdentifier, "" without */
	bool only_users, only_cas; /* issuingDistributionPoint … */
	struct str points; /* … and the GeneralNames of its fullName; "": every certificate of the issuer */
	struct signature signature;
	struct serials serials;
};

/* Parses one list. -ERR_INVALID: *why says what is wrong with it; delta and indirect lists, lists for some
 * reasons only and critical extensions that are not known are refused by name. -ERR_NOMEM. der may go
 * afterwards. */
int crl_parse(struct crl **out, struct str der, const char **why);
void crl_free(struct crl *c);

/* Whether cert, which the list's issuer issued, is in its scope. */
bool crl_covers(const struct crl *c, const struct cert *cert);
bool crl_same_scope(const struct crl *a, const struct crl *b);
/* Whether a is newer than b: by number, then by thisUpdate. */
bool crl_newer(const struct crl *a, const struct crl *b);

#endif
