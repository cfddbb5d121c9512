/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random histories against a model that knows no tickets. At every step of a history (connect, resume,
 * revoke, replace CAs, reload, rotate keys, restart, wait, judge an open connection again) the verdict on a
 * client must be the one that a full handshake would reach at that moment; the model computes it from the
 * client's name, the zone's configuration and the clock alone. The seed is printed: USHER_SEED and
 * USHER_STEPS repeat a run.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/clock.h"
#include "mtls/state.h"
#include "tests/unit/tls_lab.h"

int mbedtls_ssl_session_set_hostname(mbedtls_ssl_session *session,
                                     const char *name); /* the library's, in no header */

enum { DAY = 86400, TICKETS = 12, OPEN = 4, LIFETIME = 3600 };

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { STEPS = 1000, SEED = 20250123 };
#else
enum { STEPS = 10000, SEED = 20250123 };
#endif

/* ---- the world ---- */

/* Bits: which CA signed a client, and which anchors let clients of that CA in. */
enum { CA_A = 1, CA_B = 2, CA_FOREIGN = 4, CA_AGAIN = 8 };

static const struct client {
	const char *name; /* NULL: no certificate */
	int ca;
} clients[] = {
    {NULL, 0},       {"good", CA_A},          {"second", CA_A},       {"revoked", CA_A},
    {"other", CA_B}, {"foreign", CA_FOREIGN}, {"impostor", CA_AGAIN},
};

static const struct anchors {
	const char *file;
	int lets_in;
} anchors[] = {
    {"root", CA_A | CA_B | CA_AGAIN},
    {"ca-a", CA_A},
    {"ca-a-again", CA_AGAIN},
    {"foreign-root", CA_FOREIGN},
};

static const struct crls {
	const char *files;
	const char *lists[3];
	int covers; /* CAs with a current CRL */
	bool expired;
} crls[] = {
    {NULL, {NULL}, 0, false},
    {"crl-root crl-a-empty crl-b", {NULL}, CA_A | CA_B, false},
    {"crl-root crl-a", {"revoked"}, CA_A, false},
    {"crl-root crl-a-more crl-b", {"revoked", "good"}, CA_A | CA_B, false},
    {"crl-root crl-a-expired", {NULL}, CA_A, true},
};

static const char *const hosts[] = {"one.test", "two.test", "three.test"};

enum {
	CLIENTS = sizeof(clients) / sizeof(clients[0]),
	ANCHORS = sizeof(anchors) / sizeof(anchors[0]),
	CRLS = sizeof(crls) / sizeof(crls[0]),
	HOSTS = 3
};

static struct setting {
	unsigned anchors, crls;
	enum client_auth auth;
} settings[HOSTS];

static struct tls_context *ctx;
static struct ticket_keys *keys;
static int64_t offset;

static void reload(void)
{
	struct lab_zone zones[HOSTS];

	for (int i = 0; i < HOSTS; i++)
		zones[i] = (struct lab_zone){.name = hosts[i],
		                             .hosts = hosts[i],
		                             .client_auth = settings[i].auth,
		                             .ca = anchors[settings[i].anchors].file,
		                             .crl = crls[settings[i].crls].files,
		                             .resume = true,
		                             .lifetime = LIFETIME,
		                             .reuse = i == 0};
	tls_context_unref(ctx);
	ctx = lab_context(zones, HOSTS, -1, NULL);
	tls_context_use_keys(ctx, keys);
}

/* ---- the model ---- */

static bool is_listed(const struct crls *c, const char *name)
{
	for (int i = 0; i < 3; i++)
		if (c->lists[i] && strcmp(c->lists[i], name) == 0)
			return true;
	return false;
}

/* What a full handshake finds. Certificates live a year, CRLs thirty days; the clock keeps away from both
 * ends, and the files may be some days old. */
static enum verify_result model(const struct client *c, const struct setting *s)
{
	const struct crls *r = &crls[s->crls];
	bool covered = (r->covers & c->ca) != 0;

