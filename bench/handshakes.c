/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handshakes PKI: what a handshake costs the server, in memory and without a network: whole, whole for a
 * client whose chain was checked before, and resumed (and judged again). CPU time of one thread, medians;
 * P-256, mutual, with CRLs. PKI is a directory made by tests/pki/make.sh.
 */
#include <time.h>

#include "tests/unit/tls_lab.c"

enum { ROUNDS = 60, STRANGERS = 20 };

static double cpu_msec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static int by_value(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return x < y ? -1 : x > y;
}

/* One handshake; only what the server does is timed. */
static double shake(struct tls_context *ctx, const struct lab_client_spec *spec, bool resumes)
{
	struct lab_client c;
	struct session *s;
	double used = 0, from;

	lab_client_init(&c, spec);
	from = cpu_msec();
	MUST(session_new(&s, ctx));
	used += cpu_msec() - from;
	for (int i = 0; i < 5; i++) {
		struct str bytes;

		if (c.rc == MBEDTLS_ERR_SSL_WANT_READ)
			c.rc = mbedtls_ssl_handshake(&c.ssl);
		from = cpu_msec();
		session_feed(s, buf_str(&c.out));
		used += cpu_msec() - from;
		buf_clear(&c.out);
		bytes = buf_str(session_output(s));
		buf_add(&c.in, bytes);
		buf_consume(session_output(s), bytes.n);
	}
	MUST(session_state(s) != SESSION_OPEN || session_tls(s)->resumed != resumes ||
	     session_cert(s)->result != VERIFY_OK);
	session_free(s);
	lab_client_free(&c);
	return used;
}

static double median(struct tls_context *const *contexts, size_t n, const struct lab_client_spec *spec,
                     bool resumes)
{
	double times[ROUNDS];
	size_t rounds = n > 1 ? n : ROUNDS;

	for (size_t i = 0; i < rounds; i++)
		times[i] = shake(contexts[i % n], spec, resumes);
	qsort(times, rounds, sizeof(*times), by_value);
	return times[rounds / 2];
}

/* Zones with one needless anchor each: to every one of them a chain is new. */
static struct tls_context *zone_with(const char *anchors)
{
	struct lab_zone zone = {.name = "z",
	                        .hosts = "z.test",
	                        .client_auth = CLIENT_AUTH_REQUIRED,
	                        .ca = anchors,
	                        .crl = "crl-root crl-a",
	                        .resume = true,
	                        .reuse = true};

	return lab_context(&zone, 1, -1, "http/1.1");
}

static void measure(int version, struct tls_context *const *strangers)
{
	struct tls_context *ctx = zone_with("root");
	struct lab_client_spec spec = {
	    .sni = "z.test", .cert = "good", .version = version, .alpn = "http/1.1", .careless = true};
	struct lab_client c;
	double whole, known, resumed;

	session_free(lab_connect(&c, ctx, &spec));
	whole = median(strangers, STRANGERS, &spec, false);
	known = median(&ctx, 1, &spec, false);
	spec.resume = &c.session;
	resumed = median(&ctx, 1, &spec, true);
	printf("TLS 1.%d  full, new chain %.2f ms   full, known chain %.2f ms (%.1f times faster)   "
	       "resumed and judged again %.2f ms (%.1f times)\n",
	       version - 10, whole, known, whole / known, resumed, whole / resumed);
	lab_client_free(&c);
	tls_context_unref(ctx);
}

int main(int argc, char **argv)
{
	struct tls_context *strangers[2][STRANGERS];

	if (argc == 2)
		setenv("USHER_TEST_PKI", argv[1], 1);
	for (int i = 0; i < 2 * STRANGERS; i++)
		strangers[i / STRANGERS][i % STRANGERS] =
		    zone_with(arena_printf(&kept, "root rung%d%s", i % STRANGERS + 1,
		                           i < STRANGERS ? "" : " foreign-root")
		                  .p);
	measure(12, strangers[0]);
	measure(13, strangers[1]);
	for (int i = 0; i < 2 * STRANGERS; i++)
		tls_context_unref(strangers[i / STRANGERS][i % STRANGERS]);
	return 0;
}
