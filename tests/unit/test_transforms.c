/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "base/ip.h"
#include "headers/forwarded.h"
#include "headers/status.h"
#include "headers/transforms.h"
#include "tests/unit/messages.h"

/* A certificate as fields, "name=value", several of one name for an array. */
struct fake {
	const char *const *fields;
	bool no_memory;
};

static bool fake_get(void *ctx, struct str field, struct arena *a, struct source_values *out)
{
	const struct fake *f = ctx;
	struct str *v = arena_array(a, 8, sizeof(*v));
	size_t i, n = 0;

	if (f->no_memory)
		return false;
	for (i = 0; f->fields[i]; i++) {
		struct str row = str_of(f->fields[i]);
		ptrdiff_t equals = str_find(row, '=');

		if (str_eq(str_sub(row, 0, (size_t)equals), field))
			v[n++] = str_sub(row, (size_t)equals + 1, row.n);
	}
	*out = (struct source_values){v, n};
	return true;
}

static const char *const good[] = {
    "cf.tls_client_auth.cert_presented=true",
    "cf.tls_client_auth.cert_verified=true",
    "cf.tls_client_auth.cert_revoked=false",
    "cf.tls_client_auth.cert_subject_dn=CN=a\\,b,O=x",
    "cf.tls_client_auth.cert_subject_dn_rfc2253=CN=a\\,b,O=\"x\"",
    "cf.tls_client_auth.cert_ski=AB",
    "cf.tls_client_auth.cert_issuer_ski=",
    "cf.tls_client_auth.cert_fingerprint_sha256=00ff",
    "cf.tls_client_auth.cert_rfc9440=:TUlJ+A/=:",
    "cf.tls_client_auth.cert_chain_rfc9440=:Qk1X:, :Q0E=:",
    "cf.tls_client_auth.cert_chain_rfc9440_too_large=false",
    "tls.client.san.uri=spiffe://a/b",
    "tls.client.san.uri=urn:x;y",
    "tls.client.san.dns=a.example",
    "tls.client.san.dns=*.example",
    "ip.src=192.0.2.1",
    NULL,
};

static const char *const revoked[] = {
    "cf.tls_client_auth.cert_presented=true", "cf.tls_client_auth.cert_verified=true",
    "cf.tls_client_auth.cert_revoked=true",   "cf.tls_client_auth.cert_rfc9440=:TUlJ:",
    "cf.tls_client_auth.cert_ski=AB",         NULL,
};

static const char *const unverified[] = {
    "cf.tls_client_auth.cert_presented=true",
    "cf.tls_client_auth.cert_verified=false",
    "cf.tls_client_auth.cert_revoked=false",
    "cf.tls_client_auth.cert_rfc9440=:TUlJ:",
    NULL,
};

static const char *const absent[] = {
    "cf.tls_client_auth.cert_presented=false",
    "cf.tls_client_auth.cert_verified=false",
    "cf.tls_client_auth.cert_revoked=false",
    NULL,
};

static const char *const hostile[] = {
    "cf.tls_client_auth.cert_verified=true",
    "cf.tls_client_auth.cert_revoked=false",
    "cf.tls_client_auth.cert_subject_dn=CN=a\r\nx-admin: yes",
    "cf.tls_client_auth.cert_fingerprint_sha256=00ff",
    "tls.client.san.uri=urn:a\nb",
    "tls.client.san.dns=a.example",
    NULL,
};

