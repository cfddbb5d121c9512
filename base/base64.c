/* SPDX-License-Identifier: Apache-2.0 */
/* Base64, table-driven. */
#include "base/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { SPACE = 64, PAD = 65, BAD = 66 };

static unsigned value_of(unsigned char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26u;
	if (c >= '0' && c <= '9')
		return c - '0' + 52u;
	switch (c) {
	case '+':
		return 62;
	case '/':
		return 63;
	case '=':
		return PAD;
	case ' ':
	case '\t':
	case '\r':
	case '\n':
		return SPACE;
	default:
		return BAD;
	}
}

void base64_encode(struct str s, char *out)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t i;

	for (i = 0; i + 2 < s.n; i += 3) {
		uint32_t w = (uint32_t)p[i] << 16 | (uint32_t)p[i + 1] << 8 | p[i + 2];

		*out++ = digits[w >> 18];
		*out++ = digits[w >> 12 & 63];
		*out++ = digits[w >> 6 & 63];
		*out++ = digits[w & 63];
	}
	if (i < s.n) {
		uint32_t w = (uint32_t)p[i] << 16 | (i + 1 < s.n ? (uint32_t)p[i + 1] << 8 : 0);

		*out++ = digits[w >> 18];
		*out++ = digits[w >> 12 & 63];
		*out++ = i + 1 < s.n ? digits[w >> 6 & 63] : '=';
		*out++ = '=';
	}
}

bool base64_decode(struct str s, uint8_t *out, size_t *n)
{
	uint32_t word = 0;
	unsigned have = 0, pads = 0;
	uint8_t *at = out;

	*n = 0;
	for (size_t i = 0; i < s.n; i++) {
		unsigned v = value_of((unsigned char)s.p[i]);

		if (v == SPACE)
			continue;
		if (v == BAD || (v != PAD && pads))
			return false;
		if (v == PAD) {
			if (++pads > 2 || have + pads > 4 || have < 2)
				return false;
			continue;
		}
		word = word << 6 | v;
		if (++have < 4)
			continue;
		*at++ = (uint8_t)(word >> 16);
		*at++ = (uint8_t)(word >> 8);
		*at++ = (uint8_t)word;
		word = 0;
		have = 0;
	}
	if (have == 0 && pads)
		return false;
	if (have != 0) {
		if (have + pads != 4)
			return false;
		word <<= 6 * pads;
		if (pads == 2 ? word & 0xffff : word & 0xff)
			return false;
		*at++ = (uint8_t)(word >> 16);
		if (pads == 1)
			*at++ = (uint8_t)(word >> 8);
	}
	*n = (size_t)(at - out);
	return true;
}
