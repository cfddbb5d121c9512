/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The client behind proxies that a listener trusts, as X-Forwarded-For tells it: read from its end, past every trusted
 * address, to the first that is not. What stands before that one is anybody's claim.
 */
#ifndef PROXY_REAL_IP_H
#define PROXY_REAL_IP_H

#include "headers/lines.h"
#include "proxy/config.h"

/* peer: who is connected. True if it is trusted and the lines name a client: *client. Call it before request_clean. */
bool real_ip(const struct listener_conf *l, const struct ip *peer, const struct lines *lines, struct ip *client);

#endif
