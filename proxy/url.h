/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses that usher fetches from, and the hosts that an operator allows for it. An address may come from a
 * certificate, so it is read strictly: what is not plainly a host and a path is no address.
 */
#ifndef PROXY_URL_H
#define PROXY_URL_H

#include "base/str.h"

struct url { /* slices of the text */
	bool https;
	struct str host; /* as written, an IPv6 address without its brackets */
	uint16_t port;
};

/* http:// or https://, a host name or address, perhaps a port, a path of printable ASCII. No user, no
 * fragment. */
bool url_parse(struct str text, struct url *out);

struct url_host {        /* one entry of a list of hosts */
	struct str name; /* lower case; "*.suffix" for all below it */
	uint16_t port;   /* 0: the scheme's own */
};

bool url_host_parse(struct str text, struct url_host *out);
bool url_allowed(const struct url *u, const struct url_host *hosts, size_t n);
/* Whether a and b have the same scheme, host and port. */
bool url_same_host(const struct url *a, const struct url *b);

#endif
