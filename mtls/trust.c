/* SPDX-License-Identifier: Apache-2.0 */
/* A zone's trust anchors and CRLs as one sealed, counted object. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "mtls/inspect.h"
#include "mtls/trust.h"

const mbedtls_x509_crt_profile *trust_profile(void)
{
	static const mbedtls_x509_crt_profile profile = {
	    .allowed_mds = MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA256) | MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA384) |
	                   MBEDTLS_X509_ID_FLAG(MBEDTLS_MD_SHA512),
	    .allowed_pks = 0xfffffff,
	    .allowed_curves = MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP256R1) |
	                      MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP384R1) |
	                      MBEDTLS_X509_ID_FLAG(MBEDTLS_ECP_DP_SECP521R1),
	    .rsa_min_bitlen = 2048,
	};

	return &profile;
}

int trust_empty(struct trust **out)
{
	struct trust *t = calloc(1, sizeof(*t));

	*out = NULL;
	if (!t)
		return -ERR_NOMEM;
	atomic_init(&t->refs, 1);
	mbedtls_x509_crt_init(&t->anchors);
	if (revocation_new(&t->revocation) < 0) {
		free(t);
		return -ERR_NOMEM;
	}
	*out = t;
	return 0;
}

struct trust *trust_ref(struct trust *t)
{
	atomic_fetch_add_explicit(&t->refs, 1, memory_order_relaxed);
	return t;
}

void trust_unref(struct trust *t)
{
	if (!t || atomic_fetch_sub_explicit(&t->refs, 1, memory_order_acq_rel) != 1)
		return;
	mbedtls_x509_crt_free(&t->anchors);
	revocation_free(t->revocation);
	free(t->sorted);
	free(t->ocsp_url);
	free(t);
}

mbedtls_x509_crt *trust_anchors(const struct trust *t)
{
	return (mbedtls_x509_crt *)&t->anchors;
}

const unsigned char *trust_id(const struct trust *t)
{
	return t->id;
}

static bool already(const struct trust *t, struct str der)
{
	for (const mbedtls_x509_crt *c = &t->anchors; c && c->raw.p; c = c->next) {
		if (str_eq(crt_str(&c->raw), der))
			return true;
	}
	return false;
}

static const char *not_a_ca(const mbedtls_x509_crt *crt)
{
	struct cert c;
	int64_t from, to;

	cert_read(&c, crt);
	if (c.broken)
		return "it has an extension that cannot be read";
	if (!c.ca)
		return "it is not a CA (basicConstraints CA:TRUE is needed)";
	if (mbedtls_x509_crt_check_key_usage(crt, MBEDTLS_X509_KU_KEY_CERT_SIGN) != 0)
		return "its key usage does not allow it to sign certificates";
	if (!cert_times(crt, &from, &to))
		return "its validity is no date";
	return NULL;
}

/* A certificate is parsed aside first, so that one that does not serve is never among the anchors. */
int trust_add_ca(struct trust *t, struct str der, const mbedtls_x509_crt **added, const char **why)
{
	mbedtls_x509_crt crt;
	int rc = -ERR_INVALID;

	*added = NULL;
	if (already(t, der))
		return 0;
	mbedtls_x509_crt_init(&crt);
	*why = "it is not a certificate that the TLS library reads";
	switch (cert_parse_der(&crt, (const unsigned char *)der.p, der.n)) {
	case 0:
		break;
	case MBEDTLS_ERR_X509_ALLOC_FAILED:
		rc = -ERR_NOMEM;
		/* fall through */
	default:
		goto done;
	}
	if ((*why = not_a_ca(&crt)) != NULL)
		goto done;
	rc = cert_parse_der(&t->anchors, (const unsigned char *)der.p, der.n) == 0 ? 0 : -ERR_NOMEM;
	for (*added = &t->anchors; (*added)->next;)
		*added = (*added)->next;
done:
	mbedtls_x509_crt_free(&crt);
	return rc;
}

int trust_add_crl(struct trust *t, struct str der, struct shared_crl **added, const char **why)
{
	int rc = crl_share(added, der, why);

	return rc < 0 ? rc : revocation_add(t->revocation, *added);
}

static int by_digest(const void *a, const void *b)
{
	return memcmp(((const struct anchor *)a)->digest, ((const struct anchor *)b)->digest, 32);
}

/* The id is a digest of the anchors' digests in sorted order: the order of files does not matter. */
int trust_seal(struct trust *t)
{
	struct buf sums = BUF_INIT;
	size_t n = 0;
	int rc = 0;

	for (const mbedtls_x509_crt *c = &t->anchors; c && c->raw.p; c = c->next)
		n++;
	if (!(t->sorted = calloc(n ? n : 1, sizeof(*t->sorted))))
		return -ERR_NOMEM;
	for (const mbedtls_x509_crt *c = &t->anchors; c && c->raw.p; c = c->next) {
		struct anchor *a = &t->sorted[t->nanchors++];

		a->crt = c;
		digest_sha256(crt_str(&c->raw), a->digest);
	}
	qsort(t->sorted, n, sizeof(*t->sorted), by_digest);
	for (size_t i = 0; i < n; i++)
		buf_add(&sums, (struct str){(const char *)t->sorted[i].digest, 32});
	if (sums.failed)
		rc = -ERR_NOMEM;
	else
		digest_sha256(buf_str(&sums), t->id);
	buf_fini(&sums);
	return rc;
}

const mbedtls_x509_crt *trust_anchor(const struct trust *t, const unsigned char digest[32])
{
	struct anchor key;
	const struct anchor *found;

	memcpy(key.digest, digest, 32);
	found = bsearch(&key, t->sorted, t->nanchors, sizeof(key), by_digest);
	return found ? found->crt : NULL;
}

bool trust_anchor_digest(const struct trust *t, const mbedtls_x509_crt *anchor, unsigned char digest[32])
{
	for (size_t i = 0; i < t->nanchors; i++) {
		if (t->sorted[i].crt == anchor) {
			memcpy(digest, t->sorted[i].digest, 32);
			return true;
		}
	}
	return false;
}
