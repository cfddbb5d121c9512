/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The verdict on a client's chain. The library builds the path and checks signatures, algorithms, CA-ness and
 * path lengths; all the rest is decided here, dates too, because the library asks the system's clock and not
 * ours.
 *
 * Several things may be wrong at once. The first that holds, in this order, is the result:
 *
 *   untrusted            nothing signed by an anchor: the certificate says what its sender likes
 *   weak                 the signatures on the path prove little
 *   bad_usage            sound, but not meant for this
 *   name_constraint      sound, but its CA may not vouch for this name
 *   not_yet_valid        sound, and time alone is wrong
 *   expired
 *   issuer_revoked       a CA of the path is no longer one
 *   crl_bad_signature    nothing trustworthy is known about revocation: fail closed
 *   crl_missing
 *   crl_expired
 *   revoked              verified: all else is in order, and the certificate is on a valid, current list
 *   ok                   verified
 */
#include <stdlib.h>

#include <mbedtls/oid.h>

#include "base/err.h"
#include "base/memory.h"
#include "mtls/cert.h"
#include "mtls/constraints.h"
#include "mtls/inspect.h"
#include "mtls/internal.h"
#include "mtls/ocsp_store.h"
#include "mtls/path_cache.h"
#include "mtls/trust.h"

static const enum verify_result priority[] = {
    VERIFY_UNTRUSTED,     VERIFY_WEAK,        VERIFY_BAD_USAGE,      VERIFY_NAME_CONSTRAINT,
    VERIFY_NOT_YET_VALID, VERIFY_EXPIRED,     VERIFY_ISSUER_REVOKED, VERIFY_CRL_BAD_SIGNATURE,
    VERIFY_CRL_MISSING,   VERIFY_CRL_EXPIRED, VERIFY_REVOKED,
};

enum {
	WEAK_FLAGS = MBEDTLS_X509_BADCERT_BAD_MD | MBEDTLS_X509_BADCERT_BAD_PK | MBEDTLS_X509_BADCERT_BAD_KEY,
	DATE_FLAGS = MBEDTLS_X509_BADCERT_EXPIRED | MBEDTLS_X509_BADCERT_FUTURE
};

/* A path being judged. */
struct judgement {
	const struct trust *t;
	struct cert at[LIMIT_PATH]; /* leaf first */
	int n;
	int64_t now, until;
	bool signed_path;
	unsigned faults; /* bit r: verify_result r holds */
};

static void fault(struct judgement *j, enum verify_result r)
{
	j->faults |= 1u << r;
}

static void lower(int64_t *until, int64_t t)
{
	if (t < *until)
		*until = t;
}

/* The library's verify callback: from the anchor, at the highest depth, down to the leaf. */
static int collect(void *context, mbedtls_x509_crt *crt, int depth, uint32_t *flags)
{
	struct path *p = context;

	if (depth < 0 || depth >= LIMIT_PATH) {
		p->overflow = true;
		return 0;
	}
	if (depth >= p->n)
		p->n = depth + 1;
	p->at[depth].cert = crt;
	p->at[depth].flags = *flags;
	return 0;
}

static bool is_anchor(const struct trust *t, const mbedtls_x509_crt *crt)
{
	for (const mbedtls_x509_crt *c = &t->anchors; c && c->raw.p; c = c->next) {
		if (c == crt || str_eq(crt_str(&c->raw), crt_str(&crt->raw)))
			return true;
	}
	return false;
}

static const mbedtls_x509_crt *anchor_named(const struct trust *t, const mbedtls_x509_buf *name)
{
	for (const mbedtls_x509_crt *c = &t->anchors; c && c->raw.p; c = c->next) {
		if (str_eq(crt_str(&c->subject_raw), crt_str(name)))
			return c;
	}
	return NULL;
}

static bool self_issued(const mbedtls_x509_crt *crt)
{
	return str_eq(crt_str(&crt->subject_raw), crt_str(&crt->issuer_raw));
}

/* A path that is signed all the way from an anchor of this trust to this leaf. The leaf being an anchor
 * itself is none: nobody vouched for it, and being listed as a CA is no permission to enter as a client. */
