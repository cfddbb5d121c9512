/* SPDX-License-Identifier: Apache-2.0 */
/*
 * X25519 by the verified implementation of Project Everest, which the library brings along and uses for the
 * shared secret, but not where a public key is made of a private one. This file steps in front of that
 * function (--wrap, see the Makefile). Other curves are the library's.
 */
#include <mbedtls/ecdh.h>
#include <mbedtls/ecp.h>
#include <mbedtls/platform_util.h>

#include "base/str.h"

enum { KEY = MBEDTLS_X25519_KEY_SIZE_BYTES };

int __real_mbedtls_ecp_mul(mbedtls_ecp_group *grp, mbedtls_ecp_point *r, const mbedtls_mpi *m,
                           const mbedtls_ecp_point *p, int (*rng)(void *, unsigned char *, size_t),
                           void *rng_arg);
int __wrap_mbedtls_ecp_mul(mbedtls_ecp_group *grp, mbedtls_ecp_point *r, const mbedtls_mpi *m,
                           const mbedtls_ecp_point *p, int (*rng)(void *, unsigned char *, size_t),
                           void *rng_arg);

int __wrap_mbedtls_ecp_mul(mbedtls_ecp_group *grp, mbedtls_ecp_point *r, const mbedtls_mpi *m,
                           const mbedtls_ecp_point *p, int (*rng)(void *, unsigned char *, size_t),
                           void *rng_arg)
{
	mbedtls_x25519_context x;
	unsigned char product[KEY];
	size_t n;
	int rc;

	if (mbedtls_ecp_get_type(grp) != MBEDTLS_ECP_TYPE_MONTGOMERY || grp->id != MBEDTLS_ECP_DP_CURVE25519)
		return __real_mbedtls_ecp_mul(grp, r, m, p, rng, rng_arg);
	mbedtls_x25519_init(&x);
	/* what the library checks, too: a clamped scalar, a point that is none of small order */
	if ((rc = mbedtls_ecp_check_privkey(grp, m)) == 0 && (rc = mbedtls_ecp_check_pubkey(grp, p)) == 0 &&
	    (rc = mbedtls_mpi_write_binary_le(m, x.our_secret, KEY)) == 0 &&
	    (rc = mbedtls_mpi_write_binary_le(&p->MBEDTLS_PRIVATE(X), x.peer_point, KEY)) == 0 &&
	    (rc = mbedtls_x25519_calc_secret(&x, &n, product, KEY, rng, rng_arg)) == 0)
		rc = mbedtls_ecp_point_read_binary(grp, r, product, KEY);
	mbedtls_x25519_free(&x);
	mbedtls_platform_zeroize(product, KEY);
	return rc;
}
