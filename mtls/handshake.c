/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the first byte to the decision.
 *
 *   hello.c reads the hello ─→ the zone and its configuration ─→ the library's handshake ─→ verdict ─→ open
 *                                        │ cert_cb: the library reads the same name, in every hello
 *                                        └ when the certificates are there: usher's judgement (verify.h)
 *
 * The library is told "optional", never "required": usher alone decides, at one place (decide), whether a
 * certificate is good enough, and does so once more at the end, when nothing can change any more.
 */
#include <stdlib.h>

#include <mbedtls/base64.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/memory.h"
#include "mtls/inspect.h"
#include "mtls/state.h"

/* RFC 8446 6.2; the ones the library has no name for. */
enum { ALERT_CERTIFICATE_REQUIRED = 116 };

static _Thread_local struct session *current;

struct session *handshake_current(void)
{
	return current;
}

void handshake_make_current(struct session *s)
{
	current = s;
}

static bool is_13(const struct session *s)
{
	return mbedtls_ssl_get_version_number(&s->ssl) == MBEDTLS_SSL_VERSION_TLS1_3;
}

void handshake_free(struct handshake *h)
{
	if (!h)
		return;
	ticket_drop_pending(h);
	buf_fini(&h->early);
	free(h);
}

static struct str base64(char *to, size_t size, const unsigned char *from, size_t n)
{
	size_t written = 0;

	if (mbedtls_base64_encode((unsigned char *)to, size, &written, from, n) != 0)
		return STR("");
	return (struct str){to, written};
}

static bool keep_hello(struct session *s, const struct hello *h)
{
	struct tls_facts *t = &s->tls;

	t->hello_length = (int64_t)h->length;
	t->client_random = base64(s->text.random, sizeof(s->text.random), h->random, sizeof(h->random));
	t->extensions_sha1 = base64(s->text.extensions, sizeof(s->text.extensions), h->extensions_sha1, 20);
	t->extensions_sha1_le =
	    base64(s->text.extensions_le, sizeof(s->text.extensions_le), h->extensions_sha1_le, 20);
	t->ciphers_sha1 = base64(s->text.ciphers, sizeof(s->text.ciphers), h->ciphers_sha1, 20);
	s->hs->has_ems = h->has_ems;
	s->hs->alpn = h->alpn;
	if (!h->has_sni)
		return true;
	s->sni = malloc(h->nsni + 1);
	if (!s->sni)
		return false;
	memcpy(s->sni, h->sni, h->nsni + 1);
	t->sni = (struct str){s->sni, h->nsni};
	return true;
}

static struct served_zone *pick_zone(struct tls_context *c, struct str sni)
{
	struct served_zone *z = context_serve(c, sni);

	if (!z && c->default_zone >= 0)
		z = &c->zones[c->default_zone];
	return z;
}

/* The library's one call for judging the peer's chain leads here (--wrap): the chain is judged by verify.c
 * and by nothing else, as in resumptions and reloads, and what was checked before is not checked again. Runs
 * once in a handshake, before the client has proved that it holds the key. */
int __real_mbedtls_x509_crt_verify_restartable(mbedtls_x509_crt *crt, mbedtls_x509_crt *ca,
                                               mbedtls_x509_crl *crl, const mbedtls_x509_crt_profile *profile,
                                               const char *cn, uint32_t *flags,
                                               int (*f)(void *, mbedtls_x509_crt *, int, uint32_t *), void *p,
                                               mbedtls_x509_crt_restart_ctx *rs);
int __wrap_mbedtls_x509_crt_verify_restartable(mbedtls_x509_crt *crt, mbedtls_x509_crt *ca,
                                               mbedtls_x509_crl *crl, const mbedtls_x509_crt_profile *profile,
                                               const char *cn, uint32_t *flags,
                                               int (*f)(void *, mbedtls_x509_crt *, int, uint32_t *), void *p,
                                               mbedtls_x509_crt_restart_ctx *rs);

int __wrap_mbedtls_x509_crt_verify_restartable(mbedtls_x509_crt *crt, mbedtls_x509_crt *ca,
                                               mbedtls_x509_crl *crl, const mbedtls_x509_crt_profile *profile,
                                               const char *cn, uint32_t *flags,
                                               int (*f)(void *, mbedtls_x509_crt *, int, uint32_t *), void *p,
                                               mbedtls_x509_crt_restart_ctx *rs)
{
	struct session *s = handshake_current();
	int n = 0;

	if (!s) /* TLS to an origin */
		return __real_mbedtls_x509_crt_verify_restartable(crt, ca, crl, profile, cn, flags, f, p, rs);
	*flags = MBEDTLS_X509_BADCERT_OTHER;
	for (const mbedtls_x509_crt *c = crt; c; c = c->next)
		n++;
	if (n > LIMIT_CHAIN_CERTS || s->hs->chain)
		return MBEDTLS_ERR_X509_FATAL_ERROR;
	session_drop_cert(s);
	if (chain_judge(&s->cert, s->served->zone->trust, crt, clock_now()) < 0 || !s->cert) {
		s->cert = (struct cert_facts *)(uintptr_t)cert_facts_absent();
		return MBEDTLS_ERR_X509_ALLOC_FAILED;
	}
	s->hs->chain = crt;
	if (!s->cert->verified)
		return MBEDTLS_ERR_X509_CERT_VERIFY_FAILED;
	*flags = 0;
	return 0;
}

