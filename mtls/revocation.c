/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which list counts for a certificate, and whether it is on it. A list's signature is checked once for each
 * key that claims it: for the anchors when files are read, for intermediates when they first turn up on a
 * path.
 */
#include <stdlib.h>

#include "base/err.h"
#include "mtls/dn.h"
#include "mtls/inspect.h"
#include "mtls/revocation.h"

struct revocation {
	struct shared_crl **v;
	size_t n, room;
};

int revocation_new(struct revocation **out)
{
	return (*out = calloc(1, sizeof(**out))) ? 0 : -ERR_NOMEM;
}

void revocation_free(struct revocation *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		crl_unshare(r->v[i]);
	free(r->v);
	free(r);
}

int revocation_add(struct revocation *r, struct shared_crl *c)
{
	if (r->n == r->room) {
		size_t room = r->room ? r->room * 2 : 8;
		struct shared_crl **v = reallocarray(r->v, room, sizeof(*v));

		if (!v) {
			crl_unshare(c);
			return -ERR_NOMEM;
		}
		r->v = v;
		r->room = room;
	}
	r->v[r->n++] = c;
	return 0;
}

size_t revocation_count(const struct revocation *r)
{
	return r->n;
}

const struct crl *revocation_list(const struct revocation *r, size_t i)
{
	return shared_crl(r->v[i]);
}

/* The issuer's side of a check, worked out once. */
struct signer {
	const mbedtls_x509_crt *crt;
	struct buf name; /* canonical */
	uint8_t key[32];
};

static bool signer_init(struct signer *s, const struct cert *issuer)
{
	struct arena scratch = ARENA_INIT;
	struct dn dn;
	bool good;

	*s = (struct signer){.crt = issuer->crt, .name = BUF_INIT};
	good = dn_read(&scratch, crt_str(&issuer->crt->subject_raw), &dn) == 0 &&
	       dn_canonical(&s->name, &dn) == 0;
	arena_fini(&scratch);
	digest_sha256(crt_str(&issuer->crt->pk_raw), s->key);
	return good;
}

static enum crl_origin origin_of(struct shared_crl *c, const struct signer *s)
{
	struct str id = crt_str(&s->crt->subject_key_id), wanted = shared_crl(c)->key_id;

	if (!str_eq(shared_crl(c)->issuer_canonical, buf_str(&s->name)))
		return CRL_OF_OTHER;
	if (mbedtls_x509_crt_check_key_usage(s->crt, MBEDTLS_X509_KU_CRL_SIGN) != 0)
		return CRL_BAD;
	if (shared_crl_signed_by(c, &s->crt->pk, s->key))
		return CRL_GOOD;
	return wanted.n && id.n && !str_eq(wanted, id) ? CRL_OF_OTHER : CRL_BAD;
}

enum crl_origin revocation_origin(struct shared_crl *c, const struct cert *issuer)
{
	enum crl_origin origin = CRL_OF_OTHER;
	struct signer s;

	if (signer_init(&s, issuer))
		origin = origin_of(c, &s);
	buf_fini(&s.name);
	return origin;
}

/* Whether a newer list of the same scope, made by the same key and begun, replaces c. Of two that are equally
 * new both are heeded. */
static bool replaced(const struct revocation *r, const struct shared_crl *c, const struct signer *s,
                     int64_t now)
{
	for (size_t i = 0; i < r->n; i++) {
		const struct crl *other = shared_crl(r->v[i]);

		if (r->v[i] != c && other->this_update <= now && crl_same_scope(other, shared_crl(c)) &&
		    crl_newer(other, shared_crl(c)) && origin_of(r->v[i], s) == CRL_GOOD)
			return true;
	}
	return false;
}

static void lower(int64_t *until, int64_t t)
{
	if (t < *until)
		*until = t;
}

static enum revocation_status check(const struct revocation *r, const struct cert *cert,
                                    const struct signer *s, int64_t now, int64_t grace, int64_t *until)
{
	bool good = false, revoked = false, expired = false, bad = false;
	struct str serial = crt_str(&cert->crt->serial);

	for (size_t i = 0; i < r->n; i++) {
		const struct crl *c = shared_crl(r->v[i]);
		enum crl_origin origin;
		int64_t last;

		if (!str_eq(c->issuer_canonical, buf_str(&s->name)) || !crl_covers(c, cert) ||
		    (origin = origin_of(r->v[i], s)) == CRL_OF_OTHER)
			continue;
		if (origin == CRL_BAD) {
			bad = true;
			continue;
		}
		if (c->this_update > now) {
			lower(until, c->this_update - 1);
			continue;
		}
		if (replaced(r, r->v[i], s, now))
			continue;
		last = c->next_update > INT64_MAX - grace ? INT64_MAX : c->next_update + grace;
		if (last < now) {
			expired = true;
			continue;
		}
		lower(until, last);
		good = true;
		revoked |= serials_have(&c->serials, serial);
	}
	return revoked   ? REVOCATION_REVOKED
	       : good    ? REVOCATION_GOOD
	       : expired ? REVOCATION_EXPIRED
	       : bad     ? REVOCATION_BAD_SIGNATURE
	                 : REVOCATION_MISSING;
}

enum revocation_status revocation_check(const struct revocation *r, const struct cert *cert,
                                        const struct cert *issuer, int64_t now, int64_t grace, int64_t *until)
{
	enum revocation_status status = REVOCATION_BAD_SIGNATURE; /* what no memory looks like: refused */
	struct signer s;

	if (r->n == 0)
		return REVOCATION_MISSING;
	if (signer_init(&s, issuer))
		status = check(r, cert, &s, now, grace, until);
	buf_fini(&s.name);
	return status;
}
