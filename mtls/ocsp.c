/* SPDX-License-Identifier: Apache-2.0 */
/* OCSP: writing requests, reading answers. */
#include <mbedtls/oid.h>

#include "base/err.h"
#include "base/limits.h"
#include "mtls/cert.h"
#include "mtls/dn.h"
#include "mtls/inspect.h"
#include "mtls/ocsp.h"
#include "mtls/oid.h"
#include "mtls/signature.h"
#include "mtls/verify.h"

#define OID_SHA1 STR("\x2b\x0e\x03\x02\x1a")
#define OID_SHA256 STR("\x60\x86\x48\x01\x65\x03\x04\x02\x01")
#define OID_BASIC_RESPONSE STR("\x2b\x06\x01\x05\x05\x07\x30\x01\x01")

/* An answer without nextUpdate says that a fresher one can be had at any time: it is worth this long. */
enum { WITHOUT_NEXT = 3600 };

/* The certificate asked about and its issuer, parsed. */
struct pair {
	mbedtls_x509_crt cert, issuer;
	struct str key; /* the issuer's public key: inside the BIT STRING of its SubjectPublicKeyInfo */
};

static void pair_fini(struct pair *p)
{
	mbedtls_x509_crt_free(&p->cert);
	mbedtls_x509_crt_free(&p->issuer);
}

static bool key_bits(const mbedtls_x509_crt *crt, struct str *bits)
{
	struct der d = der_of(crt_str(&crt->pk_raw)), in;

	return der_enter(&d, DER_SEQUENCE, &in) && der_take(&in, DER_SEQUENCE, NULL) && der_bits(&in, bits);
}

static int pair_init(struct pair *p, struct str cert, struct str issuer)
{
	mbedtls_x509_crt_init(&p->cert);
	mbedtls_x509_crt_init(&p->issuer);
	if (cert_parse_der(&p->cert, (const unsigned char *)cert.p, cert.n) != 0 ||
	    cert_parse_der(&p->issuer, (const unsigned char *)issuer.p, issuer.n) != 0 ||
	    !key_bits(&p->issuer, &p->key)) {
		pair_fini(p);
		return -ERR_INVALID;
	}
	return 0;
}

/* ---- asking ---- */

static bool put(struct buf *b, uint8_t tag, struct str value)
{
	buf_addc(b, (char)tag);
	if (value.n >= 0x100) {
		buf_addc(b, (char)0x82);
		buf_addc(b, (char)(value.n >> 8));
	} else if (value.n >= 0x80) {
		buf_addc(b, (char)0x81);
	}
	buf_addc(b, (char)value.n);
	return buf_add(b, value);
}

/* Puts what b holds into one element of its own. */
static void wrap(struct buf *b, uint8_t tag, struct arena *a)
{
	struct str inside = arena_str(a, buf_str(b));

	buf_clear(b);
	if (inside.p)
		put(b, tag, inside);
	else
		b->failed = true;
}

int ocsp_request(struct arena *a, struct str cert, struct str issuer, struct str *out)
{
	struct buf b = BUF_INIT;
	uint8_t name[20], key[20];
	struct pair p;
	int rc = pair_init(&p, cert, issuer);

	*out = STR_NONE;
	if (rc < 0)
		return rc;
	digest_sha1(crt_str(&p.cert.issuer_raw), name);
	digest_sha1(p.key, key);
	/* CertID (RFC 6960 4.1.1); SHA-1 is the one digest that every responder takes, and nothing rests on
	 * it */
	put(&b, DER_OID, OID_SHA1);
	put(&b, DER_NULL, STR(""));
	wrap(&b, DER_SEQUENCE, a);
	put(&b, DER_OCTET_STRING, (struct str){(const char *)name, sizeof(name)});
	put(&b, DER_OCTET_STRING, (struct str){(const char *)key, sizeof(key)});
	put(&b, DER_INTEGER, crt_str(&p.cert.serial));
	wrap(&b, DER_SEQUENCE, a);
	for (int i = 0; i < 4; i++) /* Request, requestList, TBSRequest, OCSPRequest */
		wrap(&b, DER_SEQUENCE, a);
	if (!b.failed)
		*out = arena_str(a, buf_str(&b));
	buf_fini(&b);
	pair_fini(&p);
	return out->p ? 0 : -ERR_NOMEM;
}

/* ---- reading ---- */

struct basic {
	struct str tbs, algorithm, signature, certs;
	bool by_name;
	struct str responder; /* a Name, or the SHA-1 of the key */
	struct str responses;
};

static bool extensions_known(struct der *d, uint8_t tag)
{
	struct der explicit, list;
	struct der_extension e;

	if (!der_at(d, tag))
		return true;
	if (!der_enter(d, tag, &explicit) || !der_enter(&explicit, DER_SEQUENCE, &list) ||
	    !der_end(&explicit))
		return false;
	while (!der_end(&list)) {
		if (!der_next_extension(&list, &e) || e.critical)
			return false;
	}
	return true;
}

