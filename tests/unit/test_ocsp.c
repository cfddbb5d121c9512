/* SPDX-License-Identifier: Apache-2.0 */
/* OCSP requests as openssl's responder reads them, and its answers as usher does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "mtls/inspect.h"
#include "mtls/ocsp_store.h"
#include "mtls/pem.h"
#include "mtls/verify.h"
#include "tests/unit/pki.h"

static char folder[] = "/tmp/usher-ocsp-XXXXXX";

static struct str der(struct arena *a, const char *name)
{
	struct str text = pki_read(a, arena_printf(a, "%s.pem", name).p), der;
	struct buf scratch = BUF_INIT;

	assert_int_equal(pem_next(&text, STR("CERTIFICATE"), &scratch, &der), 1);
	der = arena_str(a, der);
	buf_fini(&scratch);
	return der;
}

static void write_file(const char *path, struct str s)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(s.p, 1, s.n, f), s.n);
	fclose(f);
}

/* A responder below ca-a: "ocsp" with the right usage, "server" with another one, "old" expired. */
static int make_responders(void **state)
{
	struct arena a = ARENA_INIT;
	static const struct {
		const char *name, *ca, *extensions, *dates;
	} rows[] = {
	    {"ocsp", "ca-a", "extendedKeyUsage=OCSPSigning\\nkeyUsage=digitalSignature", "-days 30"},
	    {"server", "ca-a", "extendedKeyUsage=serverAuth", "-days 30"},
	    {"any", "ca-a", "extendedKeyUsage=anyExtendedKeyUsage", "-days 30"},
	    {"foreign", "ca-b", "extendedKeyUsage=OCSPSigning", "-days 30"},
	    {"nosign", "ca-a", "extendedKeyUsage=OCSPSigning\\nkeyUsage=keyEncipherment", "-days 30"},
	};

	(void)state;
	assert_non_null(mkdtemp(folder));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		pki_run(&a,
		        "cd %s && openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes "
		        "-keyout %s.key "
		        "-subj '/CN=responder %s' -out r.csr 2>/dev/null && printf '%s\\n' > ext && "
		        "openssl x509 -req -in r.csr -CA %s -CAkey %s -set_serial 77 %s -extfile ext -out "
		        "%s.pem 2>&1",
		        folder, rows[i].name, rows[i].name, rows[i].extensions,
		        pki_path(&a, arena_printf(&a, "%s.pem", rows[i].ca).p),
		        pki_path(&a, arena_printf(&a, "%s.key", rows[i].ca).p), rows[i].dates, rows[i].name);
	arena_fini(&a);
	return 0;
}

static int remove_folder(void **state)
{
	struct arena a = ARENA_INIT;

	(void)state;
	pki_run(&a, "rm -rf %s", folder);
	arena_fini(&a);
	return 0;
}

/* What openssl's responder, which knows good as good and revoked as revoked, says about a request. */
static struct str answer(struct arena *a, struct str request, const char *signer, const char *options)
{
	struct str cert = str_starts(str_of(signer), STR("ca-"))
	                      ? str_of(pki_path(a, arena_printf(a, "%s.pem", signer).p))
	                      : arena_printf(a, "%s/%s.pem", folder, signer);
	struct str key = str_starts(str_of(signer), STR("ca-"))
	                     ? str_of(pki_path(a, arena_printf(a, "%s.key", signer).p))
	                     : arena_printf(a, "%s/%s.key", folder, signer);
	struct str s;

	write_file(arena_printf(a, "%s/request", folder).p, request);
	pki_run(
	    a,
	    "cd %s && serial() { openssl x509 -in $1 -noout -serial | cut -d= -f2; } && "
	    "printf "
	    "'V\\t401231235959Z\\t\\t%%s\\tunknown\\t/CN=good\\nR\\t401231235959Z\\t200101000000Z\\t%%s\\t"
	    "unknown\\t/CN=revoked\\n' $(serial %s) $(serial %s) > index && "
	    "openssl ocsp -index index -CA %s -rsigner %s -rkey %s -reqin request -respout response %s 2>&1",
	    folder, pki_path(a, "good.pem"), pki_path(a, "revoked.pem"), pki_path(a, "ca-a.pem"), cert.p,
	    key.p, options);
	assert_int_equal(file_read(a, arena_printf(a, "%s/response", folder).p, 1 << 20, &s), 0);
	return s;
}

