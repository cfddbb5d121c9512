/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tickets under attack. A ticket is made in one world and used in another; whatever happened in between, the
 * client must be told apart exactly as a full handshake in the second world would do it.
 */
#include <malloc.h>
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
#include "tests/unit/tls_raw.h"

int mbedtls_ssl_session_set_hostname(mbedtls_ssl_session *session,
                                     const char *name); /* the library's, in no header */

enum { DAY = 86400 };

#define assert_str(s, z) assert_string_equal(cut(s), z)

static const char *cut(struct str s)
{
	static char text[4][256];
	static unsigned at;

	at = (at + 1) % 4;
	snprintf(text[at], sizeof(text[at]), "%.*s", STR_FMT(s));
	return text[at];
}

/* ---- worlds ---- */

#define ZONE(n, h, auth, ...)                                                                                \
	{                                                                                                    \
		.name = n, .hosts = h, .client_auth = CLIENT_AUTH_##auth, .resume = true, __VA_ARGS__        \
	}

/* Zones by what differs from the first. */
static const struct lab_zone base[] = {
    ZONE("a", "a.test", OPTIONAL, .ca = "root", .crl = "crl-root crl-a"),
    ZONE("same", "same.test", OPTIONAL, .ca = "root", .crl = "crl-root crl-a"), /* all but the name */
    ZONE("wild", "*.wild.test", OPTIONAL, .ca = "root", .crl = "crl-root crl-a"),
    ZONE("other", "other.test", OPTIONAL, .ca = "foreign-root"),
    ZONE("off", "off.test", OFF, .ca = "root"),
    ZONE("req", "req.test", REQUIRED, .ca = "root", .crl = "crl-root crl-a"),
    ZONE("narrow", "narrow.test", REQUIRED, .ca = "ca-a", .crl = "crl-a"),
    {.name = "old", .hosts = "old.test", .client_auth = CLIENT_AUTH_OPTIONAL, .ca = "root"},
};

enum { ZONES = sizeof(base) / sizeof(base[0]) };

/* The same zones, but for one thing. */
enum change {
	NOTHING,
	REVOKED,      /* good is on the CRL */
	CA_GONE,      /* every zone trusts foreign-root only */
	CA_REPLACED,  /* narrow trusts another CA of the same name */
	NOW_REQUIRED, /* off and a require a certificate */
	NO_RESUME,
	ROTATED,   /* ticket keys */
	RESTARTED, /* other ticket keys */
	SHORTER,   /* ticket_lifetime 10 s */
};

static struct tls_context *world(enum change change, int dflt)
{
	struct lab_zone zones[ZONES];
	struct tls_context *ctx;
	struct ticket_keys *keys;

	memcpy(zones, base, sizeof(zones));
	for (int i = 0; i < ZONES; i++) {
		struct lab_zone *z = &zones[i];

		if (change == REVOKED && z->crl)
			z->crl = z->ca[0] == 'c' ? "crl-a-more" : "crl-root crl-a-more";
		if (change == CA_GONE) {
			z->ca = "foreign-root";
			z->crl = NULL;
		}
		if (change == CA_REPLACED && strcmp(z->name, "narrow") == 0)
			z->ca = "ca-a-again";
		if (change == NOW_REQUIRED && (i == 0 || z->client_auth == CLIENT_AUTH_OFF))
			z->client_auth = CLIENT_AUTH_REQUIRED;
		if (change == NO_RESUME)
			z->resume = false;
		if (change == SHORTER)
			z->lifetime = 10;
	}
	ctx = lab_context(zones, ZONES, dflt, "h2 http/1.1");
	if (change == ROTATED)
		ticket_keys_rotate(ticket_keys_default());
	if (change == RESTARTED) {
		assert_int_equal(ticket_keys_new(&keys, 3600), 0);
		tls_context_use_keys(ctx, keys);
		ticket_keys_unref(keys);
	}
	return ctx;
}

/* ---- the matrix ---- */

