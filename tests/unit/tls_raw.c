/* SPDX-License-Identifier: Apache-2.0 */
/* See tls_raw.h. */
#include <stdlib.h>

#include <mbedtls/gcm.h>
#include <mbedtls/sha256.h>
#include <mbedtls/ssl.h>

#include "tests/unit/tls_raw.h"

enum {
	EXT_SNI = 0,
	EXT_GROUPS = 10,
	EXT_SIGNATURES = 13,
	EXT_ALPN = 16,
	EXT_EMS = 23,
	EXT_TICKET = 35,
	EXT_PRE_SHARED_KEY = 41,
	EXT_VERSIONS = 43,
	EXT_KEY_MODES = 45,
};

static void add(struct buf *b, const void *p, size_t n)
{
	buf_add(b, (struct str){p, n});
}

static void number(struct buf *b, size_t value, size_t bytes)
{
	while (bytes--)
		buf_addc(b, (char)(value >> 8 * bytes));
}

static void extension(struct buf *b, int id, struct str body)
{
	number(b, (size_t)id, 2);
	number(b, body.n, 2);
	buf_add(b, body);
}

static void name_extension(struct buf *b, const char *sni)
{
	struct buf body = BUF_INIT;

	if (!sni)
		return;
	number(&body, strlen(sni) + 3, 2);
	number(&body, 0, 1);
	number(&body, strlen(sni), 2);
	buf_add(&body, str_of(sni));
	extension(b, EXT_SNI, buf_str(&body));
	buf_fini(&body);
}

static void extensions(struct buf *b, const struct raw_hello *h)
{
	if (!h->sni_last)
		name_extension(b, h->sni);
	for (int i = 0; i < h->copies; i++)
		extension(b, EXT_TICKET, h->ticket);
	extension(b, EXT_GROUPS, (struct str){"\x00\x04\x00\x17\x00\x1d", 6});
	extension(b, EXT_SIGNATURES, (struct str){"\x00\x06\x04\x03\x04\x01\x08\x04", 8});
	if (h->alpn) {
		struct buf body = BUF_INIT;

		number(&body, strlen(h->alpn) + 1, 2);
		number(&body, strlen(h->alpn), 1);
		buf_add(&body, str_of(h->alpn));
		extension(b, EXT_ALPN, buf_str(&body));
		buf_fini(&body);
	}
	if (h->ems)
		extension(b, EXT_EMS, STR(""));
	if (h->sni_last || h->sni_twice)
		name_extension(b, h->sni);
}

static void record(struct buf *out, int type, struct str body)
{
	number(out, (size_t)type, 1);
	number(out, 0x0303, 2);
	number(out, body.n, 2);
	buf_add(out, body);
}

static void message_of(struct buf *out, const unsigned char random[32], int suite, struct str exts)
{
	struct buf body = BUF_INIT;

	number(&body, 0x0303, 2);
	add(&body, random, 32);
	number(&body, 32, 1);
	add(&body, "resume me, please: a session id.", 32);
	number(&body, 2, 2);
	number(&body, (size_t)suite, 2);
	number(&body, 0x0100, 2);
	number(&body, exts.n, 2);
	buf_add(&body, exts);
	number(out, 1, 1);
	number(out, body.n, 3);
	buf_add(out, buf_str(&body));
	buf_fini(&body);
}

/* The handshake message alone. */
static void hello_message(struct buf *out, const struct raw_hello *h, const unsigned char random[32])
{
	struct buf exts = BUF_INIT;

	extensions(&exts, h);
	message_of(out, random, h->suite, buf_str(&exts));
	buf_fini(&exts);
}

void raw_offer_write(struct buf *out, const char *sni, struct str ticket, int copies, int mode)
{
	struct buf exts = BUF_INIT, keys = BUF_INIT, message = BUF_INIT;

	name_extension(&exts, sni);
	extension(&exts, EXT_VERSIONS, (struct str){"\x02\x03\x04", 3});
	extension(&exts, EXT_KEY_MODES, (struct str){mode ? "\x01\x01" : "\x01\x00", 2});
	number(&keys, (size_t)copies * (ticket.n + 6), 2);
	for (int i = 0; i < copies; i++) {
		number(&keys, ticket.n, 2);
		buf_add(&keys, ticket);
		number(&keys, 0, 4);
	}
	number(&keys, (size_t)copies * 33, 2);
	for (int i = 0; i < copies; i++) {
		number(&keys, 32, 1);
		add(&keys, "thirty-two bytes of pure chance!", 32);
	}
	extension(&exts, EXT_PRE_SHARED_KEY, buf_str(&keys));
	message_of(&message, (const unsigned char *)"thirty-two bytes of pure chance!", 0x1301,
	           buf_str(&exts));
	record(out, 22, buf_str(&message));
	buf_fini(&message);
	buf_fini(&keys);
	buf_fini(&exts);
}