	if (s->auth == CLIENT_AUTH_OFF || !c->name)
		return VERIFY_ABSENT;
	if (!(anchors[s->anchors].lets_in & c->ca))
		return VERIFY_UNTRUSTED;
	if (offset > 363 * DAY)
		return VERIFY_EXPIRED;
	if (!r->files)
		return VERIFY_OK;
	if (!covered)
		return VERIFY_CRL_MISSING;
	if (r->expired || offset > 25 * DAY)
		return VERIFY_CRL_EXPIRED;
	return is_listed(r, c->name) ? VERIFY_REVOKED : VERIFY_OK;
}

/* ---- steps ---- */

static uint64_t state_of_chance;

static unsigned chance(unsigned n)
{
	state_of_chance ^= state_of_chance << 13;
	state_of_chance ^= state_of_chance >> 7;
	state_of_chance ^= state_of_chance << 17;
	return (unsigned)(state_of_chance >> 20) % n;
}

static struct ticket {
	bool held;
	mbedtls_ssl_session session;
	unsigned client, host;
	int version;
	int64_t full, done; /* the clock before and after its full handshake, however long that took */
	bool used;
} tickets[TICKETS];

static struct open {
	struct session *session;
	unsigned client, host;
} open[OPEN];

static unsigned resumptions, refusals, step;

static void wrong(const char *what, unsigned client, unsigned host, enum verify_result got)
{
	fail_msg("step %u: %s: client %s at %s: %s, the model says %s", step, what,
	         clients[client].name ? clients[client].name : "none", hosts[host], verify_result_name(got),
	         verify_result_name(model(&clients[client], &settings[host])));
}

static void check(struct session *s, const char *what, unsigned client, unsigned host)
{
	enum verify_result expected = model(&clients[client], &settings[host]), got = session_cert(s)->result;
	bool enters = settings[host].auth != CLIENT_AUTH_REQUIRED || expected == VERIFY_OK;

	if (got != expected || (session_state(s) == SESSION_OPEN) != enters)
		wrong(what, client, host, got);
}

static void forget(struct ticket *t)
{
	if (t->held)
		mbedtls_ssl_session_free(&t->session);
	t->held = false;
}

/* A client connects, with a ticket or without; keeps the ticket it gets; sometimes the connection stays open.
 */
static void connect_to(unsigned client, unsigned host, int version, struct ticket *with)
{
	struct lab_client_spec spec = {
	    .sni = hosts[host], .cert = clients[client].name, .version = version, .careless = true};
	struct ticket *keep = &tickets[chance(TICKETS)];
	bool resumed;
	struct lab_client c;
	struct session *s;
	int64_t full = clock_now(), done, at;

	if (with) {
		mbedtls_ssl_session_set_hostname(&with->session, hosts[host]);
		with->session.MBEDTLS_PRIVATE(ticket_lifetime) = 7 * DAY;
		spec.resume = &with->session;
	}
	s = lab_connect(&c, ctx, &spec);
	done = clock_now();
	at = session_tls(s)->full_handshake_time;
	check(s, with ? "with a ticket" : "full", client, host);
	resumed = session_tls(s)->resumed;
	if (resumed) {
		if (!with || with->host != host || with->version != version ||
		    (with->used && version == 13 && host != 0) || full - with->done > LIFETIME)
			fail_msg("step %u: a ticket opened that must not", step);
		assert_true(at >= with->full && at <= with->done);
		full = with->full;
		done = with->done;
		with->used = true;
		resumptions++;
	} else if (with) {
		assert_true((at >= full && at <= done) || session_state(s) != SESSION_OPEN);
		refusals++;
	}
	if (c.has_session && !(resumed && version == 12)) {
		forget(keep);
		*keep = (struct ticket){true, c.session, client, host, version, full, done, false};
		mbedtls_ssl_session_init(&c.session);
	}
	if (session_state(s) == SESSION_OPEN && chance(4) == 0) {
		struct open *o = &open[chance(OPEN)];

		session_free(o->session);
		*o = (struct open){s, client, host};
	} else {
		session_free(s);
	}
	lab_client_free(&c);
}

