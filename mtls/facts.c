/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The peer certificate as plain data: every fact in the one format that rules, headers and logs share, made
 * once per connection. Says nothing about whether the certificate is good: verify.c does.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/limits.h"
#include "mtls/cert.h"
#include "mtls/dn.h"
#include "mtls/inspect.h"
#include "mtls/internal.h"
#include "mtls/oid.h"

enum {
	FACTS_OF_LEAF = 2048, /* names in three spellings, hashes, dates, what the path adds */
	FACTS_OF_EACH = 224,  /* a hash, two lines around the PEM, slices */
};

const char *verify_result_name(enum verify_result r)
{
	static const char *const names[] = {
#define VERIFY_RESULT(id, name, title) [id] = name,
#include "mtls/verify_results.def"
#undef VERIFY_RESULT
	};

	return names[r];
}

static const struct cert_facts absent = {.result = VERIFY_ABSENT, .valid_until = INT64_MAX};

const struct cert_facts *cert_facts_absent(void)
{
	return &absent;
}

const struct cert_facts *cert_facts_ref(const struct cert_facts *f)
{
	if (f != &absent)
		((struct cert_facts *)(uintptr_t)f)->refs++;
	return f;
}

void cert_facts_unref(const struct cert_facts *f)
{
	cert_facts_free((struct cert_facts *)(uintptr_t)f);
}

void cert_facts_free(struct cert_facts *f)
{
	if (!f || f == &absent)
		return;
	if (f->refs > 0) {
		f->refs--;
		return;
	}
	arena_fini(&f->arena);
	free(f);
}

static struct str hex(struct arena *a, struct str s, const char *digits)
{
	char *p = arena_alloc(a, s.n * 2 + 1);

	if (!p)
		return STR_NONE;
	for (size_t i = 0; i < s.n; i++) {
		p[2 * i] = digits[(uint8_t)s.p[i] >> 4];
		p[2 * i + 1] = digits[s.p[i] & 15];
	}
	p[2 * s.n] = '\0';
	return (struct str){p, s.n * 2};
}

struct str hex_upper(struct arena *a, struct str s)
{
	return hex(a, s, "0123456789ABCDEF");
}

struct str hex_lower(struct arena *a, struct str s)
{
	return hex(a, s, "0123456789abcdef");
}

static struct str sha256_hex(struct arena *a, struct str s)
{
	uint8_t sum[32];

	digest_sha256(s, sum);
	return hex_lower(a, (struct str){(const char *)sum, sizeof(sum)});
}

/* Hands the buffer's bytes over to the arena and empties it. */
static struct str keep(struct arena *a, struct buf *b)
{
	struct str s = b->failed ? STR_NONE : arena_str(a, buf_str(b));

	buf_clear(b);
	return s;
}

/* A list whose room is known beforehand. */
static bool strs_room(struct arena *a, struct strs *l, size_t n)
{
	l->n = 0;
	return (l->v = arena_array(a, n, sizeof(struct str))) != NULL;
}

static bool strs_add(struct strs *l, struct str s)
{
	((struct str *)l->v)[l->n++] = s;
	return s.p != NULL;
}

static bool dn_values(struct arena *a, const struct dn *dn, struct str oid, struct strs *out)
{
	struct buf b = BUF_INIT;
	size_t n = 0;
	bool good;

	for (size_t i = 0; i < dn->n; i++)
		n += str_eq(dn->v[i].oid, oid);
	good = strs_room(a, out, n);
	for (size_t i = 0; good && i < dn->n; i++) {
		if (str_eq(dn->v[i].oid, oid) && dn_text(&b, &dn->v[i]))
			good = strs_add(out, keep(a, &b));
	}
	good = good && !b.failed;
	buf_fini(&b);
	return good;
}

static int read_name(struct arena *a, struct name_facts *f, struct str name)
{
	struct buf b = BUF_INIT;
	struct dn dn;
	bool good;
	int rc = dn_read(a, name, &dn);

	if (rc == -ERR_NOMEM)
		return rc;
	good = dn_print(&b, &dn);
	f->dn = f->dn_rfc2253 = keep(a, &b);
	good = good && f->dn.p && dn_print_legacy(&b, &dn);
	f->dn_legacy = keep(a, &b);
	good = good && f->dn_legacy.p && dn_values(a, &dn, OID_CN, &f->cn) &&
	       dn_values(a, &dn, OID_O, &f->o) && dn_values(a, &dn, OID_OU, &f->ou);
	buf_fini(&b);
	return good ? 0 : -ERR_NOMEM;
}

