/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-GCM by libcrypto, behind the library's own interface (MBEDTLS_GCM_ALT). The library's code does one
 * block after the other, and each waits for the one before: that was three quarters of all processor time of
 * a download.
 *
 * Whole messages only, which is what TLS and tickets are made of; messages by pieces are refused.
 */
#include <limits.h>
#include <pthread.h>

#include <mbedtls/cipher.h>
#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/str.h"

enum { KEYS = 3, TAG_LEAST = 4, TAG_MOST = 16 };

static EVP_CIPHER *ciphers[KEYS]; /* for keys of 128, 192 and 256 bits; kept until the process ends */

static void fetch(void)
{
	static const char *const names[KEYS] = {"AES-128-GCM", "AES-192-GCM", "AES-256-GCM"};

	for (size_t i = 0; i < KEYS; i++)
		ciphers[i] = EVP_CIPHER_fetch(NULL, names[i], NULL);
}

void mbedtls_gcm_init(mbedtls_gcm_context *ctx)
{
	*ctx = (mbedtls_gcm_context){NULL, 0};
}

void mbedtls_gcm_free(mbedtls_gcm_context *ctx)
{
	if (ctx == NULL)
		return;
	EVP_CIPHER_CTX_free(ctx->cipher); /* wipes its key */
	mbedtls_gcm_init(ctx);
}

int mbedtls_gcm_setkey(mbedtls_gcm_context *ctx, mbedtls_cipher_id_t cipher, const unsigned char *key,
                       unsigned bits)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const EVP_CIPHER *by;

	if (cipher != MBEDTLS_CIPHER_ID_AES || bits < 128 || bits > 256 || bits % 64 != 0)
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	pthread_once(&once, fetch);
	if ((by = ciphers[bits / 64 - 2]) == NULL)
		return MBEDTLS_ERR_CIPHER_FEATURE_UNAVAILABLE;
	if (ctx->cipher == NULL)
		ctx->cipher = EVP_CIPHER_CTX_new();
	if (ctx->cipher == NULL || EVP_EncryptInit_ex(ctx->cipher, by, NULL, key, NULL) != 1) {
		ERR_clear_error(); /* nobody reads what it kept about this */
		return MBEDTLS_ERR_CIPHER_ALLOC_FAILED;
	}
	ctx->nonce_n = (size_t)EVP_CIPHER_get_iv_length(by);
	return 0;
}

/* ---- whole messages ---- */

struct message {
	size_t n, add_n;
	const unsigned char *in, *add;
	unsigned char *out;
};

static int begin(mbedtls_gcm_context *ctx, int mode, const unsigned char *nonce, size_t nonce_n)
{
	if (ctx->cipher == NULL || nonce_n == 0 || nonce_n > INT_MAX)
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	if (nonce_n != ctx->nonce_n) {
		if (EVP_CIPHER_CTX_ctrl(ctx->cipher, EVP_CTRL_AEAD_SET_IVLEN, (int)nonce_n, NULL) != 1)
			return MBEDTLS_ERR_GCM_BAD_INPUT;
		ctx->nonce_n = nonce_n;
	}
	return EVP_CipherInit_ex(ctx->cipher, NULL, NULL, NULL, nonce, mode == MBEDTLS_GCM_ENCRYPT) == 1
	           ? 0
	           : MBEDTLS_ERR_GCM_BAD_INPUT;
}

/* The library lets out overlap with in; libcrypto only lets it be in. */
static int crypt(mbedtls_gcm_context *ctx, const struct message *m)
{
	const unsigned char *in = m->in;
	int n;

	if (m->n > INT_MAX || m->add_n > INT_MAX)
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	if (m->add_n > 0 && EVP_CipherUpdate(ctx->cipher, NULL, &n, m->add, (int)m->add_n) != 1)
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	if (m->n == 0)
		return 0;
	if (in != m->out && in < m->out + m->n && m->out < in + m->n)
		in = memmove(m->out, in, m->n);
	return EVP_CipherUpdate(ctx->cipher, m->out, &n, in, (int)m->n) == 1 ? 0 : MBEDTLS_ERR_GCM_BAD_INPUT;
}

int mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context *ctx, int mode, size_t n, const unsigned char *nonce,
                              size_t nonce_n, const unsigned char *add, size_t add_n, const unsigned char *in,
                              unsigned char *out, size_t tag_n, unsigned char *tag)
{
	const struct message m = {n, add_n, in, add, out};
	unsigned char nothing[1];
	int rc, more;

	if (mode != MBEDTLS_GCM_ENCRYPT) /* a text whose tag nobody has compared */
		return MBEDTLS_ERR_CIPHER_FEATURE_UNAVAILABLE;
	if (tag_n < TAG_LEAST || tag_n > TAG_MOST)
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	if ((rc = begin(ctx, mode, nonce, nonce_n)) != 0 || (rc = crypt(ctx, &m)) != 0)
		return rc;
	if (EVP_EncryptFinal_ex(ctx->cipher, nothing, &more) != 1 ||
	    EVP_CIPHER_CTX_ctrl(ctx->cipher, EVP_CTRL_AEAD_GET_TAG, (int)tag_n, tag) != 1)
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	return 0;
}

int mbedtls_gcm_auth_decrypt(mbedtls_gcm_context *ctx, size_t n, const unsigned char *nonce, size_t nonce_n,
                             const unsigned char *add, size_t add_n, const unsigned char *tag, size_t tag_n,
                             const unsigned char *in, unsigned char *out)
{
	const struct message m = {n, add_n, in, add, out};
	unsigned char nothing[1];
	int rc, more;

	if (tag_n < TAG_LEAST || tag_n > TAG_MOST)
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	if ((rc = begin(ctx, MBEDTLS_GCM_DECRYPT, nonce, nonce_n)) != 0)
		return rc;
	if (EVP_CIPHER_CTX_ctrl(ctx->cipher, EVP_CTRL_AEAD_SET_TAG, (int)tag_n, (void *)tag) != 1)
		return MBEDTLS_ERR_GCM_BAD_INPUT;
	if ((rc = crypt(ctx, &m)) == 0 && EVP_DecryptFinal_ex(ctx->cipher, nothing, &more) != 1)
		rc = MBEDTLS_ERR_GCM_AUTH_FAILED;
	if (rc != 0) {
		mbedtls_platform_zeroize(out, n);
		ERR_clear_error();
	}
	return rc;
}

/* ---- by pieces: nothing of usher's does that ---- */

int mbedtls_gcm_starts(mbedtls_gcm_context *ctx, int mode, const unsigned char *nonce, size_t nonce_n)
{
	(void)ctx, (void)mode, (void)nonce, (void)nonce_n;
	return MBEDTLS_ERR_CIPHER_FEATURE_UNAVAILABLE;
}

int mbedtls_gcm_update_ad(mbedtls_gcm_context *ctx, const unsigned char *add, size_t add_n)
{
	(void)ctx, (void)add, (void)add_n;
	return MBEDTLS_ERR_CIPHER_FEATURE_UNAVAILABLE;
}

int mbedtls_gcm_update(mbedtls_gcm_context *ctx, const unsigned char *in, size_t n, unsigned char *out,
                       size_t room, size_t *out_n)
{
	(void)ctx, (void)in, (void)n, (void)out, (void)room;
	*out_n = 0;
	return MBEDTLS_ERR_CIPHER_FEATURE_UNAVAILABLE;
}

int mbedtls_gcm_finish(mbedtls_gcm_context *ctx, unsigned char *out, size_t room, size_t *out_n,
                       unsigned char *tag, size_t tag_n)
{
	(void)ctx, (void)out, (void)room, (void)tag, (void)tag_n;
	*out_n = 0;
	return MBEDTLS_ERR_CIPHER_FEATURE_UNAVAILABLE;
}
