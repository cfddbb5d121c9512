/* SPDX-License-Identifier: Apache-2.0 */
/* What libcrypto needs of the process. It does AES-GCM (gcm.c) and verifies ECDSA (ecdsa.c) for Mbed TLS. */
#ifndef MTLS_LIBCRYPTO_H
#define MTLS_LIBCRYPTO_H

#include <stdbool.h>

/* Before anything else in the process uses libcrypto; called again it does nothing. false: it cannot do what usher needs. */
bool libcrypto_init(void);

bool ecdsa_works(void); /* libcrypto_init's: a good signature verifies on every curve, another does not */

#endif
