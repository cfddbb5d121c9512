/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One zone of the rule file made ready for handshakes: its certificates and keys are read and checked, its
 * anchors and CRLs are handed to verify.c. Sealed afterwards; reloads that change nothing about a zone may
 * share it.
 */
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <mbedtls/error.h>
#include <mbedtls/platform_util.h>
#include <mbedtls/sha256.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/memory.h"
#include "mtls/state.h"

enum { EXPIRES_SOON = 14 * 86400 }; /* days before a server certificate's end that a load warns */

static const char *library_text(int error)
{
	const char *text = mbedtls_high_level_strerr(error);

	if (!text)
		text = mbedtls_low_level_strerr(error);
	return text ? text : "not readable";
}

/* As the library's parsers want it: PEM with its NUL counted, DER without one. */
static size_t parse_length(struct str text)
{
	return str_contains(text, STR("-----BEGIN")) ? text.n + 1 : text.n;
}

static bool read_path(struct arena *a, const struct tls_path *path, struct str *out, struct diags *d)
{
	if (file_read(a, path->path.p, LIMIT_FILE_BYTES, out) == 0)
		return true;
	diag_add(d, U8002, path->span, "%.*s cannot be read: %s", STR_FMT(path->path), strerror(errno));
	return false;
}

static int64_t epoch(const mbedtls_x509_time *t)
{
	struct tm tm = {.tm_year = t->year - 1900,
	                .tm_mon = t->mon - 1,
	                .tm_mday = t->day,
	                .tm_hour = t->hour,
	                .tm_min = t->min,
	                .tm_sec = t->sec};

	return timegm(&tm);
}

static void warn_about_dates(const mbedtls_x509_crt *crt, const struct tls_path *path, struct diags *d)
{
	int64_t now = clock_now(), end = epoch(&crt->valid_to);

	if (end < now)
		diag_add(d, U3030, path->span, "%.*s has expired", STR_FMT(path->path));
	else if (epoch(&crt->valid_from) > now)
		diag_add(d, U3030, path->span, "%.*s is not valid yet", STR_FMT(path->path));
	else if (end - now < EXPIRES_SOON)
		diag_add(d, U3030, path->span, "%.*s expires in %lld days", STR_FMT(path->path),
		         (long long)((end - now) / 86400));
}

static bool load_certificate(struct own_cert *own, const struct tls_path *path, struct diags *d)
{
	struct arena scratch = ARENA_INIT;
	struct str text;
	bool ok = false;
	int rc;

	if (!read_path(&scratch, path, &text, d))
		goto done;
	rc = mbedtls_x509_crt_parse(&own->chain, (const unsigned char *)text.p, parse_length(text));
	if (rc > 0) {
		diag_add(d, U3028, path->span, "%d of the certificates in %.*s cannot be parsed", rc,
		         STR_FMT(path->path));
	} else if (rc < 0) {
		diag_add(d, U3028, path->span, "%.*s holds no certificate: %s", STR_FMT(path->path),
		         library_text(rc));
	} else {
		warn_about_dates(&own->chain, path, d);
		ok = true;
	}
done:
	arena_fini(&scratch);
	return ok;
}

static int parse_key(mbedtls_pk_context *key, struct str text)
{
	return mbedtls_pk_parse_key(key, (const unsigned char *)text.p, parse_length(text), NULL, 0, tls_random,
	                            NULL);
}

/* One for each processor, up to the limit. Fewer if one does not come about: the first is there. */
static void copy_key(struct own_cert *own, struct str text)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	while (mbedtls_pk_get_type(&own->keys[0]) == MBEDTLS_PK_RSA && own->nkeys < LIMIT_KEY_COPIES &&
	       (long)own->nkeys < cpus && parse_key(&own->keys[own->nkeys], text) == 0)
		own->nkeys++;
}

mbedtls_pk_context *own_cert_key(struct own_cert *c)
{
	static atomic_uint threads;
	static _Thread_local unsigned mine; /* number of this thread, from 1 */

	if (mine == 0)
		mine = 1 + atomic_fetch_add_explicit(&threads, 1, memory_order_relaxed);
	return &c->keys[mine % c->nkeys];
}

static bool load_key(struct own_cert *own, const struct tls_path *path, struct diags *d)
{
	struct arena scratch = ARENA_INIT;
	struct str text = STR_NONE;
	struct stat st;
	bool ok = false;
	int rc;

	if (!read_path(&scratch, path, &text, d))
		goto done;
	if (stat(path->path.p, &st) == 0 && (st.st_mode & S_IROTH))
		diag_add(d, U8003, path->span, "%.*s can be read by everyone on this machine (mode %03o)",
		         STR_FMT(path->path), (unsigned)st.st_mode & 0777);
	rc = parse_key(&own->keys[0], text);
	if (rc == MBEDTLS_ERR_PK_PASSWORD_REQUIRED)
		diag_add(d, U3028, path->span, "%.*s is encrypted; usher reads only keys without a password",
		         STR_FMT(path->path));
	else if (rc != 0)
		diag_add(d, U3028, path->span, "%.*s holds no private key: %s", STR_FMT(path->path),
		         library_text(rc));
	else
		ok = true;
	if (ok) {
		own->nkeys = 1;
		copy_key(own, text);
	}
done:
	if (text.n)
		mbedtls_platform_zeroize((void *)(uintptr_t)text.p, text.n);
	arena_fini(&scratch);
	return ok;
}

