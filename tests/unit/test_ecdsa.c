/* SPDX-License-Identifier: Apache-2.0 */
/* Signatures that mtls/ecdsa.c lets pass and those it does not: RFC 6979's, and the library's own with one
 * thing wrong. */
#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>

#include "tests/unit/cases.h"

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

static const mbedtls_ecp_group_id curves[] = {MBEDTLS_ECP_DP_SECP256R1, MBEDTLS_ECP_DP_SECP384R1,
                                              MBEDTLS_ECP_DP_SECP521R1},
                                  *id;

struct signed_hash {
	mbedtls_ecp_group grp;
	mbedtls_mpi d, r, s;
	mbedtls_ecp_point q;
	unsigned char hash[64];
};

static void sign(struct signed_hash *t, mbedtls_ecp_group_id curve, size_t n)
{
	mbedtls_ecp_group_init(&t->grp);
	mbedtls_mpi_init(&t->d);
	mbedtls_mpi_init(&t->r);
	mbedtls_mpi_init(&t->s);
	mbedtls_ecp_point_init(&t->q);
	assert_int_equal(mbedtls_ecp_group_load(&t->grp, curve), 0);
	assert_int_equal(mbedtls_ecp_gen_keypair(&t->grp, &t->d, &t->q, fill, NULL), 0);
	fill(NULL, t->hash, sizeof(t->hash));
	assert_int_equal(mbedtls_ecdsa_sign(&t->grp, &t->r, &t->s, &t->d, t->hash, n, fill, NULL), 0);
}

static void forget(struct signed_hash *t)
{
	mbedtls_ecp_group_free(&t->grp);
	mbedtls_mpi_free(&t->d);
	mbedtls_mpi_free(&t->r);
	mbedtls_mpi_free(&t->s);
	mbedtls_ecp_point_free(&t->q);
}

static int verify(struct signed_hash *t, size_t n)
{
	return mbedtls_ecdsa_verify(&t->grp, t->hash, n, &t->q, &t->r, &t->s);
}

/* Appendix A.2.5 and A.2.6: the message "sample" */
static void known_answers(void **state)
{
	static const struct {
		mbedtls_ecp_group_id curve;
		const char *x, *y, *hash, *r, *s;
	} cases[] =
	    {
	        {MBEDTLS_ECP_DP_SECP256R1, "60FED4BA255A9D31C961EB74C6356D68C049B8923B61FA6CE669622E60F29FB6",
	         "7903FE1008B8BC99A41AE9E95628BC64F2F1B20C2D7E9F5177A3C294D4462299",
	         "AF2BDBE1AA9B6EC1E2ADE1D694F41FC71A831D0268E9891562113D8A62ADD1BF",
	         "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
	         "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"},
	        {MBEDTLS_ECP_DP_SECP384R1,
	         "EC3A4E415B4E19A4568618029F427FA5DA9A8BC4AE92E02E06AAE5286B300C64DEF8F0EA9055866064A25451548"
	         "0BC13",
	         "8015D9B72D7D57244EA8EF9AC0C621896708A59367F9DFB9F54CA84B3F1C9DB1288B231C3AE0D4FE7344FD25332"
	         "64720",
	         "AF2BDBE1AA9B6EC1E2ADE1D694F41FC71A831D0268E9891562113D8A62ADD1BF",
	         "21B13D1E013C7FA1392D03C5F99AF8B30C570C6F98D4EA8E354B63A21D3DAA33BDE1E888E63355D92FA2B3C36D8"
	         "FB2CD",
	         "F3AA443FB107745BF4BD77CB3891674632068A10CA67E3D45DB2266FA7D1FEEBEFDC63ECCD1AC42EC0CB8668A4F"
	         "A0AB0"},
	    },
	  *c;

	(void)state;
	EACH(c, cases)
	{
		struct signed_hash t;
		mbedtls_mpi h;

		sign(&t, c->curve, 32);
		mbedtls_mpi_init(&h);
		assert_int_equal(mbedtls_mpi_read_string(&h, 16, c->hash), 0);
		assert_int_equal(mbedtls_mpi_write_binary(&h, t.hash, 32), 0);
		assert_int_equal(mbedtls_ecp_point_read_string(&t.q, 16, c->x, c->y), 0);
		assert_int_equal(mbedtls_mpi_read_string(&t.r, 16, c->r), 0);
		assert_int_equal(mbedtls_mpi_read_string(&t.s, 16, c->s), 0);
		assert_int_equal(verify(&t, 32), 0);
		t.hash[31] ^= 1;
		assert_int_equal(verify(&t, 32), MBEDTLS_ERR_ECP_VERIFY_FAILED);
		mbedtls_mpi_free(&h);
		forget(&t);
	}
}