static const struct {
	const char *about, *signer, *options;
	int days;
	int rc;
	enum ocsp_status status;
	const char *why;
} rows[] = {
    {"good", "ca-a", "-ndays 7", 0, 0, OCSP_GOOD, NULL},
    {"revoked", "ca-a", "-ndays 7", 0, 0, OCSP_REVOKED, NULL},
    {"second", "ca-a", "-ndays 7", 0, 0, OCSP_UNKNOWN, NULL},
    {"good", "ca-a", "", 0, 0, OCSP_GOOD, NULL},
    {"good", "ca-a", "-ndays 7 -resp_key_id", 0, 0, OCSP_GOOD, NULL},
    {"good", "ocsp", "-ndays 7", 0, 0, OCSP_GOOD, NULL},
    {"revoked", "ocsp", "-ndays 7 -resp_key_id", 0, 0, OCSP_REVOKED, NULL},
    {"good", "ca-a", "-ndays 7", 8, -ERR_INVALID, 0, "it is out of date"},
    {"good", "ca-a", "", 1, -ERR_INVALID, 0, "it is out of date"},
    {"good", "ca-a", "-ndays 7", -1, -ERR_INVALID, 0, "it is not valid yet"},
    {"good", "ocsp", "-ndays 60", 40, -ERR_INVALID, 0,
     "it is not signed by the issuer, nor by a responder that the issuer has certified"},
    {"good", "server", "-ndays 7", 0, -ERR_INVALID, 0,
     "it is not signed by the issuer, nor by a responder that the issuer has certified"},
    {"good", "any", "-ndays 7", 0, -ERR_INVALID, 0,
     "it is not signed by the issuer, nor by a responder that the issuer has certified"},
    {"good", "nosign", "-ndays 7", 0, -ERR_INVALID, 0,
     "it is not signed by the issuer, nor by a responder that the issuer has certified"},
    {"good", "foreign", "-ndays 7", 0, -ERR_INVALID, 0,
     "it is not signed by the issuer, nor by a responder that the issuer has certified"},
    {"good", "ca-b", "-ndays 7", 0, -ERR_INVALID, 0,
     "it is not signed by the issuer, nor by a responder that the issuer has certified"},
    {"good", "ocsp", "-ndays 7 -resp_no_certs", 0, -ERR_INVALID, 0,
     "it is not signed by the issuer, nor by a responder that the issuer has certified"},
    {"good", "ca-a", "-ndays 7 -rmd sha1", 0, -ERR_INVALID, 0,
     "it is not signed by the issuer, nor by a responder that the issuer has certified"},
};

static void test_answers(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a = ARENA_INIT;
		struct str cert = der(&a, rows[i].about), issuer = der(&a, "ca-a"), request;
		struct ocsp_answer out;
		const char *why;
		int rc;

		assert_int_equal(ocsp_request(&a, cert, issuer, &request), 0);
		rc = ocsp_read(&out, answer(&a, request, rows[i].signer, rows[i].options), cert, issuer,
		               clock_now() + rows[i].days * INT64_C(86400), &why);
		if (rc != rows[i].rc || (rc == 0 && out.status != rows[i].status))
			fail_msg("row %zu: %d, status %d, %s", i, rc, rc ? -1 : (int)out.status,
			         rc ? why : "");
		if (rc < 0)
			assert_string_equal(why, rows[i].why);
		else
			assert_true(out.next_update - out.this_update ==
			            (str_contains(str_of(rows[i].options), STR("ndays")) ? 7 * 86400 : 3600));
		arena_fini(&a);
	}
}

/* An answer about one certificate is none about another, and no beginning of one is an answer. */
static void test_other_bytes(void **state)
{
	struct arena a = ARENA_INIT;
	struct str good = der(&a, "good"), second = der(&a, "second"), issuer = der(&a, "ca-a"), request,
	           response;
	struct ocsp_answer out;
	const char *why;

	(void)state;
	assert_int_equal(ocsp_request(&a, good, issuer, &request), 0);
	response = answer(&a, request, "ca-a", "-ndays 7");
	assert_int_equal(ocsp_read(&out, response, second, issuer, clock_now(), &why), -ERR_INVALID);
	assert_string_equal(why, "it is about other certificates");
	assert_int_equal(ocsp_read(&out, response, good, der(&a, "ca-a-again"), clock_now(), &why),
	                 -ERR_INVALID);
	assert_string_equal(why, "it is about other certificates");
	for (size_t n = 0; n < response.n; n++)
		assert_int_equal(ocsp_read(&out, str_sub(response, 0, n), good, issuer, clock_now(), &why),
		                 -ERR_INVALID);
	assert_int_equal(ocsp_read(&out, STR("\x30\x03\x0a\x01\x06"), good, issuer, clock_now(), &why),
	                 -ERR_INVALID);
	assert_string_equal(why, "the responder gave no answer");
	assert_int_equal(ocsp_request(&a, STR("x"), issuer, &request), -ERR_INVALID);
	arena_fini(&a);
}