struct cell {
	const char *from, *cert; /* the ticket: for which name, with which certificate */
	enum change change;
	int start, wait; /* seconds from the PKI's making (0: now) to the ticket, and from there to its use */
	const char *to;  /* the name it is used for; NULL: none */
	const char *outcome; /* "resumed", or why the ticket did not open */
	const char *end;     /* the zone it ends in, or the reason of the refusal */
	enum verify_result result;
};

static const struct cell matrix[] = {
    /* nothing happened */
    {"a.test", "good", NOTHING, 0, 1, "a.test", "resumed", "a", VERIFY_OK},
    {"a.test", NULL, NOTHING, 0, 1, "a.test", "resumed", "a", VERIFY_ABSENT},
    {"a.test", "foreign", NOTHING, 0, 1, "a.test", "resumed", "a", VERIFY_UNTRUSTED},
    {"a.test", "revoked", NOTHING, 0, 1, "a.test", "resumed", "a", VERIFY_REVOKED},
    {"a.test", "deep", NOTHING, 0, 1, "a.test", "resumed", "a", VERIFY_CRL_MISSING},
    {"off.test", "good", NOTHING, 0, 1, "off.test", "resumed", "off", VERIFY_ABSENT},
    {"req.test", "good", NOTHING, 0, 1, "req.test", "resumed", "req", VERIFY_OK},
    {"narrow.test", "good", NOTHING, 0, 1, "narrow.test", "resumed", "narrow", VERIFY_OK},
    {"x.wild.test", "good", NOTHING, 0, 1, "x.wild.test", "resumed", "wild", VERIFY_OK},
    /* another zone */
    {"a.test", "good", NOTHING, 0, 1, "same.test", "other_zone", "same", VERIFY_OK},
    {"a.test", "good", NOTHING, 0, 1, "other.test", "other_zone", "other", VERIFY_UNTRUSTED},
    {"a.test", "good", NOTHING, 0, 1, "off.test", "other_zone", "off", VERIFY_ABSENT},
    {"off.test", "good", NOTHING, 0, 1, "a.test", "other_zone", "a", VERIFY_OK},
    {"off.test", NULL, NOTHING, 0, 1, "req.test", "other_zone", "client_certificate_required", VERIFY_ABSENT},
    {"a.test", NULL, NOTHING, 0, 1, "req.test", "other_zone", "client_certificate_required", VERIFY_ABSENT},
    {"a.test", "foreign", NOTHING, 0, 1, "req.test", "other_zone", "client_certificate_refused",
     VERIFY_UNTRUSTED},
    {"req.test", "good", NOTHING, 0, 1, "narrow.test", "other_zone", "narrow", VERIFY_OK},
    {"x.wild.test", "good", NOTHING, 0, 1, "y.wild.test", "other_name", "wild", VERIFY_OK},
    {"a.test", "good", NOTHING, 0, 1, "x.wild.test", "other_zone", "wild", VERIFY_OK},
    {"a.test", "good", NOTHING, 0, 1, "old.test", "", "old", VERIFY_OK},
    {"a.test", "good", NOTHING, 0, 1, NULL, "other_name", "a", VERIFY_OK},     /* a is the default zone */
    {"a.test", "good", NOTHING, 0, 1, "z.test", "other_name", "a", VERIFY_OK}, /* likewise */
    {"req.test", "good", NOTHING, 0, 1, NULL, "other_zone", "a", VERIFY_OK},
    /* revocation, anchors, dates */
    {"a.test", "good", REVOKED, 0, 1, "a.test", "resumed", "a", VERIFY_REVOKED},
    {"req.test", "good", REVOKED, 0, 1, "req.test", "not_good_now", "client_certificate_refused",
     VERIFY_REVOKED},
    {"narrow.test", "good", REVOKED, 0, 1, "narrow.test", "not_good_now", "client_certificate_refused",
     VERIFY_REVOKED},
    {"a.test", "good", CA_GONE, 0, 1, "a.test", "other_zone", "a", VERIFY_UNTRUSTED},
    {"req.test", "good", CA_GONE, 0, 1, "req.test", "other_zone", "client_certificate_refused",
     VERIFY_UNTRUSTED},
    {"narrow.test", "good", CA_REPLACED, 0, 1, "narrow.test", "other_zone", "client_certificate_refused",
     VERIFY_UNTRUSTED},
    {"a.test", "good", NOTHING, 30 * DAY - 900, 1800, "a.test", "resumed", "a", VERIFY_CRL_EXPIRED},
    {"req.test", "good", NOTHING, 30 * DAY - 900, 1800, "req.test", "not_good_now",
     "client_certificate_refused", VERIFY_CRL_EXPIRED},
    {"other.test", "foreign", NOTHING, 365 * DAY - 900, 1800, "other.test", "resumed", "other",
     VERIFY_EXPIRED},
    /* the zone changed */
    {"off.test", NULL, NOW_REQUIRED, 0, 1, "off.test", "other_zone", "client_certificate_required",
     VERIFY_ABSENT},
    {"off.test", "good", NOW_REQUIRED, 0, 1, "off.test", "other_zone", "off", VERIFY_OK},
    {"a.test", NULL, NOW_REQUIRED, 0, 1, "a.test", "other_zone", "client_certificate_required",
     VERIFY_ABSENT},
    {"a.test", "good", NOW_REQUIRED, 0, 1, "a.test", "other_zone", "a", VERIFY_OK},
    {"a.test", "good", NO_RESUME, 0, 1, "a.test", "", "a", VERIFY_OK},
    /* keys and age */
    {"a.test", "good", ROTATED, 0, 1, "a.test", "resumed", "a", VERIFY_OK},
    {"a.test", "good", RESTARTED, 0, 1, "a.test", "unknown_key", "a", VERIFY_OK},
    {"a.test", "good", NOTHING, 0, 3590, "a.test", "resumed", "a", VERIFY_OK},
    {"a.test", "good", NOTHING, 0, 3602, "a.test", "too_old", "a", VERIFY_OK},
    {"a.test", "good", SHORTER, 0, 12, "a.test", "too_old", "a", VERIFY_OK},
    {"a.test", "good", NOTHING, 120, -60, "a.test", "from_future", "a", VERIFY_OK},
};

