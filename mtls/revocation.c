/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which list counts for a certificate, and whether it is on it. A list's signature is checked once for each
 * key that claims it: for the anchors when files are read, for intermediates when they first turn up on a
 * path.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/limits.h"
#include "mtls/dn.h"
#include "mtls/inspect.h"
#include "mtls/revocation.h"

/* What is known about one list and one key. */
struct known {
	uint8_t key[32]; /* SHA-256 of the SubjectPublicKeyInfo */
	enum crl_origin origin;
};

struct entry {
	struct crl *crl;
	struct known known[LIMIT_CRL_KEYS];
	unsigned used, next;
};

struct revocation {
	pthread_mutex_t lock; /* guards known, used, next */
	struct entry *v;
	size_t n, room;
};

int revocation_new(struct revocation **out)
{
	struct revocation *r = calloc(1, sizeof(*r));

	*out = r;
	if (!r)
		return -ERR_NOMEM;
	if (pthread_mutex_init(&r->lock, NULL) != 0) {
		free(r);
		*out = NULL;
		return -ERR_NOMEM;
	}
	return 0;
}

void revocation_free(struct revocation *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->n; i++)
		crl_free(r->v[i].crl);
	pthread_mutex_destroy(&r->lock);
	free(r->v);
	free(r);
}

int revocation_add(struct revocation *r, struct crl *c)
{
	if (r->n == r->room) {
		size_t room = r->room ? r->room * 2 : 8;
		struct entry *v = reallocarray(r->v, room, sizeof(*v));

		if (!v) {
			crl_free(c);
			return -ERR_NOMEM;
		}
		r->v = v;
		r->room = room;
	}
	r->v[r->n++] = (struct entry){.crl = c};
	return 0;
}

size_t revocation_count(const struct revocation *r)
{
	return r->n;
}

static bool recall(struct revocation *r, struct entry *e, const uint8_t key[32], enum crl_origin *origin)
{
	bool found = false;

	pthread_mutex_lock(&r->lock);
	for (unsigned i = 0; i < e->used && !found; i++) {
		found = memcmp(e->known[i].key, key, 32) == 0;
		if (found)
			*origin = e->known[i].origin;
	}
	pthread_mutex_unlock(&r->lock);
	return found;
}

static void remember(struct revocation *r, struct entry *e, const uint8_t key[32], enum crl_origin origin)
{
	struct known *k;

	pthread_mutex_lock(&r->lock);
	k = &e->known[e->next];
	memcpy(k->key, key, 32);
	k->origin = origin;
	e->next = (e->next + 1) % LIMIT_CRL_KEYS;
	if (e->used < LIMIT_CRL_KEYS)
		e->used++;
	pthread_mutex_unlock(&r->lock);
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

static enum crl_origin origin_of(struct revocation *r, struct entry *e, const struct signer *s)
{
	struct str id = crt_str(&s->crt->subject_key_id);
	enum crl_origin origin;

	if (!str_eq(e->crl->issuer_canonical, buf_str(&s->name)))
		return CRL_OF_OTHER;
	if (mbedtls_x509_crt_check_key_usage(s->crt, MBEDTLS_X509_KU_CRL_SIGN) != 0)
		return CRL_BAD;
	if (recall(r, e, s->key, &origin))
		return origin;
	origin = signature_good(&e->crl->signature, &s->crt->pk) ? CRL_GOOD : CRL_BAD;
	if (origin == CRL_BAD && e->crl->key_id.n && id.n && !str_eq(e->crl->key_id, id))
		origin = CRL_OF_OTHER;
	remember(r, e, s->key, origin);
	return origin;
}

enum crl_origin revocation_origin(struct revocation *r, const struct crl *c, const struct cert *issuer)
{
	enum crl_origin origin = CRL_OF_OTHER;
	struct signer s;

	if (signer_init(&s, issuer)) {
		for (size_t i = 0; i < r->n; i++) {
			if (r->v[i].crl == c)
				origin = origin_of(r, &r->v[i], &s);
		}
	}
	buf_fini(&s.name);
	return origin;
}

static bool usable(struct revocation *r, struct entry *e, const struct signer *s, int64_t now)
{
	return e->crl->this_update <= now && origin_of(r, e, s) == CRL_GOOD;
}

/* Whether a newer usable list of the same scope replaces e. Of two that are equally new the first one serves.
 */
static bool replaced(struct revocation *r, struct entry *e, const struct signer *s, int64_t now)
{
	for (size_t i = 0; i < r->n; i++) {
		struct entry *other = &r->v[i];

		if (other != e && crl_same_scope(other->crl, e->crl) && crl_newer(other->crl, e->crl) &&
		    usable(r, other, s, now))
			return true;
	}
	return false;
}

static void lower(int64_t *until, int64_t t)
{
	if (t < *until)
		*until = t;
}

static enum revocation_status check(struct revocation *r, const struct cert *cert, const struct signer *s,
                                    int64_t now, int64_t grace, int64_t *until)
{
	bool good = false, revoked = false, expired = false, bad = false;
	struct str serial = crt_str(&cert->crt->serial);

	for (size_t i = 0; i < r->n; i++) {
		struct entry *e = &r->v[i];
		enum crl_origin origin;
		int64_t last;

		if (!str_eq(e->crl->issuer_canonical, buf_str(&s->name)) || !crl_covers(e->crl, cert) ||
		    (origin = origin_of(r, e, s)) == CRL_OF_OTHER)
			continue;
		if (origin == CRL_BAD) {
			bad = true;
			continue;
		}
		if (e->crl->this_update > now) {
			lower(until, e->crl->this_update - 1);
			continue;
		}
		if (replaced(r, e, s, now))
			continue;
		last = e->crl->next_update > INT64_MAX - grace ? INT64_MAX : e->crl->next_update + grace;
		if (last < now) {
			expired = true;
			continue;
		}
		lower(until, last);
		good = true;
		revoked |= serials_have(&e->crl->serials, serial);
	}
	return revoked   ? REVOCATION_REVOKED
	       : good    ? REVOCATION_GOOD
	       : expired ? REVOCATION_EXPIRED
	       : bad     ? REVOCATION_BAD_SIGNATURE
	                 : REVOCATION_MISSING;
}

enum revocation_status revocation_check(struct revocation *r, const struct cert *cert,
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
