/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What usher tells the origin about the way a request took: X-Forwarded-For, -Proto, -Host, Forwarded (RFC
 * 7239) and Via. Nothing that arrived under the first four names is believed or passed on: request_clean took
 * it. Max-Forwards, too, is counted here.
 */
#ifndef HEADERS_FORWARDED_H
#define HEADERS_FORWARDED_H

#include "base/ip.h"
#include "headers/request.h"

struct forwarded {
	struct ip client;  /* ip.src; family 0 if it has none (a unix socket) */
	struct ip proxy;   /* a trusted proxy that brought the request, family 0 if the client came itself */
	bool hide_visitor; /* transforms_hide_visitor: name the proxy alone */
};

/* Adds the four lines and this hop's Via. After request_clean. 0 or -ERR_NOMEM. */
int forwarded_write(struct request *req, const struct forwarded *f);

/* Max-Forwards of OPTIONS (RFC 9110, section 7.6.2), counted down. *last: it was 0, so that usher answers itself. 0 or
 * -ERR_NOMEM. A value that is no number says nothing. */
int max_forwards_count(struct request *req, bool *last);

#endif