static bool read_responder(struct der *tbs, struct basic *r)
{
	struct der in;

	r->by_name = der_at(tbs, DER_CONSTRUCTED(1));
	if (r->by_name)
		return der_enter(tbs, DER_CONSTRUCTED(1), &in) && der_at(&in, DER_SEQUENCE) &&
		       der_any(&in, NULL, NULL, &r->responder) && der_end(&in);
	return der_enter(tbs, DER_CONSTRUCTED(2), &in) && der_take(&in, DER_OCTET_STRING, &r->responder) &&
	       der_end(&in);
}

static bool read_tbs(struct basic *r)
{
	struct der d = der_of(r->tbs), tbs, version;
	int64_t n;

	if (!der_enter(&d, DER_SEQUENCE, &tbs))
		return false;
	if (der_at(&tbs, DER_CONSTRUCTED(0)) && (!der_enter(&tbs, DER_CONSTRUCTED(0), &version) ||
	                                         !der_small(&version, DER_INTEGER, &n) || n != 0))
		return false;
	return read_responder(&tbs, r) && der_time(&tbs, &n) && der_take(&tbs, DER_SEQUENCE, &r->responses) &&
	       extensions_known(&tbs, DER_CONSTRUCTED(1)) && der_end(&tbs);
}

static bool read_basic(struct str bytes, struct basic *r)
{
	struct der d = der_of(bytes), in, certs;

	if (!der_enter(&d, DER_SEQUENCE, &in) || !der_end(&d) || !der_at(&in, DER_SEQUENCE) ||
	    !der_any(&in, NULL, NULL, &r->tbs) || !der_at(&in, DER_SEQUENCE) ||
	    !der_any(&in, NULL, NULL, &r->algorithm) || !der_bits(&in, &r->signature))
		return false;
	if (der_at(&in, DER_CONSTRUCTED(0)) &&
	    (!der_enter(&in, DER_CONSTRUCTED(0), &certs) || !der_take(&certs, DER_SEQUENCE, &r->certs) ||
	     !der_end(&certs)))
		return false;
	return der_end(&in) && read_tbs(r);
}

/* OCSPResponse; *why says more when the responder itself refuses. */
static bool read_response(struct str bytes, struct basic *r, const char **why)
{
	struct der d = der_of(bytes), in, explicit, body;
	struct str type, basic;
	int64_t status;

	if (!der_enter(&d, DER_SEQUENCE, &in) || !der_end(&d) || !der_small(&in, DER_ENUMERATED, &status))
		return false;
	if (status != 0) {
		*why = "the responder gave no answer";
		return false;
	}
	return der_enter(&in, DER_CONSTRUCTED(0), &explicit) && der_end(&in) &&
	       der_enter(&explicit, DER_SEQUENCE, &body) && der_end(&explicit) &&
	       der_take(&body, DER_OID, &type) && str_eq(type, OID_BASIC_RESPONSE) &&
	       der_take(&body, DER_OCTET_STRING, &basic) && der_end(&body) && read_basic(basic, r);
}

static bool is_responder(const struct basic *r, const mbedtls_x509_crt *crt)
{
	uint8_t sum[20];
	struct str bits;

	if (r->by_name)
		return str_eq(r->responder, crt_str(&crt->subject_raw));
	if (!key_bits(crt, &bits))
		return false;
	digest_sha1(bits, sum);
	return str_eq(r->responder, (struct str){(const char *)sum, sizeof(sum)});
}

/* A responder that the issuer itself has certified for this, today. anyExtendedKeyUsage is not enough. */
static bool delegated(const mbedtls_x509_crt *crt, const mbedtls_x509_crt *issuer, int64_t now)
{
	struct cert c;
	struct der ekus;
	struct str oid;
	int64_t from, to;
	bool signing = false;

	cert_read(&c, crt);
	for (ekus = der_of(c.eku); der_take(&ekus, DER_OID, &oid);)
		signing |= str_eq(oid, STR(MBEDTLS_OID_OCSP_SIGNING));
	return !c.broken && signing &&
	       mbedtls_x509_crt_check_key_usage(crt, MBEDTLS_X509_KU_DIGITAL_SIGNATURE) == 0 &&
	       cert_times(crt, &from, &to) && from <= now && now <= to &&
	       str_eq(crt_str(&crt->issuer_raw), crt_str(&issuer->subject_raw)) &&
	       cert_signed_by(crt, issuer);
}