static void resume(void)
{
	struct ticket *t = &tickets[chance(TICKETS)];

	if (!t->held)
		connect_to(chance(CLIENTS), chance(HOSTS), chance(2) ? 12 : 13, NULL);
	else
		connect_to(t->client, chance(8) ? t->host : chance(HOSTS), t->version, t);
}

static void judge_open(void)
{
	struct open *o = &open[chance(OPEN)];
	enum verify_result expected;

	if (!o->session)
		return;
	/* a connection that began without a certificate stays without */
	expected = session_cert(o->session)->presented ? model(&clients[o->client], &settings[o->host])
	                                               : VERIFY_ABSENT;
	if (settings[o->host].auth == CLIENT_AUTH_OFF && session_cert(o->session)->presented)
		return; /* asks for none now: nothing reads what it says */
	session_rejudge(o->session, tls_context_zone(ctx, str_of(hosts[o->host])));
	if (session_cert(o->session)->result != expected)
		wrong("open", o->client, o->host, session_cert(o->session)->result);
	assert_int_equal(session_forbidden(o->session, tls_context_zone(ctx, str_of(hosts[o->host]))),
	                 settings[o->host].auth == CLIENT_AUTH_REQUIRED && expected != VERIFY_OK);
}

static void change_zone(void)
{
	struct setting *s = &settings[chance(HOSTS)];

	switch (chance(6)) {
	case 0:
		s->anchors = chance(ANCHORS);
		break;
	case 1:
		s->auth = (enum client_auth)chance(3);
		break;
	case 2:
		*s = (struct setting){0, 0, CLIENT_AUTH_OPTIONAL}; /* histories come back to their senses */
		break;
	default:
		s->crls = chance(CRLS);
	}
	reload();
}

static void new_keys(bool restart)
{
	if (!restart) {
		ticket_keys_rotate(keys);
		return;
	}
	ticket_keys_unref(keys);
	assert_int_equal(ticket_keys_new(&keys, 8 * 3600), 0);
	tls_context_use_keys(ctx, keys);
}

static void wait_or_jump(void)
{
	static const int64_t days[] = {0, 5, 20, 40, 100, 300, 380};

	if (chance(12))
		offset += chance(1200);
	else
		offset = days[chance(7)] * DAY + chance(DAY);
	clock_set_offset(offset);
}

static void test_histories(void **state)
{
	const char *seed = getenv("USHER_SEED"), *steps = getenv("USHER_STEPS");
	unsigned n = steps ? (unsigned)atoi(steps) : STEPS;

	(void)state;
	state_of_chance = seed ? strtoull(seed, NULL, 10) : SEED;
	printf("seed %llu, %u steps\n", (unsigned long long)state_of_chance, n);
	state_of_chance = state_of_chance * 2654435761u + 88172645463325252u;
	lab_pki("good.pem");
	assert_int_equal(ticket_keys_new(&keys, 8 * 3600), 0);
	for (int i = 0; i < HOSTS; i++)
		settings[i].auth = (enum client_auth)(i == 2 ? CLIENT_AUTH_REQUIRED : CLIENT_AUTH_OPTIONAL);
	reload();
	for (step = 0; step < n; step++) {
		unsigned what = chance(100);

		if (what < 6)
			connect_to(chance(CLIENTS), chance(HOSTS), chance(2) ? 12 : 13, NULL);
		else if (what < 40)
			resume();
		else if (what < 66)
			judge_open();
		else if (what < 74)
			change_zone();
		else if (what < 76)
			new_keys(what == 75 && chance(3) == 0);
		else
			wait_or_jump();
	}
	printf("%u resumptions, %u tickets refused\n", resumptions, refusals);
	assert_true(resumptions > n / 50 && refusals > n / 50);
	for (int i = 0; i < TICKETS; i++)
		forget(&tickets[i]);
	for (int i = 0; i < OPEN; i++)
		session_free(open[i].session);
	tls_context_unref(ctx);
	ticket_keys_unref(keys);
	clock_set_offset(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_histories),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