static void renders(void **state)
{
	static const struct {
		const char *transform;
		const char *const *fields;
		enum transform_life life;
		int rc;
		const char *want;
	} cases[] =
	    {
	        {"tls_client_auth_headers", good, LIFE_CONNECTION, 0,
	         "cf-cert-revoked: false|cf-cert-verified: true|cf-cert-presented: true|"
	         "cf-cert-subject-dn: CN=a\\,b,O=x|cf-cert-subject-dn-rfc2253: CN=a\\,b,O=\"x\"|"
	         "cf-cert-fingerprint-sha256: 00ff|cf-cert-ski: AB"},
	        {"tls_client_auth_headers", absent, LIFE_CONNECTION, 0,
	         "cf-cert-revoked: false|cf-cert-verified: false|cf-cert-presented: false"},
	        {"tls_client_auth_headers", hostile, LIFE_CONNECTION, 1,
	         "cf-cert-revoked: false|cf-cert-verified: true|cf-cert-fingerprint-sha256: 00ff"},
	        {"tls_client_auth_headers", good, LIFE_EXCHANGE, 0, ""},
	        {"client_cert_rfc9440", good, LIFE_CONNECTION, 0,
	         "client-cert: :TUlJ+A/=:|client-cert-chain: :Qk1X:, :Q0E=:"},
	        {"client_cert_rfc9440", revoked, LIFE_CONNECTION, 0, ""},
	        {"client_cert_rfc9440", unverified, LIFE_CONNECTION, 0, ""},
	        {"client_cert_rfc9440", absent, LIFE_CONNECTION, 0, ""},
	        {"xfcc", revoked, LIFE_CONNECTION, 0, ""},
	        {"xfcc", unverified, LIFE_CONNECTION, 0, ""},
	        {"xfcc", absent, LIFE_CONNECTION, 0, ""},
	        {"xfcc", hostile, LIFE_CONNECTION, 1,
	         "x-forwarded-client-cert: Hash=00ff;Subject=\"\";DNS=a.example"},
	        {"xfcc", good, LIFE_CONNECTION, 0,
	         "x-forwarded-client-cert: Hash=00ff;"
	         "Cert=\"-----BEGIN%20CERTIFICATE-----%0ATUlJ%2BA%2F%3D%0A-----END%20CERTIFICATE-----%0A\";"
	         "Chain=\"-----BEGIN%20CERTIFICATE-----%0ATUlJ%2BA%2F%3D%0A-----END%20CERTIFICATE-----%0A"
	         "-----BEGIN%20CERTIFICATE-----%0AQk1X%0A-----END%20CERTIFICATE-----%0A"
	         "-----BEGIN%20CERTIFICATE-----%0AQ0E%3D%0A-----END%20CERTIFICATE-----%0A\";"
	         "Subject=\"CN=a\\\\,b,O=\\\"x\\\"\";URI=spiffe://a/"
	         "b;URI=\"urn:x;y\";DNS=a.example;DNS=*.example"},
	        {"true_client_ip", good, LIFE_EXCHANGE, 0, "true-client-ip: 192.0.2.1"},
	        {"true_client_ip", good, LIFE_CONNECTION, 0, ""},
	        {"visitor_location_headers", good, LIFE_EXCHANGE, 0, ""},
	        {"remove_x_powered_by", good, LIFE_EXCHANGE, 0, ""},
	    },
	  *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, cases)
	{
		const struct transform *set[] = {transform_find(str_of(c->transform)), NULL};
		struct fake fake = {c->fields, false};
		struct lines l;

		assert_non_null(set[0]);
		lines_init(&l, &a);
		check_int(c->transform, transforms_render(set, c->life, fake_get, &fake, &l), c->rc);
		check_str(c->transform, text_of(&l), str_of(c->want));
	}
	arena_fini(&a);
}

static void fails_closed(void **state)
{
	const struct transform *set[] = {transform_find(STR("client_cert_rfc9440")), NULL};
	const struct transform *xfcc[] = {transform_find(STR("xfcc")), NULL};
	struct fake fake = {good, true};
	struct arena a = ARENA_INIT;
	struct lines l;

	(void)state;
	lines_init(&l, &a);
	assert_int_equal(transforms_render(set, LIFE_CONNECTION, fake_get, &fake, &l), -ERR_NOMEM);
	assert_int_equal(transforms_render(xfcc, LIFE_CONNECTION, fake_get, &fake, &l), -ERR_NOMEM);
	assert_int_equal(transforms_render(NULL, LIFE_CONNECTION, fake_get, &fake, &l), 0);
	assert_int_equal(l.n, 0);
	arena_fini(&a);
}

static void pem_wraps(void **state)
{
	char field[400] = "cf.tls_client_auth.cert_rfc9440=:";
	const char *fields[] = {good[1], good[2], field,
	                        "cf.tls_client_auth.cert_chain_rfc9440_too_large=true", NULL};
	const struct transform *set[] = {transform_find(STR("xfcc")), NULL};
	struct fake fake = {fields, false};
	struct arena a = ARENA_INIT;
	struct lines l;
	char want[600];

	(void)state;
	memset(field + strlen(field), 'A', 128);
	strcat(field, "BC:");
	snprintf(want, sizeof(want),
	         "Hash=\"\";Cert=\"-----BEGIN%%20CERTIFICATE-----%%0A%.64s%%0A%.64s%%0ABC%%0A"
	         "-----END%%20CERTIFICATE-----%%0A\";Subject=\"\"",
	         strchr(field, 'A'), strchr(field, 'A'));
	lines_init(&l, &a);
	assert_int_equal(transforms_render(set, LIFE_CONNECTION, fake_get, &fake, &l), 0);
	check_str("pem", l.v[0].value, str_of(want)); /* and no Chain: it would lack certificates */
	arena_fini(&a);
}

static void responses(void **state)
{
	const struct transform *set[] = {transform_find(STR("remove_x_powered_by")),
	                                 transform_find(STR("security_headers")), NULL};
	struct arena a = ARENA_INIT;
	struct lines l = lines_of(&a, "X-Powered-By: x|x_powered_by: y|X-Frame-Options: DENY|a: 1");

	(void)state;
	assert_int_equal(transforms_response(set, &l), 0);
	check_str(
	    "response", text_of(&l),
	    STR("X-Frame-Options: DENY|a: 1|x-content-type-options: nosniff|x-xss-protection: 1; mode=block|"
	        "referrer-policy: same-origin"));
	l = lines_of(&a, "X-Powered-By: x");
	assert_int_equal(transforms_response(NULL, &l), 0);
	check_str("no transforms", text_of(&l), STR("X-Powered-By: x"));
	arena_fini(&a);
}

