/* SPDX-License-Identifier: Apache-2.0 */
/* CRLs written by hand: what is read, what is refused, and which one counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/err.h"
#include "mtls/der.h"
#include "mtls/oid.h"
#include "mtls/revocation.h"
#include "mtls/verify.h"
#include "tests/unit/der_write.h"
#include "tests/unit/pki.h"

#define S(text) ((struct str){"" text, sizeof(text) - 1})

static struct str number(struct arena *a, uint64_t n)
{
	char bytes[9];
	size_t from = 8;

	for (int i = 8; i >= 0; i--, n >>= 8)
		bytes[i] = (char)(n & 0xff);
	while (from > 0 && (bytes[from] & 0x80 || bytes[from - 1]))
		from--;
	return der_put(a, DER_INTEGER, (struct str){bytes + from, 9 - from});
}

static struct str when(struct arena *a, int days)
{
	time_t t = (time_t)(clock_now() + days * INT64_C(86400));
	char text[32];
	struct tm tm;

	gmtime_r(&t, &tm);
	strftime(text, sizeof(text), "%Y%m%d%H%M%SZ", &tm);
	return der_put(a, DER_GENERALIZED_TIME, str_of(text));
}

/* What a list is made of; fields that are empty are left out. */
struct list {
	bool v1, no_next;
	int from, to;       /* days from now */
	struct str entries; /* revokedCertificates */
	struct str extensions;
};

static struct str entry(struct arena *a, struct str serial, struct str extensions)
{
	struct str parts = der_join(a, der_put(a, DER_INTEGER, serial), when(a, -1));

	if (extensions.n)
		parts = der_join(a, parts, der_put(a, DER_SEQUENCE, extensions));
	return der_put(a, DER_SEQUENCE, parts);
}

static struct str algorithm(struct arena *a)
{
	return der_put(a, DER_SEQUENCE, der_put(a, DER_OID, S("\x2a\x86\x48\xce\x3d\x04\x03\x02")));
}

static struct str issuer_name(struct arena *a, const char *ca)
{
	mbedtls_x509_crt crt;
	struct str pem = pki_read(a, ca), name;

	mbedtls_x509_crt_init(&crt);
	assert_int_equal(mbedtls_x509_crt_parse(&crt, (const unsigned char *)pem.p, pem.n + 1), 0);
	name = arena_str(a, crt_str(&crt.subject_raw));
	mbedtls_x509_crt_free(&crt);
	return name;
}

static struct str list_tbs(struct arena *a, const struct list *l, const char *ca)
{
	struct str out = l->v1 ? STR("") : der_put(a, DER_INTEGER, S("\x01"));

	out = der_join(a, out, algorithm(a));
	out = der_join(a, out, issuer_name(a, ca));
	out = der_join(a, out, when(a, l->from));
	if (!l->no_next)
		out = der_join(a, out, when(a, l->to));
	if (l->entries.n)
		out = der_join(a, out, der_put(a, DER_SEQUENCE, l->entries));
	if (l->extensions.n)
		out =
		    der_join(a, out, der_put(a, DER_CONSTRUCTED(0), der_put(a, DER_SEQUENCE, l->extensions)));
	return der_put(a, DER_SEQUENCE, out);
}

static struct str list_with(struct arena *a, struct str tbs, struct str signature)
{
	return DER_WRAP3(a, DER_SEQUENCE, tbs, algorithm(a),
	                 der_put(a, DER_BIT_STRING, der_join(a, S("\0"), signature)));
}

/* Signed by nobody: enough for reading. */
static struct str list_der(struct arena *a, const struct list *l)
{
	return list_with(a, list_tbs(a, l, "ca-a.pem"), S("none"));
}

static struct str list_signed(struct arena *a, const struct list *l, const char *ca)
{
	char file[] = "/tmp/usher-crl-XXXXXX";
	struct str tbs = list_tbs(a, l, arena_printf(a, "%s.pem", ca).p), signature;
	int fd = mkstemp(file);

