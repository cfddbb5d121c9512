/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing and writing of PROXY headers; what follows the addresses in version 2 is proxy_tlv.c's. */
#include "proxy/proxy_header.h"

#include <arpa/inet.h>

#include "proxy/proxy_tlv.h"

enum {
	V1_MAX = 107,    /* the longest line, CR LF included */
	V2_FIXED = 16,
	V2_MAX = 4096,   /* addresses and TLVs; a proxy that sends more is broken */
	V2_INET = 12,    /* bytes of an address block of two IPv4 addresses and ports */
	V2_INET6 = 36,
};

static const char signature[12] = "\r\n\r\n\0\r\nQUIT\n";

static bool word(struct str *rest, struct str *out)
{
	ptrdiff_t space = str_find(*rest, ' ');

	*out = space < 0 ? *rest : str_sub(*rest, 0, (size_t)space);
	*rest = space < 0 ? STR("") : str_sub(*rest, (size_t)space + 1, rest->n);
	return out->n > 0;
}

static bool port(struct str *rest, uint16_t *out)
{
	struct str digits;
	uint64_t n;

	if (!word(rest, &digits) || !str_uint(digits, 65535, &n) || (digits.n > 1 && digits.p[0] == '0'))
		return false;
	*out = (uint16_t)n;
	return true;
}

static bool address(struct str *rest, int family, struct ip *out)
{
	struct str text;

	return word(rest, &text) && ip_parse(text, out) && out->family == family;
}

/* PROXY TCP4 source destination sport dport */
static bool version1(struct str line, struct proxy_addresses *out)
{
	struct str proto;
	int family;

	line = str_sub(line, 6, line.n);
	if (!word(&line, &proto))
		return false;
	if (str_eq(proto, STR("UNKNOWN")))
		return true;
	family = str_eq(proto, STR("TCP4")) ? 4 : str_eq(proto, STR("TCP6")) ? 6 : 0;
	out->known = true;
	return family != 0 && address(&line, family, &out->source) && address(&line, family, &out->destination) &&
	       port(&line, &out->source_port) && port(&line, &out->destination_port) && line.n == 0;
}

static enum proxy_header read1(struct buf *in, struct proxy_addresses *out)
{
	struct str s = buf_str(in);
	const char *lf = memchr(s.p, '\n', s.n < V1_MAX ? s.n : V1_MAX);

	if (lf == NULL)
		return s.n >= V1_MAX ? PROXY_HEADER_BAD : PROXY_HEADER_MORE;
	if (lf == s.p || lf[-1] != '\r' || !version1(str_range(s.p, lf - 1), out))
		return PROXY_HEADER_BAD;
	buf_consume(in, (size_t)(lf + 1 - s.p));
	return PROXY_HEADER_DONE;
}

static uint16_t number(const unsigned char *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static bool version2(const unsigned char *p, size_t n, struct proxy_addresses *out)
{
	unsigned command = p[12] & 15, family = p[13] >> 4, each;
	struct str header = { (const char *)p, V2_FIXED + n };

	if (p[12] >> 4 != 2 || command > 1)
		return false;
	if (command == 0 || (family != 1 && family != 2))
		return true; /* LOCAL, or no IP: the proxy itself */
	if ((p[13] & 15) != 1 || n < (family == 1 ? V2_INET : V2_INET6))
		return false;
	each = family == 1 ? 4 : 16;
	p += V2_FIXED;
	out->known = true;
	out->source.family = out->destination.family = family == 1 ? 4 : 6;
	memcpy(out->source.bytes, p, each);
	memcpy(out->destination.bytes, p + each, each);
	out->source = ip_unmap(out->source);
	out->destination = ip_unmap(out->destination);
	out->source_port = number(p + 2 * each);
	out->destination_port = number(p + 2 * each + 2);
	return proxy_tlvs_read(header, str_sub(header, V2_FIXED + 2 * each + 4, header.n), &out->client);
}

static enum proxy_header read2(struct buf *in, struct proxy_addresses *out)
{
	const unsigned char *p = (const unsigned char *)in->p + in->off;
	size_t n;

	if (in->n < V2_FIXED)
		return PROXY_HEADER_MORE;
	n = number(p + 14);
	if (n > V2_MAX)
		return PROXY_HEADER_BAD;
	if (in->n < V2_FIXED + n)
		return PROXY_HEADER_MORE;
	if (!version2(p, n, out))
		return PROXY_HEADER_BAD;
	buf_consume(in, V2_FIXED + n);
	return PROXY_HEADER_DONE;
}

enum proxy_header proxy_header_read(struct buf *in, struct proxy_addresses *out)
{
	struct str s = buf_str(in), one = STR("PROXY ");

	*out = (struct proxy_addresses){ .known = false };
	if (s.n == 0)
		return PROXY_HEADER_MORE;
	if (str_starts(s, one))
		return read1(in, out);
	if (memcmp(s.p, signature, s.n < sizeof(signature) ? s.n : sizeof(signature)) == 0)
		return read2(in, out);
	return str_starts(one, s) ? PROXY_HEADER_MORE : PROXY_HEADER_BAD;
}

/* ---- writing ---- */

/* The bytes of an address, of an IPv4 address as IPv6 if all is wanted as that. */
static void bytes_of(const struct ip *ip, bool six, unsigned char *out)
{
	if (!six || ip->family == 6) {
		memcpy(out, ip->bytes, six ? 16 : 4);
		return;
	}
	memset(out, 0, 10);
	memset(out + 10, 0xff, 2);
	memcpy(out + 12, ip->bytes, 4);
}

static void put_number(unsigned char *p, uint16_t n)
{
	p[0] = (unsigned char)(n >> 8);
	p[1] = (unsigned char)n;
}

static void write2(struct buf *out, const struct proxy_addresses *a, bool six)
{
	unsigned char h[V2_FIXED + V2_INET6] = { 0 };
	size_t each = six ? 16 : 4, n = !a->known ? 0 : six ? V2_INET6 : V2_INET;

	memcpy(h, signature, sizeof(signature));
	h[12] = a->known ? 0x21 : 0x20; /* PROXY, LOCAL */
	h[13] = !a->known ? 0 : six ? 0x21 : 0x11;
	put_number(h + 14, (uint16_t)n);
	if (a->known) {
		bytes_of(&a->source, six, h + V2_FIXED);
		bytes_of(&a->destination, six, h + V2_FIXED + each);
		put_number(h + V2_FIXED + 2 * each, a->source_port);
		put_number(h + V2_FIXED + 2 * each + 2, a->destination_port);
	}
	buf_add(out, (struct str){ (const char *)h, V2_FIXED + n });
}

void proxy_header_write(struct buf *out, int version, const struct proxy_addresses *a)
{
	bool six = a->source.family == 6 || a->destination.family == 6;
	unsigned char bytes[2][16];
	char text[2][INET6_ADDRSTRLEN];
	int family = six ? AF_INET6 : AF_INET;

	if (version == 2) {
		write2(out, a, six);
		return;
	}
	if (!a->known) {
		buf_add(out, STR("PROXY UNKNOWN\r\n"));
		return;
	}
	bytes_of(&a->source, six, bytes[0]);
	bytes_of(&a->destination, six, bytes[1]);
	inet_ntop(family, bytes[0], text[0], sizeof(text[0]));
	inet_ntop(family, bytes[1], text[1], sizeof(text[1]));
	buf_printf(out, "PROXY TCP%c %s %s %u %u\r\n", six ? '6' : '4', text[0], text[1], a->source_port,
		   a->destination_port);
}
