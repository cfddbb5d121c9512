/* SPDX-License-Identifier: Apache-2.0 */
/* zone blocks: their lines, then, once all blocks are known, the pool, the TLS side and the checks across lines. */
#include "base/err.h"
#include "headers/transforms.h"
#include "proxy/config_build.h"

#define ZONE(object) ((struct zone_build *)(object))

/* ---- names -------------------------------------------------------------------------------------------- */

static bool host_name(struct str s)
{
	size_t label = 0;

	if (!s.n || s.n > 253)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '.') {
			if (!label)
				return false;
			label = 0;
		} else if ((c >= 'a' && c <= 'z') || ascii_digit(c) || c == '-' || c == '_') {
			if (++label > 63)
				return false;
		} else {
			return false;
		}
	}
	return label > 0;
}

static bool zone_host(struct build *b, struct zone_build *z, const struct ast_word *w)
{
	struct str host = arena_lower(b->arena, w->text), bare = host;
	struct diag *g;
	struct ip ip;

	if (!host.p)
		return false;
	if (host.n > 1 && host.p[host.n - 1] == '.')
		host.n--, bare.n--;
	if (str_starts(bare, STR("*.")))
		bare = str_sub(bare, 2, bare.n);
	if (!host_name(bare) && !ip_parse(bare, &ip) && !(bare.n > 2 && bare.p[0] == '[')) {
		g = diag_add(b->d, U8001, w->span, "`%.*s` is not a host name", STR_FMT(w->text));
		diag_help(b->d, g, "write api.example.com or *.example.com, without scheme, port or path");
		return true;
	}
	for (size_t i = 0; i < z->conf->nhosts; i++)
		if (str_eq(z->conf->hosts[i], host)) {
			diag_add(b->d, U1008, w->span, "the zone has `%.*s` already", STR_FMT(host));
			return true;
		}
	z->conf->hosts = array_push(b->arena, z->conf->hosts, z->conf->nhosts, sizeof host, &host);
	if (!z->conf->hosts)
		return false;
	z->conf->nhosts++;
	return true;
}

bool zone_hosts(struct build *b, void *object, const struct ast_setting *s)
{
	for (size_t i = 0; i < s->nwords; i++)
		if (!zone_host(b, ZONE(object), &s->words[i]))
			return false;
	return true;
}

/* ---- files -------------------------------------------------------------------------------------------- */

static bool add_path(struct build *b, struct str path, struct span span, struct tls_path **v, size_t *n)
{
	struct tls_path p = { path, span };

	if (!p.path.p || !watch_path(b, path))
		return false;
	*v = array_push(b->arena, *v, *n, sizeof p, &p);
	if (!*v)
		return false;
	++*n;
	return true;
}

static bool add_paths(struct build *b, const struct ast_setting *s, struct tls_path **v, size_t *n)
{
	for (size_t i = 0; i < s->nwords; i++)
		if (!add_path(b, word_path(b, &s->words[i]), s->words[i].span, v, n))
			return false;
	return true;
}

bool zone_certificate(struct build *b, void *object, const struct ast_setting *s)
{
	return add_paths(b, s, &ZONE(object)->certificates, &ZONE(object)->ncertificates);
}

bool zone_key(struct build *b, void *object, const struct ast_setting *s)
{
	return add_paths(b, s, &ZONE(object)->keys, &ZONE(object)->nkeys);
}

bool zone_client_ca(struct build *b, void *object, const struct ast_setting *s)
{
	return add_paths(b, s, &ZONE(object)->cas, &ZONE(object)->ncas);
}

/* ---- one value each ----------------------------------------------------------------------------------- */

bool zone_client_auth(struct build *b, void *object, const struct ast_setting *s)
{
	int v;

	ZONE(object)->auth_span = s->span;
	if (word_enum(b, &s->words[0], "off|optional|required", &v))
		ZONE(object)->spec.client_auth = ZONE(object)->conf->client_auth = (enum client_auth)v;
	return true;
}

static void seconds(struct build *b, const struct ast_word *w, int64_t max, int64_t *out)
{
	int64_t msec;

	if (word_duration(b, w, 0, max * 1000, &msec))
		*out = msec / 1000;
}

bool zone_resumption(struct build *b, void *object, const struct ast_setting *s)
{
	int v;

	if (word_enum(b, &s->words[0], "off|reverify", &v))
		ZONE(object)->spec.resume = v == 1;
	return true;
}