	assert_true(fd >= 0 && write(fd, tbs.p, tbs.n) == (ssize_t)tbs.n);
	close(fd);
	signature = pki_run(a, "openssl dgst -sha256 -sign %s %s | openssl base64 -A",
	                    pki_path(a, arena_printf(a, "%s.key", ca).p), file);
	unlink(file);
	signature = pki_run(a, "echo %.*s | openssl base64 -d -A; echo", STR_FMT(signature));
	return list_with(a, tbs, signature);
}

static struct shared_crl *shared(struct str der)
{
	struct shared_crl *c;
	const char *why;

	if (crl_share(&c, der, &why) != 0)
		fail_msg("%s", why);
	return c;
}

static struct crl *parsed(struct str der)
{
	struct crl *c;
	const char *why;

	if (crl_parse(&c, der, &why) != 0)
		fail_msg("%s", why);
	return c;
}

static struct list current(void)
{
	return (struct list){.from = -1, .to = 10};
}

/* ---- reading ---- */

static struct str idp(struct arena *a, struct str inside)
{
	return der_extension(a, OID_ISSUING_DISTRIBUTION_POINT, true, der_put(a, DER_SEQUENCE, inside));
}

static void refused(struct arena *a, struct list l, const char *why)
{
	struct crl *c;
	const char *said;

	assert_int_equal(crl_parse(&c, list_der(a, &l), &said), -ERR_INVALID);
	assert_null(c);
	assert_string_equal(said, why);
}

static void test_refused(void **state)
{
	static const char malformed[] = "it is no well-formed CRL";
	struct arena a = ARENA_INIT;
	struct str unknown = der_extension(&a, S("\x2a\x03\x04"), true, S("x"));
	struct str full = der_put(&a, 0xa0, der_put(&a, 0xa0, der_put(&a, 0x86, S("http://x/"))));
	struct list l = current();
	struct str der;

	(void)state;
	l.extensions = unknown;
	refused(&a, l, "it has a critical extension that is not known");
	l.extensions = der_extension(&a, OID_DELTA_CRL, true, number(&a, 1));
	refused(&a, l, "it is a delta CRL, which is not supported");
	l.extensions = idp(&a, der_put(&a, 0x84, S("\xff")));
	refused(&a, l, "it is an indirect CRL, which is not supported");
	l.extensions = idp(&a, der_put(&a, 0x83, S("\x06\x40")));
	refused(&a, l, "it lists some reasons only, which is not supported");
	l.extensions = idp(&a, der_put(&a, 0x85, S("\xff")));
	refused(&a, l, "it lists attribute certificates only");
	l.extensions = idp(&a, der_put(&a, 0xa0, der_put(&a, 0xa1, S(""))));
	refused(&a, l, "its distribution point has no full name, which is not supported");
	l.extensions = idp(&a, der_put(&a, 0x86, S("\xff")));
	refused(&a, l, malformed);
	l.extensions = der_join(&a, idp(&a, full), idp(&a, full));
	refused(&a, l, malformed);
	l = current();
	l.entries = entry(&a, S("\x05"), unknown);
	refused(&a, l, "an entry has a critical extension that is not known");
	l.entries = entry(&a, S("\x05"), der_extension(&a, OID_CERTIFICATE_ISSUER, true, S("x")));
	refused(&a, l, "it is an indirect CRL, which is not supported");
	l.entries = der_put(&a, DER_SEQUENCE, der_put(&a, DER_INTEGER, S("\x05")));
	refused(&a, l, malformed);
	l = current();
	l.v1 = true;
	l.extensions = der_extension(&a, OID_CRL_NUMBER, false, number(&a, 1));
	refused(&a, l, malformed);
	/* every beginning of a list, and a list with more behind it */
	l = current();
	l.entries = entry(&a, S("\x05"), STR(""));
	der = list_der(&a, &l);
	for (size_t n = 0; n < der.n; n++) {
		struct crl *c;
		const char *why;

		assert_int_equal(crl_parse(&c, str_sub(der, 0, n), &why), -ERR_INVALID);
	}
	arena_fini(&a);
}