/* A ticket for name, held by a client with that certificate. */
static void get_ticket(mbedtls_ssl_session *out, struct tls_context *ctx, const char *name, const char *cert,
                       int version)
{
	struct lab_client_spec spec = {.sni = name, .cert = cert, .version = version};
	struct lab_client c;
	struct session *s = lab_connect(&c, ctx, &spec);

	assert_int_equal(session_state(s), SESSION_OPEN);
	assert_true(c.has_session);
	*out = c.session;
	mbedtls_ssl_session_init(&c.session);
	session_free(s);
	lab_client_free(&c);
}

static void same_facts(const struct cert_facts *a, const struct cert_facts *b)
{
	assert_int_equal(a->presented, b->presented);
	assert_int_equal(a->verified, b->verified);
	assert_int_equal(a->revoked, b->revoked);
	assert_int_equal(a->result, b->result);
	assert_true(str_eq(a->subject.dn, b->subject.dn));
	assert_true(str_eq(a->issuer_ski, b->issuer_ski));
	assert_true(str_eq(a->issuer_serial, b->issuer_serial));
	assert_true(str_eq(a->fingerprint_sha256, b->fingerprint_sha256));
	assert_true(str_eq(a->chain_rfc9440, b->chain_rfc9440));
	assert_int_equal(a->chain_length, b->chain_length);
	assert_int_equal(a->valid_until, b->valid_until);
}

static const char *ending(struct session *s)
{
	return session_state(s) == SESSION_OPEN ? cut(tls_zone_name(session_zone(s)))
	                                        : cut(session_reason(s));
}

