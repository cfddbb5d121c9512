/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name constraints: subtrees of each form of name against the names of a certificate.
 *
 * The two lists err to different sides. A name is permitted only if it surely lies inside a permitted
 * subtree, and excluded already if it may lie inside an excluded one.
 */
#include "mtls/constraints.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/limits.h"
#include "mtls/dn.h"
#include "mtls/oid.h"

enum match { MATCH_NO, MATCH_YES, MATCH_UNKNOWN };

struct names {
	struct general_name *v;
	size_t n;
};

/* name ends with base, and a label boundary or nothing stands before it. */
static bool under_domain(struct str name, struct str base)
{
	return name.n > base.n && str_eq_nocase(str_sub(name, name.n - base.n, name.n), base) &&
	       (base.n == 0 || base.p[0] == '.' || name.p[name.n - base.n - 1] == '.');
}

static struct str without_final_dot(struct str s)
{
	return s.n && s.p[s.n - 1] == '.' ? str_sub(s, 0, s.n - 1) : s;
}

static enum match match_dns(struct str name, struct str base, bool excluding)
{
	struct str bare;

	name = without_final_dot(name);
	base = without_final_dot(base);
	if (base.n == 0)
		return MATCH_YES;
	bare = base.p[0] == '.' ? str_sub(base, 1, base.n) : base;
	if (under_domain(name, bare) || (str_eq_nocase(name, bare) && (excluding || bare.n == base.n)))
		return MATCH_YES;
	/* A wildcard may stand for a name inside the subtree. */
	if (excluding && str_starts(name, STR("*.")) && under_domain(bare, str_sub(name, 2, name.n)))
		return MATCH_YES;
	return MATCH_NO;
}

static enum match match_email(struct str name, struct str base, bool excluding)
{
	ptrdiff_t at = str_rfind(name, '@'), base_at = str_rfind(base, '@');
	struct str local, domain, base_local;

	if (at <= 0 || (size_t)at + 1 == name.n)
		return MATCH_UNKNOWN;
	local = str_sub(name, 0, (size_t)at);
	domain = without_final_dot(str_sub(name, (size_t)at + 1, name.n));
	if (base.n == 0)
		return MATCH_YES;
	if (base_at >= 0) {
		base_local = str_sub(base, 0, (size_t)base_at);
		if (!str_eq_nocase(domain, str_sub(base, (size_t)base_at + 1, base.n)))
			return MATCH_NO;
		return (excluding ? str_eq_nocase(local, base_local) : str_eq(local, base_local)) ? MATCH_YES
		                                                                                  : MATCH_NO;
	}
	if (base.p[0] == '.')
		return under_domain(domain, base) ? MATCH_YES : MATCH_NO;
	return str_eq_nocase(domain, base) ? MATCH_YES : MATCH_NO;
}

static bool host_char(char c)
{
	return ascii_alpha(c) || ascii_digit(c) || c == '.' || c == '-' || c == '_';
}

/* The host of scheme://[userinfo@]host[:port]…; false if there is none, or it is no domain name. */
static bool uri_host(struct str uri, struct str *host)
{
	ptrdiff_t colon = str_find(uri, ':');
	size_t n = 0, digits = 0, letters = 0;
	struct str s;

	if (colon <= 0 || !str_starts(str_sub(uri, (size_t)colon, uri.n), STR("://")))
		return false;
	s = str_sub(uri, (size_t)colon + 3, uri.n);
	while (n < s.n && s.p[n] != '/' && s.p[n] != '?' && s.p[n] != '#')
		n++;
	s = str_sub(s, 0, n);
	for (n = 0; n < s.n; n++) { /* RFC 3986 3.2; a backslash is a slash to some */
		if (!host_char(s.p[n]) && (s.p[n] == '\0' || !strchr("!$&'()*+,;=:@%~", s.p[n])))
			return false;
	}
	s = str_sub(s, (size_t)(str_rfind(s, '@') + 1), s.n);
	if ((colon = str_find(s, ':')) >= 0) {
		for (n = (size_t)colon + 1; n < s.n; n++) {
			if (!ascii_digit(s.p[n]))
				return false;
		}
		s = str_sub(s, 0, (size_t)colon);
	}
	for (size_t i = 0; i < s.n; i++) {
		if (!host_char(s.p[i]))
			return false;
		digits += ascii_digit(s.p[i]);
		letters += ascii_alpha(s.p[i]);
	}
	*host = without_final_dot(s);
	return host->n > 0 && (letters > 0 || digits == 0);
}

