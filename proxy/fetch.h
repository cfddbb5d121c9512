/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request over HTTP, on a thread that may wait: for CRLs and for OCSP. Goes to hosts that are allowed and
 * to no other, redirects included; through no proxy that the environment names. What comes back is bounded
 * and unchecked.
 */
#ifndef PROXY_FETCH_H
#define PROXY_FETCH_H

#include <stdatomic.h>

#include "base/buf.h"
#include "proxy/url.h"

struct fetch {
	struct str url; /* its own host is allowed if own_host says so: an operator has written it */
	bool own_host;
	const struct url_host *hosts;
	size_t nhosts;
	struct str post, content_type; /* content_type.n 0: GET */
	size_t max;                    /* bytes of content */
	int64_t msec;                  /* for the whole of it */
	const atomic_bool *stop;       /* ends it within a second */
};

enum { FETCH_WHY = 256 };

/* The content of a 200 response is appended to out. 0; -ERR_REFUSED for a host that is not allowed,
 * -ERR_LIMIT for too much content, -ERR_NET for all else that can go wrong out there, -ERR_NOMEM; and why
 * says more. */
int fetch(const struct fetch *f, struct buf *out, char why[FETCH_WHY]);

int fetch_init(void);  /* once, before the first; any thread. 0 or -ERR_NET */
void fetch_fini(void); /* after the last; nothing happens without fetch_init */

const char *libcurl_version_text(void);

#endif
