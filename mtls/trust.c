/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a zone's CA bundles and CRLs into one sealed, counted object. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "mtls/dn.h"
#include "mtls/inspect.h"
#include "mtls/oid.h"
#include "mtls/pem.h"
#include "mtls/trust.h"

/* Warn about what expires within this time. */
enum { SOON_CA = 30 * 86400, SOON_CRL = 86400 };

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

/* What reading one zone's files needs at hand. */
struct reading {
	struct trust *t;
	struct diags *d;
	struct arena *scratch;
	int64_t now;
};

static struct str subject_text(struct arena *a, const mbedtls_x509_crt *crt)
{
	struct buf b = BUF_INIT;
	struct dn dn;
	struct str s = STR_NONE;

	if (dn_read(a, crt_str(&crt->subject_raw), &dn) == 0 && dn_print(&b, &dn))
		s = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return s;
}

static const char *days(char text[32], int64_t seconds)
{
	snprintf(text, 32, "%lld day%s", (long long)(seconds / 86400), seconds / 86400 == 1 ? "" : "s");
	return text;
}

static void warn_ca(struct reading *r, const struct tls_path *path, const mbedtls_x509_crt *crt)
{
	struct str name = subject_text(r->scratch, crt);
	int64_t from, to;
	char text[32];

	if (!cert_times(crt, &from, &to))
		return;
	if (to < r->now)
		diag_add(r->d, U3030, path->span, "the CA %.*s in %s has expired", STR_FMT(name),
		         path->path.p);
	else if (from > r->now)
		diag_add(r->d, U3030, path->span, "the CA %.*s in %s is not valid yet", STR_FMT(name),
		         path->path.p);
	else if (to - r->now < SOON_CA)
		diag_add(r->d, U3030, path->span, "the CA %.*s in %s expires in %s", STR_FMT(name),
		         path->path.p, days(text, to - r->now));
}

static int read_file(struct reading *r, const struct tls_path *path, struct str *text)
{
	int rc = file_read(r->scratch, path->path.p, LIMIT_FILE_BYTES, text);

	if (rc == -ERR_IO)
		diag_add(r->d, U8002, path->span, "%s cannot be read: %s", path->path.p, strerror(errno));
	return rc;
}

/* 0 also when diagnostics were added: the caller counts those. Else -ERR_NOMEM. */
static int read_ca_file(struct reading *r, const struct tls_path *path)
{
	struct buf scratch = BUF_INIT;
	struct str text, der;
	unsigned n = 0;
	int rc = read_file(r, path, &text), more;

	if (rc < 0)
		return rc == -ERR_NOMEM ? rc : 0;
	while ((more = pem_next(&text, STR("CERTIFICATE"), &scratch, &der)) == 1) {
		const mbedtls_x509_crt *added;
		const char *why;

		n++;
		rc = trust_add_ca(r->t, der, &added, &why);
		if (rc == -ERR_NOMEM)
			goto done;
		if (rc < 0)
			diag_add(r->d, U3026, path->span, "certificate %u of %s: %s", n, path->path.p, why);
		else if (added)
			warn_ca(r, path, added);
	}
	rc = more == -ERR_NOMEM ? more : 0;
	if (more == -ERR_INVALID)
		diag_add(r->d, U3026, path->span, "%s is broken after %u certificate%s", path->path.p, n,
		         n == 1 ? "" : "s");
	else if (n == 0 && more == 0)
		diag_add(r->d, U3026, path->span, "%s has no certificate in it", path->path.p);
done:
	buf_fini(&scratch);
	return rc;
}

