/* SPDX-License-Identifier: Apache-2.0 */
/* The verdict on chains: each kind of client against CAs and CRLs, through the door that usher cert uses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "mtls/inspect.h"
#include "tests/unit/pki.h"

static const struct {
	const char *chain, *ca, *crls; /* CRLs: one file each */
	int at;                        /* days from now */
	const char *result;
	bool verified, revoked;
	const char *issuer; /* whose SKI and serial are facts; NULL: none */
} rows[] = {
    /* who issued it */
    {"good-chain.pem", "root.pem", "", 0, "ok", true, false, "ca-a.pem"},
    {"good-chain.pem", "ca-bundle.pem", "", 0, "ok", true, false, "ca-a.pem"},
    {"good.pem", "ca-bundle.pem", "", 0, "ok", true, false, "ca-a.pem"},
    {"good.pem", "ca-a.pem", "", 0, "ok", true, false, "ca-a.pem"},
    {"good.pem", "root.pem", "", 0, "untrusted", false, false, NULL},
    {"good-chain.pem", "ca-b.pem", "", 0, "untrusted", false, false, NULL},
    {"good-chain.pem", "", "", 0, "untrusted", false, false, NULL},
    {"other-chain.pem", "root.pem", "", 0, "ok", true, false, "ca-b.pem"},
    {"good-rsa-chain.pem", "root.pem", "", 0, "ok", true, false, "ca-a.pem"},
    {"good-p384-chain.pem", "root.pem", "", 0, "ok", true, false, "ca-a.pem"},
    {"foreign-chain.pem", "ca-bundle.pem", "", 0, "untrusted", false, false, NULL},
    {"foreign-chain.pem", "foreign-root.pem", "", 0, "ok", true, false, "foreign-root.pem"},
    {"self-chain.pem", "ca-bundle.pem", "", 0, "untrusted", false, false, NULL},
    {"impostor.pem", "ca-bundle.pem", "", 0, "untrusted", false, false, NULL},
    {"impostor-chain.pem", "root.pem", "", 0, "ok", true, false, "ca-a-again.pem"},
    {"noski-chain.pem", "root.pem", "", 0, "ok", true, false, "ca-a.pem"},
    {"noaki-chain.pem", "root.pem", "", 0, "ok", true, false, "ca-a.pem"},
    {"strange-chain.pem", "root.pem", "", 0, "ok", true, false, "ca-a.pem"},
    {"hugeserial-chain.pem", "root.pem", "", 0, "ok", true, false, "ca-b.pem"},
    {"deep-chain.pem", "root.pem", "", 0, "ok", true, false, "rung15.pem"},
    {"toodeep-chain.pem", "root.pem", "", 0, "untrusted", false, false, NULL},
    /* an anchor that presents itself, and a leaf that issues */
    {"ca-a.pem", "ca-a.pem", "", 0, "untrusted", false, false, NULL},
    {"root.pem", "root.pem", "", 0, "untrusted", false, false, NULL},
    {"notca-child-chain.pem", "root.pem", "", 0, "bad_usage", false, false, NULL},
    {"notca-child-chain.pem", "ca-b.pem", "", 0, "untrusted", false, false, NULL},
    /* what it is for */
    {"noeku-chain.pem", "root.pem", "", 0, "ok", true, false, "ca-a.pem"},
    {"wrongeku-chain.pem", "root.pem", "", 0, "bad_usage", false, false, "ca-a.pem"},
    {"wrongku-chain.pem", "root.pem", "", 0, "bad_usage", false, false, "ca-a.pem"},
    {"server-ecdsa.pem", "root.pem", "", 0, "bad_usage", false, false, "root.pem"},
    /* how strong it is */
    {"weak-rsa-chain.pem", "root.pem", "", 0, "weak", false, false, NULL},
    {"weak-sha1-chain.pem", "root.pem", "", 0, "weak", false, false, NULL},
    /* name constraints, critical and not */
    {"nc-good-chain.pem", "root.pem", "", 0, "ok", true, false, "ca-nc.pem"},
    {"nc-good.pem", "ca-nc.pem", "", 0, "ok", true, false, "ca-nc.pem"},
    {"nc-bad-chain.pem", "root.pem", "", 0, "name_constraint", false, false, "ca-nc.pem"},
    {"nc-excluded-chain.pem", "root.pem", "", 0, "name_constraint", false, false, "ca-nc.pem"},
    {"nc-soft-bad-chain.pem", "root.pem", "", 0, "name_constraint", false, false, "ca-nc-soft.pem"},
    /* time */
    {"expired-chain.pem", "root.pem", "", 0, "expired", false, false, "ca-a.pem"},
    {"early-chain.pem", "root.pem", "", 0, "not_yet_valid", false, false, "ca-a.pem"},
    {"good-chain.pem", "root.pem", "", 400, "expired", false, false, "ca-a.pem"},
    {"good-chain.pem", "root.pem", "", -400, "not_yet_valid", false, false, "ca-a.pem"},
    /* revocation */
    {"good-chain.pem", "root.pem", "crl-root.pem crl-a.pem", 0, "ok", true, false, "ca-a.pem"},
    {"good-chain.pem", "root.pem", "crl-root.der crl-a.der", 0, "ok", true, false, "ca-a.pem"},
    {"good-chain.pem", "root.pem", "crl-a.pem", 0, "crl_missing", false, false, "ca-a.pem"},
    {"good-chain.pem", "root.pem", "crl-root.pem", 0, "crl_missing", false, false, "ca-a.pem"},
    {"good.pem", "ca-a.pem", "crl-a.pem", 0, "ok", true, false, "ca-a.pem"},
    {"good-chain.pem", "root.pem", "crl-root.pem crl-a-more.pem", 0, "revoked", true, true, "ca-a.pem"},
    {"good-chain.pem", "root.pem", "crl-root.pem crl-a-more.pem crl-a.pem", 0, "revoked", true, true,
     "ca-a.pem"},
    {"good-chain.pem", "root.pem", "crl-a-more.pem", 0, "crl_missing", false, false, "ca-a.pem"},
    {"revoked-chain.pem", "root.pem", "crl-root.pem crl-a.pem", 0, "revoked", true, true, "ca-a.pem"},
    {"revoked-chain.pem", "root.pem", "crl-root.pem crl-a-empty.pem", 0, "ok", true, false, "ca-a.pem"},
    {"revoked-chain.pem", "root.pem", "crl-root.pem crl-a-empty.pem crl-a.pem", 0, "revoked", true, true,
     "ca-a.pem"},
    {"revoked.pem", "ca-bundle.pem", "crl-root.pem crl-a.pem", 0, "revoked", true, true, "ca-a.pem"},
    {"other-chain.pem", "root.pem", "crl-root.pem crl-a.pem", 0, "crl_missing", false, false, "ca-b.pem"},
    {"good-chain.pem", "root.pem", "crl-root.pem crl-a-expired.pem", 0, "crl_expired", false, false,
     "ca-a.pem"},
    {"revoked-chain.pem", "root.pem", "crl-root.pem crl-a-expired.pem", 0, "crl_expired", false, false,
     "ca-a.pem"},
    {"good-chain.pem", "root.pem", "crl-root.pem crl-a.pem", 40, "crl_expired", false, false, "ca-a.pem"},
    {"good-chain.pem", "root.pem", "crl-root.pem crl-a-badsig.pem", 0, "crl_bad_signature", false, false,
     "ca-a.pem"},
    {"revoked-chain.pem", "root.pem", "crl-root.pem crl-a-badsig.pem", 0, "crl_bad_signature", false, false,
     "ca-a.pem"},
    {"revoked-chain.pem", "root.pem", "crl-root.pem crl-a-badsig.pem crl-a.pem", 0, "revoked", true, true,
     "ca-a.pem"},
    {"good-chain.pem", "root.pem", "crl-root.pem crl-a-idp.pem", 0, "crl_missing", false, false, "ca-a.pem"},
    {"good-chain.pem", "root.pem", "crl-root.pem crl-a-idp.pem crl-a.pem", 0, "ok", true, false, "ca-a.pem"},
    {"good-chain.pem", "root.pem", "crl-root.pem crl-foreign.pem", 0, "crl_missing", false, false,
     "ca-a.pem"},
    /* the same name with another key: its list does not count for this one */
    {"impostor-chain.pem", "root.pem", "crl-root.pem crl-a.pem", 0, "crl_missing", false, false,
     "ca-a-again.pem"},
    /* a CA of the path */
    {"issuer-revoked-chain.pem", "root.pem", "crl-root.pem crl-revoked.pem", 0, "issuer_revoked", false,
     false, "ca-revoked.pem"},
    {"issuer-revoked-chain.pem", "root.pem", "crl-root.pem", 0, "issuer_revoked", false, false,
     "ca-revoked.pem"},
    {"issuer-revoked-chain.pem", "root.pem", "", 0, "ok", true, false, "ca-revoked.pem"},
    {"issuer-revoked.pem", "root.pem ca-revoked.pem", "crl-root.pem crl-revoked.pem", 0, "issuer_revoked",
     false, false, "ca-revoked.pem"},
    {"issuer-revoked.pem", "ca-revoked.pem", "crl-revoked.pem", 0, "ok", true, false, "ca-revoked.pem"},
};