static void sets(void **state)
{
	const struct transform *both[] = {transform_find(STR("true_client_ip")),
	                                  transform_find(STR("remove_visitor_ip_headers")), NULL};
	size_t i;

	(void)state;
	assert_non_null(transforms_conflict(both));
	assert_null(transforms_conflict(both + 1));
	assert_null(transforms_conflict(NULL));
	assert_true(transforms_hide_visitor(both));
	assert_null(transform_find(STR("no_such")));
	for (i = 0; transform_row(i); i++) {
		const struct transform *t = transform_row(i);

		assert_ptr_equal(transform_find(str_of(transform_name(t))), t);
		assert_true(strlen(transform_prose(t)) > 0);
	}
	assert_true(i >= 8);
	assert_true(transform_to_client(transform_find(STR("security_headers"))));
	assert_false(transform_to_client(transform_find(STR("xfcc"))));
}

static struct ip ip(const char *s)
{
	struct ip out = {0, {0}};

	if (*s)
		assert_true(ip_parse(str_of(s), &out));
	return out;
}

static void forwards(void **state)
{
	static const struct {
		const char *client, *proxy;
		bool tls, hide;
		enum http_version version;
		const char *before, *want;
	} cases[] =
	    {
	        {"192.0.2.1", "", true, false, HTTP_1_1, "a: 1",
	         "a: 1|x-forwarded-for: 192.0.2.1|x-forwarded-proto: https|x-forwarded-host: h:8443|"
	         "forwarded: for=192.0.2.1;host=\"h:8443\";proto=https|via: 1.1 usher"},
	        {"2001:db8::1", "", false, false, HTTP_2, "via: 1.0 x|a: 1|Via: 1.1 y",
	         "via: 1.0 x, 1.1 y, 2 usher|a: 1|x-forwarded-for: 2001:db8::1|x-forwarded-proto: "
	         "http|x-forwarded-host: h:8443|"
	         "forwarded: for=\"[2001:db8::1]\";host=\"h:8443\";proto=http"},
	        {"192.0.2.1", "10.0.0.1", true, false, HTTP_1_0, "a: 1",
	         "a: 1|x-forwarded-for: 192.0.2.1, 10.0.0.1|x-forwarded-proto: https|x-forwarded-host: "
	         "h:8443|"
	         "forwarded: for=192.0.2.1, for=10.0.0.1;host=\"h:8443\";proto=https|via: 1.0 usher"},
	        {"192.0.2.1", "10.0.0.1", true, true, HTTP_1_1, "a: 1",
	         "a: 1|x-forwarded-for: 10.0.0.1|x-forwarded-proto: https|x-forwarded-host: h:8443|"
	         "forwarded: for=10.0.0.1;host=\"h:8443\";proto=https|via: 1.1 usher"},
	        {"192.0.2.1", "", true, true, HTTP_1_1, "a: 1",
	         "a: 1|x-forwarded-proto: https|x-forwarded-host: h:8443|forwarded: "
	         "host=\"h:8443\";proto=https|"
	         "via: 1.1 usher"},
	        {"", "", false, false, HTTP_1_1, "a: 1",
	         "a: 1|x-forwarded-proto: http|x-forwarded-host: h:8443|forwarded: "
	         "host=\"h:8443\";proto=http|"
	         "via: 1.1 usher"},
	    },
	  *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, cases)
	{
		struct request req = {
		    .arena = &a, .version = c->version, .tls = c->tls, .authority = STR("h:8443")};
		struct forwarded f = {ip(c->client), ip(c->proxy), c->hide};

		req.lines = lines_of(&a, c->before);
		assert_int_equal(forwarded_write(&req, &f), 0);
		check_str(c->want, text_of(&req.lines), str_of(c->want));
	}
	arena_fini(&a);
}

static void dates_and_reasons(void **state)
{
	static const struct {
		int64_t seconds;
		const char *want;
	} cases[] =
	    {
	        {784111777, "Sun, 06 Nov 1994 08:49:37 GMT"}, {0, "Thu, 01 Jan 1970 00:00:00 GMT"},
	        {951782400, "Tue, 29 Feb 2000 00:00:00 GMT"}, {INT64_MAX, "Fri, 31 Dec 9999 23:59:59 GMT"},
	        {INT64_MIN, "Sat, 01 Jan 0000 00:00:00 GMT"},
	    },
	  *c;
	char text[HTTP_DATE_TEXT];

	(void)state;
	EACH(c, cases)
	{
		assert_int_equal(http_date(c->seconds, text), 29);
		assert_string_equal(text, c->want);
	}
	assert_string_equal(status_reason(421), "Misdirected Request");
	assert_string_equal(status_reason(299), "");
	assert_string_equal(status_reason(-1), "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(renders),           cmocka_unit_test(fails_closed), cmocka_unit_test(pem_wraps),
	    cmocka_unit_test(responses),         cmocka_unit_test(sets),         cmocka_unit_test(forwards),
	    cmocka_unit_test(dates_and_reasons),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
