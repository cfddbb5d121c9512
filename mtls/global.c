/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What Mbed TLS needs of the process: its key store, its clock, its random numbers, and one parser of ours.
 *
 * The clock is usher's, so that the two never disagree about a date. Random numbers come straight from the
 * kernel: nothing to seed, to lock, to wipe, or to duplicate in a fork.
 */
#include <mbedtls/entropy.h>
#include <mbedtls/platform.h>
#include <mbedtls/platform_time.h>
#include <mbedtls/version.h>
#include <psa/crypto.h>

#include "base/clock.h"
#include "base/err.h"
#include "mtls/libcrypto.h"
#include "mtls/inspect.h"
#include "mtls/record_pool.h"
#include "mtls/replay.h"
#include "mtls/state.h"
#include "mtls/ticket_keys.h"

int tls_random(void *context, unsigned char *out, size_t n)
{
	(void)context;
	return random_bytes(out, n) ? 0 : MBEDTLS_ERR_ENTROPY_SOURCE_FAILED;
}

/* Called by the library's PSA part (MBEDTLS_PSA_CRYPTO_EXTERNAL_RNG). */
psa_status_t mbedtls_psa_external_get_random(mbedtls_psa_external_random_context_t *context, uint8_t *output,
                                             size_t output_size, size_t *output_length)
{
	if (tls_random(context, output, output_size) != 0)
		return PSA_ERROR_INSUFFICIENT_ENTROPY;
	*output_length = output_size;
	return PSA_SUCCESS;
}

/* Called by the library for the age of tickets (MBEDTLS_PLATFORM_MS_TIME_ALT). */
mbedtls_ms_time_t mbedtls_ms_time(void)
{
	return clock_now_msec();
}

/* The handshake parses certificates through this name, which the linker leads here (--wrap): the library's
 * own function refuses a CA with critical name constraints, usher enforces them. */
int __wrap_mbedtls_x509_crt_parse_der(mbedtls_x509_crt *chain, const unsigned char *der, size_t n);

int __wrap_mbedtls_x509_crt_parse_der(mbedtls_x509_crt *chain, const unsigned char *der, size_t n)
{
	return cert_parse_der(chain, der, n);
}

static mbedtls_time_t library_time(mbedtls_time_t *out)
{
	mbedtls_time_t now = (mbedtls_time_t)clock_now();

	if (out)
		*out = now;
	return now;
}

int tls_global_init(void)
{
	mbedtls_platform_set_time(library_time);
	record_pool_init();
	if (!libcrypto_init() || psa_crypto_init() != PSA_SUCCESS)
		return -ERR_TLS;
	return ticket_keys_init();
}

void tls_global_fini(void)
{
	ticket_keys_fini();
	replay_fini();
	mbedtls_psa_crypto_free();
}

const char *tls_library_version(void)
{
	return MBEDTLS_VERSION_STRING_FULL;
}