static void try_cell(const struct cell *cell, int version, struct tls_context *before)
{
	struct lab_client_spec spec = {
	    .sni = cell->to, .cert = cell->cert, .version = version, .careless = true};
	struct tls_context *after;
	struct lab_client c, fresh;
	struct session *s, *full;
	mbedtls_ssl_session ticket;
	const char *outcome;
	int64_t start;

	start = cell->start ? cell->start - lab_pki_age() : 0;
	clock_set_offset(start);
	get_ticket(&ticket, before, cell->from, cell->cert, version);
	after = world(cell->change, 0);
	clock_set_offset(start + cell->wait);
	mbedtls_ssl_session_set_hostname(&ticket,
	                                 cell->to); /* a client that does not care for whom a ticket is */
	ticket.MBEDTLS_PRIVATE(ticket_lifetime) = 7 * DAY; /* nor for how long */
	if (cell->wait < 0) /* the server's clock went back, the client's did not */
		ticket.MBEDTLS_PRIVATE(ticket_reception_time) += cell->wait * 1000;
	spec.resume = &ticket;
	s = lab_connect(&c, after, &spec);
	outcome = session_tls(s)->resumed ? "resumed" : cut(session_tls(s)->ticket_refused);
	if (strcmp(outcome, cell->outcome) || strcmp(ending(s), cell->end) ||
	    session_cert(s)->result != cell->result)
		fail_msg("cell %td, TLS 1.%d (%s, %s, to %s): %s, %s (%s), %s", cell - matrix, version - 10,
		         cell->from, cell->cert ? cell->cert : "none", cell->to ? cell->to : "none", outcome,
		         ending(s), cut(session_reason_detail(s)),
		         verify_result_name(session_cert(s)->result));
	spec.resume = NULL;
	full = lab_connect(&fresh, after, &spec);
	assert_string_equal(ending(full), ending(s));
	same_facts(session_cert(full), session_cert(s));
	assert_false(session_tls(full)->resumed);
	if (session_tls(s)->resumed) {
		assert_int_equal(clock_now() - session_tls(s)->full_handshake_time - cell->wait < 3, 1);
		assert_true(session_tls(s)->reverified);
	}
	session_free(s);
	session_free(full);
	lab_client_free(&c);
	lab_client_free(&fresh);
	mbedtls_ssl_session_free(&ticket);
	tls_context_unref(after);
	clock_set_offset(0);
}

static void test_matrix(void **state)
{
	struct tls_context *before = world(NOTHING, 0);

	(void)state;
	for (size_t i = 0; i < sizeof(matrix) / sizeof(matrix[0]); i++) {
		try_cell(&matrix[i], 12, before);
		try_cell(&matrix[i], 13, before);
	}
	tls_context_unref(before);
}

/* ---- TLS 1.2 hellos that the library's client does not send ---- */

enum { SUITE = MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256 };

static struct str ticket_of(const mbedtls_ssl_session *session)
{
	return (struct str){(const char *)session->MBEDTLS_PRIVATE(ticket),
	                    session->MBEDTLS_PRIVATE(ticket_len)};
}

static void raw(struct tls_context *ctx, const mbedtls_ssl_session *ticket, struct raw_hello h, bool opens,
                const char *refused, const char *reason)
{
	struct session *s;

	h.ticket = ticket_of(ticket);
	h.suite = SUITE;
	h.copies = h.copies ? h.copies : 1;
	assert_int_equal(session_new(&s, ctx), 0);
	assert_int_equal(raw_resume(s, &h, ticket->MBEDTLS_PRIVATE(master)), opens);
	assert_int_equal(session_tls(s)->resumed, opens);
	assert_str(session_tls(s)->ticket_refused, refused);
	assert_str(session_reason(s), reason);
	session_free(s);
}