void own_cert_init(struct own_cert *c)
{
	mbedtls_x509_crt_init(&c->chain);
	for (int k = 0; k < LIMIT_KEY_COPIES; k++)
		mbedtls_pk_init(&c->keys[k]);
}

void own_cert_fini(struct own_cert *c)
{
	mbedtls_x509_crt_free(&c->chain);
	for (int k = 0; k < LIMIT_KEY_COPIES; k++)
		mbedtls_pk_free(&c->keys[k]);
}

bool own_cert_load(struct own_cert *own, const struct tls_path *certificate, const struct tls_path *key, struct diags *d)
{
	bool both = load_certificate(own, certificate, d);

	both = load_key(own, key, d) && both;
	if (both && mbedtls_pk_check_pair(&own->chain.pk, &own->keys[0], tls_random, NULL) != 0) {
		struct diag *g = diag_add(d, U3028, key->span, "%.*s is not the key of %.*s", STR_FMT(key->path),
		                          STR_FMT(certificate->path));

		diag_second(d, g, certificate->span, "the certificate");
		both = false;
	}
	return both;
}

static bool load_own_certs(struct tls_zone *z, const struct tls_zone_spec *spec, struct diags *d)
{
	bool ok = true;

	for (size_t i = 0; i < spec->ncertificates; i++)
		ok = own_cert_load(&z->certs[i], &spec->certificates[i], &spec->keys[i], d) && ok;
	return ok;
}

static bool copy_names(struct tls_zone *z, const struct tls_zone_spec *spec)
{
	z->name = arena_str(&z->arena, spec->name);
	z->hosts = arena_array(&z->arena, spec->nhosts, sizeof(*z->hosts));
	if (!z->name.p || !z->hosts)
		return false;
	for (; z->nhosts < spec->nhosts; z->nhosts++) {
		z->hosts[z->nhosts] = arena_lower(&z->arena, spec->hosts[z->nhosts]);
		if (!z->hosts[z->nhosts].p)
			return false;
	}
	return true;
}

/* name ‖ client_auth ‖ trust id: see struct tls_zone. */
static bool make_id(struct tls_zone *z)
{
	mbedtls_sha256_context sha;
	unsigned char head[] = {1, (unsigned char)z->client_auth};
	bool ok;

	mbedtls_sha256_init(&sha);
	ok = mbedtls_sha256_starts(&sha, 0) == 0 && mbedtls_sha256_update(&sha, head, sizeof(head)) == 0 &&
	     mbedtls_sha256_update(&sha, trust_id(z->trust), 32) == 0 &&
	     mbedtls_sha256_update(&sha, (const unsigned char *)z->name.p, z->name.n) == 0 &&
	     mbedtls_sha256_finish(&sha, z->id) == 0;
	mbedtls_sha256_free(&sha);
	return ok;
}

int tls_zone_new(struct tls_zone **out, const struct tls_zone_spec *spec, struct diags *d)
{
	struct tls_zone *z = calloc(1, sizeof(*z));
	unsigned failures = memory_failures();
	bool own_ok, trust_ok;
	int rc = -ERR_NOMEM;

	*out = NULL;
	if (!z)
		return rc;
	atomic_init(&z->refs, 1);
	arena_init(&z->arena, 0);
	z->client_auth = spec->client_auth;
	z->minimum = spec->minimum;
	z->resume = spec->resume;
	z->ticket_lifetime = spec->ticket_lifetime;
	z->ticket_reuse = spec->ticket_reuse;
	z->tickets = spec->tickets;
	z->certs = calloc(spec->ncertificates ? spec->ncertificates : 1, sizeof(*z->certs));
	if (!z->certs || !copy_names(z, spec))
		goto fail;
	for (; z->ncerts < spec->ncertificates; z->ncerts++) {
		own_cert_init(&z->certs[z->ncerts]);
	}
	own_ok = load_own_certs(z, spec, d);
	trust_ok = trust_new(&z->trust, spec, d) == 0;
	rc = memory_failures() != failures ? -ERR_NOMEM : -ERR_RULES; /* then no diagnostic need have been written */
	if (!own_ok || !trust_ok)
		goto fail;
	rc = -ERR_TLS;
	if (!make_id(z))
		goto fail;
	*out = z;
	return 0;
fail:
	tls_zone_unref(z);
	return rc;
}

struct tls_zone *tls_zone_ref(struct tls_zone *z)
{
	atomic_fetch_add_explicit(&z->refs, 1, memory_order_relaxed);
	return z;
}

void tls_zone_unref(struct tls_zone *z)
{
	if (!z || atomic_fetch_sub_explicit(&z->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < z->ncerts; i++)
		own_cert_fini(&z->certs[i]);
	free(z->certs);
	trust_unref(z->trust);
	arena_fini(&z->arena);
	free(z);
}

struct str tls_zone_name(const struct tls_zone *z)
{
	return z->name;
}
