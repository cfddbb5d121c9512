/* SPDX-License-Identifier: Apache-2.0 */
/* The library's context of AES-GCM as mtls/gcm.c keeps it: MBEDTLS_GCM_ALT makes <mbedtls/gcm.h> ask for a
 * header of this name. */
#ifndef MTLS_GCM_ALT_H
#define MTLS_GCM_ALT_H

#include <stddef.h>

struct evp_cipher_ctx_st;

typedef struct mbedtls_gcm_context {
	struct evp_cipher_ctx_st *cipher; /* owned, with its key; NULL: none is set */
	size_t nonce_n;                   /* bytes of a nonce, as the cipher expects them now */
} mbedtls_gcm_context;

#endif