static void test_raw_hellos(void **state)
{
	struct tls_context *ctx = world(NOTHING, 0);
	mbedtls_ssl_session a, off;

	(void)state;
	get_ticket(&a, ctx, "a.test", "good", 12);
	get_ticket(&off, ctx, "off.test", "good", 12);
	raw(ctx, &a, (struct raw_hello){.sni = "a.test", .ems = true}, true, "", "");
	raw(ctx, &a, (struct raw_hello){.sni = "a.test", .ems = true, .sni_last = true}, true, "", "");
	raw(ctx, &off, (struct raw_hello){.sni = "off.test", .ems = true, .sni_last = true}, true, "", "");
	raw(ctx, &a, (struct raw_hello){.sni = "req.test", .ems = true, .sni_last = true}, false,
	    "other_zone", "");
	raw(ctx, &off, (struct raw_hello){.sni = "req.test", .ems = true, .sni_last = true}, false,
	    "other_zone", "");
	raw(ctx, &off, (struct raw_hello){.ems = true}, false, "other_zone", "");
	raw(ctx, &a, (struct raw_hello){.ems = true}, false, "other_name", "");
	raw(ctx, &a, (struct raw_hello){.sni = "a.test"}, false, "other_protocol", "");
	raw(ctx, &a, (struct raw_hello){.sni = "a.test", .ems = true, .alpn = "h2"}, false, "other_protocol",
	    "");
	raw(ctx, &a, (struct raw_hello){.sni = "a.test", .ems = true, .copies = 2}, false, "", "bad_hello");
	raw(ctx, &a, (struct raw_hello){.sni = "a.test", .ems = true, .sni_twice = true}, false, "",
	    "bad_hello");
	/* a guess at the secret gets no further than the server's Finished */
	memset(a.MBEDTLS_PRIVATE(master), 0, 48);
	raw(ctx, &a, (struct raw_hello){.sni = "a.test", .ems = true}, false, "", "bad_record");
	mbedtls_ssl_session_free(&a);
	mbedtls_ssl_session_free(&off);
	tls_context_unref(ctx);
}

/* CVE-2026-93831: only the bytes of a TLS 1.3 ticket are known, as everyone on the path knows them. */
static void test_ticket_of_13_in_12(void **state)
{
	struct tls_context *ctx = world(NOTHING, 0);
	mbedtls_ssl_session ticket;

	(void)state;
	get_ticket(&ticket, ctx, "a.test", "good", 13);
	memset(ticket.MBEDTLS_PRIVATE(master), 0, 48);
	for (int ems = 0; ems < 2; ems++)
		raw(ctx, &ticket, (struct raw_hello){.sni = "a.test", .ems = ems}, false, "other_version",
		    "");
	mbedtls_ssl_session_free(&ticket);
	tls_context_unref(ctx);
}

/* A TLS 1.2 ticket as a pre-shared key of TLS 1.3: the victim's session, dressed up as a newer one. */
static void test_ticket_of_12_in_13(void **state)
{
	struct tls_context *ctx = world(NOTHING, 0);
	struct lab_client_spec spec = {.sni = "a.test", .version = 13};
	mbedtls_ssl_session old, new;
	struct lab_client c;
	struct session *s;

	(void)state;
	get_ticket(&old, ctx, "a.test", "good", 12);
	get_ticket(&new, ctx, "a.test", NULL, 13);
	free(new.MBEDTLS_PRIVATE(ticket));
	new.MBEDTLS_PRIVATE(ticket) = old.MBEDTLS_PRIVATE(ticket);
	new.MBEDTLS_PRIVATE(ticket_len) = old.MBEDTLS_PRIVATE(ticket_len);
	old.MBEDTLS_PRIVATE(ticket) = NULL;
	old.MBEDTLS_PRIVATE(ticket_len) = 0;
	spec.resume = &new;
	s = lab_connect(&c, ctx, &spec);
	assert_int_equal(session_state(s), SESSION_OPEN);
	assert_false(session_tls(s)->resumed);
	assert_str(session_tls(s)->ticket_refused, "other_version");
	assert_int_equal(session_cert(s)->result, VERIFY_ABSENT);
	session_free(s);
	lab_client_free(&c);
	mbedtls_ssl_session_free(&old);
	mbedtls_ssl_session_free(&new);
	tls_context_unref(ctx);
}

/* ---- TLS 1.3: once, again after a retry, and not for longer ---- */

