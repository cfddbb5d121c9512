/* SPDX-License-Identifier: Apache-2.0 */
/* Name constraints of every form, against names inside, outside and in disguise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/ip.h"
#include "mtls/constraints.h"
#include "mtls/der.h"
#include "tests/unit/der_write.h"

/*
 * Texts: "+" permitted, "-" excluded, then the form and the value; "|" between several.
 * Names: form and value; "cn", "o" and "mail" are attributes of the subject.
 */
static const struct {
	const char *constraints, *names;
	bool allowed;
} rows[] = {
    {"", "dns:anything", true},
    {"+dns:example.com", "dns:example.com", true},
    {"+dns:example.com", "dns:a.b.Example.COM", true},
    {"+dns:example.com", "dns:example.com.", true},
    {"+dns:example.com", "dns:badexample.com", false},
    {"+dns:example.com", "dns:example.com.evil", false},
    {"+dns:example.com", "dns:a.example.com|dns:b.example.org", false},
    {"+dns:example.com|+dns:example.org", "dns:a.example.com|dns:b.example.org", true},
    {"+dns:.example.com", "dns:a.example.com", true},
    {"+dns:.example.com", "dns:example.com", false},
    {"+dns:", "dns:anything", true},
    {"+dns:example.com", "email:a@b.test", true},
    {"-dns:bad.example.com", "dns:good.example.com", true},
    {"-dns:bad.example.com", "dns:x.bad.example.com", false},
    {"-dns:.bad.example.com", "dns:bad.example.com", false},
    {"-dns:bad.example.com", "dns:*.example.com", false},
    {"-dns:bad.example.com", "dns:*.example.org", true},
    {"-dns:", "dns:a", false},
    {"-dns:", "uri:https://a.test/", true},
    {"+dns:example.com|-dns:x.example.com", "dns:y.example.com", true},
    {"+dns:example.com|-dns:x.example.com", "dns:x.example.com", false},
    /* a common name that looks like a host counts if there is no DNS name */
    {"+dns:example.com", "cn:api.internal.test", false},
    {"+dns:example.com", "cn:api.example.com", true},
    {"+dns:example.com", "cn:Alice", true},
    {"+dns:example.com", "cn:Alice B. Smith", true},
    {"+dns:example.com", "cn:api.internal.test|dns:a.example.com", true},
    {"-dns:internal.test", "cn:api.internal.test", false},

    {"+email:a@example.com", "email:a@example.com", true},
    {"+email:a@example.com", "email:a@EXAMPLE.com", true},
    {"+email:a@example.com", "email:A@example.com", false},
    {"-email:a@example.com", "email:A@example.com", false},
    {"+email:a@example.com", "email:b@example.com", false},
    {"+email:example.com", "email:any@example.com", true},
    {"+email:example.com", "email:any@mail.example.com", false},
    {"+email:.example.com", "email:any@mail.example.com", true},
    {"+email:.example.com", "email:any@example.com", false},
    {"+email:example.com", "email:example.com", false},
    {"-email:example.com", "email:nobody", false},
    {"+email:example.com", "mail:any@example.com", true},
    {"+email:example.com", "mail:any@evil.test", false},
    {"-email:evil.test", "mail:any@evil.test", false},
    {"+email:example.com", "email:\"a@evil.test\"@example.com", true},

    {"+uri:host.example", "uri:https://host.example/path?q#f", true},
    {"+uri:host.example", "uri:https://host.example:443/", true},
    {"+uri:host.example", "uri:https://user@host.example/", true},
    {"+uri:host.example", "uri:https://host.example@evil.test/", false},
    {"+uri:host.example", "uri:https://evil.test/host.example", false},
    {"+uri:host.example", "uri:https://evil.test\\@host.example/", false},
    {"+uri:host.example", "uri:https://host.example\\.evil.test/", false},
    {"+uri:host.example", "uri:https://a.host.example/", false},
    {"+uri:.host.example", "uri:spiffe://a.host.example/x", true},
    {"+uri:.host.example", "uri:spiffe://host.example/x", false},
    {"-uri:.host.example", "uri:spiffe://host.example/x", false},
    {"+uri:host.example", "uri:https://192.0.2.1/", false},
    {"+uri:host.example", "uri:urn:uuid:1", false},
    {"-uri:host.example", "uri:urn:uuid:1", false},
    {"-uri:host.example", "uri:https://[::1]/", false},
    {"-uri:host.example", "uri:https://other.example/", true},

    {"+ip:192.0.2.0/255.255.255.0", "ip:192.0.2.7", true},
    {"+ip:192.0.2.0/255.255.255.0", "ip:192.0.3.7", false},
    {"+ip:192.0.2.0/255.255.255.0", "ip:2001:db8::1", false},
    {"-ip:192.0.2.0/255.255.255.0", "ip:::ffff:192.0.2.7", false},
    {"-ip:192.0.2.0/255.255.255.0", "ip:2001:db8::1", true},
    {"+ip:2001:db8::/ffff:ffff::", "ip:2001:db8:1::1", true},
    {"+ip:2001:db8::/ffff:ffff::", "ip:2001:db9::1", false},
    {"-ip:0.0.0.0/0.0.0.0", "ip:10.0.0.1", false},

    {"+dir:o=Example", "o:Example", true},
    {"+dir:o=Example", "o:EXAMPLE  ", true},
    {"+dir:o=Example Inc", "o:Example   inc", true},
    {"+dir:o=Example", "o:Other", false},
    {"+dir:o=Example", "o:Example|cn:x", true},
    {"+dir:o=Example", "cn:x|o:Example", false},
    {"+dir:o=Example", "o:Example2", false},
    {"-dir:o=Example", "o:example|cn:x", false},
    {"-dir:o=Example", "o:Other|cn:x", true},
    {"+dir:o=Example", "", true},
    {"+dir:o=Example", "o:Example|dir:o=Other", false},
    {"-dir:", "o:x", false},

    /* forms that are not understood */
    {"+other:x", "other:x", false},
    {"-other:x", "other:y", false},
    {"+other:x", "dns:a", true},
    {"+rid:x", "rid:x", false},
    {"+dns:a", "rid:x", true},
};

