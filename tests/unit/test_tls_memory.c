/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory runs out in the middle of handshakes and resumptions, at one allocation of the library after the
 * other. Who gets in, gets in as what he is; everyone else stays out; nothing crashes or leaks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>
#include <mbedtls/platform.h>

#include "mtls/state.h"
#include "tests/unit/tls_lab.h"

static long until_failure; /* allocations that still succeed; negative: no end */
static bool armed;         /* only the server's count */

static void *scarce_calloc(size_t n, size_t size)
{
	if (armed && until_failure >= 0 && until_failure-- == 0) {
		until_failure = -1;
		return NULL;
	}
	return calloc(n, size);
}

static const struct lab_zone zones[] = {
    {.name = "a",
     .hosts = "a.test",
     .client_auth = CLIENT_AUTH_OPTIONAL,
     .ca = "root",
     .resume = true,
     .reuse = true},
    {.name = "b",
     .hosts = "b.test",
     .client_auth = CLIENT_AUTH_REQUIRED,
     .ca = "root",
     .resume = true,
     .reuse = true},
};

static void exchange(struct lab_client *c, struct session *s)
{
	for (int i = 0; i < 5; i++) {
		struct str bytes;

		if (c->rc == MBEDTLS_ERR_SSL_WANT_READ)
			c->rc = mbedtls_ssl_handshake(&c->ssl);
		armed = true;
		session_feed(s, buf_str(&c->out));
		armed = false;
		buf_clear(&c->out);
		bytes = buf_str(session_output(s));
		buf_add(&c->in, bytes);
		buf_consume(session_output(s), bytes.n);
	}
}

/* False once no allocation failed any more. */
static bool fail_at(struct tls_context *ctx, const struct lab_client_spec *spec, long n,
                    enum verify_result expected, bool enters)
{
	struct lab_client c;
	struct session *s;
	bool failed;

	lab_client_init(&c, spec);
	assert_int_equal(session_new(&s, ctx), 0);
	until_failure = n;
	exchange(&c, s);
	failed = until_failure < 0;
	until_failure = -1;
	if (session_state(s) == SESSION_OPEN) {
		assert_true(enters);
		assert_int_equal(session_cert(s)->result, expected);
	} else {
		assert_int_equal(session_state(s), SESSION_FAILED);
		assert_true(failed || !enters);
	}
	session_free(s);
	lab_client_free(&c);
	return failed;
}

static void test_scarcity(void **state)
{
	static const struct {
		const char *sni, *cert;
		enum verify_result result;
		bool enters;
	} clients[] = {
	    {"b.test", "good", VERIFY_OK, true},
	    {"b.test", NULL, VERIFY_ABSENT, false},
	    {"b.test", "foreign", VERIFY_UNTRUSTED, false},
	    {"a.test", "foreign", VERIFY_UNTRUSTED, true},
	};
	struct tls_context *ctx;

	(void)state;
	lab_pki("good.pem");
	mbedtls_platform_set_calloc_free(scarce_calloc, free);
	ctx = lab_context(zones, 2, -1, NULL);
	for (int i = 0; i < 16; i++) {
		const char *sni = clients[i / 4].sni, *cert = clients[i / 4].cert;
		struct lab_client_spec spec = {.sni = sni, .cert = cert, .version = i % 2 ? 12 : 13};
		mbedtls_ssl_session ticket;
		long n = 0;

		if (i % 4 >= 2) { /* resumed */
			struct lab_client c;
			struct session *s;

			if (!clients[i / 4].enters)
				continue;
			s = lab_connect(&c, ctx, &spec);
			assert_true(c.has_session);
			ticket = c.session;
			mbedtls_ssl_session_init(&c.session);
			session_free(s);
			lab_client_free(&c);
			spec.resume = &ticket;
		}
		while (fail_at(ctx, &spec, n, clients[i / 4].result, clients[i / 4].enters))
			n += n < 60 ? 1 : n / 30;
		assert_true(n > 20);
		if (spec.resume)
			mbedtls_ssl_session_free(&ticket);
	}
	tls_context_unref(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_scarcity),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
