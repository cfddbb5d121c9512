/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a zone's CAs and CRLs: what is refused, what is warned of; and judging with many threads. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "mtls/inspect.h"
#include "mtls/pem.h"
#include "mtls/trust.h"
#include "tests/unit/pki.h"

/* Paths of the PKI files that text names, separated by spaces. */
static size_t paths_of(struct arena *a, const char *text, struct tls_path *out)
{
	struct str s = str_of(text);
	size_t n = 0;

	while (s.n) {
		ptrdiff_t space = str_find(s, ' ');
		struct str one = arena_str(a, str_sub(s, 0, space < 0 ? s.n : (size_t)space));

		out[n++] = (struct tls_path){str_of(pki_path(a, one.p)), SPAN_NONE};
		s = space < 0 ? STR("") : str_sub(s, (size_t)space + 1, s.n);
	}
	return n;
}

static int make_trust(struct arena *a, struct trust **t, const char *ca, const char *crl, struct diags *d)
{
	struct tls_path cas[8], crls[8];
	struct tls_zone_spec spec = {.name = STR("zone")};

	spec.nclient_ca = paths_of(a, ca, cas);
	spec.client_ca = cas;
	spec.nclient_crl = paths_of(a, crl, crls);
	spec.client_crl = crls;
	spec.crl_required = spec.nclient_crl > 0;
	return trust_new(t, &spec, d);
}

static const struct {
	const char *ca, *crl;
	int rc;
	const char *codes;   /* of the diagnostics, in order */
	const char *message; /* part of the first one */
} rows[] = {
    {"root.pem", "", 0, "", NULL},
    {"", "", 0, "", NULL},
    {"ca-bundle.pem root.pem", "crl-a.pem crl-b.der", 0, "", NULL},
    {"ca-nc.pem", "", 0, "", NULL},
    {"nowhere.pem", "", -ERR_RULES, "U8002", "No such file"},
    {"nowhere.pem also-nowhere.pem", "neither.crl", -ERR_RULES, "U8002 U8002 U8002", NULL},
    {"good.pem", "", -ERR_RULES, "U3026", "not a CA"},
    {"not-ca.pem", "", -ERR_RULES, "U3026", "not a CA"},
    {"good.key", "", -ERR_RULES, "U3026", "has no certificate"},
    {"crl-a.der", "", -ERR_RULES, "U3026", "not a certificate"},
    {"root.pem", "root.pem", -ERR_RULES, "U3027", "has no CRL"},
    {"root.pem", "crl-a-delta.pem", -ERR_RULES, "U3027", "delta CRL"},
    {"ca-a.pem", "crl-a-expired.pem", 0, "U3030", "has expired"},
    {"ca-a.pem", "crl-a-badsig.pem", 0, "U3031", "not signed by that CA"},
    {"root.pem", "crl-a-badsig.pem", 0, "", NULL},
    {"ca-b.pem", "crl-a.pem", 0, "", NULL},
};

static void test_files(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a = ARENA_INIT;
		struct str codes = STR("");
		struct diags d;
		struct trust *t;

		diags_init(&d);
		if (make_trust(&a, &t, rows[i].ca, rows[i].crl, &d) != rows[i].rc)
			fail_msg("row %zu: %.*s", i, d.first ? (int)d.first->message.n : 0,
			         d.first ? d.first->message.p : "");
		assert_int_equal(t == NULL, rows[i].rc < 0);
		for (const struct diag *g = d.first; g; g = g->next)
			codes = arena_concat(&a,
			                     (struct str[]){codes, codes.n ? STR(" ") : STR(""),
			                                    str_of(diag_name(g->code))},
			                     3);
		assert_string_equal(arena_str(&a, codes).p, rows[i].codes);
		if (rows[i].message && !str_contains(d.first->message, str_of(rows[i].message)))
			fail_msg("row %zu: %.*s", i, STR_FMT(d.first->message));
		trust_unref(t);
		diags_fini(&d);
		arena_fini(&a);
	}
}

static struct trust *good_trust(struct arena *a, const char *ca, const char *crl)
{
	struct diags d;
	struct trust *t;