static bool signed_path(struct judgement *j, const mbedtls_x509_crt *chain, const struct path *path)
{
	if (path->overflow || path->n < 2 || path->n > LIMIT_PATH)
		return false;
	for (int i = 0; i < path->n; i++) {
		if (!path->at[i].cert || (path->at[i].flags & ~(uint32_t)(WEAK_FLAGS | DATE_FLAGS)))
			return false;
		cert_read(&j->at[i], path->at[i].cert);
		if (j->at[i].broken || (i > 0 && !j->at[i].ca))
			return false;
	}
	j->n = path->n;
	return str_eq(crt_str(&path->at[0].cert->raw), crt_str(&chain->raw)) &&
	       is_anchor(j->t, path->at[path->n - 1].cert);
}

/*
 * Why the library found no path: signed all the way, and yet refused, means that somebody who is no CA (or
 * whose path length is used up) issued certificates. Names are followed first and signatures checked from the
 * anchor down, up to the first bad one, so that a stranger's chain costs nothing here.
 */
static bool misused_ca(const struct trust *t, const mbedtls_x509_crt *chain)
{
	const mbedtls_x509_crt *up[LIMIT_CHAIN_CERTS + 1], *anchor, *c;
	int n = 0;

	if (is_anchor(t, chain))
		return false;
	up[n++] = chain;
	while (!(anchor = anchor_named(t, &up[n - 1]->issuer_raw))) {
		for (c = up[n - 1]->next; c; c = c->next) {
			if (str_eq(crt_str(&c->subject_raw), crt_str(&up[n - 1]->issuer_raw)))
				break;
		}
		if (!c || n == LIMIT_CHAIN_CERTS)
			return false;
		up[n++] = c;
	}
	up[n] = anchor;
	while (n > 0) {
		if (!cert_signed_by(up[n - 1], up[n]))
			return false;
		n--;
	}
	return true;
}

static void judge_strength(struct judgement *j, const struct path *path)
{
	for (int i = 0; i < path->n; i++) {
		if (path->at[i].flags & WEAK_FLAGS)
			fault(j, VERIFY_WEAK);
	}
}

/* Extended key usage binds CAs as well, as every other TLS library has it: a CA for servers makes no clients.
 */
static void judge_usage(struct judgement *j)
{
	if (mbedtls_x509_crt_check_key_usage(j->at[0].crt, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) != 0)
		fault(j, VERIFY_BAD_USAGE);
	for (int i = 0; i < j->n; i++) {
		if (mbedtls_x509_crt_check_extended_key_usage(j->at[i].crt, MBEDTLS_OID_CLIENT_AUTH,
		                                              MBEDTLS_OID_SIZE(MBEDTLS_OID_CLIENT_AUTH)) !=
		        0 ||
		    (i > 0 &&
		     mbedtls_x509_crt_check_key_usage(j->at[i].crt, MBEDTLS_X509_KU_KEY_CERT_SIGN) != 0))
			fault(j, VERIFY_BAD_USAGE);
	}
}

/* RFC 5280 6.1.3 b and c: self-issued CAs below the constrained one are exempt. */
static void judge_names(struct judgement *j)
{
	struct arena scratch = ARENA_INIT;

	for (int ca = 1; ca < j->n; ca++) {
		for (int i = 0; i < ca; i++) {
			if (i > 0 && self_issued(j->at[i].crt))
				continue;
			if (!constraints_allow(&scratch, &j->at[ca], &j->at[i], i == 0))
				fault(j, VERIFY_NAME_CONSTRAINT);
			arena_reset(&scratch);
		}
	}
	arena_fini(&scratch);
}

static void judge_dates(struct judgement *j)
{
	for (int i = 0; i < j->n; i++) {
		int64_t from, to;

		if (!cert_times(j->at[i].crt, &from, &to)) {
			fault(j, VERIFY_EXPIRED);
			continue;
		}
		if (j->now < from) {
			fault(j, VERIFY_NOT_YET_VALID);
			lower(&j->until, from - 1);
		} else if (j->now > to) {
			fault(j, VERIFY_EXPIRED);
		} else {
			lower(&j->until, to);
		}
	}
}

/*
 * The path ends at the first anchor. If that is an intermediate CA, and the zone trusts its issuer as well, a
 * list of that issuer which names it still counts; nothing else is asked of the CAs above an anchor.
 */
static void judge_anchor(struct judgement *j)
{
	const mbedtls_x509_crt *crt = j->at[j->n - 1].crt, *up;

	for (int i = 0; i < LIMIT_PATH && !self_issued(crt) && (up = anchor_named(j->t, &crt->issuer_raw));
	     i++) {
		struct cert cert, issuer;

		cert_read(&cert, crt);
		cert_read(&issuer, up);
		if (revocation_check(j->t->revocation, &cert, &issuer, j->now, j->t->crl_grace, &j->until) ==
		    REVOCATION_REVOKED)
			fault(j, VERIFY_ISSUER_REVOKED);
		crt = up;
	}
}

