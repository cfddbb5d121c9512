/* SPDX-License-Identifier: Apache-2.0 */
/*
 *   ticket:  key name 16 | nonce 12 | sealed | tag 16
 *   sealed:  format 1 | TLS version 2 | zone id 32 | extended master secret 1 | full handshake 8
 *            | issued 8 | server name <1> | application protocol <1> | the library's session <2>
 *            | certificates <3>(<3>…)
 *
 * Sealed with AES-256-GCM, which authenticates the key's name too.
 * <n>: a vector whose length stands before it in n bytes. Times are Unix seconds.
 *
 * The library's callbacks know no connection, so handshake.c says which one is at work (handshake_current).
 * Nothing is left to the library's own checks: version, zone, name, protocol and age are compared here, at a
 * moment when all of them are known, because hello.c has read the whole hello before. And nothing is final:
 * what a ticket says stays pending until the handshake is over and bears it out (handshake.c, settle).
 */
#include <stdatomic.h>
#include <stdlib.h>

#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>

#include "base/clock.h"
#include "mtls/inspect.h"
#include "mtls/reader.h"
#include "mtls/replay.h"
#include "mtls/state.h"
#include "mtls/ticket_keys.h"

enum {
	FORMAT = 1,
	NONCE = 12,
	TAG = 16,
	AROUND = TICKET_NAME + NONCE + TAG,
	CLOCK_SLACK = 10, /* seconds that clocks of machines with the same keys may differ */
};

static const char *const words[] = {
    [TICKET_OPENED] = "",
#define REFUSAL(id, word, prose) [id] = word,
#include "mtls/ticket_refusals.def"
#undef REFUSAL
};

static _Atomic uint64_t issued, resumed, refused[TICKET_REFUSALS];

const char *ticket_refusal_word(enum ticket_refusal r)
{
	return words[r];
}

void ticket_counts(struct ticket_counts *out)
{
	out->issued = atomic_load_explicit(&issued, memory_order_relaxed);
	out->resumed = atomic_load_explicit(&resumed, memory_order_relaxed);
	for (int i = 0; i < TICKET_REFUSALS; i++)
		out->refused[i] = atomic_load_explicit(&refused[i], memory_order_relaxed);
}

void ticket_count_resumed(void)
{
	atomic_fetch_add_explicit(&resumed, 1, memory_order_relaxed);
}

void ticket_refuse(struct session *s, enum ticket_refusal why)
{
	atomic_fetch_add_explicit(&refused[why], 1, memory_order_relaxed);
	s->tls.ticket_refused = str_of(words[why]);
}

void ticket_drop_pending(struct handshake *h)
{
	if (h->pending.cert && h->pending.cert != cert_facts_absent())
		cert_facts_free(h->pending.cert);
	h->pending = (struct pending){0};
}

/* ---- writing ---- */

struct writer {
	unsigned char *p, *end;
	bool full;
};

static unsigned char *give(struct writer *w, size_t n)
{
	unsigned char *at = w->p;

	if (w->full || (size_t)(w->end - w->p) < n) {
		w->full = true;
		return NULL;
	}
	w->p += n;
	return at;
}

static void put_number(struct writer *w, uint64_t value, size_t bytes)
{
	unsigned char *at = give(w, bytes);

	for (size_t i = 0; at && i < bytes; i++)
		at[i] = (unsigned char)(value >> 8 * (bytes - 1 - i));
}

static void put_bytes(struct writer *w, struct str s)
{
	unsigned char *at = give(w, s.n);

	if (at && s.n)
		memcpy(at, s.p, s.n);
}

static void put_vector(struct writer *w, struct str s, size_t bytes)
{
	put_number(w, s.n, bytes);
	put_bytes(w, s);
}

