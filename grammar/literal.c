/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unquoted literals. What `10.20` means depends on the type of the field beside it, so the parser keeps the
 * text and the checker reads it here, once it knows. Messages say what is wrong and stand by themselves.
 */
#include "grammar/literal.h"

const char *literal_int(struct str s, int64_t *out)
{
	unsigned base = 10;
	bool minus = false;
	uint64_t value = 0, most;
	size_t i = 0;

	if (s.n && s.p[0] == '-') {
		minus = true;
		i = 1;
		if (s.n > 2 && s.p[1] == '0')
			return "a negative number is decimal and has no leading zero";
	} else if (str_starts(s, STR("0x"))) {
		base = 16;
		i = 2;
	} else if (s.n > 1 && s.p[0] == '0') {
		base = 8;
		i = 1;
	}
	if (i == s.n)
		return "a number has digits";
	most = minus ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
	for (; i < s.n; i++) {
		int digit = ascii_hex(s.p[i]);

		if (digit < 0)
			return "this is not a number";
		if ((unsigned)digit >= base)
			return base == 8 ? "a number that begins with 0 is octal: its digits are 0 to 7"
				: "this is not a number";
		if (value > (most - (unsigned)digit) / base)
			return "a number does not fit 64 bits";
		value = value * base + (unsigned)digit;
	}
	*out = minus ? (int64_t)(0 - value) : (int64_t)value;
	return NULL;
}

const char *literal_bytes(struct arena *a, struct str s, struct str *out)
{
	static const char wrong[] =
		"bytes are written as pairs of hexadecimal digits, two or more, joined by : - or .";
	size_t i;
	char *p;

	if (s.n < 5 || s.n % 3 != 2)
		return wrong;
	for (i = 0; i < s.n; i++) {
		bool separator = s.p[i] == ':' || s.p[i] == '-' || s.p[i] == '.';

		if (i % 3 == 2 ? !separator : ascii_hex(s.p[i]) < 0)
			return wrong;
	}
	if (!(p = arena_alloc(a, s.n / 3 + 1)))
		return "out of memory";
	for (i = 0; i < s.n; i += 3)
		p[i / 3] = (char)(ascii_hex(s.p[i]) << 4 | ascii_hex(s.p[i + 1]));
	*out = (struct str){ p, s.n / 3 + 1 };
	return NULL;
}

const char *literal_ip(struct str s, struct ip *out)
{
	if (ip_parse(s, out))
		return NULL;
	if (str_find(s, '/') >= 0)
		return "a network stands in braces, after in";
	return "this is not an IP address";
}

enum { CIDR_TEXT = 48 };

/* Sets forgive leading zeros in IPv4 addresses (1.1.1.01), three digits at most, decimal all the same. */
static struct str zeros_drop(struct str s, char room[CIDR_TEXT])
{
	size_t i, n = 0, digits = 0;

	if (s.n > CIDR_TEXT || str_find(s, ':') >= 0)
		return s;
	for (i = 0; i < s.n && s.p[i] != '/'; i++) {
		digits = ascii_digit(s.p[i]) ? digits + 1 : 0;
		if (digits > 3)
			return s;
		if (s.p[i] == '0' && (n == 0 || room[n - 1] == '.') && i + 1 < s.n && ascii_digit(s.p[i + 1]))
			continue;
		room[n++] = s.p[i];
	}
	memcpy(room + n, s.p + i, s.n - i);
	return (struct str){ room, n + s.n - i };
}

const char *literal_cidr(struct str s, struct cidr *out)
{
	char room[CIDR_TEXT];
	bool host_bits = false;

	if (cidr_parse(zeros_drop(s, room), out, &host_bits))
		return NULL;
	if (host_bits)
		return "the address has bits set beyond the prefix length";
	return str_find(s, '/') >= 0 ? "this is not a network: address/length, at most 32 or 128"
		: "this is not an IP address";
}

const char *literal_kind(struct str s)
{
	struct cidr net;
	int64_t number;

	if (!literal_int(s, &number))
		return "Integer";
	if (literal_cidr(s, &net))
		return NULL;
	return str_find(s, '/') >= 0 ? "a network" : "IP";
}

/* The two sides of `a..b`; false if there is no `..`. */
static bool range_split(struct str s, struct str *low, struct str *high)
{
	size_t i;

	for (i = 0; i + 1 < s.n; i++)
		if (s.p[i] == '.' && s.p[i + 1] == '.') {
			*low = str_sub(s, 0, i);
			*high = str_sub(s, i + 2, s.n);
			return true;
		}
	return false;
}

const char *literal_int_range(struct str s, int64_t *low, int64_t *high)
{
	struct str a, b;
	const char *wrong;

	if (!range_split(s, &a, &b)) {
		if ((wrong = literal_int(s, low)))
			return wrong;
		*high = *low;
		return NULL;
	}
	if ((wrong = literal_int(a, low)) || (wrong = literal_int(b, high)))
		return wrong;
	return *low > *high ? "a range begins with its smaller end" : NULL;
}

const char *literal_ip_range(struct str s, struct ip *low, struct ip *high)
{
	struct str a, b;
	struct cidr net;
	const char *wrong;
	unsigned i, bits;

	if (!range_split(s, &a, &b)) {
		if ((wrong = literal_cidr(s, &net)))
			return wrong;
		*low = *high = net.base;
		bits = net.base.family == 4 ? 32 : 128;
		for (i = net.bits; i < bits; i++)
			high->bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
		return NULL;
	}
	if ((wrong = literal_ip(a, low)) || (wrong = literal_ip(b, high)))
		return wrong;
	if (low->family != high->family)
		return "the two ends of a range are of one family, IPv4 or IPv6";
	return ip_cmp(low, high) > 0 ? "a range begins with its smaller end" : NULL;
}
