/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usher as the client of a TLS origin, which is usher's own server side in memory: what is resumed, what never is, and
 * how old it may grow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"
#include "mtls/cert.h"
#include "mtls/peer.h"
#include "mtls/state.h"
#include "tests/unit/tls_lab.h"

enum { HOUR = 3600 };

static struct tls_context *origin_context(enum tls_minimum minimum, bool reuse)
{
	struct lab_zone zone = {
	    .name = "z", .hosts = "a.test b.test", .ca = "root", .client_auth = CLIENT_AUTH_OPTIONAL, .minimum = minimum,
	    .resume = true, .reuse = reuse, .lifetime = 24 * HOUR, .tickets = 2};

	return lab_context(&zone, 1, 0, NULL);
}

static struct tls_client *client(enum tls_minimum version, const char *ca, int64_t seconds, bool verify)
{
	struct tls_path anchors = {str_of(lab_pki(ca)), {0}};
	struct tls_client_spec spec = {
	    .ca = &anchors, .nca = 1, .verify = verify, .version = version, .session_seconds = seconds};
	struct tls_client *c;
	struct diags d;

	diags_init(&d);
	assert_int_equal(tls_client_new(&c, &spec, &d), 0);
	diags_fini(&d);
	return c;
}

static void move(struct session *from, struct session *to)
{
	struct buf *b = session_output(from);

	if (b->n == 0)
		return;
	session_feed(to, buf_str(b));
	buf_clear(b);
}

struct outcome {
	bool open, resumed, client_says_so;
	const char *reason;
};

/* One connection: a handshake, a word each way, tickets. */
static struct outcome meet(struct tls_peer *p, struct tls_context *ctx)
{
	struct outcome o = {0};
	struct session *here, *there;

	assert_int_equal(session_connect(&here, p), 0);
	assert_int_equal(session_new(&there, ctx), 0);
	for (int i = 0; i < 8; i++) {
		move(here, there);
		move(there, here);
	}
	o.open = session_state(here) == SESSION_OPEN && session_state(there) == SESSION_OPEN;
	o.reason = session_reason(here).p;
	if (o.open) {
		o.resumed = session_tls(there)->resumed;
		o.client_says_so = session_tls(here)->resumed;
		assert_int_equal(session_write(here, STR("question")), 0);
		move(here, there);
		assert_true(str_eq(buf_str(session_plain(there)), STR("question")));
		assert_int_equal(session_write(there, STR("answer")), 0);
		move(there, here);
		assert_true(str_eq(buf_str(session_plain(here)), STR("answer")));
	}
	session_free(here);
	session_free(there);
	return o;
}

static void expect_full(struct tls_peer *p, struct tls_context *ctx)
{
	struct outcome o = meet(p, ctx);

	assert_true(o.open);
	assert_false(o.resumed);
	assert_false(o.client_says_so);
}

static void expect_resumed(struct tls_peer *p, struct tls_context *ctx)
{
	struct outcome o = meet(p, ctx);

	assert_true(o.open);
	assert_true(o.resumed);
	assert_true(o.client_says_so);
}

static const enum tls_minimum versions[] = {TLS_MIN_1_2, TLS_MIN_1_3};

#define EACH_VERSION(v) for (size_t v = 0; v < 2; v++)

static void test_resumed(void **state)
{
	(void)state;
	EACH_VERSION(v) {
		struct tls_context *ctx = origin_context(TLS_MIN_1_2, false);
		struct tls_client *c = client(versions[v], "root.pem", HOUR, true);
		struct tls_peer *p = tls_peer_new(c, STR("a.test"));

		expect_full(p, ctx);
		for (int i = 0; i < 20; i++)
			expect_resumed(p, ctx);
		tls_peer_free(p);
		tls_client_unref(c);
		tls_context_unref(ctx);
	}
}

/* Another name, another way to trust, no trust at all: peers know nothing of each other's sessions. */
static void test_others(void **state)
{
	(void)state;
	EACH_VERSION(v) {
		struct tls_context *ctx = origin_context(TLS_MIN_1_2, true);
		struct tls_client *c = client(versions[v], "root.pem", HOUR, true);
		struct tls_client *same = client(versions[v], "root.pem", HOUR, true);
		struct tls_client *foreign = client(versions[v], "foreign-root.pem", HOUR, true);
		struct tls_client *careless = client(versions[v], "root.pem", HOUR, false);
		struct tls_peer *p = tls_peer_new(c, STR("a.test")), *name = tls_peer_new(c, STR("b.test"));
		struct tls_peer *copy = tls_peer_new(same, STR("a.test")), *other = tls_peer_new(foreign, STR("a.test"));
		struct tls_peer *any = tls_peer_new(careless, STR("a.test"));

		assert_true(tls_peer_is(p, c, STR("a.test")));
		assert_false(tls_peer_is(p, c, STR("b.test")) || tls_peer_is(p, same, STR("a.test")));
		expect_full(any, ctx);
		expect_resumed(any, ctx);
		expect_full(p, ctx);
		expect_resumed(p, ctx);
		expect_full(name, ctx);
		expect_full(copy, ctx);
		assert_string_equal(meet(other, ctx).reason, "origin_certificate");
		assert_string_equal(meet(other, ctx).reason, "origin_certificate");
		tls_peer_free(p);
		tls_peer_free(name);
		tls_peer_free(copy);
		tls_peer_free(other);
		tls_peer_free(any);
		tls_client_unref(c);
		tls_client_unref(same);
		tls_client_unref(foreign);
		tls_client_unref(careless);
		tls_context_unref(ctx);
	}
}

