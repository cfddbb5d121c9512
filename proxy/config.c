/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From rule files to a sealed config: read everything, let each kind of block be checked by its own file, compile
 * the rules, and hand out the whole or nothing.
 */
#include <stdlib.h>

#include "base/err.h"
#include "base/memory.h"
#include "engine/geoip.h"
#include "lint/lint.h"
#include "proxy/balance.h"
#include "proxy/config.h"
#include "proxy/config_build.h"
#include "proxy/route.h"

/* ---- naming blocks ------------------------------------------------------------------------------------ */

static size_t count(const struct build *b, const char *keyword)
{
	size_t n = 0;

	for (const struct ast_block *k = b->file.blocks; k; k = k->next)
		n += k->kind == AST_BLOCK_SETTINGS && str_eq(k->keyword, str_of(keyword));
	return n;
}

static struct str block_name(struct build *b, const struct ast_block *k)
{
	if (!k->name.n)
		diag_add(b->d, U8006, k->keyword_span, "a %.*s has a name: `%.*s NAME { … }`", STR_FMT(k->keyword),
			 STR_FMT(k->keyword));
	for (const struct ast_block *o = b->file.blocks; o != k; o = o->next)
		if (o->kind == k->kind && k->name.n && str_eq(o->keyword, k->keyword) && str_eq(o->name, k->name)) {
			struct diag *g = diag_add(b->d, U1008, k->name_span, "there is a %.*s `%.*s` already",
						  STR_FMT(k->keyword), STR_FMT(k->name));

			diag_second(b->d, g, o->name_span, "first defined here");
			break;
		}
	return arena_str(b->arena, k->name);
}

static void unknown_block(struct build *b, const struct ast_block *k)
{
	static const struct str known[] = {
		{ "listener", 8 }, { "zone", 4 }, { "pool", 4 },     { "list", 4 }, { "rule", 4 }, { "ruleset", 7 },
		{ "include", 7 },  { "test", 4 }, { "server", 6 },   { "log", 3 },  { "limits", 6 }, { "timeouts", 8 }, { "jwt", 3 },
	};
	struct str near = nearest(k->keyword, known, sizeof known / sizeof known[0]);
	struct diag *g = diag_add(b->d, U8001, k->keyword_span, "there is no block called `%.*s`", STR_FMT(k->keyword));

	if (near.n)
		diag_help(b->d, g, "did you mean `%.*s`?", STR_FMT(near));
}

/* ---- reading blocks ----------------------------------------------------------------------------------- */

static bool new_zone(struct build *b, const struct ast_block *k)
{
	size_t i = b->config->nzones++;
	struct zone_build *z = &b->zones[i];

	z->conf = &b->config->zones[i];
	z->block = k;
	z->conf->index = (unsigned)i;
	z->conf->span = SPAN_NONE;
	z->conf->name = block_name(b, k);
	z->conf->normalize = NORMALIZE_CLOUDFLARE;
	z->conf->normalize_to_origin = true;
	z->spec.resume = true;
	z->spec.ticket_lifetime = 3600;
	z->spec.tickets = 2;
	z->conf->crl_warning = 86400;
	return z->conf->name.p && block_apply(b, "zone", z, k);
}

static bool new_listener(struct build *b, const struct ast_block *k)
{
	size_t i = b->config->nlisteners++;
	struct listener_build *l = &b->listeners[i];

	l->conf = &b->config->listeners[i];
	l->block = k;
	l->conf->name = block_name(b, k);
	l->conf->tls = l->conf->http1 = true;
	return l->conf->name.p && block_apply(b, "listener", l, k);
}

static bool new_pool(struct build *b, const struct ast_block *k)
{
	struct pool_conf *p = &b->config->pools[b->config->npools++];
	struct pool_build build = { .conf = p };

	p->name = block_name(b, k);
	p->span = k->name_span;
	pool_defaults(&build, p);
	if (!p->name.p || !block_apply(b, "pool", &build, k))
		return false;
	if (!p->n)
		diag_add(b->d, U8006, k->name_span, "pool `%.*s` has no origin", STR_FMT(p->name));
	return pool_finish(b, &build);
}

static bool blocks_read(struct build *b)
{
	struct config *c = b->config;
	bool ok = true;

	c->zones = arena_array(b->arena, count(b, "zone") + 1, sizeof *c->zones);
	c->listeners = arena_array(b->arena, count(b, "listener") + 1, sizeof *c->listeners);
	c->pools = arena_array(b->arena, count(b, "pool") + 1, sizeof *c->pools);
	b->zones = arena_array(&b->scratch, count(b, "zone") + 1, sizeof *b->zones);
	b->listeners = arena_array(&b->scratch, count(b, "listener") + 1, sizeof *b->listeners);
	if (!c->zones || !c->listeners || !c->pools || !b->zones || !b->listeners)
		return false;
	for (struct ast_block *k = b->file.blocks; ok && k; k = k->next) {
		if (k->kind != AST_BLOCK_SETTINGS)
			continue;
		if (str_eq(k->keyword, STR("zone")))
			ok = new_zone(b, k);
		else if (str_eq(k->keyword, STR("listener")))
			ok = new_listener(b, k);
		else if (str_eq(k->keyword, STR("pool")))
			ok = new_pool(b, k);
		else if (settings_is_block(k->keyword))
			ok = settings_apply(b, k);
		else if (str_eq(k->keyword, STR("jwt"))) /* the engine reads it with the rules */
			continue;
		else
			unknown_block(b, k);
	}
	return ok;
}

