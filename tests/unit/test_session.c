/* SPDX-License-Identifier: Apache-2.0 */
/* Sessions against the library's own client, in memory: who gets in, what is learnt, and why others are
 * refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "base/clock.h"
#include "mtls/state.h"
#include "tests/unit/tls_lab.h"

static const struct lab_zone zones[] = {
    {.name = "a",
     .hosts = "a.test *.wild.test",
     .client_auth = CLIENT_AUTH_OPTIONAL,
     .ca = "root",
     .certs = "server-ecdsa server-rsa"},
    {.name = "b", .hosts = "b.test *.deep.wild.test", .client_auth = CLIENT_AUTH_REQUIRED, .ca = "root"},
    {.name = "c", .hosts = "c.test", .client_auth = CLIENT_AUTH_OFF, .minimum = TLS_MIN_1_3},
    {.name = "r",
     .hosts = "r.test",
     .client_auth = CLIENT_AUTH_OPTIONAL,
     .ca = "root",
     .crl = "crl-root crl-a crl-revoked"},
    {.name = "s",
     .hosts = "s.test",
     .client_auth = CLIENT_AUTH_REQUIRED,
     .ca = "root",
     .crl = "crl-root crl-a"},
};

enum { ZONES = sizeof(zones) / sizeof(zones[0]) };

#define assert_str(s, z) assert_string_equal(cut(s), z)

static const char *cut(struct str s)
{
	static char text[4][512];
	static unsigned at;

	at = (at + 1) % 4;
	snprintf(text[at], sizeof(text[at]), "%.*s", STR_FMT(s));
	return text[at];
}

/* ---- who gets in ---- */

