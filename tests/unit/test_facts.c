/* SPDX-License-Identifier: Apache-2.0 */
/* Certificate facts, against what openssl(1) prints of the same certificates. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/clock.h"
#include "mtls/der.h"
#include "mtls/inspect.h"
#include "mtls/oid.h"
#include "tests/unit/der_write.h"
#include "tests/unit/pki.h"

static struct cert_facts *facts_of(struct str text)
{
	struct cert_facts *f;
	const char *why = "";

	if (inspect_chain(&f, text, STR(""), NULL, 0, clock_now(), &why) != 0)
		fail_msg("%s", why);
	return f;
}

static void same(const char *what, struct str is, struct str should)
{
	if (!str_eq(is, should))
		fail_msg("%s:\n  is        %.*s\n  should be %.*s", what, STR_FMT(is), STR_FMT(should));
}

static struct str z(const char *text)
{
	return str_of(text);
}

/* ---- whole certificates of the PKI ---- */

/* What stands behind the first "label" in text, up to the line's end. */
static struct str after(struct str text, const char *label)
{
	const char *p = memmem(text.p, text.n, label, strlen(label));
	const char *end = text.p + text.n, *eol;

	if (!p)
		return STR("");
	p += strlen(label);
	eol = memchr(p, '\n', (size_t)(end - p));
	return str_range(p, eol ? eol : end);
}

/* Without colons and white space, in small or capital letters. */
static struct str squeezed(struct arena *a, struct str s, bool lower)
{
	char *out = arena_alloc(a, s.n + 1);
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] != ':' && s.p[i] != ' ')
			out[n++] = lower ? ascii_lower(s.p[i]) : ascii_upper(s.p[i]);
	}
	return (struct str){out, n};
}

static int64_t epoch_of(struct str date)
{
	struct tm tm = {0};

	assert_non_null(strptime(date.p, "%b %d %H:%M:%S %Y", &tm));
	return timegm(&tm);
}

/* The lines between those of dashes, joined. */
static struct str pem_body(struct arena *a, struct str pem)
{
	char *out = arena_alloc(a, pem.n);
	size_t n = 0;
	bool dashes = false;

	for (size_t i = 0; i < pem.n; i++) {
		if (i == 0 || pem.p[i - 1] == '\n')
			dashes = pem.p[i] == '-';
		if (!dashes && pem.p[i] != '\n')
			out[n++] = pem.p[i];
	}
	return (struct str){out, n};
}

static void check_file(const char *file)
{
	struct arena a = ARENA_INIT;
	struct cert_facts *f = facts_of(pki_read(&a, file));
	const char *path = pki_path(&a, file);
	struct str said, pem, parts[3] = {STR(":"), STR_NONE, STR(":")};

	said = pki_run(
	    &a,
	    "openssl x509 -in %s -noout -nameopt RFC2253 -subject -issuer -serial -startdate -enddate "
	    "-fingerprint -sha256 && openssl x509 -in %s -noout -fingerprint -sha1 -text -certopt "
	    "no_subject,no_issuer,no_serial | sed '/Subject Key Identifier/{n;s/^ */SKI=/;}'",
	    path, path);
	same(file, f->subject.dn, after(said, "subject="));
	same(file, f->subject.dn_rfc2253, f->subject.dn);
	same(file, f->issuer.dn, after(said, "issuer="));
	/* the DER keeps a sign byte that openssl does not print */
	same(file,
	     f->serial.n > 2 && str_starts(f->serial, z("00")) ? str_sub(f->serial, 2, f->serial.n)
	                                                       : f->serial,
	     after(said, "serial="));
	same(file, f->not_before, after(said, "notBefore="));
	same(file, f->not_after, after(said, "notAfter="));
	assert_int_equal(f->not_before_epoch, epoch_of(f->not_before));
	assert_int_equal(f->not_after_epoch, epoch_of(f->not_after));
	same(file, f->fingerprint_sha256, squeezed(&a, after(said, "sha256 Fingerprint="), true));
	same(file, f->fingerprint_sha1, squeezed(&a, after(said, "sha1 Fingerprint="), true));
	same(file, f->ski, squeezed(&a, after(said, "SKI="), false));
	same(file, f->signature_algorithm, after(said, "Signature Algorithm: "));
	same(file, arena_printf(&a, "%lld bit)", (long long)f->key_bits), after(said, "Public-Key: ("));
	said = pki_run(&a, "openssl x509 -in %s -noout -nameopt compat -subject -issuer", path);
	same(file, f->subject.dn_legacy, after(said, "subject="));
	same(file, f->issuer.dn_legacy, after(said, "issuer="));
	same(file, f->spki_sha256,
	     pki_run(&a,
	             "openssl x509 -in %s -noout -pubkey | openssl pkey -pubin -outform DER | openssl dgst "
	             "-sha256 "
	             "-r | cut -c-64",
	             path));
	pem = pki_run(&a, "openssl x509 -in %s", path);
	same(file, f->chain_pem, der_join(&a, pem, z("\n")));
	parts[1] = pem_body(&a, pem);
	same(file, f->rfc9440, arena_concat(&a, parts, 3));
	assert_int_equal(f->chain_length, 1);
	same(file, f->chain_fingerprints_sha256.v[0], f->fingerprint_sha256);
	assert_int_equal(f->chain_rfc9440.n, 0);
	assert_true(f->presented && !f->verified && !f->revoked);
	cert_facts_free(f);
	arena_fini(&a);
}

