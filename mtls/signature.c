/* SPDX-License-Identifier: Apache-2.0 */
/* Signature algorithms of CRLs and OCSP answers: RSA PKCS #1 v1.5, RSASSA-PSS, ECDSA, each with SHA-256 or
 * better. */
#include <mbedtls/ecp.h>
#include <mbedtls/rsa.h>

#include "base/err.h"
#include "mtls/oid.h"
#include "mtls/signature.h"
#include "mtls/verify.h"

static mbedtls_md_type_t digest_of(struct str oid)
{
	static const struct {
		struct str oid;
		mbedtls_md_type_t md;
	} digests[] = {
	    {{"\x60\x86\x48\x01\x65\x03\x04\x02\x01", 9}, MBEDTLS_MD_SHA256},
	    {{"\x60\x86\x48\x01\x65\x03\x04\x02\x02", 9}, MBEDTLS_MD_SHA384},
	    {{"\x60\x86\x48\x01\x65\x03\x04\x02\x03", 9}, MBEDTLS_MD_SHA512},
	};

	for (size_t i = 0; i < sizeof(digests) / sizeof(digests[0]); i++) {
		if (str_eq(digests[i].oid, oid))
			return digests[i].md;
	}
	return MBEDTLS_MD_NONE;
}

/* SEQUENCE { OID, NULL OPTIONAL } of a digest. */
static bool digest_algorithm(struct der *d, mbedtls_md_type_t *md)
{
	struct der in;
	struct str oid, none;

	if (!der_enter(d, DER_SEQUENCE, &in) || !der_take(&in, DER_OID, &oid))
		return false;
	if (der_at(&in, DER_NULL) && (!der_take(&in, DER_NULL, &none) || none.n))
		return false;
	*md = digest_of(oid);
	return der_end(&in) && *md != MBEDTLS_MD_NONE;
}

/* RSASSA-PSS-params (RFC 4055 3.1). The defaults are SHA-1, so digest and mask must both be named. */
static bool pss_parameters(struct der *d, struct signature *s)
{
	struct der in, field, mask;
	struct str oid;
	int64_t n = 20;

	if (!der_enter(d, DER_SEQUENCE, &in) || !der_enter(&in, DER_CONSTRUCTED(0), &field) ||
	    !digest_algorithm(&field, &s->md) || !der_end(&field))
		return false;
	if (!der_enter(&in, DER_CONSTRUCTED(1), &field) || !der_enter(&field, DER_SEQUENCE, &mask) ||
	    !der_end(&field) || !der_take(&mask, DER_OID, &oid) || !str_eq(oid, OID_MGF1) ||
	    !digest_algorithm(&mask, &s->mgf_md) || !der_end(&mask))
		return false;
	if (der_at(&in, DER_CONSTRUCTED(2)) &&
	    (!der_enter(&in, DER_CONSTRUCTED(2), &field) || !der_small(&field, DER_INTEGER, &n) || n > 512 ||
	     !der_end(&field)))
		return false;
	s->salt = (int)n;
	if (der_at(&in, DER_CONSTRUCTED(3)) &&
	    (!der_enter(&in, DER_CONSTRUCTED(3), &field) || !der_small(&field, DER_INTEGER, &n) || n != 1 ||
	     !der_end(&field)))
		return false;
	return der_end(&in);
}

static bool algorithm_read(struct signature *s, struct str algorithm)
{
	const struct signature_name *name;
	struct der d = der_of(algorithm), in;
	struct str oid, none;

	if (!der_enter(&d, DER_SEQUENCE, &in) || !der_end(&d) || !der_take(&in, DER_OID, &oid) ||
	    !(name = oid_signature(oid)) || name->pk == MBEDTLS_PK_NONE)
		return false;
	s->md = name->md;
	if (name->pk == MBEDTLS_PK_RSASSA_PSS) {
		if (!pss_parameters(&in, s))
			return false;
	} else if (der_at(&in, DER_NULL) && (!der_take(&in, DER_NULL, &none) || none.n)) {
		return false;
	}
	if (!der_end(&in))
		return false;
	s->pk = name->pk;
	return true;
}

int signature_read(struct signature *s, struct arena *a, struct str algorithm, struct str tbs,
                   struct str value)
{
	const mbedtls_md_info_t *info;

	*s = (struct signature){.pk = MBEDTLS_PK_NONE};
	if (!algorithm_read(s, algorithm))
		return 0;
	info = mbedtls_md_info_from_type(s->md);
	if (!info || mbedtls_md(info, (const unsigned char *)tbs.p, tbs.n, s->hash) != 0) {
		s->pk = MBEDTLS_PK_NONE;
		return 0;
	}
	s->hash_length = mbedtls_md_get_size(info);
	s->value = arena_str(a, value);
	return s->value.p ? 0 : -ERR_NOMEM;
}

static bool key_strong(const mbedtls_pk_context *key)
{
	const mbedtls_x509_crt_profile *profile = trust_profile();

	if (mbedtls_pk_get_type(key) == MBEDTLS_PK_RSA)
		return mbedtls_pk_get_bitlen(key) >= profile->rsa_min_bitlen;
	return (profile->allowed_curves &
	        MBEDTLS_X509_ID_FLAG(mbedtls_ecp_keypair_get_group_id(mbedtls_pk_ec(*key)))) != 0;
}

bool signature_good(const struct signature *s, const mbedtls_pk_context *key)
{
	mbedtls_pk_rsassa_pss_options pss = {.mgf1_hash_id = s->mgf_md, .expected_salt_len = s->salt};
	mbedtls_pk_context *k = (mbedtls_pk_context *)key; /* the library locks inside where it must */

	if (s->pk == MBEDTLS_PK_NONE || !mbedtls_pk_can_do(k, s->pk) || !key_strong(k))
		return false;
	return mbedtls_pk_verify_ext(s->pk, s->pk == MBEDTLS_PK_RSASSA_PSS ? &pss : NULL, k, s->md, s->hash,
	                             s->hash_length, (const unsigned char *)s->value.p, s->value.n) == 0;
}