/* What openssl prints of an issuer; asked once for each. */
struct issuer {
	const char *file;
	struct str ski, serial;
};

static const struct issuer *issuer_of(const char *file)
{
	static struct arena kept = ARENA_INIT;
	static struct issuer known[16];
	struct issuer *k = known;
	struct str both;

	for (; k->file; k++) {
		if (strcmp(k->file, file) == 0)
			return k;
	}
	assert_true(k + 1 < known + 16);
	both = pki_run(&kept, "openssl x509 -in %s -noout -serial -ext subjectKeyIdentifier | tr -d ' :'",
	               pki_path(&kept, file));
	k->file = file;
	k->serial = str_sub(both, 7, (size_t)str_find(both, '\n')); /* serial=… */
	k->ski = str_sub(both, (size_t)str_rfind(both, '\n') + 1, both.n);
	return k;
}

static void check_row(size_t i)
{
	struct arena a = ARENA_INIT;
	struct cert_facts *f;
	struct str crls[8], names = str_of(rows[i].crls);
	size_t n = 0;
	const char *why;

	while (names.n) {
		ptrdiff_t space = str_find(names, ' ');
		struct str one = str_sub(names, 0, space < 0 ? names.n : (size_t)space);

		crls[n++] = pki_read(&a, arena_str(&a, one).p);
		names = space < 0 ? STR("") : str_sub(names, (size_t)space + 1, names.n);
	}
	assert_int_equal(inspect_chain(&f, pki_read(&a, rows[i].chain), pki_join(&a, rows[i].ca), crls, n,
	                               clock_now() + rows[i].at * INT64_C(86400), &why),
	                 0);
	if (strcmp(verify_result_name(f->result), rows[i].result) != 0)
		fail_msg("%s under %s with CRLs [%s]: %s and not %s", rows[i].chain, rows[i].ca, rows[i].crls,
		         verify_result_name(f->result), rows[i].result);
	assert_int_equal(f->verified, rows[i].verified);
	assert_int_equal(f->revoked, rows[i].revoked);
	if (rows[i].issuer) {
		const struct issuer *issuer = issuer_of(rows[i].issuer);

		assert_true(str_eq(f->issuer_ski, issuer->ski));
		assert_true(str_eq(f->issuer_serial, issuer->serial));
	} else {
		assert_int_equal(f->issuer_ski.n, 0);
		assert_int_equal(f->issuer_serial.n, 0);
	}
	cert_facts_free(f);
	arena_fini(&a);
}

