/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mbed TLS as usher wants it: a user configuration, applied by the library after its stock one.
 *
 * The library and every file of usher are compiled with MBEDTLS_USER_CONFIG_FILE naming this file, so both see the
 * same structs. A changed line here means another library: the build keys it by this file's content and makes it anew.
 *
 * The rule of thumb: what a server for TLS 1.2 and 1.3 with AEAD suites, forward secrecy and client certificates does
 * not need is not compiled, so that no setting and no peer can reach it.
 */
#ifndef MTLS_MBEDTLS_CONFIG_H
#define MTLS_MBEDTLS_CONFIG_H

/* ---- Sizes ---- */

/*
 * Intermediates between a leaf and its anchor. The stock 8 ends a longer chain with a fatal error and without calling
 * the verify callback, so nothing could be told about it. Each link costs one signature check.
 */
#define MBEDTLS_X509_MAX_INTERMEDIATE_CA 16

/*
 * Both record buffers stay whole. A client's certificate message and a ticket on its way back must fit the incoming
 * one; a smaller outgoing one would also cap our own chain and the tickets we write.
 */
#define MBEDTLS_SSL_IN_CONTENT_LEN 16384
#define MBEDTLS_SSL_OUT_CONTENT_LEN 16384
#undef MBEDTLS_SSL_VARIABLE_BUFFER_LENGTH

/* ---- Wanted beyond the stock configuration ---- */

/* Workers are threads, and the library's key store and random generator are global. */
#define MBEDTLS_THREADING_C
#define MBEDTLS_THREADING_PTHREAD

/* Anchors looked up by a callback; memory handed out by ours. */
#define MBEDTLS_X509_TRUSTED_CERTIFICATE_CALLBACK
#define MBEDTLS_PLATFORM_MEMORY

/*
 * One clock for usher and library (base/clock.h): global.c sets the library's calendar time and defines
 * mbedtls_ms_time(), so that tests can move time and a ticket's age survives restarts and other machines.
 */
#define MBEDTLS_PLATFORM_TIME_ALT
#define MBEDTLS_PLATFORM_MS_TIME_ALT

/* One source of random numbers, a generator per thread (global.c): workers do not queue for the library's one. */
#define MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG

/* AES-GCM by libcrypto (mtls/gcm.c, mtls/gcm_alt.h): 5,270 MB/s of whole records and not 340. */
#define MBEDTLS_GCM_ALT

/* Verifying ECDSA is libcrypto's (mtls/ecdsa.c): 0.1 ms instead of 0.73. */
#define MBEDTLS_ECDSA_VERIFY_ALT

/*
 * X25519 as Project Everest proved and generated it, which the library brings along: 70 us instead of 280 for each
 * multiplication, two in every handshake. ecdh.c of the library uses it by itself, mtls/x25519.c for public keys.
 */
#define MBEDTLS_ECDH_VARIANT_EVEREST_ENABLED

/* What the library calls deprecated does not exist for us. */
#define MBEDTLS_DEPRECATED_REMOVED

/*
 * Kept from the stock configuration, and named because usher leans on them:
 *   SSL_KEEP_PEER_CERTIFICATE, PSA_CRYPTO_C   TLS 1.3 needs both; facts are read from the kept chain
 *   SSL_SESSION_TICKETS                       the callbacks through which usher writes tickets of its own
 *   HAVE_TIME_DATE                            without it validity dates are not checked
 *   SHA1_C                                    the SHA-1 fingerprint is a fact that rules read, and a certificate signed
 *                                             with SHA-1 must parse to be refused; verification profiles keep it out
 *   AESNI_C                                   AES in hardware
 *   SSL_CLI_C                                 TLS to an origin
 * SSL_EARLY_DATA is off in the stock configuration and stays so: replayed requests, and a leak on refused tickets.
 */

/* ---- Protocol parts that are not served ---- */

