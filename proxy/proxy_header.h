/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The PROXY protocol, versions 1 and 2, on connections from addresses that the listener trusts to speak it: who the
 * client is and where it connected to. From such an address the header must come; from others it is not looked for.
 */
#ifndef PROXY_PROXY_HEADER_H
#define PROXY_PROXY_HEADER_H

#include "base/buf.h"
#include "base/ip.h"
#include "headers/proxied.h"

enum proxy_header { PROXY_HEADER_MORE, PROXY_HEADER_BAD, PROXY_HEADER_DONE };

struct proxy_addresses {
	bool known; /* false: the proxy speaks for itself (LOCAL, UNKNOWN) */
	struct ip source, destination;
	uint16_t source_port, destination_port;
	struct proxied client; /* version 2, known: what else it says; borrows from the buffer until that is added to */
};

/* Reads one header off the front of in. Consumes it when DONE, nothing otherwise. */
enum proxy_header proxy_header_read(struct buf *in, struct proxy_addresses *out);

/* Writes one, version 1 or 2. Addresses of two families are both written as IPv6 (RFC 4291, section 2.5.5.2). Failures
 * are seen in out. */
void proxy_header_write(struct buf *out, int version, const struct proxy_addresses *a);

#endif