static void passes_what_the_library_signs(void **state)
{
	static const size_t lengths[] = {20, 28, 32, 48, 64}, *n;

	(void)state;
	EACH(id, curves)
	EACH(n, lengths)
	for (int i = 0; i < 3; i++) {
		struct signed_hash t;

		sign(&t, *id, *n);
		assert_int_equal(verify(&t, *n), 0);
		forget(&t);
	}
}

static void flip(mbedtls_mpi *x, size_t bit)
{
	assert_int_equal(mbedtls_mpi_set_bit(x, bit, !mbedtls_mpi_get_bit(x, bit)), 0);
}

static void one_bit_is_enough(void **state)
{
	size_t bit, bits;

	(void)state;
	EACH(id, curves)
	{
		struct signed_hash t;
		mbedtls_mpi *numbers[4], **x;

		sign(&t, *id, 32);
		bits = t.grp.nbits;
		for (bit = 0; bit < 256; bit++) {
			t.hash[bit / 8] ^= (unsigned char)(1 << bit % 8);
			assert_int_equal(verify(&t, 32), MBEDTLS_ERR_ECP_VERIFY_FAILED);
			t.hash[bit / 8] ^= (unsigned char)(1 << bit % 8);
		}
		numbers[0] = &t.r;
		numbers[1] = &t.s;
		numbers[2] = &t.q.MBEDTLS_PRIVATE(X); /* no point of the curve */
		numbers[3] = &t.q.MBEDTLS_PRIVATE(Y);
		EACH(x, numbers)
		for (bit = 0; bit < bits; bit += 5) {
			flip(*x, bit);
			assert_int_equal(verify(&t, 32), MBEDTLS_ERR_ECP_VERIFY_FAILED);
			flip(*x, bit);
		}
		assert_int_equal(verify(&t, 32), 0);
		forget(&t);
	}
}

/* 0, N, what is congruent, and less than nothing; the key of nobody. */
static void numbers_out_of_range(void **state)
{
	(void)state;
	EACH(id, curves)
	{
		for (int which = 0; which < 2; which++)
			for (int how = 0; how < 4; how++) {
				struct signed_hash t;
				mbedtls_mpi *x;

				sign(&t, *id, 32);
				x = which == 0 ? &t.r : &t.s;
				switch (how) {
				case 0:
					assert_int_equal(mbedtls_mpi_lset(x, 0), 0);
					break;
				case 1:
					assert_int_equal(mbedtls_mpi_copy(x, &t.grp.N), 0);
					break;
				case 2:
					assert_int_equal(mbedtls_mpi_add_mpi(x, x, &t.grp.N), 0);
					break;
				default:
					assert_int_equal(mbedtls_mpi_sub_mpi(x, x, &t.grp.N), 0);
				}
				assert_int_equal(verify(&t, 32), MBEDTLS_ERR_ECP_VERIFY_FAILED);
				forget(&t);
			}
	}
	EACH(id, curves)
	{
		struct signed_hash t;

		sign(&t, *id, 32);
		assert_int_equal(mbedtls_ecp_set_zero(&t.q), 0);
		assert_int_not_equal(verify(&t, 32), 0);
		forget(&t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_answers),
	    cmocka_unit_test(passes_what_the_library_signs),
	    cmocka_unit_test(one_bit_is_enough),
	    cmocka_unit_test(numbers_out_of_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