void raw_hello_write(struct buf *out, const struct raw_hello *h, const unsigned char random[32])
{
	struct buf message = BUF_INIT;

	hello_message(&message, h, random);
	record(out, 22, buf_str(&message));
	buf_fini(&message);
}

static void prf(const unsigned char *master, const char *label, const unsigned char *seed, size_t n,
                unsigned char *out, size_t size)
{
	if (mbedtls_ssl_tls_prf(MBEDTLS_SSL_TLS_PRF_SHA256, master, 48, label, seed, n, out, size) != 0)
		abort();
}

/* Encrypts a record's body: explicit nonce, text, tag (RFC 5288 3). First record of the connection: sequence
 * 0. */
static void protect(struct buf *out, const unsigned char key[16], const unsigned char iv[4], int type,
                    struct str text)
{
	unsigned char nonce[12] = {0}, aad[13] = {0}, sealed[64], tag[16];
	struct buf body = BUF_INIT;
	mbedtls_gcm_context gcm;

	memcpy(nonce, iv, 4);
	aad[8] = (unsigned char)type;
	aad[9] = aad[10] = 3;
	aad[12] = (unsigned char)text.n;
	mbedtls_gcm_init(&gcm);
	if (mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 128) != 0 ||
	    mbedtls_gcm_crypt_and_tag(&gcm, MBEDTLS_GCM_ENCRYPT, text.n, nonce, 12, aad, 13,
	                              (const unsigned char *)text.p, sealed, 16, tag) != 0)
		abort();
	mbedtls_gcm_free(&gcm);
	add(&body, nonce + 4, 8);
	add(&body, sealed, text.n);
	add(&body, tag, 16);
	record(out, type, buf_str(&body));
	buf_fini(&body);
}

bool raw_resume(struct session *s, const struct raw_hello *h, const unsigned char master[48])
{
	unsigned char random[32] = "thirty-two bytes of pure chance!", seed[64], keys[40], hash[32],
	              finished[16];
	struct buf wire = BUF_INIT, transcript = BUF_INIT;
	struct str answer, hello;

	hello_message(&transcript, h, random);
	record(&wire, 22, buf_str(&transcript));
	session_feed(s, buf_str(&wire));
	buf_clear(&wire);
	answer = buf_str(session_output(s));
	/* ServerHello, then at once ChangeCipherSpec: the server resumes. */
	if (session_state(s) != SESSION_HANDSHAKE || answer.n < 11 || answer.p[0] != 22 || answer.p[5] != 2)
		goto done;
	hello =
	    str_sub(answer, 5, 5 + ((size_t)(unsigned char)answer.p[3] << 8 | (unsigned char)answer.p[4]));
	if (5 + hello.n >= answer.n || answer.p[5 + hello.n] != 20)
		goto done;
	buf_add(&transcript, hello);
	memcpy(seed, hello.p + 6, 32);
	memcpy(seed + 32, random, 32);
	prf(master, "key expansion", seed, 64, keys, sizeof(keys));
	mbedtls_sha256((const unsigned char *)transcript.p, transcript.n, hash, 0);
	memcpy(finished, "\x14\x00\x00\x0c", 4);
	prf(master, "server finished", hash, 32, finished + 4, 12);
	add(&transcript, finished, 16);
	mbedtls_sha256((const unsigned char *)transcript.p, transcript.n, hash, 0);
	prf(master, "client finished", hash, 32, finished + 4, 12);
	record(&wire, 20, (struct str){"\x01", 1});
	protect(&wire, keys, keys + 32, 22, (struct str){(char *)finished, 16});
	session_feed(s, buf_str(&wire));
done:
	buf_fini(&wire);
	buf_fini(&transcript);
	return session_state(s) == SESSION_OPEN;
}