static bool signed_well(const struct basic *r, const struct signature *s, const mbedtls_x509_crt *issuer,
                        int64_t now)
{
	struct der d = der_of(r->certs);
	struct str whole;
	bool good = false;

	if (is_responder(r, issuer))
		return signature_good(s, &issuer->pk);
	for (int i = 0; !good && i < LIMIT_OCSP_CERTS && der_any(&d, NULL, NULL, &whole); i++) {
		mbedtls_x509_crt crt;

		mbedtls_x509_crt_init(&crt);
		good = cert_parse_der(&crt, (const unsigned char *)whole.p, whole.n) == 0 &&
		       is_responder(r, &crt) && delegated(&crt, issuer, now) && signature_good(s, &crt.pk);
		mbedtls_x509_crt_free(&crt);
	}
	return good;
}

static bool digest_is(struct str oid, struct str sum, struct str of)
{
	uint8_t sha1[20], sha256[32];

	if (str_eq(oid, OID_SHA1)) {
		digest_sha1(of, sha1);
		return str_eq(sum, (struct str){(const char *)sha1, sizeof(sha1)});
	}
	digest_sha256(of, sha256);
	return str_eq(oid, OID_SHA256) && str_eq(sum, (struct str){(const char *)sha256, sizeof(sha256)});
}

static bool is_about(struct der *d, const struct pair *p)
{
	struct der id, algorithm;
	struct str oid, name, key, serial;

	return der_enter(d, DER_SEQUENCE, &id) && der_enter(&id, DER_SEQUENCE, &algorithm) &&
	       der_take(&algorithm, DER_OID, &oid) && der_take(&id, DER_OCTET_STRING, &name) &&
	       der_take(&id, DER_OCTET_STRING, &key) && der_take(&id, DER_INTEGER, &serial) && der_end(&id) &&
	       str_eq(serial, crt_str(&p->cert.serial)) &&
	       digest_is(oid, name, crt_str(&p->cert.issuer_raw)) && digest_is(oid, key, p->key);
}

static bool read_status(struct der *d, enum ocsp_status *status)
{
	uint8_t tag;

	if (!der_any(d, &tag, NULL, NULL))
		return false;
	*status = tag == DER_CONTEXT(0) ? OCSP_GOOD : tag == DER_CONSTRUCTED(1) ? OCSP_REVOKED : OCSP_UNKNOWN;
	return tag == DER_CONTEXT(0) || tag == DER_CONSTRUCTED(1) || tag == DER_CONTEXT(2);
}

/* Of several answers about the certificate the worst counts. */
static bool read_answers(const struct basic *r, const struct pair *p, struct ocsp_answer *out, bool *found)
{
	struct der d = der_of(r->responses), one, next;

	*found = false;
	while (!der_end(&d)) {
		struct ocsp_answer a;
		struct der id;

		if (!der_enter(&d, DER_SEQUENCE, &one))
			return false;
		id = one;
		if (!der_take(&one, DER_SEQUENCE, NULL) || !read_status(&one, &a.status) ||
		    !der_time(&one, &a.this_update))
			return false;
		a.next_update = a.this_update + WITHOUT_NEXT;
		if (der_at(&one, DER_CONSTRUCTED(0)) &&
		    (!der_enter(&one, DER_CONSTRUCTED(0), &next) || !der_time(&next, &a.next_update)))
			return false;
		if (!extensions_known(&one, DER_CONSTRUCTED(1)) || !der_end(&one))
			return false;
		if (is_about(&id, p) && (!*found || a.status != OCSP_GOOD)) {
			*out = a;
			*found = true;
			if (a.status == OCSP_REVOKED)
				return true;
		}
	}
	return true;
}

int ocsp_read(struct ocsp_answer *out, struct str response, struct str cert, struct str issuer, int64_t now,
              const char **why)
{
	struct arena scratch = ARENA_INIT;
	struct basic r = {.by_name = false};
	struct signature s;
	struct pair p;
	bool found;
	int rc = pair_init(&p, cert, issuer);

	*why = "the certificate cannot be read";
	if (rc < 0)
		return rc;
	rc = -ERR_INVALID;
	*why = "it is no well-formed OCSP answer";
	if (!read_response(response, &r, why) || !read_answers(&r, &p, out, &found))
		goto done;
	if ((rc = signature_read(&s, &scratch, r.algorithm, r.tbs, r.signature)) < 0)
		goto done;
	rc = -ERR_INVALID;
	if (!found)
		*why = "it is about other certificates";
	else if (!signed_well(&r, &s, &p.issuer, now))
		*why = "it is not signed by the issuer, nor by a responder that the issuer has certified";
	else if (out->this_update > now + LIMIT_OCSP_AHEAD)
		*why = "it is not valid yet";
	else if (out->next_update < now)
		*why = "it is out of date";
	else
		rc = 0;
done:
	pair_fini(&p);
	arena_fini(&scratch);
	return rc;
}