static struct session *use(struct lab_client *c, struct tls_context *ctx, const char *name, const char *cert,
                           const mbedtls_ssl_session *ticket)
{
	struct lab_client_spec spec = {.sni = name, .cert = cert, .version = 13, .resume = ticket};

	return lab_connect(c, ctx, &spec);
}

static void test_used_once(void **state)
{
	struct lab_zone reuse = base[0];
	struct tls_context *once = world(NOTHING, 0), *often;

	(void)state;
	reuse.reuse = true;
	often = lab_context(&reuse, 1, -1, NULL);
	for (int i = 0; i < 2; i++) {
		struct tls_context *ctx = i ? often : once;
		mbedtls_ssl_session ticket;

		get_ticket(&ticket, ctx, "a.test", "good", 13);
		for (int k = 0; k < 3; k++) {
			struct lab_client c;
			struct session *s = use(&c, ctx, "a.test", "good", &ticket);

			assert_int_equal(session_state(s), SESSION_OPEN);
			assert_int_equal(session_tls(s)->resumed, k == 0 || i == 1);
			assert_str(session_tls(s)->ticket_refused, k == 0 || i == 1 ? "" : "used");
			assert_int_equal(session_cert(s)->result, VERIFY_OK);
			session_free(s);
			lab_client_free(&c);
		}
		mbedtls_ssl_session_free(&ticket);
	}
	tls_context_unref(once);
	tls_context_unref(often);
}

/* A chain of resumptions ends when the first handshake is too old. */
static void test_not_prolonged(void **state)
{
	struct tls_context *ctx = world(NOTHING, 0);
	mbedtls_ssl_session ticket;
	int64_t start = clock_now();

	(void)state;
	get_ticket(&ticket, ctx, "req.test", "good", 13);
	for (int at = 1000; at <= 5000; at += 1000) {
		struct lab_client c;
		struct session *s;

		clock_set_offset(at);
		ticket.MBEDTLS_PRIVATE(ticket_lifetime) = 7 * DAY;
		s = use(&c, ctx, "req.test", "good", &ticket);
		assert_int_equal(session_state(s), SESSION_OPEN);
		if (at <= 3000) {
			assert_true(session_tls(s)->resumed);
			assert_true(llabs(session_tls(s)->full_handshake_time - start) < 3);
			assert_true(c.session.MBEDTLS_PRIVATE(ticket_lifetime) <= 3600u - (unsigned)at);
			same_facts(session_cert(s), session_cert(s));
			assert_int_equal(session_cert(s)->chain_length, 2);
		} else if (at == 4000) {
			assert_false(session_tls(s)->resumed);
			assert_str(session_tls(s)->ticket_refused, "too_old");
		}
		mbedtls_ssl_session_free(&ticket);
		ticket = c.session;
		mbedtls_ssl_session_init(&c.session);
		session_free(s);
		lab_client_free(&c);
	}
	mbedtls_ssl_session_free(&ticket);
	tls_context_unref(ctx);
	clock_set_offset(0);
}

static void test_retry(void **state)
{
	static const uint16_t only[] = {MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, 0};
	static const struct {
		const char *first, *second, *end;
		bool resumed;
	} cases[] = {
	    {"a.test", "a.test", "a", true},
	    {"a.test", "req.test", "sni_changed", false},
	    {"req.test", "a.test", "sni_changed", false},
	    {"a.test", NULL, "sni_changed", false},
	};
	struct tls_context *ctx = world(NOTHING, 0);

	(void)state;
	for (size_t i = 0; i < ctx->nzones; i++)
		mbedtls_ssl_conf_groups(&ctx->zones[i].conf, only);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct lab_client_spec spec = {.sni = cases[i].first, .cert = "good", .version = 13};
		mbedtls_ssl_session ticket;
		struct lab_client c;
		struct session *s;

		get_ticket(&ticket, ctx, "a.test", "good", 13);
		mbedtls_ssl_session_set_hostname(&ticket, cases[i].first);
		spec.resume = &ticket;
		lab_client_init(&c, &spec);
		assert_int_equal(session_new(&s, ctx), 0);
		mbedtls_ssl_handshake(&c.ssl);
		session_feed(s, buf_str(&c.out));
		buf_clear(&c.out);
		assert_int_equal(mbedtls_ssl_set_hostname(&c.ssl, cases[i].second), 0);
		mbedtls_ssl_session_set_hostname(c.ssl.MBEDTLS_PRIVATE(session_negotiate), cases[i].second);
		lab_run(&c, s, 0);
		assert_string_equal(ending(s), cases[i].end);
		assert_int_equal(session_tls(s)->resumed, cases[i].resumed);
		session_free(s);
		lab_client_free(&c);
		mbedtls_ssl_session_free(&ticket);
	}
	tls_context_unref(ctx);
}

