/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Distinguished names (RFC 5280 4.1.2.4): read into a list, printed in the two forms that rules know,
 * compared as RFC 5280 7.1 asks. The library's own printer has another order and other escapes, and some of
 * its names cannot be told apart, so this one starts from the DER.
 */
#ifndef MTLS_DN_H
#define MTLS_DN_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

struct dn_attribute {
	struct str oid;
	uint8_t tag;
	struct str value, whole; /* without and with tag and length */
	unsigned rdn;            /* attributes of one RDN share a number, counted from 0 */
};

struct dn {
	const struct dn_attribute *v; /* in certificate order; in the arena */
	size_t n;
};

/* name: a whole Name element. Slices borrow from it. 0, -ERR_INVALID or -ERR_NOMEM. */
int dn_read(struct arena *a, struct str name, struct dn *out);

bool dn_valid(struct str name); /* whether dn_read would read it */

/* As `openssl x509 -nameopt RFC2253` prints: last RDN first, CN=…,O=…,C=…, values escaped. Every name has its
 * own text. Where OpenSSL gives up (a BMPString of odd length, say) the value is printed as #hex. */
bool dn_print(struct buf *b, const struct dn *dn);
/* As `openssl x509 -nameopt compat` prints: /C=…/O=…/OU=one+OU=two/CN=…, with a backslash before / and +
 * inside values (older versions of OpenSSL left them bare). Different names may still print alike. */
bool dn_print_legacy(struct buf *b, const struct dn *dn);

/* An attribute's value as UTF-8, its bytes as they are if they are not what the tag says. False: no string at
 * all, or out of memory. */
bool dn_text(struct buf *b, const struct dn_attribute *attribute);

/* A form in which equal names are equal bytes and a name that begins with another's RDNs begins with its
 * bytes: strings in UTF-8, ASCII letters small, white space trimmed and collapsed, the attributes of an RDN
 * sorted. */
int dn_canonical(struct buf *b, const struct dn *dn);

#endif
