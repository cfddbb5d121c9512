/* SPDX-License-Identifier: Apache-2.0 */
/* Writing DER by hand. */
#include <assert.h>

#include "mtls/der.h"
#include "tests/unit/der_write.h"

struct str der_join(struct arena *a, struct str x, struct str y)
{
	struct str parts[] = {x, y};

	return arena_concat(a, parts, 2);
}

struct str der_put(struct arena *a, unsigned tag, struct str value)
{
	char head[5] = {(char)tag};
	size_t n = 1;

	if (value.n < 0x80) {
		head[n++] = (char)value.n;
	} else if (value.n < 0x100) {
		head[n++] = (char)0x81;
		head[n++] = (char)value.n;
	} else if (value.n < 0x10000) {
		head[n++] = (char)0x82;
		head[n++] = (char)(value.n >> 8);
		head[n++] = (char)value.n;
	} else {
		assert(value.n < 0x1000000);
		head[n++] = (char)0x83;
		head[n++] = (char)(value.n >> 16);
		head[n++] = (char)(value.n >> 8);
		head[n++] = (char)value.n;
	}
	return der_join(a, (struct str){head, n}, value);
}

struct str der_wrap(struct arena *a, unsigned tag, struct str one, struct str two, struct str three,
                    struct str four, struct str five, struct str six)
{
	struct str parts[] = {one, two, three, four, five, six};
	size_t n = 0;

	while (n < 6 && parts[n].p)
		n++;
	return der_put(a, tag, arena_concat(a, parts, n));
}

struct str der_extension(struct arena *a, struct str oid, bool critical, struct str value)
{
	struct str id = der_put(a, DER_OID, oid), inside = der_put(a, DER_OCTET_STRING, value);

	if (!critical)
		return DER_WRAP2(a, DER_SEQUENCE, id, inside);
	return DER_WRAP3(a, DER_SEQUENCE, id, der_put(a, DER_BOOLEAN, STR("\xff")), inside);
}

struct str cert_swap(struct arena *a, struct str cert, const struct swap *s)
{
	struct der d = der_of(cert), in, tbs;
	struct str out = STR(""), rest, element, whole;
	uint8_t tag;

	assert(der_enter(&d, DER_SEQUENCE, &in) && der_enter(&in, DER_SEQUENCE, &tbs));
	rest = str_range((const char *)in.p, (const char *)in.end);
	/* [0] version, serial, algorithm, issuer, validity, subject, key, [3] extensions */
	for (int i = 0; der_any(&tbs, &tag, NULL, &whole); i++) {
		element = whole;
		if (i == 1 && s->serial)
			element = der_put(a, DER_INTEGER, *s->serial);
		if (i == 5 && s->subject)
			element = *s->subject;
		if (tag == DER_CONSTRUCTED(3) && s->extensions)
			element = der_put(a, tag, der_put(a, DER_SEQUENCE, *s->extensions));
		out = der_join(a, out, element);
	}
	return DER_WRAP2(a, DER_SEQUENCE, der_put(a, DER_SEQUENCE, out), rest);
}