	diags_init(&d);
	assert_int_equal(make_trust(a, &t, ca, crl, &d), 0);
	diags_fini(&d);
	return t;
}

/* The id names the set of anchors, not files, their order or copies. */
static void test_id(void **state)
{
	struct arena a = ARENA_INIT;
	struct trust *one = good_trust(&a, "root.pem ca-a.pem ca-b.pem", ""),
		     *two = good_trust(&a, "ca-b.pem ca-bundle.pem", "crl-a.pem"),
		     *three = good_trust(&a, "root.pem ca-a.pem", "");

	(void)state;
	assert_memory_equal(trust_id(one), trust_id(two), 32);
	assert_memory_not_equal(trust_id(one), trust_id(three), 32);
	trust_unref(one);
	trust_unref(two);
	trust_unref(three);
	arena_fini(&a);
}

struct work {
	struct trust *t;
	struct str chain;
	const char *result;
	int wrong;
};

static void load(mbedtls_x509_crt *chain, struct str text)
{
	struct buf scratch = BUF_INIT;
	struct str der;

	mbedtls_x509_crt_init(chain);
	while (pem_next(&text, STR("CERTIFICATE"), &scratch, &der) == 1)
		cert_parse_der(chain, (const unsigned char *)der.p, der.n);
	buf_fini(&scratch);
}

static void *worker(void *p)
{
	struct work *w = p;

	for (int i = 0; i < 20; i++) {
		mbedtls_x509_crt chain;
		struct cert_facts *f;

		load(&chain, w->chain);
		if (chain_judge(&f, w->t, &chain, clock_now()) < 0 ||
		    strcmp(verify_result_name(f->result), w->result) != 0)
			w->wrong++;
		cert_facts_free(f);
		mbedtls_x509_crt_free(&chain);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct arena a = ARENA_INIT;
	struct trust *t = good_trust(&a, "root.pem", "crl-root.pem crl-a.pem");
	struct work work[] = {
	    {t, pki_read(&a, "good-chain.pem"), "ok", 0},
	    {t, pki_read(&a, "revoked-chain.pem"), "revoked", 0},
	    {t, pki_read(&a, "good-rsa-chain.pem"), "ok", 0},
	    {t, pki_read(&a, "foreign-chain.pem"), "untrusted", 0},
	};
	pthread_t threads[4];

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, worker, &work[i]), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(work[i].wrong, 0);
	}
	trust_unref(t);
	arena_fini(&a);
}

/* What one trust let in is no reason for another one; and the clock is asked every time. */
static void test_memory(void **state)
{
	static const struct {
		const char *ca, *crl;
		int days;
		const char *result;
	} steps[] = {
	    {"root.pem", "", 0, "ok"},
	    {"root.pem", "", 0, "ok"},
	    {"root.pem", "", 500, "expired"},
	    {"root.pem", "", 0, "ok"},
	    {"root.pem", "crl-root.pem crl-a-more.pem", 0, "revoked"},
	    {"ca-b.pem", "", 0, "untrusted"},
	    {"foreign-root.pem", "", 0, "untrusted"},
	    {"root.pem ca-b.pem", "crl-root.pem crl-a.pem", 0, "ok"},
	    {"ca-a-again.pem", "", 0, "untrusted"},
	    {"ca-a.pem", "", 0, "ok"},
	    {"root.pem", "crl-root.pem crl-a.pem", 40, "crl_expired"},
	};
	struct arena a = ARENA_INIT;
	mbedtls_x509_crt chain;

	(void)state;
	load(&chain, pki_read(&a, "good-chain.pem"));
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct trust *t = good_trust(&a, steps[i].ca, steps[i].crl);
		struct cert_facts *f;

		assert_int_equal(chain_judge(&f, t, &chain, clock_now() + steps[i].days * INT64_C(86400)), 0);
		assert_string_equal(verify_result_name(f->result), steps[i].result);
		cert_facts_free(f);
		trust_unref(t);
	}
	mbedtls_x509_crt_free(&chain);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_id),
	    cmocka_unit_test(test_threads),
	    cmocka_unit_test(test_memory),
	};

	pki_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
