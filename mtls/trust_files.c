/* SPDX-License-Identifier: Apache-2.0 */
/* Reading a zone's CA bundles and CRLs, with what is to be said about them. */
#include <errno.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "mtls/dn.h"
#include "mtls/pem.h"
#include "mtls/trust.h"

/* Warn about what expires within this time. */
enum { SOON_CA = 30 * 86400, SOON_CRL = 86400 };

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

static int add_ca(struct reading *r, const struct tls_path *path, struct str der, const char **why)
{
	const mbedtls_x509_crt *added;
	int rc = trust_add_ca(r->t, der, &added, why);

	if (rc == 0 && added != NULL)
		warn_ca(r, path, added);
	return rc;
}

static int add_crl(struct reading *r, const struct tls_path *path, struct str der, const char **why)
{
	struct shared_crl *added;
	int rc = trust_add_crl(r->t, der, &added, why);

	if (rc == 0)
		warn_crl(r, path, added);
	return rc;
}

static const struct kind { /* of file */
	struct str label;
	const char *one;
	enum diag_code code;
	int (*add)(struct reading *r, const struct tls_path *path, struct str der, const char **why);
} ca_files = {STR("CERTIFICATE"), "certificate", U3026, add_ca},
  crl_files = {STR("X509 CRL"), "CRL", U3027, add_crl};

/* 0 also when diagnostics were added: the caller counts those. Else -ERR_NOMEM. */
static int read_file(struct reading *r, const struct kind *k, const struct tls_path *path)
{
	struct buf scratch = BUF_INIT;
	struct str text, der;
	const char *why;
	unsigned n = 0;
	int rc = file_read(r->scratch, path->path.p, LIMIT_FILE_BYTES, &text), more;

	if (rc == -ERR_IO)
		diag_add(r->d, U8002, path->span, "%s cannot be read: %s", path->path.p, strerror(errno));
	if (rc < 0)
		return rc == -ERR_NOMEM ? rc : 0;
	while ((more = pem_next(&text, k->label, &scratch, &der)) == 1) {
		n++;
		if ((rc = k->add(r, path, der, &why)) == -ERR_NOMEM)
			goto done;
		if (rc < 0)
			diag_add(r->d, k->code, path->span, "%s %u of %s: %s", k->one, n, path->path.p, why);
	}
	rc = more == -ERR_NOMEM ? more : 0;
	if (more == -ERR_INVALID)
		diag_add(r->d, k->code, path->span, "%s is broken after %u %s%s", path->path.p, n, k->one,
		         n == 1 ? "" : "s");
	else if (n == 0 && more == 0)
		diag_add(r->d, k->code, path->span, "%s has no %s in it", path->path.p, k->one);
done:
	buf_fini(&scratch);
	return rc;
}

static int read_files(struct reading *r, const struct kind *k, const struct tls_path *paths, size_t n)
{
	int rc = 0;

	for (size_t i = 0; rc == 0 && i < n; i++) {
		rc = read_file(r, k, &paths[i]);
		arena_reset(r->scratch);
	}
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
	if ((rc = read_files(&r, &ca_files, spec->client_ca, spec->nclient_ca)) < 0 ||
	    (rc = read_files(&r, &crl_files, spec->client_crl, spec->nclient_crl)) < 0 ||
	    (rc = trust_seal(r.t)) < 0)
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