static const struct {
	const char *sni, *cert;
	int version, dflt;
	const char *state; /* zone, or the reason of the refusal */
	enum verify_result result;
	int alert;
} doors[] = {
    {"a.test", NULL, 12, -1, "a", VERIFY_ABSENT, -1},
    {"a.test", NULL, 13, -1, "a", VERIFY_ABSENT, -1},
    {"a.test", "good", 12, -1, "a", VERIFY_OK, -1},
    {"a.test", "good", 13, -1, "a", VERIFY_OK, -1},
    {"a.test", "good-rsa", 12, -1, "a", VERIFY_OK, -1},
    {"a.test", "good-rsa", 13, -1, "a", VERIFY_OK, -1},
    {"a.test", "good-p384", 12, -1, "a", VERIFY_OK, -1},
    {"a.test", "good-p384", 13, -1, "a", VERIFY_OK, -1},
    {"a.test", "other", 13, -1, "a", VERIFY_OK, -1},
    {"a.test", "foreign", 12, -1, "a", VERIFY_UNTRUSTED, -1},
    {"a.test", "foreign", 13, -1, "a", VERIFY_UNTRUSTED, -1},
    {"a.test", "self", 13, -1, "a", VERIFY_UNTRUSTED, -1},
    {"a.test", "expired", 12, -1, "a", VERIFY_EXPIRED, -1},
    {"a.test", "expired", 13, -1, "a", VERIFY_EXPIRED, -1},
    {"a.test", "early", 13, -1, "a", VERIFY_NOT_YET_VALID, -1},
    {"a.test", "deep", 12, -1, "a", VERIFY_OK, -1},
    {"a.test", "deep", 13, -1, "a", VERIFY_OK, -1},
    {"a.test", "nul", 13, -1, "a", VERIFY_OK, -1},
    {"a.test", "strange", 12, -1, "a", VERIFY_OK, -1},
    {"a.test", "toodeep", 12, -1, "chain_too_long", VERIFY_ABSENT, 49},
    {"a.test", "toodeep", 13, -1, "chain_too_long", VERIFY_ABSENT,
     -1}, /* the alert's keys are gone, see handshake.c */
    {"A.Test", "good", 13, -1, "a", VERIFY_OK, -1},
    {"x.wild.test", "good", 13, -1, "a", VERIFY_OK, -1},
    {"x.y.wild.test", "good", 12, -1, "a", VERIFY_OK, -1},
    {"x.deep.wild.test", "good", 13, -1, "b", VERIFY_OK, -1},
    {"b.test", "good", 12, -1, "b", VERIFY_OK, -1},
    {"b.test", "good", 13, -1, "b", VERIFY_OK, -1},
    {"b.test", NULL, 12, -1, "client_certificate_required", VERIFY_ABSENT, 40},
    {"b.test", NULL, 13, -1, "client_certificate_required", VERIFY_ABSENT, 116},
    {"b.test", "foreign", 12, -1, "client_certificate_refused", VERIFY_UNTRUSTED, 48},
    {"b.test", "foreign", 13, -1, "client_certificate_refused", VERIFY_UNTRUSTED, 48},
    {"b.test", "expired", 12, -1, "client_certificate_refused", VERIFY_EXPIRED, 45},
    {"b.test", "expired", 13, -1, "client_certificate_refused", VERIFY_EXPIRED, 45},
    {"b.test", "early", 13, -1, "client_certificate_refused", VERIFY_NOT_YET_VALID, 42},
    {"c.test", "good", 13, -1, "c", VERIFY_ABSENT, -1},
    {"c.test", "good", 0, -1, "c", VERIFY_ABSENT, -1},
    {"c.test", "good", 12, -1, "protocol_version", VERIFY_ABSENT, 70},
    {"d.test", "good", 13, -1, "unknown_sni", VERIFY_ABSENT, 112},
    {"d.test", "good", 12, -1, "unknown_sni", VERIFY_ABSENT, 112},
    {"wild.test", "good", 13, -1, "unknown_sni", VERIFY_ABSENT, 112},
    {NULL, "good", 13, -1, "no_sni", VERIFY_ABSENT, 112},
    {NULL, "good", 12, -1, "no_sni", VERIFY_ABSENT, 112},
    {NULL, "good", 13, 0, "a", VERIFY_OK, -1},
    {"d.test", "good", 12, 1, "b", VERIFY_OK, -1},
    {"d.test", NULL, 13, 1, "client_certificate_required", VERIFY_ABSENT, 116},
    {"b.test", NULL, 13, 0, "client_certificate_required", VERIFY_ABSENT, 116},
    {"a.test", "noski", 13, -1, "a", VERIFY_OK, -1},
    {"a.test", "noaki", 12, -1, "a", VERIFY_OK, -1},
    {"a.test", "hugeserial", 13, -1, "a", VERIFY_OK, -1},
    {"a.test", "noeku", 13, -1, "a", VERIFY_OK, -1},
    {"a.test", "wrongeku", 12, -1, "a", VERIFY_BAD_USAGE, -1},
    {"a.test", "wrongeku", 13, -1, "a", VERIFY_BAD_USAGE, -1},
    {"a.test", "wrongku", 12, -1, "a", VERIFY_BAD_USAGE, -1},
    {"a.test", "wrongku", 13, -1, "a", VERIFY_BAD_USAGE, -1},
    {"a.test", "weak-rsa", 12, -1, "a", VERIFY_WEAK, -1},
    {"a.test", "weak-sha1", 12, -1, "a", VERIFY_WEAK, -1},
    {"a.test", "nc-good", 12, -1, "a", VERIFY_OK, -1},
    {"a.test", "nc-good", 13, -1, "a", VERIFY_OK, -1},
    {"a.test", "nc-bad", 12, -1, "a", VERIFY_NAME_CONSTRAINT, -1},
    {"a.test", "nc-bad", 13, -1, "a", VERIFY_NAME_CONSTRAINT, -1},
    {"a.test", "nc-excluded", 13, -1, "a", VERIFY_NAME_CONSTRAINT, -1},
    {"a.test", "nc-soft-bad", 13, -1, "a", VERIFY_NAME_CONSTRAINT, -1},
    {"a.test", "impostor", 13, -1, "a", VERIFY_OK, -1}, /* another CA under the same name, but a real one */
    {"a.test", "revoked", 13, -1, "a", VERIFY_OK, -1},  /* no CRL in this zone */
    {"r.test", "good", 12, -1, "r", VERIFY_OK, -1},
    {"r.test", "good", 13, -1, "r", VERIFY_OK, -1},
    {"r.test", "revoked", 12, -1, "r", VERIFY_REVOKED, -1},
    {"r.test", "revoked", 13, -1, "r", VERIFY_REVOKED, -1},
    {"r.test", "issuer-revoked", 13, -1, "r", VERIFY_ISSUER_REVOKED, -1},
    {"r.test", "other", 13, -1, "r", VERIFY_CRL_MISSING, -1},
    {"s.test", "revoked", 12, -1, "client_certificate_refused", VERIFY_REVOKED, 44},
    {"s.test", "revoked", 13, -1, "client_certificate_refused", VERIFY_REVOKED, 44},
    {"s.test", "good", 13, -1, "s", VERIFY_OK, -1},
    {"b.test", "wrongeku", 12, -1, "client_certificate_refused", VERIFY_BAD_USAGE, 43},
    {"b.test", "nc-bad", 13, -1, "client_certificate_refused", VERIFY_NAME_CONSTRAINT, 42},
};

