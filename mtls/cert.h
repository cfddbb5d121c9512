/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What usher reads from a certificate's extensions itself, found once and kept as slices into the
 * certificate. Private to mtls/.
 */
#ifndef MTLS_CERT_H
#define MTLS_CERT_H

#include <mbedtls/x509_crt.h>

#include "base/str.h"
#include "mtls/der.h"

/* A GeneralName's form is its tag's number (RFC 5280 4.2.1.6). */
enum general_form {
	NAME_OTHER = 0,
	NAME_EMAIL = 1,
	NAME_DNS = 2,
	NAME_X400 = 3,
	NAME_DIRECTORY = 4,
	NAME_EDI = 5,
	NAME_URI = 6,
	NAME_IP = 7,
	NAME_RID = 8,
};

struct general_name {
	enum general_form form;
	struct str value; /* NAME_DIRECTORY: the whole Name element */
};

bool der_next_general_name(struct der *d, struct general_name *g);

struct cert {
	const mbedtls_x509_crt *crt; /* borrowed */
	struct str san;              /* GeneralName elements, "" without the extension */
	struct str eku;              /* OID elements */
	struct str name_constraints; /* the NameConstraints element, "" without */
	struct str crl_points;       /* DistributionPoint elements */
	struct str access;           /* AccessDescription elements of authorityInfoAccess */
	bool ca;
	bool broken; /* a name or extension cannot be read, or one stands twice: never trusted */
};

void cert_read(struct cert *c, const mbedtls_x509_crt *crt);

/* Unix times of the validity; false if a date does not exist. Both bounds are inside. */
bool cert_times(const mbedtls_x509_crt *crt, int64_t *not_before, int64_t *not_after);

/* Whether issuer's key made crt's signature, with an algorithm that is strong enough. Asks nothing else. */
bool cert_signed_by(const mbedtls_x509_crt *crt, const mbedtls_x509_crt *issuer);

/* Addresses that begin with http://, at most max of them: of CRLs (cRLDistributionPoints) or of OCSP
 * responders (authorityInfoAccess). Returns how many. */
size_t cert_crl_urls(const struct cert *c, struct str *out, size_t max);
size_t cert_ocsp_urls(const struct cert *c, struct str *out, size_t max);

static inline struct str crt_str(const mbedtls_x509_buf *b)
{
	return (struct str){(const char *)b->p, b->len};
}

#endif
