/* SPDX-License-Identifier: Apache-2.0 */
/* Distinguished names: reading, printing, comparing. */
#include <stdlib.h>

#include "base/err.h"
#include "mtls/der.h"
#include "mtls/dn.h"
#include "mtls/oid.h"

/* Characters that RFC 2253 escapes wherever they stand; space and # only at an end. */
#define ESCAPED ",+\"\\<>;"

static bool rdn_next(struct der *d, struct dn_attribute *a)
{
	struct der in;

	return der_enter(d, DER_SEQUENCE, &in) && der_take(&in, DER_OID, &a->oid) && a->oid.n > 0 &&
	       der_any(&in, &a->tag, &a->value, &a->whole) && der_end(&in);
}

/* Counts the attributes of a Name and stores them if there is room to (v not NULL). */
static bool name_walk(struct str name, struct dn_attribute *v, size_t *n)
{
	struct der d = der_of(name), rdns, rdn;
	struct dn_attribute a;
	unsigned number = 0;

	*n = 0;
	if (!der_enter(&d, DER_SEQUENCE, &rdns) || !der_end(&d))
		return false;
	for (; !der_end(&rdns); number++) {
		if (!der_enter(&rdns, DER_SET, &rdn) || der_end(&rdn))
			return false;
		while (!der_end(&rdn)) {
			if (!rdn_next(&rdn, &a))
				return false;
			a.rdn = number;
			if (v)
				v[*n] = a;
			++*n;
		}
	}
	return true;
}

bool dn_valid(struct str name)
{
	size_t n;

	return name_walk(name, NULL, &n);
}

int dn_read(struct arena *a, struct str name, struct dn *out)
{
	struct dn_attribute *v;
	size_t n;

	*out = (struct dn){NULL, 0};
	if (!name_walk(name, NULL, &n))
		return -ERR_INVALID;
	if ((v = arena_array(a, n, sizeof(*v))) == NULL)
		return -ERR_NOMEM;
	name_walk(name, v, &n);
	*out = (struct dn){v, n};
	return 0;
}

static void utf8_put(struct buf *b, uint32_t c)
{
	if (c < 0x80) {
		buf_addc(b, (char)c);
	} else if (c < 0x800) {
		buf_addc(b, (char)(0xc0 | c >> 6));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	} else if (c < 0x10000) {
		buf_addc(b, (char)(0xe0 | c >> 12));
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	} else {
		buf_addc(b, (char)(0xf0 | c >> 18));
		buf_addc(b, (char)(0x80 | (c >> 12 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c >> 6 & 0x3f)));
		buf_addc(b, (char)(0x80 | (c & 0x3f)));
	}
}

/* Characters of width bytes each, appended as UTF-8. False if some are none; b may then hold a part. */
static bool wide_text(struct buf *b, struct str s, size_t width)
{
	if (s.n % width)
		return false;
	for (size_t i = 0; i < s.n; i += width) {
		uint32_t c = 0;

		for (size_t k = 0; k < width; k++)
			c = c << 8 | (uint8_t)s.p[i + k];
		if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000))
			return false;
		utf8_put(b, c);
	}
	return true;
}

enum text { TEXT_OK, TEXT_BROKEN, TEXT_NONE };

/* The value as UTF-8. BROKEN: a string type whose bytes are not characters (nothing appended). */
static enum text value_text(struct buf *b, const struct dn_attribute *a)
{
	size_t before = b->n, width = 1;

	switch (a->tag) {
	case DER_UTF8:
	case DER_NUMERIC:
	case DER_PRINTABLE:
	case DER_IA5:
	case DER_VISIBLE:
	case DER_UTC_TIME:
	case DER_GENERALIZED_TIME:
		if (a->tag == DER_UTF8) {
			buf_add(b, a->value);
			return TEXT_OK;
		}
		break; /* bytes over 127 do not belong here; read as Latin-1, as OpenSSL does */
	case DER_T61:
		break;
	case DER_BMP:
		width = 2;
		break;
	case DER_UNIVERSAL:
		width = 4;
		break;
	default:
		return TEXT_NONE;
	}
	if (wide_text(b, a->value, width))
		return TEXT_OK;
	b->n = before;
	return TEXT_BROKEN;
}

bool dn_text(struct buf *b, const struct dn_attribute *a)
{
	enum text kind = value_text(b, a);

	if (kind == TEXT_BROKEN)
		buf_add(b, a->value);
	return kind != TEXT_NONE && !b->failed;
}

static void put_hex(struct buf *b, uint8_t c)
{
	static const char digits[] = "0123456789ABCDEF";

	buf_addc(b, digits[c >> 4]);
	buf_addc(b, digits[c & 15]);
}

static void hex_dump(struct buf *b, struct str s)
{
	buf_addc(b, '#');
	for (size_t i = 0; i < s.n; i++)
		put_hex(b, (uint8_t)s.p[i]);
}

