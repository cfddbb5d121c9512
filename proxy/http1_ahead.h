/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How many requests of a connection wait behind the one being served: counted by the empty lines that end heads, each
 * byte looked at once. An empty line in content counts as well; too high a count means that less is read ahead, and it
 * ends when all that waited has been served.
 */
#ifndef PROXY_HTTP1_AHEAD_H
#define PROXY_HTTP1_AHEAD_H

#include "base/buf.h"

struct http1_ahead {
	size_t waiting;
	size_t counted; /* bytes at the front of the input */
};

/* used: bytes taken off the input since the last time. between: no request is being served. */
void http1_ahead_count(struct http1_ahead *a, const struct buf *in, size_t used, bool between);

/* The next one's head was read. */
static inline void http1_ahead_next(struct http1_ahead *a)
{
	a->waiting -= a->waiting > 0;
}

#endif