int handshake_begin(struct session *s, struct str bytes)
{
	struct hello hello;
	int rc;

	switch (hello_read(&hello, bytes, s->ctx->alpn)) {
	case HELLO_OK:
		break;
	case HELLO_MORE:
		if (bytes.n <= LIMIT_HELLO_BYTES)
			return -ERR_AGAIN;
		/* fall through */
	case HELLO_TOO_LARGE:
		return session_fail(s, REASON_HELLO_TOO_LARGE, 0, MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR);
	case HELLO_NOT_TLS:
		return session_fail(s, REASON_NOT_TLS, 0, 0);
	case HELLO_BAD:
		return session_fail(s, REASON_BAD_HELLO, 0, MBEDTLS_SSL_ALERT_MSG_DECODE_ERROR);
	}
	if (!keep_hello(s, &hello))
		return session_fail(s, REASON_NOMEM, 0, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR);
	s->served = pick_zone(s->ctx, s->tls.sni);
	if (!s->served)
		return session_fail(s, hello.has_sni ? REASON_UNKNOWN_SNI : REASON_NO_SNI, 0,
		                    MBEDTLS_SSL_ALERT_MSG_UNRECOGNIZED_NAME);
	rc = session_start_ssl(s, &s->served->conf);
	if (rc != 0)
		return session_fail(s, rc == MBEDTLS_ERR_SSL_ALLOC_FAILED ? REASON_NOMEM : REASON_INTERNAL,
		                    rc, 0);
	s->stage = STAGE_HANDSHAKE;
	return 0;
}

/* The library adds what it is given to a list, so this is for the first hello only. Without copies of keys
 * the list of the configuration serves. */
static int offer_keys(struct session *s)
{
	struct tls_zone *z = s->served->zone;
	bool copies = false;
	int rc = 0;

	for (size_t i = 0; i < z->ncerts; i++)
		copies = copies || z->certs[i].nkeys > 1;
	for (size_t i = 0; rc == 0 && copies && !s->hs->has_keys && i < z->ncerts; i++)
		rc = mbedtls_ssl_set_hs_own_cert(&s->ssl, &z->certs[i].chain, own_cert_key(&z->certs[i]));
	s->hs->has_keys = true;
	return rc;
}

/* Runs after the extensions of each hello, the second one after a HelloRetryRequest too. The library must
 * have read the very name that picked the zone; the mode is set again because the library forgets it between
 * two hellos (CVE-2026-116375). */
int handshake_cert_cb(mbedtls_ssl_context *ssl)
{
	struct session *s = mbedtls_ssl_get_user_data_p(ssl);
	size_t n = 0;
	const unsigned char *name = mbedtls_ssl_get_hs_sni(ssl, &n);
	struct str seen = {(const char *)name, name ? n : 0};

	if (!s->hs || !str_eq_nocase(seen, s->tls.sni)) {
		session_fail(s, REASON_SNI_CHANGED, 0, MBEDTLS_SSL_ALERT_MSG_ILLEGAL_PARAMETER);
		return MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE;
	}
	s->hs->names_agree = true;
	mbedtls_ssl_set_hs_authmode(ssl, s->served->zone->client_auth == CLIENT_AUTH_OFF
	                                     ? MBEDTLS_SSL_VERIFY_NONE
	                                     : MBEDTLS_SSL_VERIFY_OPTIONAL);
	return offer_keys(s);
}

/* What an error of the library means while the handshake runs. The library has sent an alert, except where we
 * name one. */