static const struct {
	const char *word;
	unsigned tag;
} forms[] = {
    {"other", 0xa0}, {"email", 0x81}, {"dns", 0x82}, {"dir", 0xa4},
    {"uri", 0x86},   {"ip", 0x87},    {"rid", 0x88},
};

static struct str attribute(struct arena *a, struct str oid, struct str value)
{
	return der_put(a, DER_SET,
	               DER_WRAP2(a, DER_SEQUENCE, der_put(a, DER_OID, oid), der_put(a, DER_UTF8, value)));
}

static struct str address(struct arena *a, struct str text)
{
	ptrdiff_t slash = str_find(text, '/');
	struct ip ip, mask;

	assert_true(ip_parse(str_sub(text, 0, slash < 0 ? text.n : (size_t)slash), &ip));
	text = slash < 0 ? STR("") : str_sub(text, (size_t)slash + 1, text.n);
	if (text.n)
		assert_true(ip_parse(text, &mask));
	return der_join(a, arena_str(a, (struct str){(char *)ip.bytes, ip.family == 4 ? 4 : 16}),
	                text.n ? arena_str(a, (struct str){(char *)mask.bytes, mask.family == 4 ? 4 : 16})
	                       : STR(""));
}

static struct str general(struct arena *a, struct str text)
{
	ptrdiff_t colon = str_find(text, ':');
	struct str word = str_sub(text, 0, (size_t)colon), value = str_sub(text, (size_t)colon + 1, text.n);

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++) {
		if (!str_eq(word, str_of(forms[i].word)))
			continue;
		if (forms[i].tag == 0x87)
			value = address(a, value);
		if (forms[i].tag == 0xa4)
			value =
			    der_put(a, DER_SEQUENCE,
			            value.n ? attribute(a, STR("\x55\x04\x0a"), str_sub(value, 2, value.n))
			                    : STR(""));
		return der_put(a, forms[i].tag, value);
	}
	return STR_NONE;
}

static bool next_part(struct str *text, struct str *part)
{
	ptrdiff_t bar = str_find(*text, '|');

	*part = str_sub(*text, 0, bar < 0 ? text->n : (size_t)bar);
	*text = bar < 0 ? STR("") : str_sub(*text, (size_t)bar + 1, text->n);
	return part->n > 0;
}

static struct str constraints_of(struct arena *a, struct str text)
{
	struct str lists[2] = {STR(""), STR("")}, part, out = STR("");

