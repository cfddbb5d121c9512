/* SPDX-License-Identifier: Apache-2.0 */
/* The door for CRLs: any bytes, read as a list; one that is read must find its own serials, and cover or not. */
#include "base/err.h"
#include "mtls/crl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cert cert = {.crl_points = {(const char *)data, size}};
	struct str der = {(const char *)data, size};
	struct crl *c;
	const char *why;
	int rc = crl_parse(&c, der, &why);

	if (rc == -ERR_INVALID && (!why || c))
		__builtin_trap();
	if (rc != 0)
		return 0;
	for (size_t i = 0; i < c->serials.count; i++) {
		struct str serial = {(const char *)c->serials.rows + i * c->serials.width, c->serials.width};

		if (serial.n < SERIAL_KEY && !serials_have(&c->serials, serial))
			__builtin_trap();
		if (i && memcmp(serial.p - c->serials.width, serial.p, serial.n) > 0)
			__builtin_trap();
	}
	crl_covers(c, &cert);
	if (!crl_same_scope(c, c) || crl_newer(c, c))
		__builtin_trap();
	crl_free(c);
	return 0;
}
