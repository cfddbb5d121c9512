/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A growing byte buffer on the heap, for output whose size is not known and for queues of bytes between a
 * socket and a parser: append at the end, consume from the front.
 */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stdarg.h>

#include "base/str.h"

struct buf {
	char *p;      /* owned, unless it is lent */
	size_t off;   /* first live byte */
	size_t n;     /* live bytes from off */
	size_t size;  /* allocated */
	bool failed;  /* an append ran out of memory; sticky until buf_fini */
	bool lent;    /* p is somebody else's, and left alone */
};

#define BUF_INIT { NULL, 0, 0, 0, false, false }
/* Begins in an array of the caller's, and takes memory of its own only for more than fits. */
#define BUF_LENT(array) { (array), 0, 0, sizeof(array), false, true }

void buf_fini(struct buf *b);
void buf_clear(struct buf *b); /* forgets contents, keeps memory */
bool buf_grow(struct buf *b, size_t n); /* buf_reserve's, where there is no room yet */
bool buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool buf_vprintf(struct buf *b, const char *fmt, va_list ap);
bool buf_addi(struct buf *b, int64_t n); /* in decimal */
bool buf_json(struct buf *b, struct str s); /* s as a JSON string with quotes; bytes that are not UTF-8 as \u00XX */
void buf_consume(struct buf *b, size_t n);

/* Room for n more bytes; false (and failed set) when out of memory. */
static inline bool buf_reserve(struct buf *b, size_t n)
{
	return (!b->failed && b->size - b->off - b->n >= n) || buf_grow(b, n);
}

static inline bool buf_add(struct buf *b, struct str s)
{
	if (!buf_reserve(b, s.n))
		return false;
	if (s.n)
		memcpy(b->p + b->off + b->n, s.p, s.n);
	b->n += s.n;
	return true;
}

static inline bool buf_addc(struct buf *b, char c)
{
	if (!buf_reserve(b, 1))
		return false;
	b->p[b->off + b->n++] = c;
	return true;
}

static inline struct str buf_str(const struct buf *b)
{
	return (struct str){ b->p ? b->p + b->off : "", b->n };
}

#endif
