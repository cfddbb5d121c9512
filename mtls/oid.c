/* SPDX-License-Identifier: Apache-2.0 */
/* Object identifiers: the table of names, and printing. */
#include "mtls/oid.h"

static const struct {
	struct str oid;
	const char *name;
} attributes[] = {
#define ATTRIBUTE(oid, name) {{"" oid, sizeof(oid) - 1}, name},
#define SIGNATURE(oid, name, md, pk)
#include "mtls/oids.def"
#undef ATTRIBUTE
#undef SIGNATURE
};

static const struct signature_name signatures[] = {
#define ATTRIBUTE(oid, name)
#define SIGNATURE(oid, name, md, pk) {{"" oid, sizeof(oid) - 1}, name, MBEDTLS_MD_##md, MBEDTLS_PK_##pk},
#include "mtls/oids.def"
#undef ATTRIBUTE
#undef SIGNATURE
};

const char *oid_attribute(struct str oid)
{
	for (size_t i = 0; i < sizeof(attributes) / sizeof(attributes[0]); i++) {
		if (str_eq(attributes[i].oid, oid))
			return attributes[i].name;
	}
	return NULL;
}

const struct signature_name *oid_signature(struct str oid)
{
	for (size_t i = 0; i < sizeof(signatures) / sizeof(signatures[0]); i++) {
		if (str_eq(signatures[i].oid, oid))
			return &signatures[i];
	}
	return NULL;
}

/* Appends n, which is a row of base-2^7 digits of any length, in decimal. less is taken from it first (0, 40,
 * 80). */
static bool arc_print(struct buf *b, struct str digits, unsigned less)
{
	uint8_t decimal[256] = {0}; /* least significant first */
	size_t used = 1;

	for (size_t i = 0; i < digits.n; i++) {
		unsigned carry = (uint8_t)digits.p[i] & 0x7f;

		for (size_t k = 0; k < used; k++) {
			carry += decimal[k] * 128u;
			decimal[k] = (uint8_t)(carry % 10);
			carry /= 10;
		}
		while (carry) {
			if (used == sizeof(decimal))
				return false;
			decimal[used++] = (uint8_t)(carry % 10);
			carry /= 10;
		}
	}
	for (size_t k = 1; less; k++) { /* less is a multiple of ten */
		unsigned digit = less / 10 % 10, borrow = decimal[k] < digit;

		decimal[k] = (uint8_t)(decimal[k] + (borrow ? 10 : 0) - digit);
		less = borrow ? 10 : 0;
	}
	while (used > 1 && decimal[used - 1] == 0)
		used--;
	while (used)
		buf_addc(b, (char)('0' + decimal[--used]));
	return !b->failed;
}

bool oid_print(struct buf *b, struct str oid)
{
	size_t from = 0;

	if (oid.n == 0 || (oid.p[oid.n - 1] & 0x80))
		return false;
	for (size_t i = 0; i < oid.n; i++) {
		struct str digits;

		if (i == from && (uint8_t)oid.p[i] == 0x80)
			return false;
		if (oid.p[i] & 0x80)
			continue;
		digits = str_sub(oid, from, i + 1);
		if (from == 0) {
			unsigned first = digits.n > 1                 ? 2
			                 : (uint8_t)oid.p[0] / 40 > 2 ? 2
			                                              : (uint8_t)oid.p[0] / 40;

			if (!buf_printf(b, "%u.", first) || !arc_print(b, digits, first * 40))
				return false;
		} else if (!buf_addc(b, '.') || !arc_print(b, digits, 0)) {
			return false;
		}
		from = i + 1;
	}
	return !b->failed;
}