static enum match match_uri(struct str name, struct str base, bool excluding)
{
	struct str host;

	if (!uri_host(name, &host))
		return MATCH_UNKNOWN;
	if (base.n == 0)
		return MATCH_YES;
	if (base.p[0] == '.')
		return under_domain(host, base) ||
		               (excluding && str_eq_nocase(host, str_sub(base, 1, base.n)))
		           ? MATCH_YES
		           : MATCH_NO;
	return str_eq_nocase(host, without_final_dot(base)) ? MATCH_YES : MATCH_NO;
}

static enum match match_ip(struct str name, struct str base, bool excluding)
{
	static const char mapped[] = "\0\0\0\0\0\0\0\0\0\0\xff\xff";
	size_t half = base.n / 2;

	if ((half != 4 && half != 16) || base.n != half * 2)
		return MATCH_UNKNOWN;
	if (excluding && half == 4 && name.n == 16 && memcmp(name.p, mapped, 12) == 0)
		name = str_sub(name, 12, 16);
	if (name.n != half)
		return MATCH_NO;
	for (size_t i = 0; i < half; i++) {
		if ((name.p[i] ^ base.p[i]) & base.p[half + i])
			return MATCH_NO;
	}
	return MATCH_YES;
}

static enum match match_directory(struct arena *scratch, struct str name, struct str base)
{
	struct buf a = BUF_INIT, b = BUF_INIT;
	enum match m = MATCH_UNKNOWN;
	struct dn dn, base_dn;

	if (dn_read(scratch, name, &dn) == 0 && dn_read(scratch, base, &base_dn) == 0 &&
	    dn_canonical(&a, &dn) == 0 && dn_canonical(&b, &base_dn) == 0)
		m = str_starts(buf_str(&a), buf_str(&b)) ? MATCH_YES : MATCH_NO;
	buf_fini(&a);
	buf_fini(&b);
	return m;
}

static enum match match(struct arena *scratch, const struct general_name *name,
                        const struct general_name *base, bool excluding)
{
	switch (name->form) {
	case NAME_DNS:
		return match_dns(name->value, base->value, excluding);
	case NAME_EMAIL:
		return match_email(name->value, base->value, excluding);
	case NAME_URI:
		return match_uri(name->value, base->value, excluding);
	case NAME_IP:
		return match_ip(name->value, base->value, excluding);
	case NAME_DIRECTORY:
		return match_directory(scratch, name->value, base->value);
	default:
		return MATCH_UNKNOWN;
	}
}

/* One GeneralSubtree. Only minimum 0 and no maximum exist in this profile. */
static bool next_subtree(struct der *d, struct general_name *base)
{
	struct der in;
	struct str minimum;

	if (!der_enter(d, DER_SEQUENCE, &in) || !der_next_general_name(&in, base))
		return false;
	if (der_at(&in, DER_CONTEXT(0)) &&
	    (!der_take(&in, DER_CONTEXT(0), &minimum) || minimum.n != 1 || minimum.p[0] != 0))
		return false;
	return der_end(&in);
}

static bool subtrees_good(struct str list, size_t *n)
{
	struct der d = der_of(list);
	struct general_name base;

	for (*n = 0; !der_end(&d); ++*n) {
		if (!next_subtree(&d, &base))
			return false;
	}
	return true;
}

static bool name_allowed(struct arena *scratch, const struct general_name *name, struct str permitted,
                         struct str excluded)
{
	struct general_name base;
	bool constrained = false, inside = false;
	struct der d;