/* ---- rules -------------------------------------------------------------------------------------------- */

static bool rules_compile(struct build *b)
{
	struct config *c = b->config;
	struct ruleset_options o = { .foreign_fields_default = c->settings.foreign_fields == 1, .serves = route_serves,
				     .serves_arg = b };
	struct str *zones = arena_array(&b->scratch, c->nzones + 1, sizeof *zones);
	struct str *pools = arena_array(&b->scratch, c->npools + 1, sizeof *pools);
	int rc;

	if (!zones || !pools || !geoip_load(b, &o.geoip))
		return false;
	for (size_t i = 0; i < c->nzones; i++)
		zones[i] = c->zones[i].name;
	for (size_t i = 0; i < c->npools; i++)
		pools[i] = c->pools[i].name;
	o.zones = zones;
	o.nzones = c->nzones;
	o.pools = pools;
	o.npools = c->npools;
	rc = ruleset_compile(&c->rules, &b->file, &o, b->d);
	geoip_unref(o.geoip);
	return rc != -ERR_NOMEM;
}

/* A rule may compute an https origin: the system's CAs judge it. That they are not there is told when it happens. */
static bool default_client(struct build *b)
{
	struct tls_client_spec spec = { .verify = true, .version = TLS_MIN_1_3, .session_seconds = TLS_CLIENT_SESSION_SECONDS };
	struct config *c = b->config;
	struct diags quiet;
	bool routes = false;
	int rc = 0;

	for (size_t i = 0; c->rules && i < c->nzones; i++)
		routes |= ruleset_has_phase(c->rules, PHASE_REQUEST_ROUTE, c->zones[i].name);
	if (!routes)
		return true;
	diags_init(&quiet);
	rc = tls_client_new(&c->tls, &spec, &quiet);
	diags_fini(&quiet);
	return rc != -ERR_NOMEM;
}

static void pool_unref(struct pool_conf *p)
{
	for (size_t i = 0; i < p->n; i++)
		member_unref(p->origins[i].member);
	tls_client_unref(p->tls);
}

/* Gives back what is counted elsewhere. */
static void config_drop(struct config *c)
{
	for (size_t i = 0; i < c->nlisteners; i++)
		tls_context_unref(c->listeners[i].context);
	for (size_t i = 0; i < c->nzones; i++) {
		tls_zone_unref(c->zones[i].tls);
		if (c->zones[i].own_pool)
			pool_unref(&c->zones[i].pool[0]);
	}
	for (size_t i = 0; i < c->npools; i++)
		pool_unref(&c->pools[i]);
	tls_client_unref(c->tls);
	ruleset_unref(c->rules);
}

int config_load(struct config **out, const char *const *paths, size_t n, struct diags *d)
{
	struct build b = { .d = d };
	struct config *c = calloc(1, sizeof *c);
	unsigned failures = memory_failures();
	int rc = -ERR_NOMEM;

	*out = NULL;
	if (!c)
		return -ERR_NOMEM;
	atomic_init(&c->refs, 1);
	arena_init(&c->arena, 0);
	arena_init(&b.scratch, 0);
	settings_default(&c->settings);
	b.config = c;
	b.arena = &c->arena;
	if (!files_read(&b, paths, n) || !blocks_read(&b) || !zones_finish(&b) || !listeners_finish(&b) ||
	    !tickets_finish(&b) || !resolver_finish(&b) || !rules_compile(&b) || !default_client(&b))
		goto done;
	lint_file(&b.file, d);
	rc = b.unreadable ? -ERR_IO : d->errors ? -ERR_RULES : 0;
	if (memory_failures() != failures) /* whatever came of it: a configuration is whole, or none */
		rc = -ERR_NOMEM;
	if (rc == 0) {
		*out = c;
		c = NULL;
	}
done:
	arena_fini(&b.scratch);
	if (c) { /* diagnostics quote the files, which are in its arena */
		config_drop(c);
		arena_adopt(&d->arena, &c->arena);
		free(c);
	}
	return rc;
}

/* ---- counted ------------------------------------------------------------------------------------------ */

struct config *config_ref(struct config *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void config_unref(struct config *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	config_drop(c);
	arena_fini(&c->arena);
	free(c);
}

/* ---- looking up --------------------------------------------------------------------------------------- */

struct zone_conf *config_zone(const struct listener_conf *l, struct str host)
{
	struct zone_conf *best = NULL;
	size_t longest = 0;

	for (size_t i = 0; i < l->nzones; i++)
		for (size_t k = 0; k < l->zones[i]->nhosts; k++) {
			struct str h = l->zones[i]->hosts[k];

			if (h.n > 1 && h.p[0] == '*') { /* "*.suffix": at least one label before it */
				if (host.n > h.n - 1 && h.n > longest && str_ends(host, str_sub(h, 1, h.n))) {
					longest = h.n;
					best = l->zones[i];
				}
			} else if (str_eq(h, host)) {
				return l->zones[i];
			}
		}
	return best;
}

struct zone_conf *config_zone_named(const struct config *c, struct str name)
{
	for (size_t i = 0; i < c->nzones; i++)
		if (str_eq(c->zones[i].name, name))
			return &c->zones[i];
	return NULL;
}

struct listener_conf *config_listener_named(const struct config *c, struct str name)
{
	for (size_t i = 0; i < c->nlisteners; i++)
		if (str_eq(c->listeners[i].name, name))
			return &c->listeners[i];
	return NULL;
}
