/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reader of DER (X.690) for what the library does not read for us: names, name constraints, CRLs, OCSP.
 * Strict: one-byte tags, definite lengths in their shortest form, nothing past the end. It borrows; nothing
 * is copied.
 *
 * Every function takes from the front of d and returns false, leaving d as it was, when that is not what
 * stands there. A reader at its end has p == end.
 */
#ifndef MTLS_DER_H
#define MTLS_DER_H

#include "base/str.h"

struct der {
	const uint8_t *p, *end;
};

enum {
	DER_BOOLEAN = 0x01,
	DER_INTEGER = 0x02,
	DER_BIT_STRING = 0x03,
	DER_OCTET_STRING = 0x04,
	DER_NULL = 0x05,
	DER_OID = 0x06,
	DER_ENUMERATED = 0x0a,
	DER_UTF8 = 0x0c,
	DER_NUMERIC = 0x12,
	DER_PRINTABLE = 0x13,
	DER_T61 = 0x14,
	DER_IA5 = 0x16,
	DER_UTC_TIME = 0x17,
	DER_GENERALIZED_TIME = 0x18,
	DER_VISIBLE = 0x1a,
	DER_UNIVERSAL = 0x1c,
	DER_BMP = 0x1e,
	DER_SEQUENCE = 0x30,
	DER_SET = 0x31,
};

#define DER_CONTEXT(n) (0x80 | (n))     /* [n] IMPLICIT of a primitive type */
#define DER_CONSTRUCTED(n) (0xa0 | (n)) /* [n] of a constructed type, or EXPLICIT */

static inline struct der der_of(struct str s)
{
	const uint8_t *p = (const uint8_t *)s.p;

	return (struct der){p, s.n ? p + s.n : p};
}

static inline bool der_end(const struct der *d)
{
	return d->p == d->end;
}

static inline bool der_at(const struct der *d, uint8_t tag)
{
	return d->p != d->end && *d->p == tag;
}

/* The next element: its tag, its value, and all of it; each may be NULL. */
bool der_any(struct der *d, uint8_t *tag, struct str *value, struct str *whole);
bool der_take(struct der *d, uint8_t tag, struct str *value);
/* Steps into an element: inside reads its value. */
bool der_enter(struct der *d, uint8_t tag, struct der *inside);

bool der_bool(struct der *d, bool *value);
bool der_small(struct der *d, uint8_t tag, int64_t *value); /* INTEGER or ENUMERATED of 0 … 2^31-1 */
bool der_time(struct der *d,
              int64_t *unix_time); /* UTCTime or GeneralizedTime as RFC 5280 4.1.2.5 has them */
/* A BIT STRING without unused bits. */
bool der_bits(struct der *d, struct str *bytes);

/* One Extension (RFC 5280 4.1). */
struct der_extension {
	struct str oid, value; /* value: inside the OCTET STRING */
	bool critical;
};
bool der_next_extension(struct der *d, struct der_extension *e);

/* Seconds since 1970 of a moment in UTC; the date must exist. False otherwise. */
bool time_of_date(int year, int month, int day, int hour, int minute, int second, int64_t *out);

#endif