static void warn_crl(struct reading *r, const struct tls_path *path, struct shared_crl *shared)
{
	const struct crl *c = shared_crl(shared);
	bool good = false, bad = false;

	for (const mbedtls_x509_crt *a = &r->t->anchors; a && a->raw.p; a = a->next) {
		struct cert issuer;
		enum crl_origin origin;

		cert_read(&issuer, a);
		origin = revocation_origin(shared, &issuer);
		good |= origin == CRL_GOOD;
		bad |= origin == CRL_BAD;
	}
	if (bad && !good)
		diag_add(r->d, U3031, path->span,
		         "the CRL of %.*s in %s is not signed by that CA: certificates of it "
		         "will not verify",
		         STR_FMT(c->issuer), path->path.p);
	if (c->this_update > r->now)
		diag_add(r->d, U3030, path->span, "the CRL of %.*s in %s is not valid yet",
		         STR_FMT(c->issuer), path->path.p);
	else if (c->next_update < r->now)
		diag_add(r->d, U3030, path->span, "the CRL of %.*s in %s has expired%s", STR_FMT(c->issuer),
		         path->path.p,
		         c->next_update + r->t->crl_grace < r->now
		             ? ": certificates of it will not verify"
		             : "; it still serves for a while (crl_grace)");
	else if (c->next_update - r->now < SOON_CRL)
		diag_add(r->d, U3030, path->span, "the CRL of %.*s in %s expires in %lld minutes",
		         STR_FMT(c->issuer), path->path.p, (long long)(c->next_update - r->now) / 60);
}

static int read_crl_file(struct reading *r, const struct tls_path *path)
{
	struct buf scratch = BUF_INIT;
	struct str text, der;
	unsigned n = 0;
	int rc = read_file(r, path, &text), more;

	if (rc < 0)
		return rc == -ERR_NOMEM ? rc : 0;
	while ((more = pem_next(&text, STR("X509 CRL"), &scratch, &der)) == 1) {
		struct shared_crl *c;
		const char *why;

		n++;
		rc = trust_add_crl(r->t, der, &c, &why);
		if (rc == -ERR_NOMEM)
			goto done;
		if (rc < 0)
			diag_add(r->d, U3027, path->span, "CRL %u of %s: %s", n, path->path.p, why);
		else
			warn_crl(r, path, c);
	}
	rc = more == -ERR_NOMEM ? more : 0;
	if (more == -ERR_INVALID)
		diag_add(r->d, U3027, path->span, "%s is broken after %u CRL%s", path->path.p, n,
		         n == 1 ? "" : "s");
	else if (n == 0 && more == 0)
		diag_add(r->d, U3027, path->span, "%s has no CRL in it", path->path.p);
done:
	buf_fini(&scratch);
	return rc;
}

int trust_new(struct trust **out, const struct tls_zone_spec *spec, struct diags *d)
{
	struct arena scratch = ARENA_INIT;
	struct reading r = {.d = d, .scratch = &scratch, .now = clock_now()};
	unsigned before = d->errors;
	int rc;

	*out = NULL;
	if ((rc = trust_empty(&r.t)) < 0)
		return rc;
	r.t->crl_required = spec->crl_required;
	r.t->crl_grace = spec->crl_grace;
	r.t->ocsp = spec->ocsp;
	if (spec->ocsp_url.n && !(r.t->ocsp_url = strndup(spec->ocsp_url.p, spec->ocsp_url.n))) {
		rc = -ERR_NOMEM;
		goto done;
	}
	for (size_t i = 0; i < spec->nclient_ca; i++) {
		if ((rc = read_ca_file(&r, &spec->client_ca[i])) < 0)
			goto done;
		arena_reset(&scratch);
	}
	for (size_t i = 0; i < spec->nclient_crl; i++) {
		if ((rc = read_crl_file(&r, &spec->client_crl[i])) < 0)
			goto done;
		arena_reset(&scratch);
	}
	if ((rc = trust_seal(r.t)) < 0)
		goto done;
	rc = d->errors == before ? 0 : -ERR_RULES;
done:
	if (rc == 0) {
		*out = r.t;
		r.t = NULL;
	}
	trust_unref(r.t);
	arena_fini(&scratch);
	return rc;
}