static void test_doors(void **state)
{
	struct tls_context *contexts[3];

	(void)state;
	for (int i = 0; i < 3; i++)
		contexts[i] = lab_context(zones, ZONES, i - 1, NULL);
	for (size_t i = 0; i < sizeof(doors) / sizeof(doors[0]); i++) {
		struct tls_context *ctx = contexts[doors[i].dflt + 1];
		struct lab_client_spec spec = {
		    .sni = doors[i].sni, .cert = doors[i].cert, .version = doors[i].version};
		struct lab_client c;
		struct session *s = lab_connect(&c, ctx, &spec);
		bool open = session_state(s) == SESSION_OPEN;
		const char *said = open ? cut(tls_zone_name(session_zone(s))) : cut(session_reason(s));

		if (strcmp(said, doors[i].state) || session_cert(s)->result != doors[i].result ||
		    lab_alert(&c) != doors[i].alert)
			fail_msg("door %zu (%s, %s, %d): %s (%s), %s, alert %d (client -0x%x)", i,
			         doors[i].sni ? doors[i].sni : "no SNI",
			         doors[i].cert ? doors[i].cert : "no certificate", doors[i].version, said,
			         cut(session_reason_detail(s)), verify_result_name(session_cert(s)->result),
			         lab_alert(&c), (unsigned)-c.rc);
		session_free(s);
		lab_client_free(&c);
	}
	for (int i = 0; i < 3; i++)
		tls_context_unref(contexts[i]);
}

/* ---- what is learnt ---- */

