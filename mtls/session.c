/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One connection over memory buffers: bytes in, plain text and bytes out. The handshake is handshake.c's;
 * this file moves bytes, ends sessions, and says why they ended.
 */
#include <stdlib.h>

#include <mbedtls/error.h>
#include <mbedtls/platform.h>

#include "base/clock.h"
#include "base/err.h"
#include "mtls/inspect.h"
#include "mtls/record_pool.h"
#include "mtls/state.h"

/* RFC 8446 B.3: the one handshake type that has a reason of its own. */
enum { MESSAGE_KEY_UPDATE = 24 };

static const char *const words[] = {
    [REASON_NONE] = "",
#define REASON(id, word, prose) [id] = word,
#include "mtls/reasons.def"
#undef REASON
};

/* The library asks for bytes: there is only what session_feed was given. */
static int take_input(void *p, unsigned char *out, size_t n)
{
	struct session *s = p;

	if (s->input.n == 0)
		return MBEDTLS_ERR_SSL_WANT_READ;
	if (n > s->input.n)
		n = s->input.n;
	memcpy(out, s->input.p, n);
	s->input = str_sub(s->input, n, s->input.n);
	return (int)n;
}

/* The library hands out bytes: everything is taken, the caller bounds how much it writes. */
static int give_output(void *p, const unsigned char *bytes, size_t n)
{
	struct session *s = p;

	return buf_add(&s->output, (struct str){(const char *)bytes, n}) ? (int)n
	                                                                 : MBEDTLS_ERR_SSL_ALLOC_FAILED;
}

int session_new(struct session **out, struct tls_context *ctx)
{
	struct session *s = calloc(1, sizeof(*s));

	*out = NULL;
	if (!s)
		return -ERR_NOMEM;
	s->hs = calloc(1, sizeof(*s->hs));
	if (!s->hs) {
		free(s);
		return -ERR_NOMEM;
	}
	s->ctx = tls_context_ref(ctx);
	s->cert = (struct cert_facts *)(uintptr_t)cert_facts_absent();
	s->tls = (struct tls_facts){.tls = true,
	                            .version = STR("none"),
	                            .cipher = STR(""),
	                            .sni = STR(""),
	                            .alpn = STR(""),
	                            .client_random = STR(""),
	                            .extensions_sha1 = STR(""),
	                            .extensions_sha1_le = STR(""),
	                            .ciphers_sha1 = STR(""),
	                            .ticket_refused = STR("")};
	*out = s;
	return 0;
}

void session_drop_cert(struct session *s)
{
	if (s->cert != cert_facts_absent())
		cert_facts_free(s->cert);
	s->cert = (struct cert_facts *)(uintptr_t)cert_facts_absent();
}

void session_free(struct session *s)
{
	if (!s)
		return;
	if (s->has_ssl)
		mbedtls_ssl_free(&s->ssl);
	handshake_free(s->hs);
	session_drop_cert(s);
	buf_fini(&s->plain);
	buf_fini(&s->output);
	free(s->sni);
	tls_context_unref(s->ctx);
	origin_side_free(s->origin);
	free(s);
}

int session_start_ssl(struct session *s, const mbedtls_ssl_config *conf)
{
	int rc;

	mbedtls_ssl_init(&s->ssl);
	s->has_ssl = true;
	rc = mbedtls_ssl_setup(&s->ssl, conf);
	mbedtls_ssl_set_user_data_p(&s->ssl, s);
	mbedtls_ssl_set_bio(&s->ssl, s, give_output, take_input, NULL);
	return rc;
}

/* Before the library sees its buffers again. */
static void wake(struct session *s)
{
	if (s->asleep)
		memcpy(s->ssl.MBEDTLS_PRIVATE(in_ctr), s->in_ctr, sizeof(s->in_ctr));
	s->asleep = false;
}

static void queue_alert(struct session *s, int description)
{
	if (s->has_ssl) {
		wake(s);
		mbedtls_ssl_send_alert_message(&s->ssl, MBEDTLS_SSL_ALERT_LEVEL_FATAL,
		                               (unsigned char)description);
	} else {
		/* nothing is negotiated, so the record is in the clear (RFC 8446 5.1, 6) */
		const char record[] = {21, 3, 3, 0, 2, 2, (char)description};

		buf_add(&s->output, (struct str){record, sizeof(record)});
	}
}

int session_fail(struct session *s, enum reason reason, int error, int alert)
{
	if (s->stage == STAGE_FAILED)
		return -ERR_TLS;
	s->stage = STAGE_FAILED;
	s->reason = (uint8_t)reason;
	if (reason == REASON_PEER_ALERT) /* seen in a private buffer only */
		s->alert = s->ssl.MBEDTLS_PRIVATE(in_msg)[1];
	s->error = error;
	s->input = STR_NONE;
	if (alert)
		queue_alert(s, alert);
	return -ERR_TLS;
}

