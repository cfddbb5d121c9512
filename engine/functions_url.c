/* SPDX-License-Identifier: Apache-2.0 */
/* Functions over what arrives in URLs, and over addresses. */
#include "engine/functions.h"

#include "base/limits.h"

/* ---- url_decode --------------------------------------------------------------------------------------- */

enum { DECODE_REPEAT = 1, DECODE_UNICODE = 2 };

bool prepare_url_decode(struct prepare *p)
{
	return prepare_flags(p, 1, "ru");
}

static int hex4(const char *p)
{
	int value = 0;

	for (int i = 0; i < 4; i++) {
		if (ascii_hex(p[i]) < 0)
			return -1;
		value = value << 4 | ascii_hex(p[i]);
	}
	return value;
}

static size_t utf8(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xC0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3F));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xE0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3F));
		out[2] = (char)(0x80 | (c & 0x3F));
		return 3;
	}
	out[0] = (char)(0xF0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3F));
	out[2] = (char)(0x80 | (c >> 6 & 0x3F));
	out[3] = (char)(0x80 | (c & 0x3F));
	return 4;
}

/* What the n bytes at p stand for, if they begin with an escape: its length, and the decoded bytes. 0: no
 * escape. */
static size_t escape(const char *p, size_t n, unsigned flags, char out[4], size_t *len)
{
	int c, low;

	if (n >= 1 && p[0] == '+') {
		out[0] = ' ';
		*len = 1;
		return 1;
	}
	if (n >= 3 && p[0] == '%' && ascii_hex(p[1]) >= 0 && ascii_hex(p[2]) >= 0) {
		out[0] = (char)(ascii_hex(p[1]) << 4 | ascii_hex(p[2]));
		*len = 1;
		return 3;
	}
	if ((flags & DECODE_UNICODE) == 0 || n < 6 || p[0] != '%' || (p[1] != 'u' && p[1] != 'U') ||
	    (c = hex4(p + 2)) < 0)
		return 0;
	if (c < 0xD800 || c > 0xDFFF) {
		*len = utf8((uint32_t)c, out);
		return 6;
	}
	if (c < 0xDC00 && n >= 12 && p[6] == '%' && (p[7] == 'u' || p[7] == 'U') &&
	    (low = hex4(p + 8)) >= 0xDC00 && low <= 0xDFFF) {
		*len = utf8(0x10000 + ((uint32_t)(c - 0xD800) << 10) + (uint32_t)(low - 0xDC00), out);
		return 12;
	}
	return 0;
}

/* Once from left to right. */
static size_t decode(struct str s, unsigned flags, char *to)
{
	size_t n = 0, used, len;

	for (size_t i = 0; i < s.n; i += used) {
		char bytes[4];

		used = escape(s.p + i, s.n - i, flags, bytes, &len);
		if (used == 0) {
			to[n++] = s.p[i];
			used = 1;
			continue;
		}
		memcpy(to + n, bytes, len);
		n += len;
	}
	return n;
}

/* Until nothing changes. Escapes never overlap, so the order does not matter; the end of what is written is
 * looked at after every byte, which costs one pass however deep the text is encoded. */
static size_t decode_all(struct str s, unsigned flags, char *to)
{
	static const size_t lengths[] = {1, 3, 6, 12};
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		bool again = true;

		to[n++] = s.p[i];
		while (again && n > 0) {
			again = false;
			for (size_t j = 0; j < sizeof(lengths) / sizeof(*lengths) && !again; j++) {
				char bytes[4];
				size_t len;

				if (lengths[j] > n ||
				    escape(to + n - lengths[j], lengths[j], flags, bytes, &len) != lengths[j])
					continue;
				n -= lengths[j];
				memcpy(to + n, bytes, len);
				n += len;
				again = true;
			}
		}
	}
	return n;
}

void run_url_decode(struct call *c, const struct value *args, size_t n, struct value *out)
{
	unsigned flags = c->prepared != NULL ? *(const unsigned *)c->prepared : 0;
	struct str s = args[0].s;
	char *p;

	(void)n;
	if (str_find(s, '%') < 0 && str_find(s, '+') < 0) {
		give_bytes(out, s.p, s.n);
		return;
	}
	if ((p = call_bytes(c, s.n)) == NULL)
		return;
	give_bytes(out, p, (flags & DECODE_REPEAT) != 0 ? decode_all(s, flags, p) : decode(s, flags, p));
}

/* ---- remove_query_args -------------------------------------------------------------------------------- */

void run_remove_query_args(struct call *c, const struct value *args, size_t n, struct value *out)
{
	struct str rest = args[0].s;
	char *p = call_bytes(c, rest.n);
	size_t used = 0;
	bool first = true, more = rest.n > 0;

	if (p == NULL)
		return;
	while (more) {
		ptrdiff_t end = str_find(rest, '&'), equals;
		struct str arg = str_sub(rest, 0, end < 0 ? rest.n : (size_t)end), name;
		bool drop = false;

		more = end >= 0;
		rest = str_sub(rest, arg.n + 1, rest.n);
		equals = str_find(arg, '=');
		name = str_sub(arg, 0, equals < 0 ? arg.n : (size_t)equals);
		for (size_t i = 1; i < n && !drop; i++)
			drop = str_eq(name, args[i].s);
		if (drop)
			continue;
		if (!first)
			p[used++] = '&';
		first = false;
		if (arg.n > 0)
			memcpy(p + used, arg.p, arg.n);
		used += arg.n;
	}
	give_bytes(out, p, used);
}

/* ---- addresses ---------------------------------------------------------------------------------------- */

bool prepare_cidr(struct prepare *p)
{
	return prepare_int(p, 1, 1, 32, "the prefix length of an IPv4 network") &&
	       prepare_int(p, 2, 1, 128, "the prefix length of an IPv6 network");
}

bool prepare_cidr6(struct prepare *p)
{
	return prepare_int(p, 1, 1, 128, "the prefix length of an IPv6 network");
}

static void network(struct call *c, const struct ip *ip, int64_t v4, int64_t v6, struct value *out)
{
	int64_t bits = ip->family == 4 ? v4 : v6;
	struct ip *net;

	if (v4 < 1 || v4 > 32 || v6 < 1 || v6 > 128)
		return; /* computed lengths that are none: no answer */
	if ((net = (struct ip *)call_bytes(c, sizeof(*net))) == NULL)
		return;
	*net = ip_mask(*ip, (unsigned)bits);
	out->ip = net;
	out->missing = 0;
}

void run_cidr(struct call *c, const struct value *args, size_t n, struct value *out)
{
	(void)n;
	network(c, args[0].ip, args[1].i, args[2].i, out);
}

void run_cidr6(struct call *c, const struct value *args, size_t n, struct value *out)
{
	(void)n;
	network(c, args[0].ip, 32, args[1].i, out);
}
