/* SPDX-License-Identifier: Apache-2.0 */
/* Products of mtls/x25519.c: RFC 7748's, then beside the library's own. */
#include <mbedtls/ecp.h>

#include "tests/unit/cases.h"

enum { KEY = 32 };

int __real_mbedtls_ecp_mul(mbedtls_ecp_group *grp, mbedtls_ecp_point *r, const mbedtls_mpi *m,
                           const mbedtls_ecp_point *p, int (*rng)(void *, unsigned char *, size_t),
                           void *rng_arg);

static uint64_t seed = 1;

static int fill(void *arg, unsigned char *p, size_t n)
{
	(void)arg;
	for (size_t i = 0; i < n; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		p[i] = (unsigned char)(seed >> 56);
	}
	return 0;
}

static void unhex(const char *hex, unsigned char out[KEY])
{
	for (size_t i = 0; i < KEY; i++)
		out[i] = (unsigned char)(ascii_hex(hex[2 * i]) << 4 | ascii_hex(hex[2 * i + 1]));
}

/* The library takes clamped scalars only (RFC 7748, section 5). */
static void read_scalar(mbedtls_mpi *m, unsigned char k[KEY])
{
	k[0] &= 248;
	k[31] = (unsigned char)((k[31] & 127) | 64);
	assert_int_equal(mbedtls_mpi_read_binary_le(m, k, KEY), 0);
}

#define NINE "0900000000000000000000000000000000000000000000000000000000000000"

static void known_answers(void **state)
{
	static const struct {
		const char *scalar, *point, *product;
	} cases[] =
	    {
	        /* section 5.2 */
	        {"a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
	         "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
	         "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552"},
	        {"4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
	         "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
	         "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957"},
	        /* after one turn */
	        {NINE, NINE, "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079"},
	    },
	  *c;
	mbedtls_ecp_group grp;

	(void)state;
	mbedtls_ecp_group_init(&grp);
	assert_int_equal(mbedtls_ecp_group_load(&grp, MBEDTLS_ECP_DP_CURVE25519), 0);
	EACH(c, cases)
	{
		unsigned char scalar[KEY], point[KEY], want[KEY], got[KEY];
		mbedtls_ecp_point p, r;
		mbedtls_mpi m;
		size_t n;

		unhex(c->scalar, scalar);
		unhex(c->point, point);
		unhex(c->product, want);
		mbedtls_mpi_init(&m);
		mbedtls_ecp_point_init(&p);
		mbedtls_ecp_point_init(&r);
		read_scalar(&m, scalar);
		assert_int_equal(mbedtls_ecp_point_read_binary(&grp, &p, point, KEY), 0);
		assert_int_equal(mbedtls_ecp_mul(&grp, &r, &m, &p, fill, NULL), 0);
		assert_int_equal(
		    mbedtls_ecp_point_write_binary(&grp, &r, MBEDTLS_ECP_PF_COMPRESSED, &n, got, KEY), 0);
		assert_memory_equal(got, want, KEY);
		mbedtls_mpi_free(&m);
		mbedtls_ecp_point_free(&p);
		mbedtls_ecp_point_free(&r);
	}
	mbedtls_ecp_group_free(&grp);
}

/* The same product, written over the point itself, or the same refusal. */
static void beside_library(mbedtls_ecp_group *grp, const mbedtls_mpi *m, const mbedtls_ecp_point *p)
{
	mbedtls_ecp_point a, b;
	int rc;

	mbedtls_ecp_point_init(&a);
	mbedtls_ecp_point_init(&b);
	assert_int_equal(mbedtls_ecp_copy(&b, p), 0);
	rc = __real_mbedtls_ecp_mul(grp, &a, m, p, fill, NULL);
	assert_int_equal(mbedtls_ecp_mul(grp, &b, m, &b, fill, NULL), rc);
	if (rc == 0)
		assert_int_equal(mbedtls_ecp_point_cmp(&a, &b), 0);
	mbedtls_ecp_point_free(&a);
	mbedtls_ecp_point_free(&b);
}

static void like_the_library(void **state)
{
	static const mbedtls_ecp_group_id curves[] = {MBEDTLS_ECP_DP_CURVE25519, MBEDTLS_ECP_DP_SECP256R1},
	                                  *id;

	(void)state;
	EACH(id, curves)
	{
		mbedtls_ecp_group grp;
		mbedtls_ecp_point p;
		mbedtls_mpi m;

		mbedtls_ecp_group_init(&grp);
		mbedtls_ecp_point_init(&p);
		mbedtls_mpi_init(&m);
		assert_int_equal(mbedtls_ecp_group_load(&grp, *id), 0);
		for (int i = 0; i < 40; i++) {
			assert_int_equal(mbedtls_ecp_gen_keypair(&grp, &m, &p, fill, NULL), 0);
			beside_library(&grp, &m, &grp.G);
			beside_library(&grp, &m, &p);
		}
		assert_int_equal(mbedtls_mpi_lset(&m, 0), 0);
		beside_library(&grp, &m, &grp.G);
		mbedtls_mpi_free(&m);
		mbedtls_ecp_point_free(&p);
		mbedtls_ecp_group_free(&grp);
	}
}

/* Points of small order, and more than the field has: https://cr.yp.to/ecdh.html#validate */
static void refuses_like_the_library(void **state)
{
	static const char *const points[] =
	    {
	        "0000000000000000000000000000000000000000000000000000000000000000",
	        "0100000000000000000000000000000000000000000000000000000000000000",
	        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
	        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
	        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
	    },
	                         *const * hex;
	unsigned char scalar[KEY], point[KEY];
	mbedtls_ecp_group grp;
	mbedtls_ecp_point p, r;
	mbedtls_mpi m;

	(void)state;
	mbedtls_ecp_group_init(&grp);
	mbedtls_ecp_point_init(&p);
	mbedtls_ecp_point_init(&r);
	mbedtls_mpi_init(&m);
	assert_int_equal(mbedtls_ecp_group_load(&grp, MBEDTLS_ECP_DP_CURVE25519), 0);
	fill(NULL, scalar, KEY);
	read_scalar(&m, scalar);
	EACH(hex, points)
	{
		unhex(*hex, point);
		assert_int_equal(mbedtls_ecp_point_read_binary(&grp, &p, point, KEY), 0);
		assert_int_not_equal(mbedtls_ecp_mul(&grp, &r, &m, &p, fill, NULL), 0);
		beside_library(&grp, &m, &p);
	}
	mbedtls_mpi_free(&m);
	mbedtls_ecp_point_free(&p);
	mbedtls_ecp_point_free(&r);
	mbedtls_ecp_group_free(&grp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_answers),
	    cmocka_unit_test(like_the_library),
	    cmocka_unit_test(refuses_like_the_library),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