static void test_accepted(void **state)
{
	struct arena a = ARENA_INIT;
	struct list l = current();
	struct crl *c;

	(void)state;
	l.v1 = true;
	l.no_next = true;
	c = parsed(list_der(&a, &l));
	assert_int_equal(c->serials.count, 0);
	assert_int_equal(c->next_update, c->this_update);
	assert_false(serials_have(&c->serials, S("\x01")));
	crl_free(c);
	l = current();
	l.extensions = der_join(&a, idp(&a, der_put(&a, 0x81, S("\xff"))),
	                        der_extension(&a, OID_CRL_NUMBER, false, number(&a, 300)));
	l.entries = entry(&a, S("\x05"),
	                  der_extension(&a, OID_CRL_REASON, true, der_put(&a, DER_ENUMERATED, S("\x06"))));
	c = parsed(list_der(&a, &l));
	assert_true(c->only_users && !c->only_cas && c->points.n == 0);
	assert_true(str_eq(c->number, S("\x01\x2c")));
	assert_true(str_eq(c->issuer, STR("CN=Issuing CA A,O=usher test,C=DE")));
	assert_true(serials_have(&c->serials, S("\x05")));
	crl_free(c);
	arena_fini(&a);
}

/* ---- serial numbers ---- */

static void test_serials(void **state)
{
	static const struct {
		struct str serial;
		bool listed;
	} rows[] = {
	    {{"\x01", 1}, true},
	    {{"\0\x80", 2}, true},
	    {{"\x80", 1}, true}, /* the same without the sign byte, as sloppy software writes it */
	    {{"\0\0\x01", 3}, true},
	    {{"\x02", 1}, false},
	    {{"\x80\x01", 2}, false},
	    {{"12345678901234567890", 20}, true},
	    {{"12345678901234567891", 20}, false},
	    {{"123456789012345678901", 21}, true},
	    {{"123456789012345678902", 21}, false},
	    {{"123456789012345678901234567890123456789", 39}, true},
	    {{"123456789012345678901234567890123456780", 39}, false},
	    {{"", 0}, false},
	    {{"\0", 1}, false},
	};
	struct arena a = ARENA_INIT;
	struct list l = current();
	struct crl *c;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].listed)
			l.entries = der_join(&a, l.entries, entry(&a, rows[i].serial, STR("")));
	}
	c = parsed(list_der(&a, &l));
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
		assert_int_equal(serials_have(&c->serials, rows[i].serial), rows[i].listed);
	crl_free(c);
	arena_fini(&a);
}

/* Against the plain way, with serials of one to four bytes. */
static void test_many_serials(void **state)
{
	struct arena a = ARENA_INIT;
	struct list l = current();
	bool *set = calloc(1 << 16, sizeof(*set));
	uint32_t seed = 7;
	char *bytes, *at;
	struct crl *c;

	(void)state;
	at = bytes = arena_alloc(&a, 4000 * 32);
	for (int i = 0; i < 4000; i++) {
		struct str one;

		seed = seed * 1103515245 + 12345;
		set[seed >> 16] = true;
		one = entry(&a, str_sub(number(&a, seed >> 16), 2, 20), STR(""));
		memcpy(at, one.p, one.n);
		at += one.n;
	}
	l.entries = str_range(bytes, at);
	c = parsed(list_der(&a, &l));
	assert_int_equal(c->serials.count, 4000);
	assert_int_equal(c->serials.width, 2);
	for (unsigned n = 0; n < 1 << 16; n++)
		assert_int_equal(serials_have(&c->serials, str_sub(number(&a, n), 2, 20)), set[n]);
	crl_free(c);
	free(set);
	arena_fini(&a);
}

/* ---- scope ---- */

static struct str point(struct arena *a, const char *uri)
{
	return der_put(a, 0xa0, der_put(a, 0x86, str_of(uri)));
}