/* As OpenSSL's ASN1_TIME_print: the day is padded with a space. */
static struct str date(struct arena *a, const mbedtls_x509_time *t)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";

	if (t->mon < 1 || t->mon > 12)
		return STR("Bad time value");
	return arena_printf(a, "%.3s %2d %02d:%02d:%02d %d GMT", months + 3 * (t->mon - 1), t->day, t->hour,
	                    t->min, t->sec, t->year);
}

static int read_san(struct cert_facts *f, struct str san)
{
	struct der d = der_of(san);
	struct general_name g;
	struct ip *ips;
	size_t n = 0;

	while (der_next_general_name(&d, &g))
		n++;
	if (!strs_room(&f->arena, &f->san_dns, n) || !strs_room(&f->arena, &f->san_uri, n) ||
	    !strs_room(&f->arena, &f->san_email, n) || !(ips = arena_array(&f->arena, n, sizeof(*ips))))
		return -ERR_NOMEM;
	f->san_ip.v = ips;
	for (d = der_of(san); der_next_general_name(&d, &g);) {
		struct strs *into = g.form == NAME_DNS     ? &f->san_dns
		                    : g.form == NAME_URI   ? &f->san_uri
		                    : g.form == NAME_EMAIL ? &f->san_email
		                                           : NULL;

		if (into && !strs_add(into, arena_str(&f->arena, g.value)))
			return -ERR_NOMEM;
		if (g.form == NAME_IP && (g.value.n == 4 || g.value.n == 16)) {
			struct ip *ip = &ips[f->san_ip.n++];

			ip->family = g.value.n == 4 ? 4 : 6;
			memcpy(ip->bytes, g.value.p, g.value.n);
		}
	}
	return 0;
}

static int read_eku(struct cert_facts *f, struct str eku)
{
	struct buf b = BUF_INIT;
	struct der d = der_of(eku);
	struct str oid;
	size_t n = 0;
	int rc = -ERR_NOMEM;

	while (der_take(&d, DER_OID, &oid))
		n++;
	if (!strs_room(&f->arena, &f->eku, n))
		return rc;
	for (d = der_of(eku); der_take(&d, DER_OID, &oid);) {
		if (oid_print(&b, oid) && !strs_add(&f->eku, keep(&f->arena, &b)))
			goto done;
		if (b.failed)
			goto done;
		buf_clear(&b);
	}
	rc = 0;
done:
	buf_fini(&b);
	return rc;
}

static int read_key(struct cert_facts *f, const mbedtls_x509_crt *crt)
{
	const struct signature_name *s = oid_signature(crt_str(&crt->sig_oid));
	struct buf b = BUF_INIT;
	int rc = 0;

	f->key_type = mbedtls_pk_get_type(&crt->pk) == MBEDTLS_PK_RSA ? STR("rsa") : STR("ec");
	f->key_bits = (int64_t)mbedtls_pk_get_bitlen(&crt->pk);
	if (s) {
		f->signature_algorithm = str_of(s->name);
	} else {
		oid_print(&b, crt_str(&crt->sig_oid));
		f->signature_algorithm = keep(&f->arena, &b);
		rc = f->signature_algorithm.p ? 0 : -ERR_NOMEM;
		buf_fini(&b);
	}
	f->spki_sha256 = sha256_hex(&f->arena, crt_str(&crt->pk_raw));
	return f->spki_sha256.p ? rc : -ERR_NOMEM;
}

/* RFC 9440: one byte sequence for the leaf, a list of them for the rest; each withheld when over its limit.
 */
static int read_rfc9440(struct cert_facts *f)
{
	size_t need = 0;
	char *p;

	for (size_t i = 1; i < f->chain_der.n; i++)
		need += base64_length(f->chain_der.v[i].n) + (i > 1 ? 4 : 2);
	f->chain_rfc9440_too_large = need > LIMIT_CHAIN_HEADER;
	if (need && !f->chain_rfc9440_too_large) {
		if (!(p = arena_alloc(&f->arena, need)))
			return -ERR_NOMEM;
		f->chain_rfc9440 = (struct str){p, need};
		for (size_t i = 1; i < f->chain_der.n; i++) {
			if (i > 1) {
				*p++ = ',';
				*p++ = ' ';
			}
			*p++ = ':';
			base64_encode(f->chain_der.v[i], p);
			p += base64_length(f->chain_der.v[i].n);
			*p++ = ':';
		}
	}
	need = base64_length(f->der.n) + 2;
	f->rfc9440_too_large = need > LIMIT_CERT_HEADER;
	if (f->rfc9440_too_large)
		return 0;
	if (!(p = arena_alloc(&f->arena, need)))
		return -ERR_NOMEM;
	f->rfc9440 = (struct str){p, need};
	*p = ':';
	base64_encode(f->der, p + 1);
	p[need - 1] = ':';
	return 0;
}

