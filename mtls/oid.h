/* SPDX-License-Identifier: Apache-2.0 */
/* Object identifiers, as the content bytes of their DER encoding, and what they are called. */
#ifndef MTLS_OID_H
#define MTLS_OID_H

#include <mbedtls/md.h>
#include <mbedtls/pk.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

#define OID_CN STR("\x55\x04\x03")
#define OID_O STR("\x55\x04\x0a")
#define OID_OU STR("\x55\x04\x0b")
#define OID_EMAIL STR("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01")

#define OID_SAN STR("\x55\x1d\x11")
#define OID_NAME_CONSTRAINTS STR("\x55\x1d\x1e")
#define OID_BASIC_CONSTRAINTS STR("\x55\x1d\x13")
#define OID_EXT_KEY_USAGE STR("\x55\x1d\x25")
#define OID_AUTHORITY_KEY_ID STR("\x55\x1d\x23")
#define OID_CRL_DISTRIBUTION_POINTS STR("\x55\x1d\x1f")
#define OID_CRL_NUMBER STR("\x55\x1d\x14")
#define OID_DELTA_CRL STR("\x55\x1d\x1b")
#define OID_ISSUING_DISTRIBUTION_POINT STR("\x55\x1d\x1c")
#define OID_CRL_REASON STR("\x55\x1d\x15")
#define OID_INVALIDITY_DATE STR("\x55\x1d\x18")
#define OID_CERTIFICATE_ISSUER STR("\x55\x1d\x1d")
#define OID_AUTHORITY_INFO_ACCESS STR("\x2b\x06\x01\x05\x05\x07\x01\x01")
#define OID_AD_OCSP STR("\x2b\x06\x01\x05\x05\x07\x30\x01")
#define OID_MGF1 STR("\x2a\x86\x48\x86\xf7\x0d\x01\x01\x08")

/* Dotted decimal, appended to b; false if oid is no object identifier (or b has failed). */
bool oid_print(struct buf *b, struct str oid);

/* The short name of a distinguished name's attribute, or NULL. */
const char *oid_attribute(struct str oid);

/* A signature algorithm that usher knows by name, or NULL. */
struct signature_name {
	struct str oid;
	const char *name; /* OpenSSL's long name */
	mbedtls_md_type_t md;
	mbedtls_pk_type_t pk; /* MBEDTLS_PK_NONE: too weak, or not known to the library */
};
const struct signature_name *oid_signature(struct str oid);

#endif