static void put_session(struct writer *w, const mbedtls_ssl_session *session)
{
	unsigned char *length = give(w, 2);
	size_t n = 0;

	if (!length || mbedtls_ssl_session_save(session, w->p, (size_t)(w->end - w->p), &n) != 0 ||
	    n > 0xffff) {
		w->full = true;
		return;
	}
	length[0] = (unsigned char)(n >> 8);
	length[1] = (unsigned char)n;
	w->p += n;
}

static void put_chain(struct writer *w, const struct cert_facts *f)
{
	size_t n = 0;

	for (size_t i = 0; i < f->chain_der.n; i++)
		n += 3 + f->chain_der.v[i].n;
	put_number(w, n, 3);
	for (size_t i = 0; i < f->chain_der.n; i++)
		put_vector(w, f->chain_der.v[i], 3);
}

static int64_t full_handshake_time(const struct session *s)
{
	return s->tls.resumed ? s->tls.full_handshake_time : clock_now();
}

static void put_plain(struct writer *w, const struct session *s, const mbedtls_ssl_session *session)
{
	const struct tls_zone *z = s->served->zone;

	put_number(w, FORMAT, 1);
	put_number(w, (uint64_t)mbedtls_ssl_get_version_number(&s->ssl), 2);
	put_bytes(w, (struct str){(const char *)z->id, sizeof(z->id)});
	put_number(w, s->hs->has_ems, 1);
	put_number(w, (uint64_t)full_handshake_time(s), 8);
	put_number(w, (uint64_t)clock_now(), 8);
	put_vector(w, s->tls.sni, 1);
	put_vector(w, s->hs->alpn ? str_of(s->hs->alpn) : STR(""), 1);
	put_session(w, session);
	put_chain(w, s->cert);
}

/* AES-256-GCM in place. */
static bool gcm(bool seal, const struct ticket_key *key, unsigned char *nonce, unsigned char *text, size_t n,
                unsigned char *tag)
{
	mbedtls_gcm_context ctx;
	int rc;

	mbedtls_gcm_init(&ctx);
	rc = mbedtls_gcm_setkey(&ctx, MBEDTLS_CIPHER_ID_AES, key->secret, 8 * TICKET_SECRET);
	if (rc == 0 && seal)
		rc = mbedtls_gcm_crypt_and_tag(&ctx, MBEDTLS_GCM_ENCRYPT, n, nonce, NONCE, key->name,
		                               TICKET_NAME, text, text, TAG, tag);
	else if (rc == 0)
		rc = mbedtls_gcm_auth_decrypt(&ctx, n, nonce, NONCE, key->name, TICKET_NAME, tag, TAG, text,
		                              text);
	mbedtls_gcm_free(&ctx);
	return rc == 0;
}

/* Writes a ticket for s. 0: it may have none. */
static size_t write_ticket(struct session *s, const mbedtls_ssl_session *session, unsigned char *start,
                           unsigned char *end)
{
	struct ticket_key key;
	struct writer w;
	unsigned char *text;
	size_t n = 0;

	if (end - start > LIMIT_TICKET_BYTES)
		end = start + LIMIT_TICKET_BYTES;
	if (end - start < AROUND || !s->ctx->keys || !ticket_keys_sealing(s->ctx->keys, &key))
		return 0;
	text = start + TICKET_NAME + NONCE;
	w = (struct writer){text, end - TAG, false};
	put_plain(&w, s, session);
	memcpy(start, key.name, TICKET_NAME);
	if (!w.full && random_bytes(start + TICKET_NAME, NONCE) &&
	    gcm(true, &key, start + TICKET_NAME, text, (size_t)(w.p - text), w.p))
		n = (size_t)(w.p + TAG - start);
	else
		mbedtls_platform_zeroize(text, (size_t)(w.p - text));
	mbedtls_platform_zeroize(&key, sizeof(key));
	return n;
}

/* The library's callback. In TLS 1.3 it must not fail and must write something: a client throws a ticket of
 * lifetime 0 away (RFC 8446 4.6.1). In TLS 1.2 an empty ticket is none (RFC 5077 3.3). */