static void test_files(void **state)
{
	static const char *const files[] = {
	    "good.pem",      "good-rsa.pem", "good-p384.pem", "strange.pem",    "nul.pem",  "noski.pem",
	    "weak-sha1.pem", "weak-rsa.pem", "expired.pem",   "hugeserial.pem", "self.pem", "root.pem",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		check_file(files[i]);
}

/* ---- names ---- */

/* One attribute: string type, object identifier and value; plus joins it to the RDN before. */
struct attribute {
	unsigned tag;
	const char *oid; /* content bytes */
	struct str value;
	bool plus;
};

#define CN "\x55\x04\x03"
#define O "\x55\x04\x0a"
#define OU "\x55\x04\x0b"
#define MAIL "\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"
#define V(text)                                                                                              \
	{                                                                                                    \
		"" text, sizeof(text) - 1                                                                    \
	}

static const struct {
	const char *what;
	struct attribute v[6];
} names[] = {
    {"empty", {{0, NULL, V(""), false}}},
    {"plain", {{DER_PRINTABLE, O, V("Access"), false}, {DER_UTF8, CN, V("James Royal"), false}}},
    {"comma, plus, quote, backslash", {{DER_UTF8, CN, V("a,b+c\"d\\e<f>g;h=i/j"), false}}},
    {"spaces at the ends", {{DER_UTF8, CN, V("  a b  "), false}}},
    {"one space", {{DER_UTF8, CN, V(" "), false}}},
    {"two spaces", {{DER_UTF8, CN, V("  "), false}}},
    {"sharp first", {{DER_UTF8, CN, V("#a#"), false}}},
    {"sharp alone", {{DER_UTF8, CN, V("#"), false}}},
    {"empty value", {{DER_UTF8, CN, V(""), false}, {DER_UTF8, O, V("x"), false}}},
    {"control characters", {{DER_UTF8, CN, V("a\r\nb\tc\x01\x7f"), false}}},
    {"NUL", {{DER_UTF8, CN, V("good.example\0.evil.test"), false}}},
    {"NUL first and last", {{DER_UTF8, CN, V("\0a\0"), false}}},
    {"UTF-8", {{DER_UTF8, CN, V("\xc3\x9c\xe2\x98\x83\xf0\x9f\x98\x80"), false}}},
    {"Latin-1 in T61", {{DER_T61, CN, V("M\xfcller"), false}}},
    {"BMP", {{DER_BMP, CN, V("\0A\0 \x26\x03\0,"), false}}},
    {"universal", {{DER_UNIVERSAL, CN, V("\0\0\0A\0\x01\xf6\0"), false}}},
    {"printable with a high byte", {{DER_PRINTABLE, CN, V("a\xe9"), false}}},
    {"IA5 mail", {{DER_IA5, MAIL, V("a@b.example"), false}}},
    {"bit string", {{DER_BIT_STRING, "\x55\x04\x2d", V("\0\xa5\x5a"), false}}},
    {"not in the table", {{DER_UTF8, "\x2a\x03\x04", V("hi"), false}}},
    {"not in the table, long arcs", {{DER_UTF8, "\x88\x37\x8f\xff\xff\xff\x7f", V("hi"), false}}},
    {"two in an RDN",
     {{DER_UTF8, OU, V("one"), false}, {DER_UTF8, OU, V("two"), true}, {DER_UTF8, CN, V("x"), false}}},
    {"mixed RDNs",
     {{DER_UTF8, O, V("a"), false},
      {DER_UTF8, CN, V("b"), true},
      {DER_UTF8, OU, V("c"), false},
      {DER_UTF8, CN, V("d"), false},
      {DER_PRINTABLE, "\x55\x04\x05", V("7"), true}}},
    {"many kinds",
     {{DER_IA5, "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x19", V("example"), false},
      {DER_UTF8, "\x09\x92\x26\x89\x93\xf2\x2c\x64\x01\x01", V("u"), false},
      {DER_UTF8, "\x55\x04\x04", V("sur"), false},
      {DER_UTF8, "\x55\x04\x2a", V("given"), false},
      {DER_UTF8, "\x55\x04\x09", V("road 1"), false},
      {DER_PRINTABLE, "\x2b\x06\x01\x04\x01\x82\x37\x3c\x02\x01\x03", V("DE"), false}}},
};

static struct str name_der(struct arena *a, const struct attribute *v, size_t max)
{
	struct str rdns = STR(""), rdn = STR("");

	for (size_t i = 0; i < max && v[i].oid; i++) {
		struct str one = DER_WRAP2(a, DER_SEQUENCE, der_put(a, DER_OID, z(v[i].oid)),
		                           der_put(a, v[i].tag, v[i].value));

		rdn = v[i].plus ? der_join(a, rdn, one) : one;
		if (i + 1 == max || !v[i + 1].plus)
			rdns = der_join(a, rdns, der_put(a, DER_SET, rdn));
	}
	return der_put(a, DER_SEQUENCE, rdns);
}

static struct str good_der(struct arena *a)
{
	struct cert_facts *f = facts_of(pki_read(a, "good.pem"));
	struct str der = arena_str(a, f->der);

	cert_facts_free(f);
	return der;
}

static struct str with_subject(struct arena *a, struct str name)
{
	struct str der = good_der(a);

	return cert_swap(a, der, &(struct swap){.subject = &name});
}

static struct str after_line(struct str s)
{
	return str_sub(s, (size_t)str_find(s, '\n') + 1, s.n);
}

static void test_names(void **state)
{
	char file[] = "/tmp/usher-name-XXXXXX";
	int fd = mkstemp(file);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		struct arena a = ARENA_INIT;
		struct str der = with_subject(&a, name_der(&a, names[i].v, 6));
		struct cert_facts *f = facts_of(der);
		struct str said;

		assert_true(ftruncate(fd, 0) == 0 && pwrite(fd, der.p, der.n, 0) == (ssize_t)der.n);
		said = pki_run(&a,
		               "openssl x509 -inform DER -in %s -noout -subject -nameopt RFC2253 && "
		               "openssl x509 -inform DER -in %s -noout -subject -nameopt compat",
		               file, file);
		same(names[i].what, f->subject.dn, after(said, "subject="));
		same(names[i].what, f->subject.dn_legacy, after(after_line(said), "subject="));
		cert_facts_free(f);
		arena_fini(&a);
	}
	close(fd);
	unlink(file);
}