/* ---- broken and foreign tickets ---- */

static void test_broken(void **state)
{
	struct tls_context *ctx = world(NOTHING, 0);
	static char large[15000];

	(void)state;
	for (int version = 12; version <= 13; version++) {
		mbedtls_ssl_session ticket;
		size_t n;

		get_ticket(&ticket, ctx, "req.test", "good", version);
		n = ticket.MBEDTLS_PRIVATE(ticket_len);
		for (size_t i = 0; i < n + 40; i += i < 64 || i > n ? 1 : 37) {
			struct lab_client_spec spec = {
			    .sni = "req.test", .cert = "good", .version = version, .resume = &ticket};
			unsigned char *bytes = ticket.MBEDTLS_PRIVATE(ticket);
			struct lab_client c;
			struct session *s;

			if (i < n)
				bytes[i] ^= 0x40;
			else
				ticket.MBEDTLS_PRIVATE(ticket_len) = i == n ? 1 : n - (i - n);
			s = lab_connect(&c, ctx, &spec);
			assert_int_equal(session_state(s), SESSION_OPEN);
			assert_false(session_tls(s)->resumed);
			assert_true(session_tls(s)->ticket_refused.n > 0);
			assert_int_equal(session_cert(s)->result, VERIFY_OK);
			if (i < n)
				bytes[i] ^= 0x40;
			ticket.MBEDTLS_PRIVATE(ticket_len) = n;
			session_free(s);
			lab_client_free(&c);
		}
		mbedtls_ssl_session_free(&ticket);
	}
	/* as large as a hello can carry, and larger */
	for (size_t n = 12000; n <= sizeof(large); n += 500) {
		struct raw_hello h = {
		    .sni = "a.test", .ems = true, .copies = 1, .suite = SUITE, .ticket = {large, n}};
		struct session *s;

		assert_int_equal(session_new(&s, ctx), 0);
		assert_false(raw_resume(s, &h, (const unsigned char *)large));
		assert_str(session_tls(s)->ticket_refused, n > LIMIT_TICKET_BYTES ? "form" : "unknown_key");
		session_free(s);
	}
	tls_context_unref(ctx);
}

/* 64 KB do not fit a hello that the library reads: refused before it sees them. */
static void test_huge(void **state)
{
	struct tls_context *ctx = world(NOTHING, 0);
	char *huge = calloc(1, 65535);
	struct raw_hello h = {.sni = "a.test", .copies = 1, .suite = SUITE, .ticket = {huge, 65000}};
	struct buf hello = BUF_INIT;
	struct session *s;
	struct str all;

	(void)state;
	raw_hello_write(&hello, &h, (const unsigned char *)huge);
	assert_int_equal(session_new(&s, ctx), 0);
	all = str_sub(buf_str(&hello), 5, hello.n);
	while (all.n && session_state(s) == SESSION_HANDSHAKE) {
		size_t n = all.n < 4096 ? all.n : 4096;
		char header[] = {22, 3, 1, (char)(n >> 8), (char)n};

		session_feed(s, (struct str){header, 5});
		session_feed(s, str_sub(all, 0, n));
		all = str_sub(all, n, all.n);
	}
	assert_int_equal(session_state(s), SESSION_FAILED);
	assert_str(session_reason(s), "hello_too_large");
	session_free(s);
	buf_fini(&hello);
	free(huge);
	tls_context_unref(ctx);
}