/* What an error of the library means once the handshake is over. */
static void fail_open(struct session *s, int error)
{
	enum reason reason = REASON_INTERNAL;
	int alert = 0; /* the library sends its own for bad records */

	switch (error) {
	case MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE:
		reason = REASON_PEER_ALERT;
		break;
	case MBEDTLS_ERR_SSL_UNEXPECTED_MESSAGE:
		/* The type is seen in a private buffer only; without it a KeyUpdate looks like any other
		 * message. */
		reason = s->ssl.MBEDTLS_PRIVATE(in_msgtype) == MBEDTLS_SSL_MSG_HANDSHAKE &&
		                 s->ssl.MBEDTLS_PRIVATE(in_msglen) > 0 &&
		                 s->ssl.MBEDTLS_PRIVATE(in_msg)[0] == MESSAGE_KEY_UPDATE
		             ? REASON_KEY_UPDATE
		             : REASON_UNEXPECTED_MESSAGE;
		alert = MBEDTLS_SSL_ALERT_MSG_UNEXPECTED_MESSAGE;
		break;
	case MBEDTLS_ERR_SSL_INVALID_MAC:
	case MBEDTLS_ERR_SSL_INVALID_RECORD:
		reason = REASON_BAD_RECORD;
		break;
	case MBEDTLS_ERR_SSL_ALLOC_FAILED:
		reason = REASON_NOMEM;
		break;
	}
	session_fail(s, reason, error, alert);
}

static void read_plain(struct session *s)
{
	for (;;) {
		unsigned char *to;
		int n;

		if (!buf_reserve(&s->plain, s->input.n + 1)) {
			session_fail(s, REASON_NOMEM, 0, MBEDTLS_SSL_ALERT_MSG_INTERNAL_ERROR);
			return;
		}
		to = (unsigned char *)s->plain.p + s->plain.off + s->plain.n;
		n = mbedtls_ssl_read(&s->ssl, to, s->plain.size - s->plain.off - s->plain.n);
		if (n > 0) {
			s->plain.n += (size_t)n;
			continue;
		}
		if (n == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
			origin_ticket(s);
			continue;
		}
		/* a ticket that is wholly there: the library wants to be called once more */
		if (n == MBEDTLS_ERR_SSL_WANT_READ &&
		    s->ssl.MBEDTLS_PRIVATE(state) == MBEDTLS_SSL_TLS1_3_NEW_SESSION_TICKET)
			continue;
		if (n == MBEDTLS_ERR_SSL_WANT_READ)
			return;
		if (n == MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY || n == 0) {
			s->stage = STAGE_CLOSED;
			return;
		}
		fail_open(s, n);
		return;
	}
}

enum session_state session_state(const struct session *s)
{
	switch (s->stage) {
	case STAGE_OPEN:
		return SESSION_OPEN;
	case STAGE_CLOSED:
		return SESSION_CLOSED;
	case STAGE_FAILED:
		return SESSION_FAILED;
	default:
		return SESSION_HANDSHAKE;
	}
}

static void feed_handshake(struct session *s, struct str bytes)
{
	struct handshake *h = s->hs;

	h->fed += bytes.n;
	if (h->fed > LIMIT_HANDSHAKE_BYTES) {
		session_fail(s, REASON_HANDSHAKE_TOO_LARGE, 0, MBEDTLS_SSL_ALERT_MSG_HANDSHAKE_FAILURE);
		return;
	}
	s->input = bytes;
	if (s->stage == STAGE_HELLO) {
		int rc;

		if (h->early.n > 0) {
			if (!buf_add(&h->early, bytes)) {
				session_fail(s, REASON_NOMEM, 0, 0);
				return;
			}
			s->input = buf_str(&h->early);
		}
		rc = handshake_begin(s, s->input);
		if (rc == -ERR_AGAIN && h->early.n == 0 && !buf_add(&h->early, bytes))
			session_fail(s, REASON_NOMEM, 0, 0);
		if (rc < 0)
			return;
	}
	handshake_run(s);
}

void session_drop_peer_chain(struct session *s)
{
	mbedtls_ssl_session *session = s->ssl.MBEDTLS_PRIVATE(session);

	if (!session || !session->MBEDTLS_PRIVATE(peer_cert))
		return;
	mbedtls_x509_crt_free(session->MBEDTLS_PRIVATE(peer_cert));
	mbedtls_free(session->MBEDTLS_PRIVATE(peer_cert));
	session->MBEDTLS_PRIVATE(peer_cert) = NULL;
}

/*
 * The library frees what a TLS 1.2 handshake needed, but keeps a server's of TLS 1.3, 4 kB, as long as the connection:
 * keys of the handshake and its hash, which nothing asks for any more. Towards an origin it stays: tickets that come
 * later are read with it. The function is the one for TLS 1.2, from a private header.
 */
void mbedtls_ssl_handshake_wrapup_free_hs_transform(mbedtls_ssl_context *ssl);