int ticket_write(void *p, const mbedtls_ssl_session *session, unsigned char *start, const unsigned char *end,
                 size_t *tlen, uint32_t *lifetime)
{
	struct session *s = handshake_current();
	int64_t left = 0;

	(void)p;
	*tlen = 0;
	*lifetime = 0;
	if (s && s->hs && s->served->zone->resume && !session_forbidden(s, s->served->zone))
		left = full_handshake_time(s) + s->served->zone->ticket_lifetime - clock_now();
	if (left > 0)
		*tlen = write_ticket(s, session, start, start + (end - start));
	if (*tlen > 0) {
		*lifetime = (uint32_t)(left < LIMIT_TICKET_SECONDS ? left : LIMIT_TICKET_SECONDS);
		atomic_fetch_add_explicit(&issued, 1, memory_order_relaxed);
	} else if (s && mbedtls_ssl_get_version_number(&s->ssl) == MBEDTLS_SSL_VERSION_TLS1_3 &&
	           end > start) {
		*start = 0;
		*tlen = 1;
	}
	return 0;
}

/* ---- opening ---- */

struct opened {
	uint64_t format, version, has_ems, full, issued;
	struct reader zone, sni, alpn, session, chain;
};

static bool read_plain(struct opened *o, struct reader r)
{
	o->format = reader_number(&r, 1);
	if (o->format != FORMAT)
		return false;
	o->version = reader_number(&r, 2);
	o->zone = reader_take(&r, sizeof(((struct tls_zone *)NULL)->id));
	o->has_ems = reader_number(&r, 1);
	o->full = reader_number(&r, 8);
	o->issued = reader_number(&r, 8);
	o->sni = reader_vector(&r, 1);
	o->alpn = reader_vector(&r, 1);
	o->session = reader_vector(&r, 2);
	o->chain = reader_vector(&r, 3);
	return !r.bad && r.n == 0;
}

/* Whether all that a ticket was made for is what this handshake is. */
static enum ticket_refusal compare(const struct session *s, const struct opened *o, int64_t now)
{
	const struct tls_zone *z = s->served->zone;
	int64_t full = (int64_t)o->full, written = (int64_t)o->issued;
	int64_t lifetime =
	    z->ticket_lifetime < LIMIT_TICKET_SECONDS ? z->ticket_lifetime : LIMIT_TICKET_SECONDS;

	if (o->version != (uint64_t)mbedtls_ssl_get_version_number(&s->ssl))
		return TICKET_OTHER_VERSION;
	if (!z->resume || memcmp(o->zone.p, z->id, sizeof(z->id)) != 0)
		return TICKET_OTHER_ZONE;
	if (!str_eq(reader_str(o->sni), s->tls.sni))
		return TICKET_OTHER_NAME;
	if (!str_eq(reader_str(o->alpn), s->hs->alpn ? str_of(s->hs->alpn) : STR("")) ||
	    o->has_ems != s->hs->has_ems)
		return TICKET_OTHER_PROTOCOL;
	if (full > written || written > now + CLOCK_SLACK || full < 0)
		return TICKET_FROM_FUTURE;
	if (now - full > lifetime)
		return TICKET_TOO_OLD;
	return TICKET_OPENED;
}

/* Judges the ticket's certificates as a full handshake would now. */
static enum ticket_refusal judge(struct session *s, struct reader chain, struct cert_facts **out, int64_t now)
{
	const struct tls_zone *z = s->served->zone;
	enum ticket_refusal why = TICKET_NO_MEMORY;
	mbedtls_x509_crt parsed;
	int n = 0;