static void test_switched_off(void **state)
{
	(void)state;
	EACH_VERSION(v) {
		struct tls_context *ctx = origin_context(TLS_MIN_1_2, true);
		struct tls_client *c = client(versions[v], "root.pem", 0, true);
		struct tls_peer *p = tls_peer_new(c, STR("a.test"));

		expect_full(p, ctx);
		expect_full(p, ctx);
		tls_peer_free(p);
		tls_client_unref(c);
		tls_context_unref(ctx);
	}
}

/* Resuming does not prolong: the hour counts from the full handshake. */
static void test_grows_old(void **state)
{
	(void)state;
	EACH_VERSION(v) {
		struct tls_context *ctx = origin_context(TLS_MIN_1_2, true);
		struct tls_client *c = client(versions[v], "root.pem", HOUR, true);
		struct tls_peer *p = tls_peer_new(c, STR("a.test"));

		expect_full(p, ctx);
		clock_set_offset(HOUR / 2);
		expect_resumed(p, ctx);
		clock_set_offset(HOUR - 60);
		expect_resumed(p, ctx);
		clock_set_offset(HOUR + 60);
		expect_full(p, ctx);
		expect_resumed(p, ctx);
		clock_set_offset(0); /* the clock was wrong: what is from the future is not used */
		expect_full(p, ctx);
		tls_peer_free(p);
		tls_client_unref(c);
		tls_context_unref(ctx);
	}
}

static int64_t certificate_end(const char *name)
{
	struct str text = lab_file(lab_pki(name));
	mbedtls_x509_crt crt;
	int64_t from, until;

	mbedtls_x509_crt_init(&crt);
	assert_int_equal(mbedtls_x509_crt_parse(&crt, (const unsigned char *)text.p, text.n + 1), 0);
	assert_true(cert_times(&crt, &from, &until));
	mbedtls_x509_crt_free(&crt);
	return until;
}

/* An origin whose certificate has run out since is refused, with a session as without; and where nobody looks at it, it
 * is not. */
static void test_certificate_runs_out(void **state)
{
	int64_t end = certificate_end("server-ecdsa.pem");

	(void)state;
	EACH_VERSION(v) {
		struct tls_context *ctx = origin_context(TLS_MIN_1_2, true);
		struct tls_client *c = client(versions[v], "root.pem", 24 * HOUR, true);
		struct tls_client *careless = client(versions[v], "root.pem", 24 * HOUR, false);
		struct tls_peer *p = tls_peer_new(c, STR("a.test")), *any = tls_peer_new(careless, STR("a.test"));

		clock_set_offset(0);
		clock_set_offset(end - 600 - clock_now());
		expect_full(p, ctx);
		expect_resumed(p, ctx);
		expect_full(any, ctx);
		clock_set_offset(0);
		clock_set_offset(end + 60 - clock_now());
		expect_resumed(any, ctx);
		assert_string_equal(meet(p, ctx).reason, "origin_certificate");
		clock_set_offset(0);
		tls_peer_free(p);
		tls_peer_free(any);
		tls_client_unref(c);
		tls_client_unref(careless);
		tls_context_unref(ctx);
	}
}

/* An origin that starts anew knows no tickets: a full handshake, and those that are left are not tried one by one. */
static void test_origin_starts_anew(void **state)
{
	(void)state;
	EACH_VERSION(v) {
		struct tls_context *old = origin_context(TLS_MIN_1_2, false), *new = origin_context(TLS_MIN_1_2, false);
		struct tls_client *c = client(versions[v], "root.pem", HOUR, true);
		struct tls_peer *p = tls_peer_new(c, STR("a.test"));
		struct ticket_keys *keys;

		assert_int_equal(ticket_keys_new(&keys, HOUR), 0);
		tls_context_use_keys(new, keys);
		ticket_keys_unref(keys);
		for (int i = 0; i < 4; i++)
			meet(p, old);
		expect_full(p, new);
		expect_resumed(p, new);
		tls_peer_free(p);
		tls_client_unref(c);
		tls_context_unref(old);
		tls_context_unref(new);
	}
}

/* What was offered to a server that cannot prove its name is of no use to that server. */
static void test_impostor(void **state)
{
	struct lab_zone zone = {.name = "z", .hosts = "a.test", .certs = "good", .resume = true, .tickets = 2};

	(void)state;
	EACH_VERSION(v) {
		struct tls_context *ctx = origin_context(TLS_MIN_1_2, true), *impostor = lab_context(&zone, 1, 0, NULL);
		struct tls_client *c = client(versions[v], "root.pem", HOUR, true);
		struct tls_peer *p = tls_peer_new(c, STR("a.test"));

		expect_full(p, ctx);
		assert_false(meet(p, impostor).open);
		expect_full(p, ctx); /* and everything was forgotten */
		tls_peer_free(p);
		tls_client_unref(c);
		tls_context_unref(ctx);
		tls_context_unref(impostor);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_resumed),          cmocka_unit_test(test_others),
	    cmocka_unit_test(test_switched_off),     cmocka_unit_test(test_grows_old),
	    cmocka_unit_test(test_certificate_runs_out), cmocka_unit_test(test_origin_starts_anew),
	    cmocka_unit_test(test_impostor),
	};

	lab_pki("root.pem");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