bool zone_ticket_lifetime(struct build *b, void *object, const struct ast_setting *s)
{
	seconds(b, &s->words[0], 86400, &ZONE(object)->spec.ticket_lifetime);
	return true;
}

bool zone_ticket_reuse(struct build *b, void *object, const struct ast_setting *s)
{
	word_bool(b, &s->words[0], &ZONE(object)->spec.ticket_reuse);
	return true;
}

bool zone_tickets(struct build *b, void *object, const struct ast_setting *s)
{
	int64_t n;

	if (word_int(b, &s->words[0], 0, 8, &n))
		ZONE(object)->spec.tickets = (unsigned)n;
	return true;
}

bool zone_on_revoked(struct build *b, void *object, const struct ast_setting *s)
{
	int v;

	if (word_enum(b, &s->words[0], "close|evaluate", &v))
		ZONE(object)->conf->on_revoked = (enum on_revoked)v;
	return true;
}

bool zone_minimum_tls(struct build *b, void *object, const struct ast_setting *s)
{
	int v;

	if (word_enum(b, &s->words[0], "1.2|1.3", &v))
		ZONE(object)->spec.minimum = (enum tls_minimum)v;
	return true;
}

bool zone_normalize(struct build *b, void *object, const struct ast_setting *s)
{
	int v;

	if (word_enum(b, &s->words[0], "off|rfc3986|cloudflare", &v))
		ZONE(object)->conf->normalize = (enum normalize)v;
	return true;
}

bool zone_normalize_to_origin(struct build *b, void *object, const struct ast_setting *s)
{
	word_bool(b, &s->words[0], &ZONE(object)->conf->normalize_to_origin);
	return true;
}

/* ---- origin, pool, transforms ------------------------------------------------------------------------- */

bool zone_origin(struct build *b, void *object, const struct ast_setting *s)
{
	struct zone_build *z = object;
	struct origin_conf *o = ARENA_NEW(b->arena, struct origin_conf);
	struct pool_build build = { 0 };

	if (!o)
		return false;
	z->origin_span = s->span;
	if (!origin_parse(b, &s->words[0], o))
		return !b->nomem;
	z->conf->pool = ARENA_NEW(b->arena, struct pool_conf);
	if (!z->conf->pool)
		return false;
	pool_defaults(&build, z->conf->pool);
	if (s->nwords == 2 && str_eq(s->words[1].text, STR("h2")))
		build.nh2 = 1;
	else if (s->nwords == 2)
		diag_add(b->d, U8001, s->words[1].span, "after the URL of an origin comes `h2`, or nothing");
	z->conf->own_pool = true;
	z->conf->pool->name = z->conf->name;
	z->conf->pool->span = s->span;
	z->conf->pool->origins = o;
	z->conf->pool->n = 1;
	return pool_finish(b, &build);
}

bool zone_pool(struct build *b, void *object, const struct ast_setting *s)
{
	(void)b;
	ZONE(object)->pool_name = s->words[0].text;
	ZONE(object)->pool_span = s->words[0].span;
	return true;
}

static void no_transform(struct build *b, const struct ast_word *w)
{
	struct str names[64], near;
	size_t n = 0;
	struct diag *g = diag_add(b->d, U1001, w->span, "there is no transform `%.*s`", STR_FMT(w->text));

	for (const struct transform *t; n < 64 && (t = transform_row(n)) != NULL; n++)
		names[n] = str_of(transform_name(t));
	near = nearest(w->text, names, n);
	if (near.n)
		diag_help(b->d, g, "did you mean `%.*s`?", STR_FMT(near));
}

bool zone_transforms(struct build *b, void *object, const struct ast_setting *s)
{
	struct zone_build *z = object;

	z->transforms_span = s->span;
	for (size_t i = 0; i < s->nwords; i++) {
		const struct transform *t = transform_find(s->words[i].text);

		if (!t) {
			no_transform(b, &s->words[i]);
			continue;
		}
		z->transforms = array_push(b->arena, z->transforms, z->ntransforms, sizeof t, &t);
		if (!z->transforms)
			return false;
		z->ntransforms++;
	}
	return true;
}

/* ---- second step -------------------------------------------------------------------------------------- */

