/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libcrypto's memory comes through usher's own calls, so that base/memory.h counts what fails there too: a
 * signature that could not be checked for lack of memory must not pass for a bad one.
 *
 * It looks for its algorithms when they are first asked for, and where memory runs out then, it may not find
 * them ever again. So all are asked for before there is a client, and that they work is seen on the way.
 */
#include "mtls/libcrypto.h"

#include <mbedtls/gcm.h>
#include <openssl/crypto.h>
#include <pthread.h>
#include <stdlib.h>

static void *take(size_t n, const char *file, int line)
{
	(void)file, (void)line;
	return malloc(n);
}

static void *retake(void *p, size_t n, const char *file, int line)
{
	(void)file, (void)line;
	if (p == NULL)
		return malloc(n);
	if (n > 0)
		return realloc(p, n);
	free(p);
	return NULL;
}

static void give(void *p, const char *file, int line)
{
	(void)file, (void)line;
	free(p);
}

/* Where it has no AES-GCM to give, no handshake could end well. */
static bool has_gcm(void)
{
	static const unsigned char key[32];
	mbedtls_gcm_context gcm;
	int rc;

	mbedtls_gcm_init(&gcm);
	rc = mbedtls_gcm_setkey(&gcm, MBEDTLS_CIPHER_ID_AES, key, 256);
	mbedtls_gcm_free(&gcm);
	return rc == 0;
}

static bool ready;

static void init(void)
{
	ready = CRYPTO_set_mem_functions(take, retake, give) == 1 && has_gcm() && ecdsa_works();
}

bool libcrypto_init(void)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;

	pthread_once(&once, init);
	return ready;
}