	while (next_part(&text, &part)) {
		struct str *into = &lists[part.p[0] == '-'];

		*into = der_join(a, *into, der_put(a, DER_SEQUENCE, general(a, str_sub(part, 1, part.n))));
	}
	for (unsigned i = 0; i < 2; i++) {
		if (lists[i].n)
			out = der_join(a, out, der_put(a, DER_CONSTRUCTED(i), lists[i]));
	}
	return out.n ? der_put(a, DER_SEQUENCE, out) : out;
}

static bool allowed(struct arena *a, struct str constraints, struct str names)
{
	struct str san = STR(""), subject = STR(""), part;
	mbedtls_x509_crt crt = {0};
	struct cert ca = {.name_constraints = constraints}, cert = {.crt = &crt};

	while (next_part(&names, &part)) {
		ptrdiff_t colon = str_find(part, ':');
		struct str value = str_sub(part, (size_t)colon + 1, part.n);

		if (str_starts(part, STR("cn:")))
			subject = der_join(a, subject, attribute(a, STR("\x55\x04\x03"), value));
		else if (str_starts(part, STR("o:")))
			subject = der_join(a, subject, attribute(a, STR("\x55\x04\x0a"), value));
		else if (str_starts(part, STR("mail:")))
			subject = der_join(a, subject,
			                   attribute(a, STR("\x2a\x86\x48\x86\xf7\x0d\x01\x09\x01"), value));
		else
			san = der_join(a, san, general(a, part));
	}
	subject = der_put(a, DER_SEQUENCE, subject);
	crt.subject_raw.p = (unsigned char *)subject.p;
	crt.subject_raw.len = subject.n;
	cert.san = san;
	return constraints_allow(a, &ca, &cert, true);
}

static void test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct arena a = ARENA_INIT;

		if (allowed(&a, constraints_of(&a, str_of(rows[i].constraints)), str_of(rows[i].names)) !=
		    rows[i].allowed)
			fail_msg("[%s] against [%s] should be %s", rows[i].names, rows[i].constraints,
			         rows[i].allowed ? "allowed" : "refused");
		arena_fini(&a);
	}
}

/* Extensions that are not to be understood let nobody in. */
static void test_broken(void **state)
{
	struct arena a = ARENA_INIT;
	struct str base = general(&a, STR("dns:example.com")), subtree, good;

	(void)state;
	good = constraints_of(&a, STR("+dns:example.com"));
	assert_true(allowed(&a, good, STR("dns:example.com")));
	for (size_t n = 1; n < good.n; n++)
		assert_false(allowed(&a, str_sub(good, 0, n), STR("dns:example.com")));
	assert_false(allowed(&a, der_join(&a, good, STR("x")), STR("dns:example.com")));
	subtree = DER_WRAP2(&a, DER_SEQUENCE, base, der_put(&a, DER_CONTEXT(0), STR("\x01"))); /* minimum 1 */
	good = der_put(&a, DER_SEQUENCE, der_put(&a, DER_CONSTRUCTED(0), subtree));
	assert_false(allowed(&a, good, STR("dns:example.com")));
	subtree = DER_WRAP2(&a, DER_SEQUENCE, base, der_put(&a, DER_CONTEXT(1), STR("\x01"))); /* maximum 1 */
	good = der_put(&a, DER_SEQUENCE, der_put(&a, DER_CONSTRUCTED(0), subtree));
	assert_false(allowed(&a, good, STR("dns:example.com")));
	arena_fini(&a);
}

/* More work than LIMIT_CONSTRAINT_CHECKS is refused at once. */
static void test_too_much(void **state)
{
	struct arena a = ARENA_INIT;
	struct buf list = BUF_INIT, names = BUF_INIT;
	struct str constraints;

	(void)state;
	for (int i = 0; i < 600; i++) {
		buf_add(&list, der_put(&a, DER_SEQUENCE, general(&a, STR("dns:example.com"))));
		buf_add(&names, STR("dns:a.example.com|"));
	}
	constraints = der_put(&a, DER_SEQUENCE, der_put(&a, DER_CONSTRUCTED(0), buf_str(&list)));
	assert_true(allowed(&a, constraints, STR("dns:a.example.com")));
	assert_false(allowed(&a, constraints, buf_str(&names)));
	buf_fini(&list);
	buf_fini(&names);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rows),
	    cmocka_unit_test(test_broken),
	    cmocka_unit_test(test_too_much),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