static void judge_revocation(struct judgement *j)
{
	const struct trust *t = j->t;

	for (int i = 0; i + 1 < j->n; i++) {
		switch (revocation_check(t->revocation, &j->at[i], &j->at[i + 1], j->now, t->crl_grace,
		                         &j->until)) {
		case REVOCATION_GOOD:
			break;
		case REVOCATION_REVOKED:
			fault(j, i == 0 ? VERIFY_REVOKED : VERIFY_ISSUER_REVOKED);
			break;
		case REVOCATION_EXPIRED:
			fault(j, VERIFY_CRL_EXPIRED);
			break;
		case REVOCATION_BAD_SIGNATURE:
			fault(j, VERIFY_CRL_BAD_SIGNATURE);
			break;
		case REVOCATION_MISSING:
			if (t->crl_required)
				fault(j, VERIFY_CRL_MISSING);
			break;
		}
	}
}

/* OCSP is asked about the leaf only. What it has not said yet is nothing (soft) or as bad as a missing list
 * (hard); a responder that does not know the certificate is never good enough. */
static void judge_ocsp(struct judgement *j)
{
	struct str url = j->t->ocsp_url ? str_of(j->t->ocsp_url) : STR("");

	if (j->t->ocsp == OCSP_OFF)
		return;
	if (url.n == 0)
		cert_ocsp_urls(&j->at[0], &url, 1);
	switch (
	    ocsp_lookup(crt_str(&j->at[0].crt->raw), crt_str(&j->at[1].crt->raw), url, j->now, &j->until)) {
	case OCSP_KNOWN_GOOD:
		break;
	case OCSP_KNOWN_REVOKED:
		fault(j, VERIFY_REVOKED);
		break;
	case OCSP_KNOWN_UNKNOWN:
		fault(j, VERIFY_CRL_MISSING);
		break;
	case OCSP_NOT_KNOWN:
		if (j->t->ocsp == OCSP_HARD)
			fault(j, VERIFY_CRL_MISSING);
		break;
	}
}

static enum verify_result result_of(unsigned faults)
{
	for (size_t i = 0; i < sizeof(priority) / sizeof(priority[0]); i++) {
		if (faults & 1u << priority[i])
			return priority[i];
	}
	return VERIFY_OK;
}

/* The issuer's facts come from the certificate whose key was checked, and not from what the leaf claims of
 * it. */
static int issuer_facts(struct cert_facts *f, const struct judgement *j)
{
	if (!j->signed_path || (j->faults & 1u << VERIFY_WEAK))
		return 0;
	f->issuer_ski = hex_upper(&f->arena, crt_str(&j->at[1].crt->subject_key_id));
	f->issuer_serial = hex_upper(&f->arena, crt_str(&j->at[1].crt->serial));
	return f->issuer_ski.p && f->issuer_serial.p ? 0 : -ERR_NOMEM;
}

static int keep_urls(struct cert_facts *f, struct strs *list, const struct str *urls, size_t n)
{
	struct str *v = arena_array(&f->arena, n, sizeof(*v));

	if (!v)
		return -ERR_NOMEM;
	for (size_t i = 0; i < n; i++) {
		if (!(v[i] = arena_str(&f->arena, urls[i])).p)
			return -ERR_NOMEM;
	}
	*list = (struct strs){v, n};
	return 0;
}

/* Where lists and answers about the path can be had. A stranger's certificate sends nobody anywhere. */
static int url_facts(struct cert_facts *f, const struct judgement *j)
{
	struct str crl[LIMIT_CERT_URLS], ocsp[LIMIT_CERT_URLS];
	size_t ncrl = 0, nocsp = 0;
	int rc;

	if (!j->signed_path || (j->faults & 1u << VERIFY_WEAK))
		return 0;
	for (int i = 0; i + 1 < j->n; i++) {
		ncrl += cert_crl_urls(&j->at[i], crl + ncrl, LIMIT_CERT_URLS - ncrl);
		nocsp += cert_ocsp_urls(&j->at[i], ocsp + nocsp, LIMIT_CERT_URLS - nocsp);
	}
	if ((rc = keep_urls(f, &f->crl_urls, crl, ncrl)) < 0)
		return rc;
	return keep_urls(f, &f->ocsp_urls, ocsp, nocsp);
}