/* ---- many ---- */

/* A hundred thousand tickets that are refused, in every way there is: by us, or by the library after they
 * opened (CVE-2026-115491: no key exchange mode fits). Nothing may stay behind. */
static void test_many(void **state)
{
	static const struct {
		const char *name, *cert;
		int mode;
	} ways[] = {
	    {"req.test", "good", 1}, /* another zone */
	    {"a.test", "good", 1},   /* used before */
	    {"again.test", NULL, 0}, /* opens, and the mode does not fit */
	    {"again.test", NULL, 1}, /* opens, and the age does not fit */
	};
	struct lab_zone zones[] = {base[0], base[5],
	                           ZONE("again", "again.test", OPTIONAL, .ca = "root", .reuse = true)};
	struct tls_context *ctx = lab_context(zones, 3, -1, NULL);
	struct ticket_counts before, after;
	size_t in_use = 0;

	(void)state;
	ticket_counts(&before);
	for (int way = 0; way < 4; way++) {
		struct buf hello = BUF_INIT;
		mbedtls_ssl_session ticket;

		get_ticket(&ticket, ctx, way ? ways[way].name : "a.test", ways[way].cert, 13);
		raw_offer_write(&hello, ways[way].name, ticket_of(&ticket), 8, ways[way].mode);
		for (int i = 0; i < (way == 1 ? 200 : 4100); i++) {
			struct session *s;

			assert_int_equal(session_new(&s, ctx), 0);
			session_feed(s, buf_str(&hello));
			assert_int_equal(session_state(s), SESSION_FAILED);
			session_free(s);
			if (i == 100)
				in_use = mallinfo2().uordblks;
		}
		assert_true(mallinfo2().uordblks < in_use + 4096);
		buf_fini(&hello);
		mbedtls_ssl_session_free(&ticket);
	}
	ticket_counts(&after);
	assert_true(after.refused[TICKET_OTHER_ZONE] - before.refused[TICKET_OTHER_ZONE] >= 8 * 4100);
	assert_true(after.refused[TICKET_USED] - before.refused[TICKET_USED] >= 8 * 199);
	tls_context_unref(ctx);
}

/* A hello full of tickets: only the first few are worth a look. */
static void test_too_many(void **state)
{
	struct tls_context *ctx = world(NOTHING, 0);
	struct ticket_counts before, after;
	struct buf hello = BUF_INIT;
	mbedtls_ssl_session ticket;
	struct session *s;

	(void)state;
	get_ticket(&ticket, ctx, "off.test", NULL, 13);
	raw_offer_write(&hello, "off.test", ticket_of(&ticket), 40, 0);
	ticket_counts(&before);
	assert_int_equal(session_new(&s, ctx), 0);
	session_feed(s, buf_str(&hello));
	assert_int_equal(session_state(s), SESSION_FAILED);
	assert_str(session_tls(s)->ticket_refused, "too_many");
	ticket_counts(&after);
	assert_int_equal(after.refused[TICKET_TOO_MANY] - before.refused[TICKET_TOO_MANY],
	                 40 - LIMIT_TICKET_OFFERS);
	session_free(s);
	buf_fini(&hello);
	mbedtls_ssl_session_free(&ticket);
	tls_context_unref(ctx);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_matrix),
	    cmocka_unit_test(test_raw_hellos),
	    cmocka_unit_test(test_ticket_of_13_in_12),
	    cmocka_unit_test(test_ticket_of_12_in_13),
	    cmocka_unit_test(test_used_once),
	    cmocka_unit_test(test_not_prolonged),
	    cmocka_unit_test(test_retry),
	    cmocka_unit_test(test_broken),
	    cmocka_unit_test(test_huge),
	    cmocka_unit_test(test_many),
	    cmocka_unit_test(test_too_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