static void fail_handshake(struct session *s, int error, bool memory)
{
	bool hello_done = s->hs->answered;
	enum reason reason = REASON_BAD_MESSAGE;
	int alert = 0;

	switch (error) {
	case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
		reason = REASON_PEER_ALERT;
		break;
	case MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION:
		reason = REASON_PROTOCOL_VERSION;
		break;
	case MBEDTLS_ERR_SSL_NO_APPLICATION_PROTOCOL:
		reason = REASON_NO_ALPN;
		break;
	case MBEDTLS_ERR_SSL_HANDSHAKE_FAILURE:
		reason = hello_done ? REASON_BAD_SIGNATURE : REASON_NO_COMMON_PARAMETERS;
		break;
	case MBEDTLS_ERR_SSL_BAD_INPUT_DATA:
	case MBEDTLS_ERR_SSL_FEATURE_UNAVAILABLE:
		/* a message over the incoming buffer; only certificates grow that large */
		reason = hello_done ? REASON_CHAIN_TOO_LARGE : REASON_HELLO_TOO_LARGE;
		alert = MBEDTLS_SSL_ALERT_MSG_BAD_CERT;
		break;
	case MBEDTLS_ERR_X509_FATAL_ERROR:
		reason = REASON_CHAIN_TOO_LONG;
		break;
	case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE:
		reason = REASON_UNEXPECTED_MESSAGE;
		alert = MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE;
		break;
	case MBEDTLS_ERR_SSL_INVALID_MAC:
	case MBEDTLS_ERR_SSL_INVALID_RECORD:
		reason = REASON_BAD_RECORD;
		break;
	case MBEDTLS_ERR_SSL_ALLOC_FAILED:
	case MBEDTLS_ERR_X509_ALLOC_FAILED:
		reason = REASON_NOMEM;
		break;
	case MBEDTLS_ERR_SSL_INTERNAL_ERROR:
		reason = REASON_INTERNAL;
		break;
	default:
		if (error <= -0x2000 && error > -0x3000)
			reason = REASON_BAD_CERTIFICATE; /* MBEDTLS_ERR_X509_* */
		else if (hello_done && (-error & 0xff80) >= 0x3980 && (-error & 0xff80) <= 0x5000)
			reason = REASON_BAD_SIGNATURE; /* MBEDTLS_ERR_PK_*, _RSA_*, _ECP_* */
		break;
	}
	if (memory) { /* whatever the library took it for */
		reason = REASON_NOMEM;
		alert = 0;
	}
	session_fail(s, reason, error, alert);
}

static int refusal_alert(const struct session *s)
{
	switch (s->cert->result) {
	case VERIFY_EXPIRED:
		return MBEDTLS_SSL_ALERT_MSG_CERT_EXPIRED;
	case VERIFY_UNTRUSTED:
		return MBEDTLS_SSL_ALERT_MSG_UNKNOWN_CA;
	case VERIFY_REVOKED:
	case VERIFY_ISSUER_REVOKED:
		return MBEDTLS_SSL_ALERT_MSG_CERT_REVOKED;
	case VERIFY_BAD_USAGE:
		return MBEDTLS_SSL_ALERT_MSG_UNSUPPORTED_CERT;
	case VERIFY_CRL_EXPIRED:
	case VERIFY_CRL_MISSING:
	case VERIFY_CRL_BAD_SIGNATURE:
		return MBEDTLS_SSL_ALERT_MSG_CERT_UNKNOWN;
	case VERIFY_ABSENT:
		/* TLS 1.2 has no word for it (RFC 5246 7.4.6: handshake_failure) */
		return is_13(s) ? ALERT_CERTIFICATE_REQUIRED : MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE;
	default:
		return MBEDTLS_SSL_ALERT_MSG_BAD_CERT;
	}
}

bool session_forbidden(const struct session *s, const struct tls_zone *z)
{
	return z->client_auth == CLIENT_AUTH_REQUIRED && s->cert->result != VERIFY_OK;
}

/* Whether the certificate is good enough for the zone to go on. False: the session has failed. */
static bool decide(struct session *s)
{
	if (!session_forbidden(s, s->served->zone))
		return true;
	session_fail(s, s->cert->presented ? REASON_CERTIFICATE_REFUSED : REASON_CERTIFICATE_REQUIRED, 0,
	             refusal_alert(s));
	return false;
}

static struct str cipher_name(int id)
{
	switch (id) {
#define CIPHER(number, name)                                                                                 \
	case number:                                                                                         \
		return STR(name);
#include "mtls/ciphers.def"
#undef CIPHER
	}
	return STR("");
}

/* Whether the handshake bears out the ticket that opened.
 *
 * TLS 1.3: the library may still have preferred a full handshake (age, key exchange modes, a retry). Then it
 * asked for a certificate, or noted that it skipped that; only after a resumption are both chain and flags
 * empty. TLS 1.2: a ticket that opens is used, unless a hello offers two, which hello.c refuses. The library
 * keeps the leaf in its session: it must be the ticket's. */
static bool resumed(const struct session *s, const mbedtls_x509_crt *peer, uint32_t flags)
{
	const struct pending *p = &s->hs->pending;
	struct str leaf = {peer ? (const char *)peer->raw.p : NULL, peer ? peer->raw.len : 0};

	if (!p->opened || s->hs->chain)
		return false;
	if (is_13(s))
		return !peer && flags == 0;
	return s->hs->tickets == 1 && str_eq(leaf, p->cert->der);
}