/* Where OpenSSL prints an error, usher prints bytes; and values as rules see them. */
static void test_name_values(void **state)
{
	static const struct {
		struct attribute v[6];
		const char *dn;
		struct str cn; /* the last one */
		size_t cns;
	} rows[] = {
	    {{{DER_BMP, CN, V("\0A\0"), false}}, "CN=#1E03004100", V("\0A\0"), 1},
	    {{{DER_BMP, CN, V("\xd8\x3d\xde\0"), false}}, "CN=#1E04D83DDE00", V("\xd8\x3d\xde\0"), 1},
	    {{{DER_UTF8, CN, V("a\0b"), false}}, "CN=a\\00b", V("a\0b"), 1},
	    {{{DER_UTF8, CN, V("one"), false}, {DER_UTF8, CN, V("two"), false}},
	     "CN=two,CN=one",
	     V("two"),
	     2},
	    {{{DER_UTF8, O, V("one"), false}}, "O=one", V(""), 0},
	    {{{DER_BMP, CN, V("\0\xdc\x26\x03"), false}},
	     "CN=\\C3\\9C\\E2\\98\\83",
	     V("\xc3\x9c\xe2\x98\x83"),
	     1},
	    {{{DER_T61, CN, V("\xdc"), false}}, "CN=\\C3\\9C", V("\xc3\x9c"), 1},
	    {{{DER_UTF8, CN, V("\xff"), false}}, "CN=\\FF", V("\xff"), 1},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a = ARENA_INIT;
		struct cert_facts *f = facts_of(with_subject(&a, name_der(&a, rows[i].v, 6)));

		same("dn", f->subject.dn, z(rows[i].dn));
		assert_int_equal(f->subject.cn.n, rows[i].cns);
		if (rows[i].cns)
			same("cn", f->subject.cn.v[rows[i].cns - 1], rows[i].cn);
		cert_facts_free(f);
		arena_fini(&a);
	}
}

/* ---- the rest ---- */

