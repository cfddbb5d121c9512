/* SPDX-License-Identifier: Apache-2.0 */
/* Connections to TLS origins: the first flight, the handshake's end, and what is kept for the next connection. */
#include "mtls/peer.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "mtls/cert.h"
#include "mtls/state.h"

/* What a full handshake found out, and when. A resumed session has it from the one before. */
struct judged {
	int64_t at;          /* seconds: the full handshake */
	int64_t from, until; /* every certificate of the verified path is valid in between */
};

struct saved {
	struct saved *next;
	struct judged judged;
	int64_t until; /* seconds: the end of its use */
	mbedtls_ssl_session session;
};

struct tls_peer {
	struct tls_client *client; /* counted */
	char *name;
	struct saved *saved; /* the newest first */
	unsigned nsaved;
};

/* What a session with an origin has beside a client's. */
struct origin_side {
	struct tls_peer *peer;
	struct judged judged;  /* in this handshake */
	struct judged offered; /* … in the one of the session that was offered */
	bool has_offered, resumed;
	unsigned ntickets;
};

/* ---- what is kept ---- */

static void saved_free(struct saved *v)
{
	mbedtls_ssl_session_free(&v->session);
	free(v);
}

static void forget_from(struct tls_peer *p, struct saved **at)
{
	struct saved *v;

	while ((v = *at) != NULL) {
		*at = v->next;
		p->nsaved--;
		saved_free(v);
	}
}

void tls_peer_forget(struct tls_peer *p)
{
	forget_from(p, &p->saved);
}

struct tls_peer *tls_peer_new(struct tls_client *c, struct str name)
{
	struct tls_peer *p = calloc(1, sizeof(*p));

	if (p == NULL || (p->name = strndup(name.p, name.n)) == NULL) {
		free(p);
		return NULL;
	}
	p->client = tls_client_ref(c);
	return p;
}

void tls_peer_free(struct tls_peer *p)
{
	if (p == NULL)
		return;
	tls_peer_forget(p);
	tls_client_unref(p->client);
	free(p->name);
	free(p);
}

bool tls_peer_is(const struct tls_peer *p, const struct tls_client *c, struct str name)
{
	return p->client == c && str_eq(str_of(p->name), name);
}

/* The newest session that may be used now. NULL: none. Those that are over go. */
static struct saved *take(struct tls_peer *p)
{
	int64_t now = clock_now();
	struct saved **at = &p->saved, *v;

	while ((v = *at) != NULL) {
		if (now >= v->judged.from && now >= v->judged.at && now <= v->until) {
			at = &v->next;
			continue;
		}
		*at = v->next;
		p->nsaved--;
		saved_free(v);
	}
	if ((v = p->saved) != NULL) {
		p->saved = v->next;
		p->nsaved--;
	}
	return v;
}

static void give(struct tls_peer *p, struct saved *v)
{
	struct saved **at = &p->saved;

	v->next = p->saved;
	p->saved = v;
	for (p->nsaved++; p->nsaved > LIMIT_ORIGIN_SESSIONS;) {
		while ((*at)->next != NULL)
			at = &(*at)->next;
		forget_from(p, at);
	}
}

/* Exports the session as it is now. Without memory there is none to resume, and nothing else is lost. */
static void save(struct session *s)
{
	struct origin_side *o = s->origin;
	const struct judged *j = o->resumed ? &o->offered : &o->judged;
	int64_t now = clock_now();
	struct saved *v = calloc(1, sizeof(*v));
	uint32_t life;

	if (v == NULL)
		return;
	mbedtls_ssl_session_init(&v->session);
	if (mbedtls_ssl_get_session(&s->ssl, &v->session) != 0) {
		saved_free(v);
		return;
	}
	life = v->session.MBEDTLS_PRIVATE(ticket_lifetime); /* 0 in TLS 1.2: the origin does not say */
	v->judged = *j;
	v->until = j->at + o->peer->client->session_seconds;
	if (v->until > j->until)
		v->until = j->until;
	if (life > 0 && v->until > now + life)
		v->until = now + life;
	give(o->peer, v);
}

/* TLS 1.3, at any time: it may be used once. */
void origin_ticket(struct session *s)
{
	if (s->origin->ntickets >= LIMIT_ORIGIN_SESSIONS)
		return;
	s->origin->ntickets++;
	save(s);
}

/* TLS 1.2: there is one, and it is used again and again. */
static void save_tls12(struct session *s)
{
	const mbedtls_ssl_session *now = s->ssl.MBEDTLS_PRIVATE(session);

	if (now == NULL || (now->MBEDTLS_PRIVATE(id_len) == 0 && now->MBEDTLS_PRIVATE(ticket) == NULL))
		return;
	tls_peer_forget(s->origin->peer);
	save(s);
}