/* One character has only one place: OpenSSL calls a lone one the last, so a lone # stays bare. */
static bool must_escape(struct str s, size_t i)
{
	char c = s.p[i];

	if (c != '\0' && strchr(ESCAPED, c))
		return true;
	if (i + 1 == s.n)
		return c == ' ';
	return i == 0 && (c == ' ' || c == '#');
}

static void escaped(struct buf *b, struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		uint8_t c = (uint8_t)s.p[i];

		if (c < 0x20 || c >= 0x7f) {
			buf_addc(b, '\\');
			put_hex(b, c);
		} else {
			if (must_escape(s, i))
				buf_addc(b, '\\');
			buf_addc(b, (char)c);
		}
	}
}

bool dn_print(struct buf *b, const struct dn *dn)
{
	struct buf text = BUF_INIT;
	bool good;

	for (size_t i = dn->n; i-- > 0;) {
		const struct dn_attribute *a = &dn->v[i];
		const char *name = oid_attribute(a->oid);

		if (i + 1 < dn->n)
			buf_addc(b, a->rdn == a[1].rdn ? '+' : ',');
		if (name)
			buf_add(b, str_of(name));
		else if (!oid_print(b, a->oid))
			hex_dump(b, a->oid);
		buf_addc(b, '=');
		buf_clear(&text);
		if (name && value_text(&text, a) == TEXT_OK)
			escaped(b, buf_str(&text));
		else
			hex_dump(b, a->whole);
	}
	good = !b->failed && !text.failed;
	buf_fini(&text);
	return good;
}

bool dn_print_legacy(struct buf *b, const struct dn *dn)
{
	for (size_t i = 0; i < dn->n; i++) {
		const struct dn_attribute *a = &dn->v[i];
		const char *name = oid_attribute(a->oid);
		struct str s = a->tag == DER_BIT_STRING ? str_sub(a->value, 1, a->value.n) : a->value;

		buf_addc(b, i > 0 && a->rdn == a[-1].rdn ? '+' : '/');
		if (name)
			buf_add(b, str_of(name));
		else if (!oid_print(b, a->oid))
			hex_dump(b, a->oid);
		buf_addc(b, '=');
		for (size_t k = 0; k < s.n; k++) {
			uint8_t c = (uint8_t)s.p[k];

			if (c < 0x20 || c > 0x7e) {
				buf_add(b, STR("\\x"));
				put_hex(b, c);
			} else {
				if (c == '/' || c == '+')
					buf_addc(b, '\\');
				buf_addc(b, (char)c);
			}
		}
	}
	return !b->failed;
}

static bool space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static void folded(struct buf *b, struct str s)
{
	bool gap = false, any = false;

	for (size_t i = 0; i < s.n; i++) {
		if (space(s.p[i])) {
			gap = any;
			continue;
		}
		if (gap)
			buf_addc(b, ' ');
		gap = false;
		any = true;
		buf_addc(b, ascii_lower(s.p[i]));
	}
}

static void put_length(struct buf *b, size_t n)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		buf_addc(b, (char)(n >> shift & 0xff));
}

static void canonical_attribute(struct buf *b, struct buf *text, const struct dn_attribute *a)
{
	put_length(b, a->oid.n);
	buf_add(b, a->oid);
	buf_clear(text);
	if (value_text(text, a) == TEXT_OK) {
		buf_addc(b, 's');
		folded(b, buf_str(text));
	} else {
		buf_addc(b, 'r');
		buf_add(b, a->whole);
	}
}

static int compare(const void *a, const void *b)
{
	return str_cmp(*(const struct str *)a, *(const struct str *)b);
}

/* More attributes in one RDN than anybody uses; a bound for the sorting. */
enum { RDN_MAX = 32 };

int dn_canonical(struct buf *b, const struct dn *dn)
{
	struct buf text = BUF_INIT, parts[RDN_MAX];
	struct str sorted[RDN_MAX];
	size_t from = 0, made = 0;
	int rc = -ERR_INVALID;

	while (from < dn->n) {
		size_t n = 1, total = 0;

		while (from + n < dn->n && dn->v[from + n].rdn == dn->v[from].rdn)
			n++;
		if (n > RDN_MAX)
			goto done;
		for (size_t i = 0; i < n; i++) {
			if (made <= i)
				parts[made++] = (struct buf)BUF_INIT;
			buf_clear(&parts[i]);
			canonical_attribute(&parts[i], &text, &dn->v[from + i]);
			sorted[i] = buf_str(&parts[i]);
			total += 4 + sorted[i].n;
			b->failed |= parts[i].failed;
		}
		qsort(sorted, n, sizeof(sorted[0]), compare);
		put_length(b, total);
		for (size_t i = 0; i < n; i++) {
			put_length(b, sorted[i].n);
			buf_add(b, sorted[i]);
		}
		from += n;
	}
	rc = b->failed || text.failed ? -ERR_NOMEM : 0;
done:
	buf_fini(&text);
	for (size_t i = 0; i < made; i++)
		buf_fini(&parts[i]);
	return rc;
}