/* DTLS and all that belongs to it */
#undef MBEDTLS_SSL_PROTO_DTLS
#undef MBEDTLS_SSL_DTLS_ANTI_REPLAY
#undef MBEDTLS_SSL_DTLS_CLIENT_PORT_REUSE
#undef MBEDTLS_SSL_DTLS_CONNECTION_ID
#undef MBEDTLS_SSL_DTLS_CONNECTION_ID_COMPAT
#undef MBEDTLS_SSL_DTLS_HELLO_VERIFY
#undef MBEDTLS_SSL_DTLS_SRTP
#undef MBEDTLS_SSL_COOKIE_C

/* A client must not become another one in mid-connection. */
#undef MBEDTLS_SSL_RENEGOTIATION

/* Resumption is ours: no server cache, no stock tickets, which remember neither zone nor chain. */
#undef MBEDTLS_SSL_CACHE_C
#undef MBEDTLS_SSL_TICKET_C

/* A resumed handshake still makes a fresh key exchange: PSK with ECDHE stays, PSK alone goes. */
#undef MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_ENABLED

#undef MBEDTLS_SSL_CONTEXT_SERIALIZATION
#undef MBEDTLS_SSL_ENCRYPT_THEN_MAC
#undef MBEDTLS_SSL_KEYING_MATERIAL_EXPORT

/* TLS 1.2 key exchanges: ECDHE with an RSA or ECDSA certificate remains. */
#undef MBEDTLS_KEY_EXCHANGE_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_DHE_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECDHE_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_RSA_PSK_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_RSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_DHE_RSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECDH_ECDSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECDH_RSA_ENABLED
#undef MBEDTLS_KEY_EXCHANGE_ECJPAKE_ENABLED

/* ---- Algorithms ---- */

/* Curves: P-256, P-384, P-521 and X25519 remain. */
#undef MBEDTLS_ECP_DP_SECP192R1_ENABLED
#undef MBEDTLS_ECP_DP_SECP224R1_ENABLED
#undef MBEDTLS_ECP_DP_SECP192K1_ENABLED
#undef MBEDTLS_ECP_DP_SECP224K1_ENABLED
#undef MBEDTLS_ECP_DP_SECP256K1_ENABLED
#undef MBEDTLS_ECP_DP_BP256R1_ENABLED
#undef MBEDTLS_ECP_DP_BP384R1_ENABLED
#undef MBEDTLS_ECP_DP_BP512R1_ENABLED
#undef MBEDTLS_ECP_DP_CURVE448_ENABLED

/* Ciphers and modes: AES-GCM and ChaCha20-Poly1305 remain. */
#undef MBEDTLS_CIPHER_MODE_CBC
#undef MBEDTLS_CIPHER_MODE_CFB
#undef MBEDTLS_CIPHER_MODE_OFB
#undef MBEDTLS_CIPHER_MODE_XTS
#undef MBEDTLS_CCM_C
#undef MBEDTLS_NIST_KW_C
#undef MBEDTLS_ARIA_C
#undef MBEDTLS_CAMELLIA_C
#undef MBEDTLS_DES_C

#undef MBEDTLS_DHM_C
#undef MBEDTLS_ECJPAKE_C
#undef MBEDTLS_LMS_C
#undef MBEDTLS_MD5_C
#undef MBEDTLS_RIPEMD160_C
#undef MBEDTLS_PADLOCK_C

/* ---- Formats and platform ---- */

#undef MBEDTLS_PKCS7_C
#undef MBEDTLS_PKCS12_C

/* Sockets are the event loop's; keys are not stored on disk. */
#undef MBEDTLS_NET_C
#undef MBEDTLS_PSA_CRYPTO_STORAGE_C
#undef MBEDTLS_PSA_ITS_FILE_C

/* Debug calls cost time even when nobody listens. */
#undef MBEDTLS_DEBUG_C
#undef MBEDTLS_SELF_TEST

#endif
