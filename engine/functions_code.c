/* SPDX-License-Identifier: Apache-2.0 */
/* Base64, digests and what is made from them. */
#include "engine/functions.h"

#include "engine/base64_text.h"

#include "mtls/inspect.h"

/* ---- base64 ------------------------------------------------------------------------------------------- */

enum { CODE_URL = 1, CODE_PADDED = 2 };

bool prepare_encode_base64(struct prepare *p)
{
	return prepare_flags(p, 1, "up");
}

void run_encode_base64(struct call *c, const struct value *args, size_t n, struct value *out)
{
	static const char common[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
	unsigned flags = c->prepared != NULL ? *(const unsigned *)c->prepared : 0;
	struct str s = args[0].s;
	char *p = call_bytes(c, (s.n + 2) / 3 * 4);
	size_t used = 0;

	(void)n;
	if (p == NULL)
		return;
	for (size_t i = 0; i < s.n; i += 3) {
		uint32_t group = (uint32_t)(unsigned char)s.p[i] << 16;
		size_t left = s.n - i < 3 ? s.n - i : 3;

		if (left > 1)
			group |= (uint32_t)(unsigned char)s.p[i + 1] << 8;
		if (left > 2)
			group |= (unsigned char)s.p[i + 2];
		for (size_t j = 0; j < 4; j++) {
			unsigned six = group >> (18 - 6 * j) & 63;

			if (j <= left)
				p[used++] = six < 62             ? common[six]
				            : six == 62          ? ((flags & CODE_URL) ? '-' : '+')
				            : (flags & CODE_URL) ? '_'
				                                 : '/';
			else if ((flags & CODE_PADDED) != 0)
				p[used++] = '=';
		}
	}
	give_bytes(out, p, used);
}

void run_decode_base64(struct call *c, const struct value *args, size_t n, struct value *out)
{
	struct str s = args[0].s;
	char *p = call_bytes(c, (s.n + 3) / 4 * 3);
	size_t used;

	(void)n;
	if (p != NULL && base64_text_decode(s, false, p, &used))
		give_bytes(out, p, used);
}

/* ---- digests ------------------------------------------------------------------------------------------ */

void run_sha256(struct call *c, const struct value *args, size_t n, struct value *out)
{
	char *p = call_bytes(c, 32);

	(void)n;
	if (p == NULL)
		return;
	digest_sha256(args[0].s, (uint8_t *)p);
	give_bytes(out, p, 32);
}

bool prepare_hash_in_range(struct prepare *p)
{
	if (p->args[0].missing || p->args[1].missing || p->args[0].i < p->args[1].i)
		return true;
	diag_add(p->d, U1005, span_join(p->ast[0]->span, p->ast[1]->span),
	         "the range of hash_in_range ends at or below its beginning");
	return false;
}

static void number_put(uint8_t out[8], uint64_t v)
{
	for (int i = 0; i < 8; i++)
		out[i] = (uint8_t)(v >> (56 - 8 * i));
}

/* SHA-256 over every value with its type and length before it, so that no two lists of values look alike. */
void run_hash_in_range(struct call *c, const struct value *args, size_t n, struct value *out)
{
	uint64_t span = (uint64_t)args[1].i - (uint64_t)args[0].i, hash = 0;
	uint8_t digest[32], *p;
	size_t total = 0, used = 0;

	if (args[0].i >= args[1].i)
		return;
	for (size_t i = 2; i < n; i++)
		total += 9 + (args[i].type == TYPE_BYTES ? args[i].s.n : 17);
	if ((p = (uint8_t *)call_bytes(c, total)) == NULL)
		return;
	for (size_t i = 2; i < n; i++) {
		const struct value *v = &args[i];
		uint8_t number[8], *head = p + used;
		struct str s = v->s;

		if (v->type == TYPE_IP) {
			s = (struct str){(const char *)v->ip->bytes, v->ip->family == 4 ? 4 : 16};
		} else if (v->type != TYPE_BYTES) {
			number_put(number, v->type == TYPE_INT ? (uint64_t)v->i : v->b);
			s = (struct str){(const char *)number, 8};
		}
		head[0] = v->type;
		number_put(head + 1, s.n);
		if (s.n > 0)
			memcpy(head + 9, s.p, s.n);
		used += 9 + s.n;
	}
	digest_sha256((struct str){(const char *)p, used}, digest);
	for (int i = 0; i < 8; i++)
		hash = hash << 8 | digest[i];
	give_int(out, (int64_t)((uint64_t)args[0].i + hash % span));
}

void run_uuidv4(struct call *c, const struct value *args, size_t n, struct value *out)
{
	static const char hex[] = "0123456789abcdef";
	struct str s = args[0].s;
	char *p;
	size_t used = 0;

	(void)n;
	if (s.n < 16 || (p = call_bytes(c, 36)) == NULL)
		return;
	for (size_t i = 0; i < 16; i++) {
		unsigned byte = (unsigned char)s.p[i];

		if (i == 6)
			byte = (byte & 0x0F) | 0x40;
		else if (i == 8)
			byte = (byte & 0x3F) | 0x80;
		if (i == 4 || i == 6 || i == 8 || i == 10)
			p[used++] = '-';
		p[used++] = hex[byte >> 4];
		p[used++] = hex[byte & 15];
	}
	give_bytes(out, p, used);
}

/* ---- is_timed_hmac_valid_v0 --------------------------------------------------------------------------- */

enum { STAMP = 10, MAC_LEAST = 43, MAC_MOST = 44 * 3 };

bool prepare_is_timed_hmac_valid_v0(struct prepare *p)
{
	return prepare_flags(p, 5, "s") && prepare_int(p, 4, 0, 1024, "the length of the separator");
}

/* Where the last "DDDDDDDDDD-" stands that leaves room for a MAC; -1 without one. */
static ptrdiff_t stamp_find(struct str s)
{
	for (size_t dash = s.n > MAC_LEAST ? s.n - MAC_LEAST - 1 : 0; dash >= STAMP; dash--) {
		size_t i = 0;

		if (s.p[dash] != '-')
			continue;
		while (i < STAMP && ascii_digit(s.p[dash - STAMP + i]))
			i++;
		if (i == STAMP)
			return (ptrdiff_t)(dash - STAMP);
	}
	return -1;
}

static bool mac_decode(struct str s, bool url, uint8_t out[32])
{
	char text[MAC_MOST], bytes[MAC_MOST];
	size_t n = 0, used;

	if (s.n > sizeof(text))
		return false;
	for (size_t i = 0; i < s.n; i++) {
		bool escaped = !url && s.p[i] == '%' && i + 2 < s.n && ascii_hex(s.p[i + 1]) >= 0 &&
		               ascii_hex(s.p[i + 2]) >= 0;

		text[n++] = escaped ? (char)(ascii_hex(s.p[i + 1]) << 4 | ascii_hex(s.p[i + 2])) : s.p[i];
		i += escaped ? 2 : 0;
	}
	if ((url && memchr(text, '=', n) != NULL) || !base64_text_decode((struct str){text, n}, url, bytes, &used) ||
	    used != 32)
		return false;
	memcpy(out, bytes, 32);
	return true;
}

void run_is_timed_hmac_valid_v0(struct call *c, const struct value *args, size_t n, struct value *out)
{
	unsigned flags = c->prepared != NULL ? *(const unsigned *)c->prepared : 0;
	struct str s = args[1].s;
	size_t separator = n > 4 ? (size_t)args[4].i : 0, length;
	int64_t stamp = 0, until;
	uint8_t mine[32], theirs[32], differ = 0;
	ptrdiff_t at = stamp_find(s);
	char *p;

	give_bool(out, false);
	if (at < 0 || (size_t)at <= separator)
		return;
	if (!mac_decode(str_sub(s, (size_t)at + STAMP + 1, s.n), flags != 0, theirs))
		return;
	length = (size_t)at - separator;
	if ((p = call_bytes(c, length + STAMP)) == NULL)
		return;
	memcpy(p, s.p, length);
	memcpy(p + length, s.p + at, STAMP);
	digest_hmac_sha256(args[0].s, (struct str){p, length + STAMP}, mine);
	for (int i = 0; i < 32; i++)
		differ |= mine[i] ^ theirs[i];
	for (int i = 0; i < STAMP; i++)
		stamp = stamp * 10 + (s.p[at + i] - '0');
	if (__builtin_add_overflow(stamp, args[2].i, &until))
		until = args[2].i > 0 ? INT64_MAX : INT64_MIN;
	give_bool(out, differ == 0 && args[3].i < until);
}
