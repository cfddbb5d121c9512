/* SPDX-License-Identifier: Apache-2.0 */
/* A sealed zone, asked what is in it. */
#include "mtls/ends.h"

#include "base/err.h"
#include "mtls/dn.h"
#include "mtls/pem.h"
#include "mtls/state.h"
#include "mtls/trust.h"

struct ends {
	struct arena *a;
	struct tls_end *v;
	size_t n;
	bool failed;
};

static void add(struct ends *e, enum tls_end_kind kind, struct str name, int64_t at)
{
	struct str copy = arena_str(e->a, name);

	e->failed |= !copy.p;
	e->v[e->n++] = (struct tls_end){kind, copy, at};
}

static void add_cert(struct ends *e, enum tls_end_kind kind, const mbedtls_x509_crt *crt)
{
	struct arena scratch = ARENA_INIT;
	struct buf text = BUF_INIT;
	struct dn dn;
	int64_t from, to;

	if (cert_times(crt, &from, &to)) {
		if (dn_read(&scratch, crt_str(&crt->subject_raw), &dn) == 0)
			dn_print(&text, &dn);
		add(e, kind, buf_str(&text), to);
	}
	buf_fini(&text);
	arena_fini(&scratch);
}

static size_t count_anchors(const struct trust *t)
{
	size_t n = 0;

	for (const mbedtls_x509_crt *c = &t->anchors; c && c->raw.p; c = c->next)
		n++;
	return n;
}

static bool replaced(const struct revocation *r, const struct crl *c)
{
	for (size_t i = 0; i < revocation_count(r); i++) {
		const struct crl *other = revocation_list(r, i);

		if (other != c && str_eq(other->issuer_canonical, c->issuer_canonical) &&
		    str_eq(other->key_id, c->key_id) && crl_same_scope(other, c) && crl_newer(other, c))
			return true;
	}
	return false;
}

int tls_zone_ends(const struct tls_zone *z, struct arena *a, struct tls_end **out, size_t *n)
{
	const struct trust *t = z->trust;
	size_t lists = revocation_count(t->revocation);
	struct ends e = {.a = a};

	e.v = arena_array(a, z->ncerts + count_anchors(t) + lists, sizeof(*e.v));
	if (!e.v)
		return -ERR_NOMEM;
	for (size_t i = 0; i < z->ncerts; i++)
		add_cert(&e, TLS_END_CERTIFICATE, &z->certs[i].chain);
	for (const mbedtls_x509_crt *c = &t->anchors; c && c->raw.p; c = c->next)
		add_cert(&e, TLS_END_CA, c);
	for (size_t i = 0; i < lists; i++) {
		const struct crl *c = revocation_list(t->revocation, i);

		if (!replaced(t->revocation, c))
			add(&e, TLS_END_CRL, c->issuer, c->next_update);
	}
	*out = e.v;
	*n = e.n;
	return e.failed ? -ERR_NOMEM : 0;
}

int tls_zone_crl_urls(const struct tls_zone *z, struct arena *a, struct str **out, size_t *n)
{
	size_t anchors = count_anchors(z->trust);

	*n = 0;
	if (!(*out = arena_array(a, anchors * LIMIT_CERT_URLS, sizeof(**out))))
		return -ERR_NOMEM;
	for (const mbedtls_x509_crt *c = &z->trust->anchors; c && c->raw.p; c = c->next) {
		struct cert cert;
		size_t first = *n;

		cert_read(&cert, c);
		*n += cert_crl_urls(&cert, *out + first, LIMIT_CERT_URLS);
		for (size_t i = first; i < *n; i++) {
			if (!((*out)[i] = arena_str(a, (*out)[i])).p)
				return -ERR_NOMEM;
		}
	}
	return 0;
}

static bool forged(const struct trust *t, struct shared_crl *list)
{
	bool bad = false;

	for (const mbedtls_x509_crt *c = &t->anchors; c && c->raw.p; c = c->next) {
		struct cert issuer;

		cert_read(&issuer, c);
		switch (revocation_origin(list, &issuer)) {
		case CRL_GOOD:
			return false;
		case CRL_BAD:
			bad = true;
			break;
		case CRL_OF_OTHER:
			break;
		}
	}
	return bad;
}

bool tls_zone_crl_forged(const struct tls_zone *z, struct str text)
{
	struct buf scratch = BUF_INIT;
	struct str der;
	bool bad = false;

	while (!bad && pem_next(&text, STR("X509 CRL"), &scratch, &der) == 1) {
		struct shared_crl *list;
		const char *why;

		if (crl_share(&list, der, &why) < 0)
			break;
		bad = forged(z->trust, list);
		crl_unshare(list);
	}
	buf_fini(&scratch);
	return bad;
}
