/* SPDX-License-Identifier: Apache-2.0 */
/* Parsing certificates with the library, and reading the extensions that it leaves alone. */
#include "mtls/cert.h"
#include "mtls/dn.h"
#include "mtls/oid.h"
#include "mtls/signature.h"
#include "mtls/verify.h"

bool der_next_general_name(struct der *d, struct general_name *g)
{
	struct der at = *d, in;
	uint8_t tag;

	if (!der_any(&at, &tag, &g->value, NULL) || (tag & 0xc0) != 0x80 || (tag & 0x1f) > NAME_RID)
		return false;
	g->form = (enum general_form)(tag & 0x1f);
	switch (g->form) {
	case NAME_DIRECTORY: /* explicit, because Name is a CHOICE */
		in = der_of(g->value);
		if (tag != DER_CONSTRUCTED(NAME_DIRECTORY) || !der_at(&in, DER_SEQUENCE) ||
		    !der_any(&in, NULL, NULL, NULL) || !der_end(&in))
			return false;
		break;
	case NAME_OTHER:
	case NAME_X400:
	case NAME_EDI:
		if (!(tag & 0x20))
			return false;
		break;
	default:
		if (tag & 0x20)
			return false;
	}
	*d = at;
	return true;
}

/* The elements inside the one SEQUENCE that value is. */
static bool elements(struct str value, struct str *out)
{
	struct der d = der_of(value);

	return der_take(&d, DER_SEQUENCE, out) && der_end(&d);
}

static bool names_good(struct str san)
{
	struct der d = der_of(san);
	struct general_name g;

	while (!der_end(&d)) {
		if (!der_next_general_name(&d, &g))
			return false;
		if (g.form == NAME_IP && g.value.n != 4 && g.value.n != 16)
			return false;
	}
	return true;
}

static bool basic_good(struct str value, bool *ca)
{
	struct der d = der_of(value), in;
	int64_t pathlen;

	if (!der_enter(&d, DER_SEQUENCE, &in) || !der_end(&d))
		return false;
	if (der_at(&in, DER_BOOLEAN) && !der_bool(&in, ca))
		return false;
	if (der_at(&in, DER_INTEGER) && !der_small(&in, DER_INTEGER, &pathlen))
		return false;
	return der_end(&in);
}

void cert_read(struct cert *c, const mbedtls_x509_crt *crt)
{
	struct der d, list;
	struct der_extension e;
	struct str basic = STR_NONE;
	const struct {
		struct str oid;
		struct str *into;
		bool whole;
	} wanted[] = {
	    {OID_SAN, &c->san, false},
	    {OID_EXT_KEY_USAGE, &c->eku, false},
	    {OID_NAME_CONSTRAINTS, &c->name_constraints, true},
	    {OID_CRL_DISTRIBUTION_POINTS, &c->crl_points, false},
	    {OID_AUTHORITY_INFO_ACCESS, &c->access, false},
	    {OID_BASIC_CONSTRAINTS, &basic, true},
	};
	unsigned seen = 0;

	*c = (struct cert){.crt = crt, .broken = true};
	if (!dn_valid(crt_str(&crt->subject_raw)) || !dn_valid(crt_str(&crt->issuer_raw)))
		return;
	c->broken = crt->v3_ext.len > 0;
	if (!c->broken)
		return;
	d = der_of(crt_str(&crt->v3_ext));
	if (!der_enter(&d, DER_SEQUENCE, &list) || !der_end(&d))
		return;
	while (!der_end(&list)) {
		if (!der_next_extension(&list, &e))
			return;
		for (unsigned i = 0; i < sizeof(wanted) / sizeof(wanted[0]); i++) {
			if (!str_eq(e.oid, wanted[i].oid))
				continue;
			if (seen & 1u << i)
				return;
			seen |= 1u << i;
			if (wanted[i].whole)
				*wanted[i].into = e.value;
			else if (!elements(e.value, wanted[i].into))
				return;
		}
	}
	if (basic.n && !basic_good(basic, &c->ca))
		return;
	c->broken = !names_good(c->san);
}

static bool time_of(const mbedtls_x509_time *t, int64_t *out)
{
	return time_of_date(t->year, t->mon, t->day, t->hour, t->min, t->sec, out);
}

bool cert_times(const mbedtls_x509_crt *crt, int64_t *not_before, int64_t *not_after)
{
	return time_of(&crt->valid_from, not_before) && time_of(&crt->valid_to, not_after);
}

/* Extensions that the library does not know: nameConstraints is enforced by constraints.c, whatever its
 * criticality. */
static int extension(void *ctx, const mbedtls_x509_crt *crt, const mbedtls_x509_buf *oid, int critical,
                     const unsigned char *p, const unsigned char *end)
{
	(void)ctx;
	(void)crt;
	(void)p;
	(void)end;
	if (!critical || str_eq(crt_str(oid), OID_NAME_CONSTRAINTS))
		return 0;
	return MBEDTLS_ERR_X509_INVALID_EXTENSIONS;
}

int cert_parse_der(mbedtls_x509_crt *chain, const unsigned char *der, size_t n)
{
	return mbedtls_x509_crt_parse_der_with_ext_cb(chain, der, n, 1, extension, NULL);
}

bool cert_signed_by(const mbedtls_x509_crt *crt, const mbedtls_x509_crt *issuer)
{
	struct arena scratch = ARENA_INIT;
	struct der d = der_of(crt_str(&crt->raw)), in;
	struct str algorithm, bits;
	struct signature s;
	bool good;

	good = der_enter(&d, DER_SEQUENCE, &in) && der_any(&in, NULL, NULL, NULL) &&
	       der_any(&in, NULL, NULL, &algorithm) && der_bits(&in, &bits) &&
	       signature_read(&s, &scratch, algorithm, crt_str(&crt->tbs), bits) == 0 &&
	       signature_good(&s, &issuer->pk);
	arena_fini(&scratch);
	return good;
}

static size_t add_url(const struct general_name *g, struct str *out, size_t n, size_t max)
{
	if (n < max && g->form == NAME_URI && str_starts(g->value, STR("http://")))
		out[n++] = g->value;
	return n;
}

size_t cert_crl_urls(const struct cert *c, struct str *out, size_t max)
{
	struct der d = der_of(c->crl_points), point, name, names;
	struct general_name g;
	size_t n = 0;

	while (der_enter(&d, DER_SEQUENCE, &point)) {
		if (!der_enter(&point, DER_CONSTRUCTED(0), &name) ||
		    !der_enter(&name, DER_CONSTRUCTED(0), &names))
			continue;
		while (der_next_general_name(&names, &g))
			n = add_url(&g, out, n, max);
	}
	return n;
}

size_t cert_ocsp_urls(const struct cert *c, struct str *out, size_t max)
{
	struct der d = der_of(c->access), in;
	struct general_name g;
	struct str method;
	size_t n = 0;

	while (der_enter(&d, DER_SEQUENCE, &in)) {
		if (der_take(&in, DER_OID, &method) && str_eq(method, OID_AD_OCSP) &&
		    der_next_general_name(&in, &g))
			n = add_url(&g, out, n, max);
	}
	return n;
}
