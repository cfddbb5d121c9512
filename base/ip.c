/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses and networks from text and back. Parsing is strict: what two readers could take for two addresses
 * (leading zeros, zone identifiers, hexadecimal IPv4) is none. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "base/ip.h"

static unsigned ip_bits(const struct ip *ip)
{
	return ip->family == 4 ? 32 : 128;
}

bool ip_parse(struct str s, struct ip *out)
{
	char text[IP_TEXT];
	struct ip ip = {0, {0}};

	if (s.n == 0 || s.n >= sizeof(text) || memchr(s.p, '\0', s.n))
		return false;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (inet_pton(AF_INET, text, ip.bytes) == 1)
		ip.family = 4;
	else if (inet_pton(AF_INET6, text, ip.bytes) == 1)
		ip.family = 6;
	else
		return false;
	*out = ip;
	return true;
}

static char *print_byte(char *p, unsigned n)
{
	if (n >= 100)
		*p++ = (char)('0' + n / 100);
	if (n >= 10)
		*p++ = (char)('0' + n / 10 % 10);
	*p++ = (char)('0' + n % 10);
	return p;
}

size_t ip_print(const struct ip *ip, char out[IP_TEXT])
{
	char *p = out;
	int i;

	*out = '\0';
	if (ip->family == 6) {
		inet_ntop(AF_INET6, ip->bytes, out, IP_TEXT);
		return strlen(out);
	}
	for (i = 0; ip->family == 4 && i < 4; i++) { /* each request prints some: inet_ntop is slow */
		p = print_byte(p, ip->bytes[i]);
		*p++ = i < 3 ? '.' : '\0';
	}
	return strlen(out);
}

int ip_cmp(const struct ip *a, const struct ip *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->bytes, b->bytes, ip_bits(a) / 8);
}

bool ip_eq(const struct ip *a, const struct ip *b)
{
	return ip_cmp(a, b) == 0;
}

struct ip ip_mask(struct ip ip, unsigned bits)
{
	unsigned i, all = ip_bits(&ip);

	for (i = bits; i < all; i++)
		if (i % 8 == 0) {
			ip.bytes[i / 8] = 0;
			i += 7;
		} else {
			ip.bytes[i / 8] &= (uint8_t) ~(0x80 >> i % 8);
		}
	return ip;
}

struct ip ip_unmap(struct ip ip)
{
	static const uint8_t prefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
	struct ip v4 = {4, {0}};

	if (ip.family != 6 || memcmp(ip.bytes, prefix, sizeof(prefix)) != 0)
		return ip;
	memcpy(v4.bytes, ip.bytes + sizeof(prefix), 4);
	return v4;
}

bool ip_of_sockaddr(const struct sockaddr *sa, struct ip *out, uint16_t *port)
{
	struct ip ip = {0, {0}};

	if (sa->sa_family == AF_INET) {
		const struct sockaddr_in *in = (const struct sockaddr_in *)(const void *)sa;

		ip.family = 4;
		memcpy(ip.bytes, &in->sin_addr, 4);
		*port = ntohs(in->sin_port);
	} else if (sa->sa_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)(const void *)sa;

		ip.family = 6;
		memcpy(ip.bytes, &in6->sin6_addr, 16);
		*port = ntohs(in6->sin6_port);
	} else {
		return false;
	}
	*out = ip_unmap(ip);
	return true;
}

bool cidr_parse(struct str s, struct cidr *out, bool *host_bits)
{
	ptrdiff_t slash = str_find(s, '/');
	struct cidr net;
	struct ip masked;
	uint64_t bits;

	*host_bits = false;
	if (!ip_parse(slash < 0 ? s : str_sub(s, 0, (size_t)slash), &net.base))
		return false;
	bits = ip_bits(&net.base);
	if (slash >= 0) {
		struct str length = str_sub(s, (size_t)slash + 1, s.n);

		if (!str_uint(length, bits, &bits) || (length.n > 1 && length.p[0] == '0'))
			return false;
	}
	net.bits = (uint8_t)bits;
	masked = ip_mask(net.base, net.bits);
	if (!ip_eq(&masked, &net.base)) {
		*host_bits = true;
		return false;
	}
	*out = net;
	return true;
}

bool cidr_has(const struct cidr *net, const struct ip *ip)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	if (net->base.family != ip->family || memcmp(net->base.bytes, ip->bytes, whole) != 0)
		return false;
	return rest == 0 || (net->base.bytes[whole] ^ ip->bytes[whole]) >> (8 - rest) == 0;
}
