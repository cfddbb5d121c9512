/* SPDX-License-Identifier: Apache-2.0 */
/* Base64, table-driven. */
#include "base/base64.h"

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

enum { SP = 64, PD, NO }; /* white space, padding, anything else */

static const uint8_t values[256] = {
    NO, NO, NO, NO, NO, NO, NO, NO, NO, SP, SP, NO, NO, SP, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, SP, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, 62, NO, NO, NO, 63, 52, 53, 54, 55,
    56, 57, 58, 59, 60, 61, NO, NO, NO, PD, NO, NO, NO, 0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12,
    13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, NO, NO, NO, NO, NO, NO, 26, 27, 28, 29, 30, 31, 32,
    33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
    NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO, NO,
};

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
		unsigned v = values[(unsigned char)s.p[i]];

		if (v == SP)
			continue;
		if (v == NO || (v != PD && pads))
			return false;
		if (v == PD) {
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
