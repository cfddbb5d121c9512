/* SPDX-License-Identifier: Apache-2.0 */
/* Counting what was sent ahead. */
#include "proxy/http1_ahead.h"

void http1_ahead_count(struct http1_ahead *a, const struct buf *in, size_t used, bool between)
{
	static const char end[4] = "\r\n\r\n";
	struct str s = buf_str(in);
	const char *at;

	a->counted -= used < a->counted ? used : a->counted;
	if (between)
		a->waiting = 0;
	at = between ? s.p + s.n : s.p + (a->counted > 3 ? a->counted - 3 : 0);
	while ((at = memmem(at, (size_t)(s.p + s.n - at), end, sizeof(end))) != NULL) {
		a->waiting++;
		at += sizeof(end);
	}
	a->counted = s.n;
}