static int judge(struct cert_facts *f, const struct trust *t, const mbedtls_x509_crt *chain,
                 const struct path *path, int64_t now)
{
	struct judgement j = {.t = t, .now = now, .until = INT64_MAX};
	int rc;

	f->issuer_ski = f->issuer_serial = STR_NONE; /* of an earlier judgement */
	f->crl_urls = f->ocsp_urls = (struct strs){NULL, 0};
	j.signed_path = signed_path(&j, chain, path);
	if (!j.signed_path) {
		fault(&j, path->n > 0 && !path->overflow && misused_ca(t, chain) ? VERIFY_BAD_USAGE
		                                                                 : VERIFY_UNTRUSTED);
	} else {
		judge_strength(&j, path);
		judge_usage(&j);
		judge_names(&j);
		judge_dates(&j);
		judge_revocation(&j);
		judge_anchor(&j);
		if (!(j.faults & ~(1u << VERIFY_REVOKED)))
			judge_ocsp(&j); /* nobody is asked about a certificate that is refused anyway */
	}
	f->result = result_of(j.faults);
	f->revoked = f->result == VERIFY_REVOKED;
	f->verified = f->result == VERIFY_OK || f->revoked;
	f->valid_until = j.until;
	if ((rc = issuer_facts(f, &j)) < 0)
		return rc;
	return url_facts(f, &j);
}

static int facts_new(struct cert_facts **out, const mbedtls_x509_crt *chain)
{
	struct cert_facts *f = calloc(1, sizeof(*f));
	int rc;

	*out = NULL;
	if (!f)
		return -ERR_NOMEM;
	arena_init(&f->arena, 0);
	f->result = VERIFY_UNTRUSTED;
	if ((rc = facts_read(f, chain)) < 0) {
		cert_facts_free(f);
		return rc;
	}
	*out = f;
	return 0;
}

static int absent(struct cert_facts **out)
{
	*out = (struct cert_facts *)cert_facts_absent();
	return 0;
}

/* Facts are whole or not there. */
static int whole(struct cert_facts **out, int rc)
{
	if (rc < 0) {
		cert_facts_free(*out);
		*out = NULL;
	}
	return rc;
}

/* Dates steer the library's choice between certificates of one CA: such a verdict is not taken from memory.
 */
static bool rests_on_dates(const struct cert_facts *f)
{
	return f->result == VERIFY_EXPIRED || f->result == VERIFY_NOT_YET_VALID;
}

static int judge_anew(struct cert_facts *f, const struct trust *t, mbedtls_x509_crt *chain, int64_t now)
{
	struct path_key key;
	struct path path = {.n = 0};
	uint32_t flags;
	int rc;

	rc = mbedtls_x509_crt_verify_with_profile(chain, trust_anchors(t), NULL, trust_profile(), NULL,
	                                          &flags, collect, &path);
	if (rc == 0 || rc == MBEDTLS_ERR_X509_CERT_VERIFY_FAILED) {
		path_key(&key, t, f);
		path_remember(&path, &key, t, chain);
	} else {
		path = (struct path){.n = 0}; /* no answer is no path, and that is untrusted */
	}
	return judge(f, t, chain, &path, now);
}

static int judge_chain(struct cert_facts **out, const struct trust *t, mbedtls_x509_crt *chain, int64_t now)
{
	struct path_key key;
	struct path path = {.n = 0};
	int rc;

	if (!chain || !chain->raw.p)
		return absent(out);
	if ((rc = facts_new(out, chain)) < 0)
		return rc;
	if ((*out)->chain_length > LIMIT_CHAIN_CERTS)
		return whole(out, judge(*out, t, chain, &path, now));
	path_key(&key, t, *out);
	if (path_recall(&path, &key, t, chain)) {
		rc = judge(*out, t, chain, &path, now);
		if (rc < 0 || !rests_on_dates(*out))
			return whole(out, rc);
	}
	return whole(out, judge_anew(*out, t, chain, now));
}

/*
 * A signature that could not be checked for lack of memory looks like a bad one to the library, and a list that names
 * the client like one that does not count: such a judgement is none.
 */
int chain_judge(struct cert_facts **out, const struct trust *t, mbedtls_x509_crt *chain, int64_t now)
{
	unsigned failures = memory_failures();
	int rc = judge_chain(out, t, chain, now);

	return rc == 0 && memory_failures() != failures ? whole(out, -ERR_NOMEM) : rc;
}