static void test_scope(void **state)
{
	struct arena a = ARENA_INIT;
	struct str one = der_put(&a, DER_SEQUENCE, der_put(&a, 0xa0, point(&a, "http://x/1"))),
	           two = der_put(&a, DER_SEQUENCE, der_put(&a, 0xa0, point(&a, "http://x/2"))),
	           foreign = DER_WRAP2(&a, DER_SEQUENCE, der_put(&a, 0xa0, point(&a, "http://x/1")),
	                               der_put(&a, 0xa2, S("x")));
	struct cert none = {.ca = false}, ca = {.ca = true}, at_one = {.crl_points = one},
	            at_both = {.crl_points = der_join(&a, two, one)}, at_two = {.crl_points = two},
	            at_foreign = {.crl_points = foreign};
	struct list l = current();
	struct crl *c, *other;

	(void)state;
	c = parsed(list_der(&a, &l));
	assert_true(crl_covers(c, &none) && crl_covers(c, &ca) && crl_covers(c, &at_one));
	l.extensions = idp(&a, der_put(&a, 0xa0, point(&a, "http://x/1")));
	other = parsed(list_der(&a, &l));
	assert_true(crl_covers(other, &at_one) && crl_covers(other, &at_both));
	assert_true(!crl_covers(other, &none) && !crl_covers(other, &at_two) &&
	            !crl_covers(other, &at_foreign));
	assert_false(crl_same_scope(c, other));
	crl_free(c);
	c = parsed(list_der(&a, &l));
	assert_true(crl_same_scope(c, other));
	crl_free(c);
	crl_free(other);
	l.extensions = idp(&a, der_put(&a, 0x81, S("\xff")));
	c = parsed(list_der(&a, &l));
	assert_true(crl_covers(c, &none) && !crl_covers(c, &ca));
	crl_free(c);
	l.extensions = idp(&a, der_put(&a, 0x82, S("\xff")));
	c = parsed(list_der(&a, &l));
	assert_true(!crl_covers(c, &none) && crl_covers(c, &ca));
	crl_free(c);
	arena_fini(&a);
}

/* ---- which list counts ---- */

static void load(struct arena *a, mbedtls_x509_crt *crt, const char *name)
{
	struct str pem = pki_read(a, name);

	mbedtls_x509_crt_init(crt);
	assert_int_equal(mbedtls_x509_crt_parse(crt, (const unsigned char *)pem.p, pem.n + 1), 0);
}

/* Lists of ca-a about the good client (serial 1000), or about others. */
struct about {
	bool revoked;
	int from, to, number; /* number 0: none */
	const char *signer;
	bool cas_only;
};

static enum revocation_status status_under(const struct about *v, size_t n, int64_t grace, int64_t *until)
{
	struct arena a = ARENA_INIT;
	mbedtls_x509_crt crt, ca;
	struct cert cert, issuer;
	struct revocation *r;
	enum revocation_status s = REVOCATION_GOOD;

	load(&a, &crt, "good.pem");
	load(&a, &ca, "ca-a.pem");
	cert_read(&cert, &crt);
	cert_read(&issuer, &ca);
	assert_int_equal(revocation_new(&r), 0);
	for (size_t i = 0; i < n; i++) {
		struct list l = {.from = v[i].from, .to = v[i].to};

		l.entries = entry(&a, v[i].revoked ? crt_str(&crt.serial) : S("\x77"), STR(""));
		if (v[i].number)
			l.extensions =
			    der_extension(&a, OID_CRL_NUMBER, false, number(&a, (uint64_t)v[i].number));
		if (v[i].cas_only)
			l.extensions = der_join(&a, l.extensions, idp(&a, der_put(&a, 0x82, S("\xff"))));
		assert_int_equal(revocation_add(r, shared(list_signed(&a, &l, v[i].signer))), 0);
	}
	*until = INT64_MAX;
	for (int i = 0; i < 3; i++) /* the second time from what is remembered */
		s = revocation_check(r, &cert, &issuer, clock_now(), grace, until);
	revocation_free(r);
	mbedtls_x509_crt_free(&crt);
	mbedtls_x509_crt_free(&ca);
	arena_fini(&a);
	return s;
}