static void drop_handshake(struct session *s)
{
	if (s->ssl.MBEDTLS_PRIVATE(handshake))
		mbedtls_ssl_handshake_wrapup_free_hs_transform(&s->ssl);
}

enum session_state session_feed(struct session *s, struct str bytes)
{
	wake(s);
	if (s->origin && s->stage == STAGE_HANDSHAKE) {
		s->input = bytes;
		origin_run(s);
	} else if (s->stage == STAGE_HELLO || s->stage == STAGE_HANDSHAKE)
		feed_handshake(s, bytes);
	else
		s->input = bytes;
	if (s->stage == STAGE_OPEN)
		read_plain(s);
	s->input = STR_NONE; /* borrowed, and all of it is taken */
	if (s->hs && s->stage != STAGE_HELLO && s->stage != STAGE_HANDSHAKE) {
		handshake_free(s->hs);
		s->hs = NULL;
		if (s->stage == STAGE_OPEN) {
			session_drop_peer_chain(s);
			if (!s->origin)
				drop_handshake(s);
		}
	} else if (s->hs && s->stage == STAGE_HANDSHAKE) {
		buf_fini(&s->hs->early);
	}
	return session_state(s);
}

struct buf *session_plain(struct session *s)
{
	return &s->plain;
}

struct buf *session_output(struct session *s)
{
	return &s->output;
}

int session_write(struct session *s, struct str text)
{
	if (s->stage != STAGE_OPEN && s->stage != STAGE_CLOSED)
		return -ERR_TLS;
	wake(s);
	while (text.n > 0) {
		int n = mbedtls_ssl_write(&s->ssl, (const unsigned char *)text.p, text.n);

		if (n <= 0) {
			bool nomem = s->output.failed || n == MBEDTLS_ERR_SSL_ALLOC_FAILED;

			session_fail(s, nomem ? REASON_NOMEM : REASON_INTERNAL, n, 0);
			return nomem ? -ERR_NOMEM : -ERR_TLS;
		}
		text = str_sub(text, (size_t)n, text.n);
	}
	return 0;
}

/* The library says nothing about its buffers: what it holds of a record that is not complete must stay. */
static bool between_records(const struct session *s)
{
	return s->stage == STAGE_OPEN && s->ssl.MBEDTLS_PRIVATE(in_left) == 0 &&
	       !mbedtls_ssl_check_pending(&s->ssl) && s->ssl.MBEDTLS_PRIVATE(out_left) == 0 &&
	       s->ssl.MBEDTLS_PRIVATE(badmac_seen_or_in_hsfraglen) == 0;
}

void session_trim_tails(struct session *s)
{
	if (!between_records(s))
		return;
	record_pool_trim(s->ssl.MBEDTLS_PRIVATE(in_buf));
	record_pool_trim(s->ssl.MBEDTLS_PRIVATE(out_buf));
}

void session_trim(struct session *s)
{
	if (s->plain.n == 0)
		buf_fini(&s->plain);
	if (s->output.n == 0)
		buf_fini(&s->output);
	if (s->asleep || !between_records(s))
		return;
	memcpy(s->in_ctr, s->ssl.MBEDTLS_PRIVATE(in_ctr), sizeof(s->in_ctr));
	s->asleep = true;
	record_pool_drop(s->ssl.MBEDTLS_PRIVATE(in_buf));
	record_pool_drop(s->ssl.MBEDTLS_PRIVATE(out_buf));
}

void session_close(struct session *s)
{
	if (s->stage != STAGE_OPEN && s->stage != STAGE_CLOSED)
		return;
	wake(s);
	mbedtls_ssl_close_notify(&s->ssl);
}

void session_alert(struct session *s, int description)
{
	session_fail(s, REASON_REFUSED, 0, description);
}

const struct tls_facts *session_tls(const struct session *s)
{
	return &s->tls;
}

const struct cert_facts *session_cert(const struct session *s)
{
	return s->cert;
}

struct tls_zone *session_zone(const struct session *s)
{
	return s->served ? s->served->zone : NULL;
}

struct str session_reason(const struct session *s)
{
	return str_of(words[s->reason]);
}

static const char *alert_name(int number)
{
	switch (number) {
#define ALERT(n, name)                                                                                       \
	case n:                                                                                              \
		return name;
#include "mtls/alerts.def"
#undef ALERT
	}
	return NULL;
}

struct str session_reason_detail(const struct session *s)
{
	const char *text = s->reason == REASON_PEER_ALERT ? alert_name(s->alert) : NULL;

	if (text)
		return str_of(text);
	text = s->error ? mbedtls_high_level_strerr(s->error) : NULL;

	if (s->error && !text)
		text = mbedtls_low_level_strerr(s->error);
	if (!text && s->reason == REASON_CERTIFICATE_REFUSED)
		text = verify_result_name(s->cert->result);
	return text ? str_of(text) : STR("");
}