static const struct {
	int version, suite;
	const char *name, *words;
} ciphers[] = {
    {13, MBEDTLS_TLS1_3_AES_128_GCM_SHA256, "AEAD-AES128-GCM-SHA256", "TLSv1.3"},
    {13, MBEDTLS_TLS1_3_AES_256_GCM_SHA384, "AEAD-AES256-GCM-SHA384", "TLSv1.3"},
    {13, MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256, "AEAD-CHACHA20-POLY1305-SHA256", "TLSv1.3"},
    {12, MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256, "ECDHE-RSA-AES128-GCM-SHA256", "TLSv1.2"},
    {12, MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384, "ECDHE-RSA-AES256-GCM-SHA384", "TLSv1.2"},
    {12, MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-RSA-CHACHA20-POLY1305", "TLSv1.2"},
    {12, MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256, "ECDHE-ECDSA-AES128-GCM-SHA256", "TLSv1.2"},
    {12, MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384, "ECDHE-ECDSA-AES256-GCM-SHA384", "TLSv1.2"},
    {12, MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256, "ECDHE-ECDSA-CHACHA20-POLY1305", "TLSv1.2"},
};

static void test_ciphers(void **state)
{
	struct tls_context *ctx = lab_context(zones, ZONES, -1, "h2 http/1.1");

	(void)state;
	for (size_t i = 0; i < sizeof(ciphers) / sizeof(ciphers[0]); i++) {
		struct lab_client_spec spec = {.sni = "a.test",
		                               .cert = "good",
		                               .version = ciphers[i].version,
		                               .suite = ciphers[i].suite,
		                               .alpn = i % 2 ? "http/1.1" : "h2 http/1.1"};
		struct lab_client c;
		struct session *s = lab_connect(&c, ctx, &spec);
		const struct tls_facts *t = session_tls(s);

		assert_int_equal(session_state(s), SESSION_OPEN);
		assert_str(t->cipher, ciphers[i].name);
		assert_str(t->version, ciphers[i].words);
		assert_str(t->alpn, i % 2 ? "http/1.1" : "h2");
		assert_str(t->sni, "a.test");
		assert_true(t->tls && !t->resumed && !t->reverified);
		assert_true(t->hello_length > 100 && t->hello_length < 600);
		assert_int_equal(t->client_random.n, 44);
		assert_int_equal(t->extensions_sha1.n, 28);
		assert_int_equal(t->extensions_sha1_le.n, 28);
		assert_int_equal(t->ciphers_sha1.n, 28);
		assert_false(str_eq(t->extensions_sha1, t->extensions_sha1_le));
		assert_true(llabs(t->full_handshake_time - clock_now()) < 3);
		session_free(s);
		lab_client_free(&c);
	}
	tls_context_unref(ctx);
}

static void test_no_common_parameters(void **state)
{
	static const struct {
		struct lab_client_spec spec;
		const char *reason;
	} cases[] = {
	    {{.sni = "a.test", .alpn = "spdy/3", .version = 12}, "no_application_protocol"},
	    {{.sni = "a.test", .alpn = "spdy/3", .version = 13}, "no_application_protocol"},
	    {{.sni = "b.test", .version = 12, .suite = MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256},
	     "no_common_parameters"},
	};
	struct tls_context *ctx = lab_context(zones, ZONES, -1, "http/1.1");

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lab_client c;
		struct session *s = lab_connect(&c, ctx, &cases[i].spec);

		assert_int_equal(session_state(s), SESSION_FAILED);
		assert_str(session_reason(s), cases[i].reason);
		assert_true(lab_alert(&c) > 0);
		session_free(s);
		lab_client_free(&c);
	}
	tls_context_unref(ctx);
}

/* ---- bytes ---- */

static void test_chunks(void **state)
{
	static const size_t chunks[] = {1, 2, 3, 5, 100, 1460};
	struct tls_context *ctx = lab_context(zones, ZONES, -1, NULL);

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(chunks) / sizeof(chunks[0]); i++) {
		struct lab_client_spec spec = {.sni = "b.test", .cert = "good", .version = i % 2 ? 12 : 13};
		struct lab_client c;
		struct session *s;
		struct str all;

		lab_client_init(&c, &spec);
		assert_int_equal(session_new(&s, ctx), 0);
		assert_int_equal(lab_run(&c, s, chunks[i / 2]), SESSION_OPEN);
		for (int k = 0; k < 100; k++)
			lab_say(&c, "0123456789");
		assert_int_equal(lab_run(&c, s, chunks[i / 2]), SESSION_OPEN);
		all = buf_str(session_plain(s));
		assert_int_equal(all.n, 1000);
		for (size_t k = 0; k < all.n; k++)
			assert_int_equal(all.p[k], '0' + k % 10);
		session_free(s);
		lab_client_free(&c);
	}
	tls_context_unref(ctx);
}

