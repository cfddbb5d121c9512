/* SPDX-License-Identifier: Apache-2.0 */
/* Writing DER by hand, for certificates and CRLs that no tool makes. */
#ifndef TESTS_UNIT_DER_WRITE_H
#define TESTS_UNIT_DER_WRITE_H

#include "base/arena.h"
#include "base/str.h"

/* One element: tag, length, value. */
struct str der_put(struct arena *a, unsigned tag, struct str value);
/* An element around up to six others, the first empty one (p == NULL) being the end. */
struct str der_wrap(struct arena *a, unsigned tag, struct str one, struct str two, struct str three,
                    struct str four, struct str five, struct str six);
#define DER_WRAP1(a, tag, x) der_put((a), (tag), (x))
#define DER_WRAP2(a, tag, x, y) der_wrap((a), (tag), (x), (y), STR_NONE, STR_NONE, STR_NONE, STR_NONE)
#define DER_WRAP3(a, tag, x, y, z) der_wrap((a), (tag), (x), (y), (z), STR_NONE, STR_NONE, STR_NONE)
struct str der_join(struct arena *a, struct str x, struct str y);

/* The certificate (DER) with other parts: NULL leaves one as it is. The signature does not fit any more. */
struct swap {
	const struct str *serial;     /* content of the INTEGER */
	const struct str *subject;    /* a whole Name */
	const struct str *extensions; /* Extension elements */
};
struct str cert_swap(struct arena *a, struct str cert, const struct swap *s);

/* An Extension element. */
struct str der_extension(struct arena *a, struct str oid, bool critical, struct str value);

#endif
