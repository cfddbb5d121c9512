/* SPDX-License-Identifier: Apache-2.0 */
/* Six bits at a time. */
#include "engine/base64_text.h"

static int six_bits(char c, bool url)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (ascii_digit(c))
		return c - '0' + 52;
	if (c == (url ? '-' : '+'))
		return 62;
	return c == (url ? '_' : '/') ? 63 : -1;
}

bool base64_text_decode(struct str s, bool url, char *to, size_t *n)
{
	size_t padding = 0;
	uint32_t group = 0;

	while (padding < 2 && s.n > 0 && s.p[s.n - 1] == '=') {
		s.n--;
		padding++;
	}
	if (s.n % 4 == 1 || (padding > 0 && (s.n + padding) % 4 != 0))
		return false;
	*n = 0;
	for (size_t i = 0; i < s.n; i++) {
		int six = six_bits(s.p[i], url);

		if (six < 0)
			return false;
		group = group << 6 | (uint32_t)six;
		if (i % 4 == 1)
			to[(*n)++] = (char)(group >> 4);
		else if (i % 4 == 2)
			to[(*n)++] = (char)(group >> 2);
		else if (i % 4 == 3)
			to[(*n)++] = (char)group;
	}
	return true; /* bits behind the last byte do not count: origins decode such texts too */
}