/* ---- a handshake ---- */

static void fail(struct session *s, int error)
{
	uint32_t flags = mbedtls_ssl_get_verify_result(&s->ssl);
	enum reason reason = REASON_BAD_MESSAGE;

	if (error == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED)
		reason = flags & MBEDTLS_X509_BADCERT_CN_MISMATCH ? REASON_ORIGIN_NAME : REASON_ORIGIN_CERTIFICATE;
	else if (error == MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
		reason = REASON_PEER_ALERT;
	else if (error == MBEDTLS_ERR_SSL_BAD_PROTOCOL_VERSION)
		reason = REASON_PROTOCOL_VERSION;
	else if (error == MBEDTLS_ERR_SSL_ALLOC_FAILED)
		reason = REASON_NOMEM;
	else if (error == MBEDTLS_ERR_SSL_INVALID_MAC || error == MBEDTLS_ERR_SSL_INVALID_RECORD)
		reason = REASON_BAD_RECORD;
	session_fail(s, reason, error, 0);
}

/* The library calls this for each certificate of the path, the anchor too, and then decides by the flags. */
static int on_path(void *arg, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	struct origin_side *o = arg;
	int64_t from, until;

	(void)depth, (void)flags;
	if (!cert_times(crt, &from, &until))
		from = until = 0;
	if (from > o->judged.from)
		o->judged.from = from;
	if (until < o->judged.until)
		o->judged.until = until;
	return 0;
}

/* An offered session has no certificate, a full handshake always leaves one. */
static void finish(struct session *s)
{
	struct origin_side *o = s->origin;
	const char *alpn = mbedtls_ssl_get_alpn_protocol(&s->ssl); /* one of ours */

	o->resumed = mbedtls_ssl_get_peer_cert(&s->ssl) == NULL;
	if (o->resumed && !o->has_offered) {
		session_fail(s, REASON_INTERNAL, 0, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR);
		return;
	}
	if (o->has_offered && !o->resumed) /* it has forgotten the others as well */
		tls_peer_forget(o->peer);
	o->judged.at = clock_now();
	s->tls.alpn = alpn ? str_of(alpn) : STR("");
	s->tls.resumed = o->resumed;
	s->stage = STAGE_OPEN;
	session_drop_peer_chain(s);
	if (o->peer->client->session_seconds > 0 &&
	    mbedtls_ssl_get_version_number(&s->ssl) == MBEDTLS_SSL_VERSION_TLS1_2)
		save_tls12(s);
}

void origin_run(struct session *s)
{
	int rc = mbedtls_ssl_handshake(&s->ssl);

	if (rc == 0)
		finish(s);
	else if (rc != MBEDTLS_ERR_SSL_WANT_READ)
		fail(s, rc);
	if (s->stage == STAGE_FAILED && s->origin->has_offered)
		tls_peer_forget(s->origin->peer);
}

/* False: the session cannot begin. An old session that the library does not take is no reason for that. */
static bool set_up(struct session *s)
{
	struct origin_side *o = s->origin;
	struct saved *old;

	if (session_start_ssl(s, &o->peer->client->conf) != 0 || mbedtls_ssl_set_hostname(&s->ssl, o->peer->name) != 0)
		return false;
	mbedtls_ssl_set_verify(&s->ssl, on_path, o);
	if ((old = take(o->peer)) == NULL)
		return true;
	o->offered = old->judged;
	o->has_offered = mbedtls_ssl_set_session(&s->ssl, &old->session) == 0;
	if (old->session.MBEDTLS_PRIVATE(tls_version) == MBEDTLS_SSL_VERSION_TLS1_2)
		give(o->peer, old);
	else
		saved_free(old);
	return true;
}

int session_connect(struct session **out, struct tls_peer *p)
{
	struct session *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (!s)
		return -ERR_NOMEM;
	s->cert = (struct cert_facts *)(uintptr_t)cert_facts_absent();
	s->stage = STAGE_HANDSHAKE;
	s->origin = calloc(1, sizeof(*s->origin));
	if (s->origin) {
		s->origin->peer = p;
		s->origin->judged.until = INT64_MAX;
	}
	if (!s->origin || !set_up(s)) {
		session_free(s);
		return -ERR_NOMEM;
	}
	origin_run(s);
	if (s->stage == STAGE_FAILED) {
		session_free(s);
		return -ERR_TLS;
	}
	*out = s;
	return 0;
}

bool session_offered(const struct session *s)
{
	return s->origin != NULL && s->origin->has_offered;
}

void origin_side_free(struct origin_side *o)
{
	free(o);
}
