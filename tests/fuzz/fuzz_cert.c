/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door for certificates: any bytes as a client's chain, and as the CA that it is judged against. Whatever can be
 * read has facts that hold together, and nobody is let in who is not signed for.
 */
#include "mtls/inspect.h"

static void check(const struct cert_facts *f)
{
	if (f->revoked && !f->verified)
		__builtin_trap();
	if (f->verified != (f->result == VERIFY_OK || f->result == VERIFY_REVOKED))
		__builtin_trap();
	if (!f->presented || f->chain_length < 1 || f->fingerprint_sha256.n != 64 || f->fingerprint_sha1.n != 40)
		__builtin_trap();
	if ((f->rfc9440.n == 0) != f->rfc9440_too_large)
		__builtin_trap();
	if (!str_eq(f->subject.dn, f->subject.dn_rfc2253))
		__builtin_trap();
	for (size_t i = 0; i < f->subject.dn.n; i++) {
		if ((unsigned char)f->subject.dn.p[i] < 0x20 || (unsigned char)f->subject.dn.p[i] > 0x7e)
			__builtin_trap();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct cert_facts *f;
	const char *why;

	if (inspect_chain(&f, text, STR(""), NULL, 0, 1800000000, &why) == 0) {
		check(f);
		if (f->verified)
			__builtin_trap();
		cert_facts_free(f);
	}
	if (inspect_chain(&f, text, text, &text, size % 2, 1800000000, &why) == 0) {
		check(f);
		cert_facts_free(f);
	}
	return 0;
}