static int read_pem(struct cert_facts *f)
{
	struct buf b = BUF_INIT, text = BUF_INIT;

	for (size_t i = 0; i < f->chain_der.n; i++) {
		size_t n = base64_length(f->chain_der.v[i].n);

		buf_clear(&text);
		if (!buf_reserve(&text, n))
			break;
		base64_encode(f->chain_der.v[i], text.p);
		buf_add(&b, STR("-----BEGIN CERTIFICATE-----\n"));
		for (size_t at = 0; at < n; at += 64) {
			buf_add(&b, (struct str){text.p + at, n - at < 64 ? n - at : 64});
			buf_addc(&b, '\n');
		}
		buf_add(&b, STR("-----END CERTIFICATE-----\n"));
	}
	b.failed |= text.failed;
	f->chain_pem = keep(&f->arena, &b);
	buf_fini(&b);
	buf_fini(&text);
	return f->chain_pem.p ? 0 : -ERR_NOMEM;
}

static int read_chain(struct cert_facts *f, const mbedtls_x509_crt *chain)
{
	size_t n = 0;

	for (const mbedtls_x509_crt *c = chain; c; c = c->next)
		n++;
	if (!strs_room(&f->arena, &f->chain_der, n) ||
	    !strs_room(&f->arena, &f->chain_fingerprints_sha256, n))
		return -ERR_NOMEM;
	for (const mbedtls_x509_crt *c = chain; c; c = c->next) {
		if (!strs_add(&f->chain_der, arena_str(&f->arena, crt_str(&c->raw))) ||
		    !strs_add(&f->chain_fingerprints_sha256, sha256_hex(&f->arena, crt_str(&c->raw))))
			return -ERR_NOMEM;
	}
	f->chain_length = (int64_t)n;
	f->der = f->chain_der.v[0];
	f->fingerprint_sha256 = f->chain_fingerprints_sha256.v[0];
	return 0;
}

/* Facts stay as long as the connection: what they take is worth a guess. Each certificate is there as DER, base64 and
 * PEM; of the leaf there are names and hashes, too. */
static size_t expected(const mbedtls_x509_crt *chain)
{
	size_t n = FACTS_OF_LEAF;

	for (const mbedtls_x509_crt *c = chain; c; c = c->next)
		n += c->raw.len + 2 * base64_length(c->raw.len) + c->raw.len / 48 + FACTS_OF_EACH;
	return n;
}

int facts_read(struct cert_facts *f, const mbedtls_x509_crt *chain)
{
	struct arena *a = &f->arena;
	struct cert leaf;
	uint8_t sum[20];
	int rc;

	arena_expect(a, expected(chain));
	cert_read(&leaf, chain);
	f->presented = true;
	if ((rc = read_chain(f, chain)) < 0 ||
	    (rc = read_name(a, &f->subject, crt_str(&chain->subject_raw))) < 0 ||
	    (rc = read_name(a, &f->issuer, crt_str(&chain->issuer_raw))) < 0 ||
	    (rc = read_san(f, leaf.san)) < 0 || (rc = read_eku(f, leaf.eku)) < 0 ||
	    (rc = read_key(f, chain)) < 0 || (rc = read_rfc9440(f)) < 0 || (rc = read_pem(f)) < 0)
		return rc;
	digest_sha1(f->der, sum);
	f->fingerprint_sha1 = hex_lower(a, (struct str){(const char *)sum, sizeof(sum)});
	f->serial = hex_upper(a, crt_str(&chain->serial));
	f->ski = hex_upper(a, crt_str(&chain->subject_key_id));
	f->not_before = date(a, &chain->valid_from);
	f->not_after = date(a, &chain->valid_to);
	cert_times(chain, &f->not_before_epoch, &f->not_after_epoch);
	return f->fingerprint_sha1.p && f->serial.p && f->ski.p && f->not_before.p && f->not_after.p
	           ? 0
	           : -ERR_NOMEM;
}
