/* SPDX-License-Identifier: Apache-2.0 */
/* Reading one CRL, its table of serial numbers, and its scope. */
#include <stdlib.h>

#include "base/err.h"
#include "mtls/crl.h"
#include "mtls/dn.h"
#include "mtls/inspect.h"
#include "mtls/oid.h"

static bool entry_extensions(struct der *entry, const char **why)
{
	struct der list;
	struct der_extension e;

	if (!der_enter(entry, DER_SEQUENCE, &list))
		return false;
	while (!der_end(&list)) {
		if (!der_next_extension(&list, &e))
			return false;
		if (str_eq(e.oid, OID_CERTIFICATE_ISSUER)) {
			*why = "it is an indirect CRL, which is not supported";
			return false;
		}
		if (e.critical && !str_eq(e.oid, OID_CRL_REASON) && !str_eq(e.oid, OID_INVALIDITY_DATE)) {
			*why = "an entry has a critical extension that is not known";
			return false;
		}
	}
	return der_end(entry);
}

/* One revoked certificate. Reasons do not matter: a held one is revoked, too. */
static bool next_entry(struct der *d, struct str *serial, bool v2, const char **why)
{
	struct der in;
	int64_t when;

	if (!der_enter(d, DER_SEQUENCE, &in) || !der_take(&in, DER_INTEGER, serial) || serial->n == 0 ||
	    !der_time(&in, &when))
		return false;
	return der_end(&in) || (v2 && entry_extensions(&in, why));
}

static int read_entries(struct crl *c, struct str entries, bool v2, const char **why)
{
	struct der d = der_of(entries);
	struct str serial;
	size_t n = 0;

	while (der_take(&d, DER_SEQUENCE, NULL))
		n++;
	if (!der_end(&d))
		return -ERR_INVALID;
	if (!serials_init(&c->serials, n))
		return -ERR_NOMEM;
	for (d = der_of(entries); !der_end(&d);) {
		if (!next_entry(&d, &serial, v2, why))
			return -ERR_INVALID;
		serials_add(&c->serials, serial);
	}
	serials_seal(&c->serials);
	return 0;
}

/* IssuingDistributionPoint (RFC 5280 5.2.5). */
static bool read_scope(struct crl *c, struct str value, const char **why)
{
	struct der d = der_of(value), in, name;
	struct str points = STR_NONE;

	if (!der_enter(&d, DER_SEQUENCE, &in) || !der_end(&d))
		return false;
	if (der_at(&in, DER_CONSTRUCTED(0))) {
		if (!der_enter(&in, DER_CONSTRUCTED(0), &name))
			return false;
		if (!der_take(&name, DER_CONSTRUCTED(0), &points) || !der_end(&name) || points.n == 0) {
			*why = "its distribution point has no full name, which is not supported";
			return false;
		}
	}
	while (!der_end(&in)) {
		uint8_t tag;
		struct str flag;

		if (!der_any(&in, &tag, &flag, NULL) || tag < DER_CONTEXT(1) || tag > DER_CONTEXT(5))
			return false;
		if (tag == DER_CONTEXT(3)) {
			*why = "it lists some reasons only, which is not supported";
			return false;
		}
		if (flag.n != 1)
			return false;
		if (flag.p[0] == 0)
			continue;
		switch (tag) {
		case DER_CONTEXT(1):
			c->only_users = true;
			break;
		case DER_CONTEXT(2):
			c->only_cas = true;
			break;
		case DER_CONTEXT(4):
			*why = "it is an indirect CRL, which is not supported";
			return false;
		default:
			*why = "it lists attribute certificates only";
			return false;
		}
	}
	c->points = arena_str(&c->arena, points);
	return c->points.p != NULL;
}

static bool read_key_id(struct crl *c, struct str value)
{
	struct der d = der_of(value), in;
	struct str id = STR_NONE;

	if (!der_enter(&d, DER_SEQUENCE, &in) || !der_end(&d))
		return false;
	if (der_at(&in, DER_CONTEXT(0)) && !der_take(&in, DER_CONTEXT(0), &id))
		return false;
	c->key_id = arena_str(&c->arena, id);
	return c->key_id.p != NULL;
}

static bool read_number(struct crl *c, struct str value)
{
	struct der d = der_of(value);
	struct str n;

	if (!der_take(&d, DER_INTEGER, &n) || !der_end(&d) || n.n == 0 || (n.p[0] & 0x80))
		return false;
	while (n.n > 1 && n.p[0] == '\0')
		n = str_sub(n, 1, n.n);
	c->number = arena_str(&c->arena, n);
	return c->number.p != NULL;
}

static bool read_extensions(struct crl *c, struct der *tbs, const char **why)
{
	struct der explicit, list;
	struct der_extension e;
	unsigned seen = 0;

	if (!der_enter(tbs, DER_CONSTRUCTED(0), &explicit) || !der_enter(&explicit, DER_SEQUENCE, &list) ||
	    !der_end(&explicit))
		return false;
	while (!der_end(&list)) {
		unsigned bit;
		bool good;

		if (!der_next_extension(&list, &e))
			return false;
		if (str_eq(e.oid, OID_ISSUING_DISTRIBUTION_POINT)) {
			bit = 1;
			good = read_scope(c, e.value, why);
		} else if (str_eq(e.oid, OID_AUTHORITY_KEY_ID)) {
			bit = 2;
			good = read_key_id(c, e.value);
		} else if (str_eq(e.oid, OID_CRL_NUMBER)) {
			bit = 4;
			good = read_number(c, e.value);
		} else if (str_eq(e.oid, OID_DELTA_CRL)) {
			*why = "it is a delta CRL, which is not supported";
			return false;
		} else if (e.critical) {
			*why = "it has a critical extension that is not known";
			return false;
		} else {
			continue;
		}
		if (!good || (seen & bit))
			return false;
		seen |= bit;
	}
	return true;
}

