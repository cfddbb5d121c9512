/* SPDX-License-Identifier: Apache-2.0 */
/* A reader over untrusted bytes in TLS's presentation (RFC 8446 3): it fails once and for all, and never
 * reads past the end. Check bad before believing anything that was read. */
#ifndef MTLS_READER_H
#define MTLS_READER_H

#include "base/str.h"

struct reader {
	const unsigned char *p;
	size_t n;
	bool bad;
};

static inline struct reader reader_take(struct reader *r, size_t n)
{
	struct reader part = {r->p, n, false};

	if (r->bad || r->n < n) {
		r->bad = true;
		return (struct reader){r->p, 0, true};
	}
	r->p += n;
	r->n -= n;
	return part;
}

/* A number of up to eight bytes, the most significant first. */
static inline uint64_t reader_number(struct reader *r, size_t bytes)
{
	struct reader part = reader_take(r, bytes);
	uint64_t value = 0;

	for (size_t i = 0; i < part.n; i++)
		value = value << 8 | part.p[i];
	return value;
}

/* A vector whose length stands before it in `bytes` bytes. */
static inline struct reader reader_vector(struct reader *r, size_t bytes)
{
	return reader_take(r, (size_t)reader_number(r, bytes));
}

static inline struct str reader_str(struct reader r)
{
	return (struct str){(const char *)r.p, r.n};
}

#endif