static void test_large_writes(void **state)
{
	struct tls_context *ctx = lab_context(zones, ZONES, -1, NULL);
	char *big = malloc(1000000);

	(void)state;
	for (size_t i = 0; i < 1000000; i++)
		big[i] = (char)(i * 31 % 251);
	for (int version = 12; version <= 13; version++) {
		struct lab_client_spec spec = {.sni = "b.test", .cert = "good", .version = version};
		struct lab_client c;
		struct session *s = lab_connect(&c, ctx, &spec);

		buf_clear(&c.got);
		assert_int_equal(session_write(s, (struct str){big, 1000000}), 0);
		lab_run(&c, s, 0);
		assert_int_equal(c.got.n, 1000000);
		assert_memory_equal(buf_str(&c.got).p, big, 1000000);
		session_trim(s);
		buf_clear(&c.got);
		for (int i = 0; i < 3; i++) {
			assert_int_equal(mbedtls_ssl_write(&c.ssl, (unsigned char *)big, 16000), 16000);
			/* in the middle of a record nothing may be lost */
			session_feed(s, str_sub(buf_str(&c.out), 0, 9000));
			session_trim(s);
			session_feed(s, str_sub(buf_str(&c.out), 9000, c.out.n));
			buf_clear(&c.out);
			assert_int_equal(session_plain(s)->n, 16000);
			assert_memory_equal(buf_str(session_plain(s)).p, big, 16000);
			buf_consume(session_plain(s), 16000);
			session_trim(s);
			assert_int_equal(session_write(s, (struct str){big, 20000}), 0);
			session_trim(s);
			lab_run(&c, s, 0);
			assert_int_equal(c.got.n, 20000);
			assert_memory_equal(buf_str(&c.got).p, big, 20000);
			buf_clear(&c.got);
		}
		session_close(s);
		lab_run(&c, s, 0);
		assert_int_equal(c.rc, MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY);
		mbedtls_ssl_close_notify(&c.ssl);
		assert_int_equal(lab_run(&c, s, 0), SESSION_CLOSED);
		session_free(s);
		lab_client_free(&c);
	}
	free(big);
	tls_context_unref(ctx);
}

static void test_alert(void **state)
{
	struct tls_context *ctx = lab_context(zones, ZONES, -1, NULL);

	(void)state;
	for (int version = 12; version <= 13; version++) {
		struct lab_client_spec spec = {.sni = "b.test", .cert = "good", .version = version};
		struct lab_client c;
		struct session *s = lab_connect(&c, ctx, &spec);

		session_alert(s, 49);
		lab_run(&c, s, 0);
		assert_int_equal(lab_alert(&c), 49);
		assert_int_equal(session_state(s), SESSION_FAILED);
		assert_str(session_reason(s), "refused");
		assert_int_not_equal(session_write(s, STR("x")), 0);
		session_free(s);
		lab_client_free(&c);
	}
	tls_context_unref(ctx);
}

/* A chain that no handshake message can hold: the library's client will not send it, so its records are
 * written here. In TLS 1.2 the Certificate message is in the clear. */
static void test_chain_too_large(void **state)
{
	struct tls_context *ctx = lab_context(zones, ZONES, -1, NULL);
	struct lab_client_spec spec = {.sni = "b.test", .cert = "good", .version = 12};
	struct buf message = BUF_INIT;
	struct lab_client c;
	struct session *s;
	struct str all;

	(void)state;
	lab_client_init(&c, &spec);
	assert_int_equal(session_new(&s, ctx), 0);
	mbedtls_ssl_handshake(&c.ssl);
	session_feed(s, buf_str(&c.out));
	buf_add(&message, (struct str){"\x0b\x00\x52\x08\x00\x52\x05\x00\x52\x02", 10});
	while (message.n < 4 + 0x5208)
		buf_addc(&message, 'x');
	all = buf_str(&message);
	while (all.n && session_state(s) == SESSION_HANDSHAKE) {
		size_t n = all.n < 16000 ? all.n : 16000;
		char header[] = {22, 3, 3, (char)(n >> 8), (char)n};

		session_feed(s, (struct str){header, 5});
		session_feed(s, str_sub(all, 0, n));
		all = str_sub(all, n, all.n);
	}
	assert_int_equal(session_state(s), SESSION_FAILED);
	assert_str(session_reason(s), "chain_too_large");
	buf_fini(&message);
	session_free(s);
	lab_client_free(&c);
	tls_context_unref(ctx);
}

/* ---- HelloRetryRequest (CVE-2026-116375) ---- */