static void test_which_counts(void **state)
{
	static const struct {
		struct about v[3];
		enum revocation_status status;
		int64_t grace;
		int until; /* days from now; 0: never */
	} rows[] = {
	    {{{false, -1, 10, 1, "ca-a", false}}, REVOCATION_GOOD, 0, 10},
	    {{{true, -1, 10, 1, "ca-a", false}}, REVOCATION_REVOKED, 0, 10},
	    {{{false, -1, 10, 1, "ca-b", false}}, REVOCATION_MISSING, 0, 0},
	    /* the newest number counts, whatever the order of files and dates */
	    {{{true, -1, 10, 1, "ca-a", false}, {false, -2, 9, 2, "ca-a", false}}, REVOCATION_GOOD, 0, 9},
	    {{{false, -2, 9, 2, "ca-a", false}, {true, -1, 10, 3, "ca-a", false}}, REVOCATION_REVOKED, 0, 10},
	    {{{false, -1, 9, 255, "ca-a", false}, {true, -1, 10, 256, "ca-a", false}},
	     REVOCATION_REVOKED,
	     0,
	     10},
	    {{{true, -1, 10, 0, "ca-a", false}, {false, -1, 9, 1, "ca-a", false}}, REVOCATION_GOOD, 0, 9},
	    {{{true, -2, 10, 0, "ca-a", false}, {false, -1, 9, 0, "ca-a", false}}, REVOCATION_GOOD, 0, 9},
	    /* two that are equally new: both are heeded */
	    {{{false, -1, 10, 4, "ca-a", false}, {true, -1, 10, 4, "ca-a", false}},
	     REVOCATION_REVOKED,
	     0,
	     10},
	    /* one that has not begun replaces none, but will */
	    {{{false, -1, 10, 1, "ca-a", false}, {true, 2, 20, 2, "ca-a", false}}, REVOCATION_GOOD, 0, 2},
	    {{{true, 2, 20, 2, "ca-a", false}}, REVOCATION_MISSING, 0, 2},
	    /* time, and a grace of three days */
	    {{{true, -9, -2, 1, "ca-a", false}}, REVOCATION_EXPIRED, 0, 0},
	    {{{true, -9, -2, 1, "ca-a", false}}, REVOCATION_REVOKED, 3 * 86400, 1},
	    {{{false, -9, -4, 1, "ca-a", false}}, REVOCATION_EXPIRED, 3 * 86400, 0},
	    {{{false, -9, -2, 2, "ca-a", false}, {true, -1, 10, 1, "ca-a", false}}, REVOCATION_EXPIRED, 0, 0},
	    /* scopes stand side by side */
	    {{{false, -1, 10, 1, "ca-a", true}}, REVOCATION_MISSING, 0, 0},
	    {{{true, -1, 10, 1, "ca-a", false}, {false, -1, 9, 2, "ca-a", true}}, REVOCATION_REVOKED, 0, 10},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int64_t until, day;
		size_t n = 0;

		while (n < 3 && rows[i].v[n].signer)
			n++;
		if (status_under(rows[i].v, n, rows[i].grace, &until) != rows[i].status)
			fail_msg("row %zu", i);
		day = (until - clock_now() + 43200) / 86400;
		if (rows[i].until ? day != rows[i].until : until != INT64_MAX)
			fail_msg("row %zu: until day %lld", i, (long long)day);
	}
}

/* The same bytes are one list, as long as somebody holds it. */
static void test_shared(void **state)
{
	struct arena a = ARENA_INIT;
	struct list l = current();
	struct str der = list_der(&a, &l), other;
	struct shared_crl *one = shared(der), *two = shared(arena_str(&a, der)), *three;

	(void)state;
	l.entries = entry(&a, S("\x05"), STR(""));
	other = list_der(&a, &l);
	three = shared(other);
	assert_ptr_equal(one, two);
	assert_ptr_not_equal(one, three);
	crl_unshare(one);
	assert_int_equal(shared_crl(two)->serials.count, 0);
	assert_int_equal(shared_crl(three)->serials.count, 1);
	crl_unshare(three);
	crl_unshare(two);
	crl_unshare(NULL);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_refused),      cmocka_unit_test(test_accepted),
	    cmocka_unit_test(test_serials),      cmocka_unit_test(test_many_serials),
	    cmocka_unit_test(test_scope),        cmocka_unit_test(test_shared),
	    cmocka_unit_test(test_which_counts),
	};

	pki_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