static bool find_pool(struct build *b, struct zone_build *z)
{
	struct diag *g;

	if (z->conf->pool && z->pool_name.n) {
		g = diag_add(b->d, U8006, z->pool_span, "the zone has an origin and a pool");
		diag_second(b->d, g, z->origin_span, "the origin is here");
		return false;
	}
	for (size_t i = 0; z->pool_name.n && i < b->config->npools; i++)
		if (str_eq(b->config->pools[i].name, z->pool_name))
			z->conf->pool = &b->config->pools[i];
	if (z->pool_name.n && !z->conf->pool)
		diag_add(b->d, U1001, z->pool_span, "there is no pool `%.*s`", STR_FMT(z->pool_name));
	else if (!z->conf->pool && !z->origin_span.src)
		diag_add(b->d, U8006, z->block->name_span, "zone `%.*s` has no origin", STR_FMT(z->conf->name));
	return z->conf->pool != NULL;
}

static void check_client_auth(struct build *b, struct zone_build *z)
{
	struct diag *g;

	if (!z->ncertificates && z->conf->client_auth != CLIENT_AUTH_OFF)
		diag_add(b->d, U8006, z->auth_span, "client certificates need TLS: the zone has no certificate");
	else if (z->conf->client_auth == CLIENT_AUTH_REQUIRED && !z->ncas)
		diag_add(b->d, U8006, z->auth_span, "without client_ca no client can be verified: none would get in");
	else if (z->conf->client_auth == CLIENT_AUTH_OPTIONAL && !z->ncas)
		diag_add(b->d, U8008, z->auth_span, "without client_ca every client certificate is `untrusted`");
	if (z->conf->client_auth == CLIENT_AUTH_OFF && z->ncas) {
		g = diag_add(b->d, U8004, z->cas[0].span, "client_ca is not used: client_auth is off");
		diag_help(b->d, g, "add `client_auth optional` or `client_auth required`");
	}
}

static bool make_tls(struct build *b, struct zone_build *z)
{
	struct tls_zone_spec *spec = &z->spec;
	int rc;

	if (z->ncertificates != z->nkeys) {
		diag_add(b->d, U8006, z->block->name_span,
			 "zone `%.*s` has %zu certificates and %zu keys: they go in pairs, in the same order",
			 STR_FMT(z->conf->name), z->ncertificates, z->nkeys);
		return true;
	}
	if (!z->ncertificates)
		return true;
	spec->name = z->conf->name;
	spec->span = z->block->name_span;
	spec->hosts = z->conf->hosts;
	spec->nhosts = z->conf->nhosts;
	spec->certificates = z->certificates;
	spec->keys = z->keys;
	spec->ncertificates = z->ncertificates;
	spec->client_ca = z->cas;
	spec->nclient_ca = z->ncas;
	spec->client_crl = z->crls;
	spec->nclient_crl = z->ncrls;
	rc = tls_zone_new(&z->conf->tls, spec, b->d);
	return rc == 0 || rc == -ERR_RULES;
}

/* No two zones of the same kind (TLS, plain) may claim a host; the listener's `zones` line can keep them apart. */
static void check_hosts(struct build *b, struct zone_build *z)
{
	for (struct zone_build *o = b->zones; o < z; o++) {
		if (!o->ncertificates != !z->ncertificates)
			continue;
		for (size_t i = 0; i < z->conf->nhosts; i++)
			for (size_t k = 0; k < o->conf->nhosts; k++)
				if (str_eq(z->conf->hosts[i], o->conf->hosts[k])) {
					struct diag *g = diag_add(b->d, U8005, z->block->name_span,
								  "host `%.*s` is in zone `%.*s` already",
								  STR_FMT(z->conf->hosts[i]), STR_FMT(o->conf->name));

					diag_second(b->d, g, o->block->name_span, "the other zone is here");
				}
	}
}

bool zones_finish(struct build *b)
{
	for (size_t i = 0; i < b->config->nzones; i++) {
		struct zone_build *z = &b->zones[i];
		const struct transform *end = NULL, *const *set;
		const char *conflict;

		find_pool(b, z);
		check_client_auth(b, z);
		check_hosts(b, z);
		set = array_push(b->arena, z->transforms, z->ntransforms, sizeof end, &end);
		if (!set || !revocation_finish(b, z) || !make_tls(b, z))
			return false;
		z->conf->transforms = set;
		conflict = transforms_conflict(set);
		if (conflict)
			diag_add(b->d, U8006, z->transforms_span, "these transforms exclude each other: %s", conflict);
	}
	return true;
}