static void retry(const char *first, const char *second, const char *cert, const char *expected)
{
	struct tls_context *ctx = lab_context(zones, ZONES, -1, NULL);
	static const uint16_t only[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, 0};
	struct lab_client_spec spec = {.sni = first, .cert = cert, .version = 13};
	struct lab_client c;
	struct session *s;
	enum session_state end;

	for (size_t i = 0; i < ctx->nzones; i++)
		mbedtls_ssl_conf_groups(&ctx->zones[i].conf, only);
	lab_client_init(&c, &spec);
	assert_int_equal(session_new(&s, ctx), 0);
	mbedtls_ssl_handshake(&c.ssl);
	session_feed(s, buf_str(&c.out));
	buf_clear(&c.out);
	assert_int_equal(mbedtls_ssl_set_hostname(&c.ssl, second), 0);
	end = lab_run(&c, s, 0);
	assert_string_equal(
	    end == SESSION_OPEN ? cut(tls_zone_name(session_zone(s))) : cut(session_reason(s)), expected);
	session_free(s);
	lab_client_free(&c);
	tls_context_unref(ctx);
}

static void test_retry(void **state)
{
	(void)state;
	retry("a.test", "a.test", NULL, "a");
	retry("a.test", "a.test", "good", "a");
	retry("b.test", "b.test", "good", "b");
	retry("b.test", "b.test", NULL, "client_certificate_required");
	retry("b.test", "b.test", "foreign", "client_certificate_refused");
	retry("a.test", "b.test", NULL, "sni_changed");
	retry("b.test", "a.test", NULL, "sni_changed");
	retry("a.test", "b.test", "good", "sni_changed");
	retry("a.test", NULL, "good", "sni_changed");
	retry("c.test", "b.test", NULL, "sni_changed");
}

/* The client goes away with an alert: the log can say which. */
static void test_peer_alert(void **state)
{
	struct tls_context *ctx = lab_context(zones, ZONES, -1, NULL);

	(void)state;
	for (int version = 12; version <= 13; version++) {
		struct lab_client_spec spec = {.sni = "b.test", .cert = "good", .version = version};
		struct lab_client c;
		struct session *s = lab_connect(&c, ctx, &spec);

		assert_int_equal(mbedtls_ssl_send_alert_message(&c.ssl, 2, 48), 0);
		assert_int_equal(lab_run(&c, s, 0), SESSION_FAILED);
		assert_str(session_reason(s), "peer_alert");
		assert_str(session_reason_detail(s), "unknown_ca");
		session_free(s);
		lab_client_free(&c);
	}
	tls_context_unref(ctx);
}

/* ---- nonsense ---- */

static const struct {
	const char *bytes;
	size_t n;
	const char *reason;
} garbage[] = {
    {"GET / HTTP/1.1\r\n\r\n", 18, "not_tls"},
    {"\x00", 1, "not_tls"},
    {"\x80\x2e\x01\x00\x02", 5, "not_tls"},
    {"\x16\x02\x00", 3, "not_tls"},
    {"\x15\x03\x01\x00\x02\x02\x00", 7, "not_tls"},
    {"\x16\x03\x01\x00\x00", 5, "bad_hello"},
    {"\x16\x03\x01\xff\xff", 5, "bad_hello"},
    {"\x16\x03\x01\x00\x04\x02\x00\x00\x00", 9, "bad_hello"},
    {"\x16\x03\x01\x00\x04\x01\x00\x00\x00", 9, "bad_hello"},
    {"\x16\x03\x01\x00\x04\x01\x00\x40\x00", 9, "hello_too_large"},
    {"\x16\x03\x01\x00\x04\x01\xff\xff\xff", 9, "hello_too_large"},
    {"\x16\x03\x01\x00\x01\x01\x16\x03\x01\x00\x03\x00\x00\x00", 14, "bad_hello"},
    {"\x16\x03\x01\x00\x01\x01\x17\x03\x01\x00\x03\x00\x00\x00", 14, "bad_hello"},
};

