/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures over elliptic curves are verified by libcrypto, behind the library's own interface
 * (MBEDTLS_ECDSA_VERIFY_ALT): the library's code took half of a full handshake's processor time. Nothing here
 * is secret; signing stays the library's.
 */
#include <limits.h>

#include <mbedtls/asn1write.h>
#include <mbedtls/ecdsa.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>

#include "base/str.h"
#include "mtls/libcrypto.h"

enum { SIGNATURE = MBEDTLS_ECDSA_MAX_LEN };

static const char *curve_name(mbedtls_ecp_group_id id)
{
	switch (id) {
	case MBEDTLS_ECP_DP_SECP256R1:
		return "P-256";
	case MBEDTLS_ECP_DP_SECP384R1:
		return "P-384";
	case MBEDTLS_ECP_DP_SECP521R1:
		return "P-521";
	default:
		return NULL;
	}
}

/* NULL: out of memory, or no point of the curve. */
static EVP_PKEY *key_new(const char *curve, unsigned char *point, size_t n)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	OSSL_PARAM params[] = {
	    OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME, (char *)(uintptr_t)curve, 0),
	    OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, point, n),
	    OSSL_PARAM_construct_end(),
	};
	EVP_PKEY *key = NULL;

	if (ctx != NULL && EVP_PKEY_fromdata_init(ctx) == 1)
		EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params);
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* SEQUENCE { r, s }, at the end of the room. Its length, or the library's error. */
static int signature_write(unsigned char room[SIGNATURE], const mbedtls_mpi *r, const mbedtls_mpi *s)
{
	unsigned char *p = room + SIGNATURE;
	int n = 0, rc;

	if ((rc = mbedtls_asn1_write_mpi(&p, room, s)) < 0)
		return rc;
	n += rc;
	if ((rc = mbedtls_asn1_write_mpi(&p, room, r)) < 0)
		return rc;
	n += rc;
	if ((rc = mbedtls_asn1_write_len(&p, room, (size_t)n)) < 0)
		return rc;
	n += rc;
	if ((rc = mbedtls_asn1_write_tag(&p, room, MBEDTLS_ASN1_CONSTRUCTED | MBEDTLS_ASN1_SEQUENCE)) < 0)
		return rc;
	return n + rc;
}

static bool in_range(const mbedtls_mpi *x, const mbedtls_ecp_group *grp)
{
	return mbedtls_mpi_cmp_int(x, 1) >= 0 && mbedtls_mpi_cmp_mpi(x, &grp->N) < 0;
}

int mbedtls_ecdsa_verify(mbedtls_ecp_group *grp, const unsigned char *hash, size_t hash_n,
                         const mbedtls_ecp_point *q, const mbedtls_mpi *r, const mbedtls_mpi *s)
{
	unsigned char point[MBEDTLS_ECP_MAX_PT_LEN], signature[SIGNATURE];
	const char *curve = curve_name(grp->id);
	EVP_PKEY *key = NULL;
	EVP_PKEY_CTX *ctx = NULL;
	size_t point_n;
	int n, rc;

	if (curve == NULL || hash_n > INT_MAX)
		return MBEDTLS_ERR_ECP_BAD_INPUT_DATA;
	if (!in_range(r, grp) || !in_range(s, grp))
		return MBEDTLS_ERR_ECP_VERIFY_FAILED;
	if ((rc = mbedtls_ecp_point_write_binary(grp, q, MBEDTLS_ECP_PF_UNCOMPRESSED, &point_n, point,
	                                         sizeof(point))) != 0)
		return rc;
	if ((n = signature_write(signature, r, s)) < 0)
		return n;
	rc = MBEDTLS_ERR_ECP_VERIFY_FAILED; /* whatever else is wrong: nothing is verified */
	if ((key = key_new(curve, point, point_n)) == NULL || (ctx = EVP_PKEY_CTX_new(key, NULL)) == NULL ||
	    EVP_PKEY_verify_init(ctx) != 1)
		goto done;
	if (EVP_PKEY_verify(ctx, signature + SIGNATURE - n, (size_t)n, hash, hash_n) == 1)
		rc = 0;
done:
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	ERR_clear_error(); /* some are noted of what then went another way */
	return rc;
}

/*
 * With 1 for the secret key and for the nonce, both points are the generator: r is its x, and s = z + r. So a
 * good signature is had without signing.
 */
static int good_signature(mbedtls_ecp_group *grp, unsigned z, mbedtls_mpi *r, mbedtls_mpi *s)
{
	unsigned char point[MBEDTLS_ECP_MAX_PT_LEN];
	size_t n;
	int rc;

	if ((rc = mbedtls_ecp_point_write_binary(grp, &grp->G, MBEDTLS_ECP_PF_UNCOMPRESSED, &n, point,
	                                         sizeof(point))) != 0 ||
	    (rc = mbedtls_mpi_read_binary(r, point + 1, (n - 1) / 2)) != 0 ||
	    (rc = mbedtls_mpi_mod_mpi(r, r, &grp->N)) != 0 || (rc = mbedtls_mpi_add_int(s, r, z)) != 0)
		return rc;
	return mbedtls_mpi_mod_mpi(s, s, &grp->N);
}

static bool works(mbedtls_ecp_group_id id)
{
	static const unsigned char hash[32] = {[31] = 1}, other[32] = {[31] = 2};
	mbedtls_ecp_group grp;
	mbedtls_mpi r, s;
	bool good;

	mbedtls_ecp_group_init(&grp);
	mbedtls_mpi_init(&r);
	mbedtls_mpi_init(&s);
	good =
	    mbedtls_ecp_group_load(&grp, id) == 0 && good_signature(&grp, 1, &r, &s) == 0 &&
	    mbedtls_ecdsa_verify(&grp, hash, sizeof(hash), &grp.G, &r, &s) == 0 &&
	    mbedtls_ecdsa_verify(&grp, other, sizeof(other), &grp.G, &r, &s) == MBEDTLS_ERR_ECP_VERIFY_FAILED;
	mbedtls_mpi_free(&s);
	mbedtls_mpi_free(&r);
	mbedtls_ecp_group_free(&grp);
	return good;
}

bool ecdsa_works(void)
{
	return works(MBEDTLS_ECP_DP_SECP256R1) && works(MBEDTLS_ECP_DP_SECP384R1) &&
	       works(MBEDTLS_ECP_DP_SECP521R1);
}
