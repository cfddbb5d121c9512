/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What is inside a ticket, for the case that a key is lost or our own writer errs. Input: a byte (0: the
 * ticket as a client sends it; 1: the text that is sealed; 2: session and certificates behind a head that
 * fits), then bytes. Nothing may crash or leak, and what opens must say what the head said.
 */
#include <mbedtls/gcm.h>

#include "base/clock.h"
#include "mtls/inspect.h"
#include "mtls/ticket_keys.h"
#include "tests/unit/tls_lab.c"
#include "tests/unit/tls_raw.c"

enum { NONCE_AND_TAG = 12 + 16 };

static struct session *session;

static void set_up(void)
{
	static const struct lab_zone zone = {.name = "a",
	                                     .hosts = "a.test",
	                                     .client_auth = CLIENT_AUTH_OPTIONAL,
	                                     .ca = "root",
	                                     .resume = true};
	static const struct raw_hello hello = {.sni = "a.test", .ems = true, .suite = 0xc02b};
	struct tls_context *ctx = lab_context(&zone, 1, -1, "http/1.1");
	struct buf bytes = BUF_INIT;

	raw_hello_write(&bytes, &hello, (const unsigned char *)"thirty-two bytes of pure chance!");
	MUST(session_new(&session, ctx));
	MUST(session_feed(session, buf_str(&bytes)) != SESSION_HANDSHAKE);
	buf_fini(&bytes);
}

static void head(struct buf *text)
{
	number(text, 1, 1);
	number(text, 0x0303, 2);
	add(text, session->served->zone->id, 32);
	number(text, 1, 1);
	number(text, (size_t)clock_now(), 8);
	number(text, (size_t)clock_now(), 8);
	number(text, 6, 1);
	buf_add(text, STR("a.test"));
	number(text, 0, 1);
}

static void seal(struct buf *out, struct str text)
{
	mbedtls_gcm_context gcm;
	struct ticket_key key;
	unsigned char *at;

	MUST(!ticket_keys_sealing(session->ctx->keys, &key));
	add(out, key.name, TICKET_NAME);
	add(out, "twelve bytes", 12);
	MUST(!buf_reserve(out, text.n + 16));
	at = (unsigned char *)out->p + out->n;
	mbedtls_gcm_init(&gcm);
	MUST(mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key.secret, 256));
	MUST(mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, text.n, at - 12, 12, key.name, TICKET_NAME,
	                               (const unsigned char *)text.p, at, 16, at + text.n));
	out->n += text.n + 16;
	mbedtls_gcm_free(&gcm);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf ticket = BUF_INIT, text = BUF_INIT;
	mbedtls_ssl_session opened;

	if (!session)
		set_up();
	if (size < 1)
		return 0;
	if (data[0] % 3 == 2)
		head(&text);
	add(&text, data + 1, size - 1);
	if (data[0] % 3 == 0)
		buf_add(&ticket, buf_str(&text));
	else
		seal(&ticket, buf_str(&text));
	handshake_make_current(session);
	session->hs->tickets = 0;
	mbedtls_ssl_session_init(&opened);
	if (ticket_parse(NULL, &opened, (unsigned char *)ticket.p, ticket.n) == 0) {
		struct pending *p = &session->hs->pending;

		MUST(!p->opened || !p->cert || p->full_handshake_time > clock_now() + 10);
		MUST(p->cert->presented != (p->cert->chain_length > 0));
	} else {
		MUST(session->hs->pending.opened);
	}
	mbedtls_ssl_session_free(&opened);
	ticket_drop_pending(session->hs);
	handshake_make_current(NULL);
	buf_fini(&ticket);
	buf_fini(&text);
	return 0;
}