/* ---- the store, and the verdicts that rest on it ---- */

static struct trust *trust_of(struct arena *a, enum ocsp_mode mode, const char *url)
{
	struct tls_path root = {str_of(pki_path(a, "root.pem")), SPAN_NONE};
	struct tls_zone_spec spec = {
	    .client_ca = &root, .nclient_ca = 1, .ocsp = mode, .ocsp_url = str_of(url)};
	struct diags d;
	struct trust *t;

	diags_init(&d);
	assert_int_equal(trust_new(&t, &spec, &d), 0);
	diags_fini(&d);
	return t;
}

static void expect(struct trust *t, const char *name, int64_t now, const char *result)
{
	struct arena a = ARENA_INIT;
	struct str text = pki_read(&a, arena_printf(&a, "%s-chain.pem", name).p), der;
	struct buf scratch = BUF_INIT;
	struct cert_facts *f;
	mbedtls_x509_crt chain;

	mbedtls_x509_crt_init(&chain);
	while (pem_next(&text, STR("CERTIFICATE"), &scratch, &der) == 1)
		assert_int_equal(cert_parse_der(&chain, (const unsigned char *)der.p, der.n), 0);
	assert_int_equal(chain_judge(&f, t, &chain, now), 0);
	assert_string_equal(verify_result_name(f->result), result);
	assert_true(f->valid_until >= now);
	cert_facts_free(f);
	mbedtls_x509_crt_free(&chain);
	buf_fini(&scratch);
	arena_fini(&a);
}

static void test_store(void **state)
{
	struct arena a = ARENA_INIT;
	struct trust *off = trust_of(&a, OCSP_OFF, ""), *soft = trust_of(&a, OCSP_SOFT, "http://r.test/"),
	             *hard = trust_of(&a, OCSP_HARD, "http://r.test/"), *mute = trust_of(&a, OCSP_HARD, "");
	static const struct {
		const char *name, *signer, *soft, *hard;
	} steps[] = {
	    {"good", "ca-a", "ok", "ok"},
	    {"revoked", "ca-a", "revoked", "revoked"},
	    {"second", "ca-a", "crl_missing", "crl_missing"}, /* the responder does not know it */
	    {"noeku", "ca-b", "ok", "crl_missing"},           /* not its responder */
	};
	int64_t now = clock_now();
	const char *why;

	(void)state;
	expect(off, "good", now, "ok");
	expect(mute, "good", now, "crl_missing");
	expect(hard, "foreign", now, "untrusted");
	expect(hard, "wrongeku", now, "bad_usage");
	assert_null(ocsp_take(1));
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct ocsp_question *q;

		expect(hard, steps[i].name, now, "crl_missing");
		expect(soft, steps[i].name, now, "ok");
		assert_non_null(q = ocsp_take(1000));
		assert_null(ocsp_take(1)); /* asked once */
		assert_true(str_eq(q->url, STR("http://r.test/")));
		ocsp_answered(q, answer(&a, q->request, steps[i].signer, "-ndays 7"), now, &why);
		expect(soft, steps[i].name, now, steps[i].soft);
		expect(hard, steps[i].name, now, steps[i].hard);
		expect(off, steps[i].name, now, "ok");
	}
	/* a failure is tried again after a pause; an answer after half its life, and it serves to its end */
	expect(soft, "noeku", now + 60, "ok");
	ocsp_answered(ocsp_take(1000), STR(""), now + 60, &why);
	assert_null(ocsp_take(1));
	expect(hard, "good", now + 4 * 86400, "ok");
	ocsp_answered(ocsp_take(1000), STR(""), now + 4 * 86400, &why);
	expect(hard, "good", now + 6 * 86400, "ok");
	ocsp_answered(ocsp_take(1000), STR("no answer"), now + 6 * 86400, &why);
	expect(hard, "good", now + 8 * 86400, "crl_missing");
	expect(soft, "good", now + 8 * 86400, "ok");
	ocsp_answered(ocsp_take(1000), STR(""), now + 8 * 86400, &why);
	trust_unref(off);
	trust_unref(soft);
	trust_unref(hard);
	trust_unref(mute);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_answers),
	    cmocka_unit_test(test_other_bytes),
	    cmocka_unit_test(test_store),
	};

	pki_make();
	return cmocka_run_group_tests(tests, make_responders, remove_folder);
}