static void test_serials(void **state)
{
	static const struct {
		struct str der;
		const char *text;
	} rows[] = {
	    {V("\x01"), "01"},
	    {V("\0\x93\x6e\xac\xbe\x07\xf2\x01\xdf"), "00936EACBE07F201DF"},
	    {V("\x52\x7e\x0f\x20"), "527E0F20"},
	    {V("\0"), "00"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a = ARENA_INIT;
		struct str der = good_der(&a);
		struct cert_facts *f = facts_of(cert_swap(&a, der, &(struct swap){.serial = &rows[i].der}));

		same("serial", f->serial, z(rows[i].text));
		cert_facts_free(f);
		arena_fini(&a);
	}
}

static void test_alternative_names(void **state)
{
	struct arena a = ARENA_INIT;
	struct cert_facts *f = facts_of(pki_read(&a, "good.pem"));
	char text[IP_TEXT];

	(void)state;
	assert_int_equal(f->san_dns.n, 2);
	same("dns", f->san_dns.v[0], z("good.example"));
	same("dns", f->san_dns.v[1], z("alias.good.example"));
	assert_int_equal(f->san_uri.n, 1);
	same("uri", f->san_uri.v[0], z("spiffe://example.org/good"));
	assert_int_equal(f->san_email.n, 1);
	same("email", f->san_email.v[0], z("good@example.org"));
	assert_int_equal(f->san_ip.n, 2);
	ip_print(&f->san_ip.v[0], text);
	assert_string_equal(text, "192.0.2.7");
	ip_print(&f->san_ip.v[1], text);
	assert_string_equal(text, "2001:db8::7");
	assert_int_equal(f->eku.n, 1);
	same("eku", f->eku.v[0], z("1.3.6.1.5.5.7.3.2"));
	same("type", f->key_type, z("ec"));
	cert_facts_free(f);
	arena_fini(&a);
}

static void test_chain(void **state)
{
	struct arena a = ARENA_INIT;
	struct cert_facts *f = facts_of(pki_join(&a, "good.pem ca-a.pem root.pem"));
	struct cert_facts *ca = facts_of(pki_read(&a, "ca-a.pem")),
	                  *root = facts_of(pki_read(&a, "root.pem"));
	struct str parts[3] = {ca->rfc9440, STR(", "), root->rfc9440};

	(void)state;
	assert_int_equal(f->chain_length, 3);
	same("chain", f->chain_rfc9440, arena_concat(&a, parts, 3));
	same("fingerprint", f->chain_fingerprints_sha256.v[2], root->fingerprint_sha256);
	same("der", f->chain_der.v[1], ca->der);
	assert_false(f->chain_rfc9440_too_large);
	cert_facts_free(f);
	cert_facts_free(ca);
	cert_facts_free(root);
	arena_fini(&a);
}

/* Certificates of exactly the limit and one step over it. */
static void test_header_limits(void **state)
{
	struct arena a = ARENA_INIT;
	struct str der = good_der(&a);
	static const struct {
		size_t size;
		bool over;
	} rows[] = {{7677, false}, {7680, true}, {12285, true}, {12288, true}};

	(void)state;
	/* 2 + 4 * ceil(n / 3) <= 10240 up to 7677 */
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str pad = STR(""), big = STR("");
		struct cert_facts *f;

		for (size_t n = rows[i].size - 700; big.n != rows[i].size; n++) {
			char *filler = arena_zalloc(&a, n);

			assert_true(n < rows[i].size);
			memset(filler, 'x', n);
			pad = der_extension(&a, STR("\x2a\x03\x04\x05"), false,
			                    der_put(&a, DER_IA5, (struct str){filler, n}));
			big = cert_swap(&a, der, &(struct swap){.extensions = &pad});
		}
		f = facts_of(big);
		assert_int_equal(f->rfc9440_too_large, base64_length(big.n) + 2 > 10240);
		assert_int_equal(f->rfc9440_too_large, rows[i].over);
		assert_int_equal(f->rfc9440.n, rows[i].over ? 0 : base64_length(big.n) + 2);
		cert_facts_free(f);
		f = facts_of(der_join(&a, der, big));
		assert_int_equal(f->chain_rfc9440_too_large, rows[i].size > 12285);
		assert_int_equal(f->chain_rfc9440.n, rows[i].size > 12285 ? 0 : base64_length(big.n) + 2);
		cert_facts_free(f);
	}
	arena_fini(&a);
}

static void test_absent(void **state)
{
	const struct cert_facts *f = cert_facts_absent();

	(void)state;
	assert_string_equal(verify_result_name(f->result), "absent");
	assert_true(!f->presented && !f->verified && !f->revoked && f->subject.dn.n == 0);
	cert_facts_free((struct cert_facts *)f);
	cert_facts_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_files),
	    cmocka_unit_test(test_names),
	    cmocka_unit_test(test_name_values),
	    cmocka_unit_test(test_serials),
	    cmocka_unit_test(test_alternative_names),
	    cmocka_unit_test(test_chain),
	    cmocka_unit_test(test_header_limits),
	    cmocka_unit_test(test_absent),
	};

	pki_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