	mbedtls_x509_crt_init(&parsed);
	for (; chain.n > 0; n++) {
		struct reader der = reader_vector(&chain, 3);

		why = TICKET_FORM;
		if (chain.bad || n == LIMIT_CHAIN_CERTS || cert_parse_der(&parsed, der.p, der.n) != 0)
			goto done;
	}
	why = TICKET_NO_MEMORY;
	if (chain_judge(out, z->trust, n ? &parsed : NULL, now) < 0 || !*out)
		goto done;
	why = TICKET_OPENED;
	if (z->client_auth == CLIENT_AUTH_REQUIRED && (*out)->result != VERIFY_OK)
		why = TICKET_NOT_GOOD_NOW;
done:
	mbedtls_x509_crt_free(&parsed);
	return why;
}

/* A TLS 1.3 ticket of a zone without ticket_reuse opens one connection. The second hello after a
 * HelloRetryRequest brings the same ticket again, which is the same use. */
static enum ticket_refusal use(struct session *s, const unsigned char *nonce, int64_t full, int64_t now)
{
	uint64_t id;

	if (s->served->zone->ticket_reuse ||
	    mbedtls_ssl_get_version_number(&s->ssl) != MBEDTLS_SSL_VERSION_TLS1_3)
		return TICKET_OPENED;
	memcpy(&id, nonce, sizeof(id));
	if (s->hs->used && s->hs->used_id == id)
		return TICKET_OPENED;
	switch (replay_note(id, full + LIMIT_TICKET_SECONDS, now)) {
	case REPLAY_FRESH:
		s->hs->used = true;
		s->hs->used_id = id;
		return TICKET_OPENED;
	case REPLAY_USED:
		return TICKET_USED;
	default:
		return TICKET_NO_ROOM;
	}
}

static enum ticket_refusal open_ticket(struct session *s, mbedtls_ssl_session *session, unsigned char *bytes,
                                       size_t n)
{
	unsigned char *nonce, *text;
	struct pending *pending = &s->hs->pending;
	int64_t now = clock_now();
	enum ticket_refusal why;
	struct ticket_key key;
	struct opened o;
	bool sound;

	if (n <= AROUND || n > LIMIT_TICKET_BYTES)
		return TICKET_FORM;
	nonce = bytes + TICKET_NAME;
	text = nonce + NONCE;
	if (!s->ctx->keys || !ticket_keys_named(s->ctx->keys, bytes, &key))
		return TICKET_UNKNOWN_KEY;
	sound = gcm(false, &key, nonce, text, n - AROUND, bytes + n - TAG);
	mbedtls_platform_zeroize(&key, sizeof(key));
	if (!sound)
		return TICKET_BROKEN_SEAL;
	why = TICKET_FORM;
	if (read_plain(&o, (struct reader){text, n - AROUND, false}))
		why = compare(s, &o, now);
	if (why == TICKET_OPENED)
		why = judge(s, o.chain, &pending->cert, now);
	if (why == TICKET_OPENED)
		why = use(s, nonce, (int64_t)o.full, now);
	if (why == TICKET_OPENED && mbedtls_ssl_session_load(session, o.session.p, o.session.n) != 0)
		why = TICKET_FORM;
	if (why == TICKET_OPENED)
		pending->full_handshake_time = (int64_t)o.full;
	mbedtls_platform_zeroize(text, n - AROUND);
	return why;
}

/* The library's callback: it runs for each ticket that is offered, and again in a second hello. */
int ticket_parse(void *p, mbedtls_ssl_session *session, unsigned char *bytes, size_t n)
{
	struct session *s = handshake_current();
	enum ticket_refusal why;

	(void)p;
	if (!s || !s->hs)
		return MBEDTLS_ERR_SSL_INVALID_MAC;
	ticket_drop_pending(s->hs);
	/* each may cost a judgement, and a hello has room for hundreds */
	why = ++s->hs->tickets > LIMIT_TICKET_OFFERS ? TICKET_TOO_MANY : open_ticket(s, session, bytes, n);
	if (why == TICKET_OPENED) {
		s->hs->pending.opened = true;
		return 0;
	}
	ticket_drop_pending(s->hs);
	ticket_refuse(s, why);
	return MBEDTLS_ERR_SSL_INVALID_MAC;
}