static void test_verdicts(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		check_row(i);
}

static void test_refused_texts(void **state)
{
	static const struct {
		const char *chain, *ca, *crl, *why;
	} bad[] = {
	    {"good.key", "root.pem", NULL, "there is no certificate"},
	    {"good.pem", "good.pem", NULL, "it is not a CA (basicConstraints CA:TRUE is needed)"},
	    {"good.pem", "not-ca.pem", NULL, "it is not a CA (basicConstraints CA:TRUE is needed)"},
	    {"good.pem", "root.pem", "crl-a-delta.pem", "it is a delta CRL, which is not supported"},
	    {"good.pem", "root.pem", "root.pem", "there is no CRL in the CRL file"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		struct arena a = ARENA_INIT;
		struct cert_facts *f;
		struct str crl = bad[i].crl ? pki_read(&a, bad[i].crl) : STR("");
		const char *why;

		assert_int_equal(inspect_chain(&f, pki_read(&a, bad[i].chain), pki_read(&a, bad[i].ca), &crl,
		                               bad[i].crl != NULL, clock_now(), &why),
		                 -ERR_INVALID);
		assert_null(f);
		assert_string_equal(why, bad[i].why);
		arena_fini(&a);
	}
}

/* The moment after which the verdict may be another one. */
static void test_valid_until(void **state)
{
	struct arena a = ARENA_INIT;
	struct cert_facts *f, *g;
	struct str crls[2];
	int64_t end;
	const char *why;

	(void)state;
	crls[0] = pki_read(&a, "crl-root.pem");
	crls[1] = pki_read(&a, "crl-a.pem");
	assert_int_equal(inspect_chain(&f, pki_read(&a, "good-chain.pem"), pki_read(&a, "root.pem"), crls, 2,
	                               clock_now(), &why),
	                 0);
	end = f->valid_until;
	assert_true(end > clock_now() && end < f->not_after_epoch);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(inspect_chain(&g, pki_read(&a, "good-chain.pem"), pki_read(&a, "root.pem"),
		                               crls, 2, end + i, &why),
		                 0);
		assert_string_equal(verify_result_name(g->result), i == 0 ? "ok" : "crl_expired");
		cert_facts_free(g);
	}
	cert_facts_free(f);
	assert_int_equal(inspect_chain(&f, pki_read(&a, "early-chain.pem"), pki_read(&a, "root.pem"), NULL, 0,
	                               clock_now(), &why),
	                 0);
	assert_true(f->valid_until < f->not_before_epoch);
	cert_facts_free(f);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_verdicts),
	    cmocka_unit_test(test_refused_texts),
	    cmocka_unit_test(test_valid_until),
	};

	pki_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
