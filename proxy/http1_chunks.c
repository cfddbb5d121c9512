/* SPDX-License-Identifier: Apache-2.0 */
/*
 *     chunk     = 1*HEXDIG *( BWS ";" BWS token [ BWS "=" BWS ( token / quoted-string ) ] ) CRLF data CRLF
 *
 * One state for each place in that line; a byte leads from one to the next or is a fault.
 */
#include "proxy/http1_chunks.h"

#include "headers/lines.h"

/* Leading zeros and extensions beyond what content has paid for, a byte for a byte. */
enum { OVERHEAD = 1024 };

enum state {
	SIZE_FIRST,   /* the first digit */
	SIZE,         /* another one, or what ends them */
	EXT_END,      /* white space behind a size or a value: only ';' may follow */
	EXT_START,    /* behind ';' */
	EXT_NAME,
	EXT_NAMED,    /* white space behind a name: '=' or ';' */
	EXT_EQUALS,   /* behind '=' */
	EXT_TOKEN,
	EXT_QUOTED,
	EXT_ESCAPED,  /* behind a backslash in quotes */
	EXT_UNQUOTED, /* behind the closing quote */
	SIZE_LF,      /* behind the CR of a chunk's first line */
	DATA,
	DATA_CR,
	DATA_LF,
	LAST,
	BAD,
};

static bool is_space(char c)
{
	return c == ' ' || c == '\t';
}

/* What ends an element of the line. */
static enum state after_element(char c, enum state spaced)
{
	return c == '\r' ? SIZE_LF : c == ';' ? EXT_START : is_space(c) ? spaced : BAD;
}

/* Text in quotes: qdtext, or behind a backslash, both without controls (RFC 9110, section 5.6.4). */
static bool quotable(char c)
{
	return c == '\t' || ((unsigned char)c >= 0x20 && c != 0x7f);
}

static enum state digit(struct http1_chunks *c, char byte)
{
	int value = ascii_hex(byte);

	if (value < 0 || c->left > (uint64_t)INT64_MAX >> 4)
		return BAD;
	if (c->left == 0 && c->state == SIZE)
		c->overhead++;
	c->left = c->left << 4 | (uint64_t)value;
	return SIZE;
}

static enum state size_end(const struct http1_chunks *c, char byte)
{
	return byte != '\n' ? BAD : c->left > 0 ? DATA : LAST;
}

static enum state next_state(struct http1_chunks *c, char byte)
{
	switch (c->state) {
	case SIZE_FIRST:
		c->left = 0;
		return digit(c, byte);
	case SIZE:
		return ascii_hex(byte) >= 0 ? digit(c, byte) : after_element(byte, EXT_END);
	case EXT_END:
		return byte == ';' ? EXT_START : is_space(byte) ? EXT_END : BAD;
	case EXT_START:
		return char_token(byte) ? EXT_NAME : is_space(byte) ? EXT_START : BAD;
	case EXT_NAME:
		return char_token(byte) ? EXT_NAME : byte == '=' ? EXT_EQUALS : after_element(byte, EXT_NAMED);
	case EXT_NAMED:
		return byte == '=' ? EXT_EQUALS : byte == ';' ? EXT_START : is_space(byte) ? EXT_NAMED : BAD;
	case EXT_EQUALS:
		return byte == '"' ? EXT_QUOTED : char_token(byte) ? EXT_TOKEN : is_space(byte) ? EXT_EQUALS : BAD;
	case EXT_TOKEN:
		return char_token(byte) ? EXT_TOKEN : after_element(byte, EXT_END);
	case EXT_QUOTED:
		return byte == '"' ? EXT_UNQUOTED : byte == '\\' ? EXT_ESCAPED : quotable(byte) ? EXT_QUOTED : BAD;
	case EXT_ESCAPED:
		return quotable(byte) ? EXT_QUOTED : BAD;
	case EXT_UNQUOTED:
		return after_element(byte, EXT_END);
	case SIZE_LF:
		return size_end(c, byte);
	case DATA_CR:
		return byte == '\r' ? DATA_LF : BAD;
	case DATA_LF:
		return byte == '\n' ? SIZE_FIRST : BAD;
	default:
		return BAD;
	}
}

/* What a byte that may not stand there is called. */
static enum reject fault_of_byte(unsigned state, char byte)
{
	switch (state) {
	case DATA_CR:
	case DATA_LF:
		return REJECT_CHUNK_END;
	case SIZE_FIRST:
	case SIZE:
		return byte == '\n' ? REJECT_LINE_END : REJECT_CHUNK_SIZE;
	case SIZE_LF:
		return REJECT_LINE_END;
	default:
		return byte == '\n' ? REJECT_LINE_END : REJECT_CHUNK_EXTENSION;
	}
}

static struct str take_data(struct http1_chunks *c, struct buf *in)
{
	size_t n = c->left < in->n ? (size_t)c->left : in->n;
	struct str piece = str_sub(buf_str(in), 0, n);

	c->left -= n;
	c->overhead -= c->overhead < n ? c->overhead : n;
	if (c->left == 0)
		c->state = DATA_CR;
	buf_consume(in, n);
	return piece;
}

enum http1_chunk http1_chunk_next(struct http1_chunks *c, struct buf *in, struct str *piece, enum reject *fault)
{
	struct str s = buf_str(in);
	size_t i;

	for (i = 0; i < s.n && c->state != DATA && c->state != LAST; i++) {
		enum state next = next_state(c, s.p[i]);

		c->overhead += next > SIZE && next < SIZE_LF;
		if (next == BAD || c->overhead > OVERHEAD) {
			*fault = fault_of_byte(c->state, s.p[i]);
			return CHUNK_FAULT;
		}
		c->state = next;
	}
	buf_consume(in, i);
	if (c->state == LAST)
		return CHUNK_LAST;
	if (c->state != DATA || in->n == 0)
		return CHUNK_MORE;
	*piece = take_data(c, in);
	return CHUNK_PIECE;
}
