/* SPDX-License-Identifier: Apache-2.0 */
/* The known types are rows of one table; others, which anybody may make up, are passed over. */
#include "proxy/proxy_tlv.h"

#include <stddef.h>
#include <stdlib.h>

#define MEMBER(name) offsetof(struct proxied, name)

enum {
	TYPE_CRC32C = 0x03,
	TYPE_SSL = 0x20,
	HEAD = 3,      /* type, length in two bytes */
	SSL_HEAD = 5,  /* client's bits, result of verification in four bytes */
	SSL_TLS = 1,   /* bits: TLS at all; a certificate on this connection, in its session */
	SSL_CERT = 2 | 4,
};

enum form { TEXT, OPAQUE, CHECKSUM, SSL, NOTHING };

static const struct row {
	unsigned char type;
	bool within_ssl;
	enum form form;
	size_t max, member;
} rows[] = {
	{ 0x01, false, TEXT, 255, MEMBER(alpn) },
	{ 0x02, false, TEXT, 255, MEMBER(authority) },
	{ TYPE_CRC32C, false, CHECKSUM, 4, 0 },
	{ 0x04, false, NOTHING, SIZE_MAX, 0 },
	{ 0x05, false, OPAQUE, 128, MEMBER(unique_id) },
	{ TYPE_SSL, false, SSL, SIZE_MAX, 0 },
	{ 0x21, true, TEXT, 64, MEMBER(tls_version) },
	{ 0x22, true, TEXT, 1024, MEMBER(cn) },
	{ 0x23, true, TEXT, 128, MEMBER(tls_cipher) },
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

static const struct row *row_find(unsigned char type, bool within_ssl)
{
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].type == type && rows[i].within_ssl == within_ssl)
			return &rows[i];
	return NULL;
}

static struct str *member(struct proxied *p, const struct row *row)
{
	return (struct str *)(void *)((char *)p + row->member);
}

static bool is_text(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] < 0x20 || s.p[i] == 0x7f)
			return false;
	return s.n > 0;
}

/* CRC-32C (RFC 3720, appendix B.4) of the header, its own four bytes at `at` taken for zeros. */
static uint32_t checksum(struct str header, const char *at)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < header.n; i++) {
		bool own = header.p + i >= at && header.p + i < at + 4;

		crc ^= own ? 0 : (unsigned char)header.p[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

static uint32_t number(struct str s)
{
	uint32_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n = n << 8 | (unsigned char)s.p[i];
	return n;
}

static bool fields_read(struct str header, struct str fields, bool within_ssl, struct proxied *out);

static bool ssl_read(struct str header, struct str value, struct proxied *out)
{
	unsigned client;

	if (value.n < SSL_HEAD || !fields_read(header, str_sub(value, SSL_HEAD, value.n), true, out))
		return false;
	client = (unsigned char)value.p[0];
	out->tls = (client & SSL_TLS) != 0;
	out->verified = out->tls && (client & SSL_CERT) != 0 && number(str_sub(value, 1, SSL_HEAD)) == 0;
	return true;
}

static bool field_read(struct str header, const struct row *row, struct str value, struct proxied *out)
{
	if (value.n > row->max)
		return false;
	switch (row->form) {
	case TEXT:
		if (!is_text(value))
			return false;
		break;
	case OPAQUE:
		if (value.n == 0)
			return false;
		break;
	case CHECKSUM:
		return value.n == 4 && checksum(header, value.p) == number(value);
	case SSL:
		return ssl_read(header, value, out);
	case NOTHING:
		return true;
	}
	*member(out, row) = value;
	return true;
}

static bool fields_read(struct str header, struct str fields, bool within_ssl, struct proxied *out)
{
	unsigned seen = 0;

	while (fields.n > 0) {
		const struct row *row;
		size_t n;

		if (fields.n < HEAD)
			return false;
		n = number(str_sub(fields, 1, HEAD));
		if (fields.n - HEAD < n)
			return false;
		row = row_find((unsigned char)fields.p[0], within_ssl);
		if (row != NULL) {
			unsigned bit = 1u << (row - rows);

			if ((row->form != NOTHING && (seen & bit) != 0) ||
			    !field_read(header, row, str_sub(fields, HEAD, HEAD + n), out))
				return false;
			seen |= bit;
		}
		fields = str_sub(fields, HEAD + n, fields.n);
	}
	return true;
}

bool proxy_tlvs_read(struct str header, struct str fields, struct proxied *out)
{
	*out = (struct proxied){ .said = false };
	if (!fields_read(header, fields, false, out))
		return false;
	out->said = out->tls;
	for (size_t i = 0; i < ROWS; i++)
		if (rows[i].form <= OPAQUE && member(out, &rows[i])->p != NULL)
			out->said = true;
	return true;
}

struct proxied *proxied_copy(const struct proxied *from)
{
	struct proxied *to, parts = *from;
	size_t n = 0;
	char *at;

	for (size_t i = 0; i < ROWS; i++)
		n += rows[i].form <= OPAQUE ? member(&parts, &rows[i])->n : 0;
	if ((to = malloc(sizeof(*to) + n)) == NULL)
		return NULL;
	*to = *from;
	at = (char *)(to + 1);
	for (size_t i = 0; i < ROWS; i++) {
		struct str *s = member(to, &rows[i]);

		if (rows[i].form > OPAQUE || s->p == NULL)
			continue;
		memcpy(at, s->p, s->n);
		s->p = at;
		at += s->n;
	}
	return to;
}
