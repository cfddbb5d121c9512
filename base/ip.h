/* SPDX-License-Identifier: Apache-2.0 */
/* IP addresses and networks as values. An IPv4-mapped IPv6 peer is made IPv4 where it enters (ip_unmap). */
#ifndef BASE_IP_H
#define BASE_IP_H

#include "base/str.h"

struct sockaddr;

struct ip {
	uint8_t family;    /* 4 or 6; 0: none */
	uint8_t bytes[16]; /* network order; IPv4 in the first four */
};

struct cidr {
	struct ip base;
	uint8_t bits; /* 0–32 or 0–128 */
};

#define IP_TEXT 46 /* enough for any printed address and its NUL */

bool ip_parse(struct str s, struct ip *out);       /* no leading zeros, no zone id */
size_t ip_print(const struct ip *ip, char out[IP_TEXT]); /* canonical, RFC 5952; returns its length */
int ip_cmp(const struct ip *a, const struct ip *b); /* IPv4 before IPv6, then bytewise */
bool ip_eq(const struct ip *a, const struct ip *b);
struct ip ip_mask(struct ip ip, unsigned bits);    /* host bits cleared */
struct ip ip_unmap(struct ip ip);                  /* ::ffff:a.b.c.d → a.b.c.d */
bool ip_of_sockaddr(const struct sockaddr *sa, struct ip *out, uint16_t *port); /* false: not IP */

/* "a/len" or a bare address (full length). host_bits says whether set host bits are the fault. */
bool cidr_parse(struct str s, struct cidr *out, bool *host_bits);
bool cidr_has(const struct cidr *net, const struct ip *ip); /* families must agree */

#endif