	for (d = der_of(excluded); !der_end(&d) && next_subtree(&d, &base);) {
		if (base.form == name->form && match(scratch, name, &base, true) != MATCH_NO)
			return false;
	}
	for (d = der_of(permitted); !inside && !der_end(&d) && next_subtree(&d, &base);) {
		if (base.form != name->form)
			continue;
		constrained = true;
		inside = match(scratch, name, &base, false) == MATCH_YES;
	}
	return inside || !constrained;
}

/* Letters, digits, hyphens and at least one dot: what a TLS library of old would take for a host. */
static bool looks_like_host(struct str s)
{
	for (size_t i = 0; i < s.n; i++) {
		if (!host_char(s.p[i]) && !(i == 0 && s.p[i] == '*'))
			return false;
	}
	return str_find(s, '.') > 0;
}

static bool add_name(struct names *l, enum general_form form, struct str value)
{
	l->v[l->n++] = (struct general_name){form, value};
	return value.p != NULL;
}

static bool add_text(struct arena *scratch, struct names *l, enum general_form form,
                     const struct dn_attribute *a)
{
	struct buf b = BUF_INIT;
	bool good = true;

	if (dn_text(&b, a) && (form != NAME_DNS || looks_like_host(buf_str(&b))))
		good = add_name(l, form, arena_str(scratch, buf_str(&b)));
	good = good && !b.failed;
	buf_fini(&b);
	return good;
}

static bool collect(struct arena *scratch, const struct cert *c, bool leaf, struct names *l)
{
	struct str subject = crt_str(&c->crt->subject_raw);
	struct der d = der_of(c->san);
	struct general_name g;
	bool dns = false;
	struct dn dn;
	size_t n = 0;

	while (der_next_general_name(&d, &g)) {
		n++;
		dns |= g.form == NAME_DNS;
	}
	if (!der_end(&d) || dn_read(scratch, subject, &dn) < 0 ||
	    !(l->v = arena_array(scratch, n + 1 + dn.n, sizeof(*l->v))))
		return false;
	for (d = der_of(c->san); der_next_general_name(&d, &g);)
		add_name(l, g.form, g.value);
	if (dn.n)
		add_name(l, NAME_DIRECTORY, subject);
	for (size_t i = 0; i < dn.n; i++) {
		if (str_eq(dn.v[i].oid, OID_EMAIL) && !add_text(scratch, l, NAME_EMAIL, &dn.v[i]))
			return false;
		if (leaf && !dns && str_eq(dn.v[i].oid, OID_CN) && !add_text(scratch, l, NAME_DNS, &dn.v[i]))
			return false;
	}
	return true;
}

bool constraints_allow(struct arena *scratch, const struct cert *ca, const struct cert *subject, bool leaf)
{
	struct str permitted = STR_NONE, excluded = STR_NONE;
	struct der d = der_of(ca->name_constraints), in;
	size_t npermitted, nexcluded;
	struct names names = {NULL, 0};

	if (ca->name_constraints.n == 0)
		return true;
	if (!der_enter(&d, DER_SEQUENCE, &in) || !der_end(&d))
		return false;
	if (der_at(&in, DER_CONSTRUCTED(0)) && !der_take(&in, DER_CONSTRUCTED(0), &permitted))
		return false;
	if (der_at(&in, DER_CONSTRUCTED(1)) && !der_take(&in, DER_CONSTRUCTED(1), &excluded))
		return false;
	if (!der_end(&in) || !subtrees_good(permitted, &npermitted) || !subtrees_good(excluded, &nexcluded) ||
	    !collect(scratch, subject, leaf, &names))
		return false;
	if (names.n && (npermitted + nexcluded) > LIMIT_CONSTRAINT_CHECKS / names.n)
		return false;
	for (size_t i = 0; i < names.n; i++) {
		if (!name_allowed(scratch, &names.v[i], permitted, excluded))
			return false;
	}
	return true;
}