/* What the ticket said becomes what is known of the client. */
static void commit(struct session *s)
{
	struct pending *p = &s->hs->pending;

	session_drop_cert(s);
	s->cert = p->cert;
	p->cert = NULL;
	s->tls.resumed = s->tls.reverified = true;
	s->tls.full_handshake_time = p->full_handshake_time;
	ticket_count_resumed();
}

/* The handshake is over: nothing about the client changes any more. */
static bool settle(struct session *s)
{
	const mbedtls_x509_crt *peer = mbedtls_ssl_get_peer_cert(&s->ssl);
	uint32_t flags = mbedtls_ssl_get_verify_result(&s->ssl);
	const char *alpn = mbedtls_ssl_get_alpn_protocol(&s->ssl);
	struct tls_facts *t = &s->tls;

	t->version = is_13(s) ? STR("TLSv1.3") : STR("TLSv1.2");
	t->cipher = cipher_name(mbedtls_ssl_get_ciphersuite_id_from_ssl(&s->ssl));
	t->alpn = alpn ? str_of(alpn) : STR("");
	t->full_handshake_time = clock_now();
	if (!s->hs->names_agree || !str_eq(t->alpn, s->hs->alpn ? str_of(s->hs->alpn) : STR(""))) {
		session_fail(s, REASON_INTERNAL, 0, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR);
		return false;
	}
	if (resumed(s, peer, flags)) {
		commit(s);
		return decide(s);
	}
	/* a full handshake: what the library holds is what was judged, and a TLS 1.2 ticket that opened was
	 * used */
	if (peer != s->hs->chain || (s->hs->pending.opened && !is_13(s))) {
		session_fail(s, REASON_TICKET_MISUSED, 0, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR);
		return false;
	}
	if (s->hs->pending.opened)
		ticket_refuse(s, TICKET_NOT_TAKEN);
	ticket_drop_pending(s->hs);
	if (peer && flags != 0 && s->cert->result == VERIFY_OK) {
		session_fail(s, REASON_JUDGEMENTS_DIFFER, 0, MBEDTLS_SSL_ALERT_MSG_BAD_CERT);
		return false;
	}
	return decide(s);
}

static void run(struct session *s)
{
	unsigned failures = memory_failures();
	int rc = 0;

	while (rc == 0 && !mbedtls_ssl_is_handshake_over(&s->ssl)) {
		s->hs->answered = s->hs->answered || s->output.n > 0;
		rc = mbedtls_ssl_handshake_step(&s->ssl);
		if (s->stage == STAGE_FAILED)
			return;
		/* In TLS 1.3 the library still writes under keys that the client has put away: the alert must
		 * wait. */
		if (s->hs->chain && !is_13(s) && !decide(s))
			return;
	}
	if (rc == 0 && !settle(s))
		return;
	if (rc == 0)
		rc = mbedtls_ssl_handshake(&s->ssl); /* TLS 1.3: now the tickets may go out */
	if (rc == 0) {
		s->stage = STAGE_OPEN;
		session_trim_tails(s); /* TLS 1.3: the library has written zeros all over its buffers */
	} else if (rc != MBEDTLS_ERR_SSL_WANT_READ) {
		fail_handshake(s, rc, memory_failures() != failures);
	}
}

void handshake_run(struct session *s)
{
	handshake_make_current(s);
	run(s);
	handshake_make_current(NULL);
}

bool session_rejudge(struct session *s, struct tls_zone *z)
{
	const struct cert_facts *old = s->cert;
	struct cert_facts *fresh = NULL;
	mbedtls_x509_crt chain;
	bool changed = true;

	if (s->stage != STAGE_OPEN || !old->presented)
		return false;
	mbedtls_x509_crt_init(&chain);
	s->tls.reverified = true;
	for (size_t i = 0; i < old->chain_der.n; i++) {
		struct str der = old->chain_der.v[i];

		if (cert_parse_der(&chain, (const unsigned char *)der.p, der.n) != 0)
			goto done;
	}
	if (chain_judge(&fresh, z->trust, &chain, clock_now()) < 0)
		fresh = NULL;
	else
		changed = fresh->result != old->result || !str_eq(fresh->issuer_ski, old->issuer_ski) ||
		          !str_eq(fresh->issuer_serial, old->issuer_serial) ||
		          fresh->valid_until != old->valid_until;
done:
	mbedtls_x509_crt_free(&chain);
	session_drop_cert(s);
	if (fresh)
		s->cert = fresh; /* without an answer the client counts as one without a certificate */
	return changed;
}