static void test_garbage(void **state)
{
	struct tls_context *ctx = lab_context(zones, ZONES, 0, NULL);

	(void)state;
	for (size_t i = 0; i < sizeof(garbage) / sizeof(garbage[0]); i++) {
		for (int bytewise = 0; bytewise < 2; bytewise++) {
			struct session *s;

			assert_int_equal(session_new(&s, ctx), 0);
			if (!bytewise)
				session_feed(s, (struct str){garbage[i].bytes, garbage[i].n});
			for (size_t k = 0; bytewise && k < garbage[i].n; k++)
				session_feed(s, (struct str){garbage[i].bytes + k, 1});
			if (session_state(s) != SESSION_FAILED ||
			    strcmp(cut(session_reason(s)), garbage[i].reason))
				fail_msg("garbage %zu: %s", i, cut(session_reason(s)));
			session_free(s);
		}
	}
	tls_context_unref(ctx);
}

/* Ten megabytes of whatever keeps a handshake going: it ends, and nothing grows. */
static void test_endless(void **state)
{
	static const struct {
		const char *bytes;
		size_t n;
	} floods[] = {
	    {"\x16\x03\x01\x00\x01\x01", 6},     /* a hello in records of one byte */
	    {"\x15\x03\x03\x00\x02\x01\x64", 7}, /* warnings */
	    {"\x14\x03\x03\x00\x01\x01", 6},     /* change cipher spec */
	    {"\x17\x03\x03\x00\x20 0123456789abcdef0123456789abcde", 37},
	    {"\x16\x03\x03\x00\x04\x00\x00\x00\x00", 9}, /* hello requests */
	};
	struct tls_context *ctx = lab_context(zones, ZONES, 0, NULL);
	struct lab_client_spec spec = {.sni = "b.test", .cert = "good", .version = 13};

	(void)state;
	for (size_t i = 0; i < 2 * sizeof(floods) / sizeof(floods[0]); i++) {
		size_t fed = 0;
		struct session *s;

		assert_int_equal(session_new(&s, ctx), 0);
		if (i % 2) {
			struct lab_client c;

			lab_client_init(&c, &spec);
			mbedtls_ssl_handshake(&c.ssl);
			session_feed(s, buf_str(&c.out));
			lab_client_free(&c);
		}
		while (fed < 10000000 && session_feed(s, (struct str){floods[i / 2].bytes,
		                                                      floods[i / 2].n}) == SESSION_HANDSHAKE)
			fed += floods[i / 2].n;
		assert_true(fed < LIMIT_HANDSHAKE_BYTES);
		assert_true(session_output(s)->n < 8192);
		assert_int_equal(session_plain(s)->n, 0);
		session_free(s);
	}
	tls_context_unref(ctx);
}

/* Every bit of a whole conversation turned once: refused or not, never a crash and never another zone's
 * client. */
static void test_flipped(void **state)
{
	struct tls_context *ctx = lab_context(zones, ZONES, -1, NULL);

	(void)state;
	for (int version = 12; version <= 13; version++) {
		struct lab_client_spec spec = {.sni = "b.test", .cert = "good", .version = version};
		struct lab_client c;
		size_t hello;

		lab_client_init(&c, &spec);
		mbedtls_ssl_handshake(&c.ssl);
		hello = c.out.n;
		for (size_t i = 0; i < hello * 8; i += 3) {
			struct session *s;
			char *bytes = c.out.p + c.out.off;

			assert_int_equal(session_new(&s, ctx), 0);
			bytes[i / 8] ^= (char)(1 << i % 8);
			session_feed(s, (struct str){bytes, hello});
			bytes[i / 8] ^= (char)(1 << i % 8);
			assert_true(session_state(s) != SESSION_OPEN);
			session_free(s);
		}
		lab_client_free(&c);
	}
	tls_context_unref(ctx);
}

/* ---- KeyUpdate ---- */

int mbedtls_ssl_write_record(mbedtls_ssl_context *ssl, int force_flush); /* the library's, in no header */

/* The library's client cannot send one, but its record layer can be made to: the message goes out as a
 * handshake record under the application keys. */