static int read_issuer(struct crl *c, struct str name)
{
	struct buf b = BUF_INIT;
	struct dn dn;
	int rc = dn_read(&c->arena, name, &dn);

	if (rc == 0 && (rc = dn_canonical(&b, &dn)) == 0) {
		c->issuer_canonical = arena_str(&c->arena, buf_str(&b));
		buf_clear(&b);
		if (!dn_print(&b, &dn))
			rc = -ERR_NOMEM;
		c->issuer = arena_str(&c->arena, buf_str(&b));
		if (!c->issuer_canonical.p || !c->issuer.p)
			rc = -ERR_NOMEM;
	}
	buf_fini(&b);
	return rc;
}

static int read_tbs(struct crl *c, struct str whole, struct str algorithm, const char **why)
{
	struct der d = der_of(whole), tbs;
	struct str inner, name, entries = STR_NONE;
	int64_t version = 0;
	int rc;

	if (!der_enter(&d, DER_SEQUENCE, &tbs))
		return -ERR_INVALID;
	if (der_at(&tbs, DER_INTEGER) && (!der_small(&tbs, DER_INTEGER, &version) || version != 1))
		return -ERR_INVALID;
	if (!der_at(&tbs, DER_SEQUENCE) || !der_any(&tbs, NULL, NULL, &inner) || !str_eq(inner, algorithm) ||
	    !der_at(&tbs, DER_SEQUENCE) || !der_any(&tbs, NULL, NULL, &name))
		return -ERR_INVALID;
	if ((rc = read_issuer(c, name)) < 0)
		return rc;
	if (!der_time(&tbs, &c->this_update))
		return -ERR_INVALID;
	c->next_update = c->this_update;
	if ((der_at(&tbs, DER_UTC_TIME) || der_at(&tbs, DER_GENERALIZED_TIME)) &&
	    !der_time(&tbs, &c->next_update))
		return -ERR_INVALID;
	if (der_at(&tbs, DER_SEQUENCE) && !der_take(&tbs, DER_SEQUENCE, &entries))
		return -ERR_INVALID;
	if (!der_end(&tbs) && (version != 1 || !read_extensions(c, &tbs, why)))
		return -ERR_INVALID;
	if (!der_end(&tbs))
		return -ERR_INVALID;
	return read_entries(c, entries, version == 1, why);
}

int crl_parse(struct crl **out, struct str der, const char **why)
{
	struct crl *c = calloc(1, sizeof(*c));
	struct der d = der_of(der), in;
	struct str tbs, algorithm, bits;
	int rc = -ERR_INVALID;

	*out = NULL;
	*why = "it is no well-formed CRL";
	if (!c)
		return -ERR_NOMEM;
	arena_init(&c->arena, 0);
	if (!der_enter(&d, DER_SEQUENCE, &in) || !der_end(&d) || !der_at(&in, DER_SEQUENCE) ||
	    !der_any(&in, NULL, NULL, &tbs) || !der_at(&in, DER_SEQUENCE) ||
	    !der_any(&in, NULL, NULL, &algorithm) || !der_bits(&in, &bits) || !der_end(&in))
		goto done;
	if ((rc = read_tbs(c, tbs, algorithm, why)) < 0 ||
	    (rc = signature_read(&c->signature, &c->arena, algorithm, tbs, bits)) < 0)
		goto done;
	*out = c;
	c = NULL;
done:
	crl_free(c);
	return rc;
}

void crl_free(struct crl *c)
{
	if (!c)
		return;
	serials_fini(&c->serials);
	arena_fini(&c->arena);
	free(c);
}

static bool has_name(struct str names, struct str wanted)
{
	struct der d = der_of(names);
	struct str whole;

	while (der_any(&d, NULL, NULL, &whole)) {
		if (str_eq(whole, wanted))
			return true;
	}
	return false;
}

/* Whether a name of the list's distribution point is one of the certificate's too (RFC 5280 6.3.3 b 2). */
static bool shares_point(struct str points, struct str crl_points)
{
	struct der d = der_of(crl_points), in, name, listed;
	struct str names, whole;

	while (der_enter(&d, DER_SEQUENCE, &in)) {
		if (!der_enter(&in, DER_CONSTRUCTED(0), &name) ||
		    !der_take(&name, DER_CONSTRUCTED(0), &names))
			continue;
		if (der_at(&in, DER_CONTEXT(1)))
			der_any(&in, NULL, NULL, NULL);
		if (!der_end(&in)) /* cRLIssuer: somebody else's list */
			continue;
		for (listed = der_of(points); der_any(&listed, NULL, NULL, &whole);) {
			if (has_name(names, whole))
				return true;
		}
	}
	return false;
}

bool crl_covers(const struct crl *c, const struct cert *cert)
{
	if ((c->only_users && cert->ca) || (c->only_cas && !cert->ca))
		return false;
	return c->points.n == 0 || shares_point(c->points, cert->crl_points);
}

bool crl_same_scope(const struct crl *a, const struct crl *b)
{
	return a->only_users == b->only_users && a->only_cas == b->only_cas && str_eq(a->points, b->points);
}

bool crl_newer(const struct crl *a, const struct crl *b)
{
	if (a->number.n != b->number.n)
		return a->number.n > b->number.n;
	if (a->number.n && memcmp(a->number.p, b->number.p, a->number.n) != 0)
		return memcmp(a->number.p, b->number.p, a->number.n) > 0;
	return a->this_update > b->this_update;
}
