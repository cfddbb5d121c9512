/* SPDX-License-Identifier: Apache-2.0 */
/* Growing byte buffers. Live bytes move to the front only when room is needed, so consuming costs nothing. */
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

enum { FIRST_SIZE = 256 };

void buf_fini(struct buf *b)
{
	if (!b->lent)
		free(b->p);
	*b = (struct buf)BUF_INIT;
}

void buf_clear(struct buf *b)
{
	b->off = b->n = 0;
}

bool buf_grow(struct buf *b, size_t n)
{
	size_t need, size;
	char *p;

	if (b->failed)
		return false;
	if (__builtin_add_overflow(b->n, n, &need) || need > SIZE_MAX / 2)
		goto fail;
	if (need <= b->size && b->off >= b->n) {
		memcpy(b->p, b->p + b->off, b->n);
		b->off = 0;
		return true;
	}
	for (size = b->size ? b->size : FIRST_SIZE; size < need; size *= 2)
		;
	if (!(p = malloc(size)))
		goto fail;
	if (b->n)
		memcpy(p, b->p + b->off, b->n);
	if (!b->lent)
		free(b->p);
	b->lent = false;
	b->p = p;
	b->off = 0;
	b->size = size;
	return true;
fail:
	b->failed = true;
	return false;
}

bool buf_addi(struct buf *b, int64_t n)
{
	char digits[20], *p = digits + sizeof(digits);
	uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (n < 0)
		*--p = '-';
	return buf_add(b, str_range(p, digits + sizeof(digits)));
}

bool buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
	va_list again;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0 || !buf_reserve(b, (size_t)n + 1)) {
		b->failed = true;
		return false;
	}
	vsnprintf(b->p + b->off + b->n, (size_t)n + 1, fmt, ap);
	b->n += (size_t)n;
	return true;
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	bool ok;

	va_start(ap, fmt);
	ok = buf_vprintf(b, fmt, ap);
	va_end(ap);
	return ok;
}

/* How many bytes the UTF-8 sequence at s takes (RFC 3629: no overlong forms, no surrogates, up to U+10FFFF),
 * or 0 if it is none. */
static size_t utf8_length(struct str s)
{
	unsigned char c = (unsigned char)s.p[0];
	unsigned char low = 0x80, high = 0xbf;
	size_t n, i;

	if (c < 0x80)
		return 1;
	if (c < 0xc2 || c > 0xf4)
		return 0;
	n = c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
	if (s.n < n)
		return 0;
	if (c == 0xe0)
		low = 0xa0;
	else if (c == 0xed)
		high = 0x9f;
	else if (c == 0xf0)
		low = 0x90;
	else if (c == 0xf4)
		high = 0x8f;
	for (i = 1; i < n; i++) {
		unsigned char d = (unsigned char)s.p[i];

		if (d < low || d > high)
			return 0;
		low = 0x80;
		high = 0xbf;
	}
	return n;
}

static void json_piece(struct buf *b, struct str piece)
{
	unsigned char c = (unsigned char)piece.p[0];

	if (piece.n > 1)
		buf_add(b, piece);
	else if (c == '"' || c == '\\')
		buf_add(b, (struct str){(char[]){'\\', (char)c}, 2});
	else if (c == '\n')
		buf_add(b, STR("\\n"));
	else if (c == '\r')
		buf_add(b, STR("\\r"));
	else if (c == '\t')
		buf_add(b, STR("\\t"));
	else if (c < 0x20 || c >= 0x7f)
		buf_printf(b, "\\u%04x", c);
	else
		buf_addc(b, (char)c);
}

/* Whether one of eight bytes is zero. */
static uint64_t has_zero(uint64_t word)
{
	return (word - STR_EIGHT(0x01)) & ~word;
}

/* Leading bytes that stand for themselves in a JSON string. */
static size_t plain_length(struct str s)
{
	size_t i;

	for (i = 0; i + 8 <= s.n; i += 8) {
		uint64_t word;

		memcpy(&word, s.p + i, 8);
		if (((((word - STR_EIGHT(0x20)) & ~word) | word | has_zero(word ^ STR_EIGHT(0x7f)) | has_zero(word ^ STR_EIGHT('"')) |
		      has_zero(word ^ STR_EIGHT('\\'))) & STR_EIGHT(0x80)) != 0)
			break;
	}
	for (; i < s.n; i++)
		if (s.p[i] < 0x20 || s.p[i] == 0x7f || s.p[i] == '"' || s.p[i] == '\\')
			break;
	return i;
}

bool buf_json(struct buf *b, struct str s)
{
	buf_reserve(b, s.n + 2);
	buf_addc(b, '"');
	while (s.n) {
		size_t n = plain_length(s);

		if (n) {
			buf_add(b, str_sub(s, 0, n));
			s = str_sub(s, n, s.n);
			continue;
		}
		n = utf8_length(s);
		n = n ? n : 1;
		json_piece(b, str_sub(s, 0, n));
		s = str_sub(s, n, s.n);
	}
	return buf_addc(b, '"');
}

void buf_consume(struct buf *b, size_t n)
{
	if (n >= b->n) {
		buf_clear(b);
		return;
	}
	b->off += n;
	b->n -= n;
}