static void test_key_update(void **state)
{
	struct tls_context *ctx = lab_context(zones, ZONES, -1, NULL);
	struct lab_client_spec spec = {.sni = "b.test", .cert = "good", .version = 13};
	struct lab_client c;
	struct session *s = lab_connect(&c, ctx, &spec);
	static const unsigned char update[] = {24, 0, 0, 1, 0};

	(void)state;
	assert_int_equal(session_state(s), SESSION_OPEN);
	memcpy(c.ssl.MBEDTLS_PRIVATE(out_msg), update, sizeof(update));
	c.ssl.MBEDTLS_PRIVATE(out_msgtype) = 22;
	c.ssl.MBEDTLS_PRIVATE(out_msglen) = sizeof(update);
	assert_int_equal(mbedtls_ssl_write_record(&c.ssl, 1), 0);
	assert_int_equal(lab_run(&c, s, 0), SESSION_FAILED);
	assert_str(session_reason(s), "key_update");
	assert_int_equal(lab_alert(&c), 10);
	session_free(s);
	lab_client_free(&c);
	tls_context_unref(ctx);
}

/* ---- judged again ---- */

static void test_rejudge(void **state)
{
	struct tls_context *ctx = lab_context(zones, ZONES, -1, NULL);
	struct lab_client_spec spec = {.sni = "b.test", .cert = "good", .version = 13};
	struct lab_zone narrower = zones[1];
	struct tls_zone *z;
	struct lab_client c;
	struct session *s = lab_connect(&c, ctx, &spec);

	(void)state;
	assert_false(session_rejudge(s, session_zone(s)));
	assert_false(session_forbidden(s, session_zone(s)));
	narrower.ca = "foreign-root";
	z = lab_zone(&narrower);
	assert_true(session_rejudge(s, z));
	assert_int_equal(session_cert(s)->result, VERIFY_UNTRUSTED);
	assert_true(session_forbidden(s, z));
	tls_zone_unref(z);
	assert_true(session_rejudge(s, session_zone(s)));
	assert_int_equal(session_cert(s)->result, VERIFY_OK);
	assert_true(session_tls(s)->reverified);
	clock_set_offset(400 * 86400);
	assert_true(session_rejudge(s, session_zone(s)));
	assert_int_equal(session_cert(s)->result, VERIFY_EXPIRED);
	clock_set_offset(0);
	session_free(s);
	lab_client_free(&c);
	tls_context_unref(ctx);
}

/* ---- threads ---- */

static void *many(void *p)
{
	struct tls_context *ctx = p;

	for (int i = 0; i < 12; i++) {
		struct lab_client_spec spec = {.sni = i % 3 ? "b.test" : "a.test",
		                               .cert = i % 4 ? "good" : "good-rsa",
		                               .version = i % 2 ? 12 : 13};
		struct lab_client c;
		struct session *s;

		if (i % 3 == 0 && i % 2)
			spec.suite = MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256;
		lab_client_init(&c, &spec);
		if (session_new(&s, ctx) != 0 || lab_run(&c, s, 0) != SESSION_OPEN ||
		    session_cert(s)->result != VERIFY_OK)
			return p;
		session_free(s);
		lab_client_free(&c);
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct tls_context *ctx = lab_context(zones, ZONES, -1, NULL);
	pthread_t threads[4];
	void *bad;

	(void)state;
	for (int i = 0; i < 4; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, many, ctx), 0);
	for (int i = 0; i < 4; i++) {
		pthread_join(threads[i], &bad);
		assert_null(bad);
	}
	tls_context_unref(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_doors),
	    cmocka_unit_test(test_ciphers),
	    cmocka_unit_test(test_no_common_parameters),
	    cmocka_unit_test(test_chunks),
	    cmocka_unit_test(test_large_writes),
	    cmocka_unit_test(test_alert),
	    cmocka_unit_test(test_peer_alert),
	    cmocka_unit_test(test_chain_too_large),
	    cmocka_unit_test(test_retry),
	    cmocka_unit_test(test_garbage),
	    cmocka_unit_test(test_endless),
	    cmocka_unit_test(test_flipped),
	    cmocka_unit_test(test_key_update),
	    cmocka_unit_test(test_rejudge),
	    cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
