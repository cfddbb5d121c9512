/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The lines of a zone that say where it learns of revoked certificates: CRLs from files, directories and
 * addresses, and OCSP. Nothing is fetched here: what was fetched earlier is read from the state directory.
 */
#include "base/err.h"
#include "proxy/config_build.h"
#include "proxy/paths.h"
#include "proxy/state.h"

#define ZONE(object) ((struct zone_build *)(object))

bool watch_path(struct build *b, struct str pattern)
{
	struct config *c = b->config;
	struct watched w = {pattern, paths_stamp(pattern)};

	for (size_t i = 0; i < c->nwatched; i++)
		if (str_eq(c->watched[i].pattern, pattern))
			return true;
	c->watched = array_push(b->arena, c->watched, c->nwatched, sizeof w, &w);
	c->nwatched += c->watched != NULL;
	return c->watched != NULL;
}

/* ---- client_crl --------------------------------------------------------------------------------------- */

static bool add_crl(struct zone_build *z, struct build *b, struct str path, struct span span)
{
	struct tls_path p = {path, span};

	z->crls = array_push(b->arena, z->crls, z->ncrls, sizeof p, &p);
	z->ncrls += z->crls != NULL;
	return z->crls != NULL;
}

static bool add_files(struct build *b, struct zone_build *z, const struct ast_word *w)
{
	struct str pattern = word_path(b, w);
	struct paths found;

	if (!pattern.p || !watch_path(b, pattern) || paths_find(b->arena, pattern, &found) < 0)
		return false;
	if (!found.n) /* an error, so that lists that go away never open a door */
		diag_add(b->d, U8002, w->span, "there is no CRL called `%.*s`", STR_FMT(pattern));
	for (size_t i = 0; i < found.n; i++)
		if (!add_crl(z, b, found.v[i], w->span))
			return false;
	return true;
}

static bool has_url(const struct zone_conf *z, struct str url)
{
	for (size_t i = 0; i < z->ncrl_urls; i++)
		if (str_eq(z->crl_urls[i], url))
			return true;
	return false;
}

static bool add_url(struct build *b, struct zone_build *z, struct str url)
{
	if (has_url(z->conf, url))
		return true;
	z->conf->crl_urls = array_push(b->arena, z->conf->crl_urls, z->conf->ncrl_urls, sizeof url, &url);
	z->conf->ncrl_urls += z->conf->crl_urls != NULL;
	return z->conf->crl_urls != NULL;
}

static bool is_url(const struct ast_word *w)
{
	return str_starts(w->text, STR("http://")) || str_starts(w->text, STR("https://"));
}

static bool check_url(struct build *b, const struct ast_word *w)
{
	struct url url;

	if (url_parse(w->text, &url))
		return true;
	diag_add(b->d, U8001, w->span, "`%.*s` is not an address to fetch from", STR_FMT(w->text));
	return false;
}

static bool add_source(struct build *b, struct zone_build *z, const struct ast_word *w)
{
	struct str url;

	if (!w->quoted && str_eq(w->text, STR("distribution_points"))) {
		z->conf->crl_points = true;
		z->fetch_span = w->span;
		return true;
	}
	if (!is_url(w))
		return add_files(b, z, w);
	z->fetch_span = w->span;
	if (!check_url(b, w))
		return true;
	url = arena_str(b->arena, w->text);
	return url.p && add_url(b, z, url);
}

bool zone_client_crl(struct build *b, void *object, const struct ast_setting *s)
{
	for (size_t i = 0; i < s->nwords; i++)
		if (!add_source(b, ZONE(object), &s->words[i]))
			return false;
	ZONE(object)->crl_span = s->span;
	ZONE(object)->spec.crl_required |= !ZONE(object)->crl_required_given;
	return true;
}

bool zone_crl_required(struct build *b, void *object, const struct ast_setting *s)
{
	ZONE(object)->crl_required_given = true;
	word_bool(b, &s->words[0], &ZONE(object)->spec.crl_required);
	return true;
}

static void seconds(struct build *b, const struct ast_word *w, int64_t days, int64_t *out)
{
	int64_t msec;

	if (word_duration(b, w, 0, days * 86400000, &msec))
		*out = msec / 1000;
}

bool zone_crl_grace(struct build *b, void *object, const struct ast_setting *s)
{
	seconds(b, &s->words[0], 30, &ZONE(object)->spec.crl_grace);
	return true;
}

bool zone_crl_warning(struct build *b, void *object, const struct ast_setting *s)
{
	seconds(b, &s->words[0], 365, &ZONE(object)->conf->crl_warning);
	return true;
}

/* ---- hosts, OCSP -------------------------------------------------------------------------------------- */

static bool add_hosts(struct build *b, const struct ast_setting *s, struct url_host **v, size_t *n)
{
	for (size_t i = 0; i < s->nwords; i++) {
		struct str text = arena_lower(b->arena, s->words[i].text);
		struct url_host host;

		if (!text.p)
			return false;
		if (!url_host_parse(text, &host)) {
			struct diag *g =
			    diag_add(b->d, U8001, s->words[i].span, "`%.*s` is not a host", STR_FMT(text));

			diag_help(b->d, g, "write crl.example.com, *.example.com or crl.example.com:8080");
			continue;
		}
		if (!(*v = array_push(b->arena, *v, *n, sizeof host, &host)))
			return false;
		++*n;
	}
	return true;
}

bool zone_crl_hosts(struct build *b, void *object, const struct ast_setting *s)
{
	return add_hosts(b, s, &ZONE(object)->conf->crl_hosts, &ZONE(object)->conf->ncrl_hosts);
}

bool zone_ocsp_hosts(struct build *b, void *object, const struct ast_setting *s)
{
	return add_hosts(b, s, &ZONE(object)->conf->ocsp_hosts, &ZONE(object)->conf->nocsp_hosts);
}

bool zone_ocsp(struct build *b, void *object, const struct ast_setting *s)
{
	int v;

	ZONE(object)->ocsp_span = s->span;
	if (word_enum(b, &s->words[0], "off|soft|hard", &v))
		ZONE(object)->spec.ocsp = ZONE(object)->conf->ocsp = (enum ocsp_mode)v;
	return true;
}

bool zone_ocsp_url(struct build *b, void *object, const struct ast_setting *s)
{
	struct str url = arena_str(b->arena, s->words[0].text);

	if (!url.p)
		return false;
	if (check_url(b, &s->words[0]))
		ZONE(object)->spec.ocsp_url = ZONE(object)->conf->ocsp_url = url;
	return true;
}

/* ---- second step -------------------------------------------------------------------------------------- */

static void check(struct build *b, struct zone_build *z)
{
	struct zone_conf *c = z->conf;
	struct diag *g;

	if (z->crl_span.src && !z->ncas)
		diag_add(b->d, U8006, z->crl_span,
		         "client_crl without client_ca: no CA could have signed it");
	if (c->crl_points && !c->ncrl_hosts) {
		g = diag_add(b->d, U8006, z->fetch_span,
		             "distribution_points without crl_hosts: nothing may be fetched");
		diag_help(b->d, g,
		          "name the hosts that your CAs publish their CRLs on: crl_hosts crl.example.com");
	}
	if (z->fetch_span.src && !b->config->settings.state.n) {
		g = diag_add(b->d, U8006, z->fetch_span,
		             "CRLs that are fetched need a directory to be kept in");
		diag_help(b->d, g, "write server { state \"DIRECTORY\" }");
	}
	if (c->ncrl_hosts && !z->fetch_span.src)
		diag_add(b->d, U8004, z->block->name_span, "the zone has crl_hosts, but fetches no CRL");
	if (c->ocsp != OCSP_OFF && !c->ocsp_url.n && !c->nocsp_hosts)
		diag_add(b->d, U8006, z->ocsp_span,
		         "without ocsp_url or ocsp_hosts no responder may be asked");
	if (c->ocsp == OCSP_OFF && (c->ocsp_url.n || c->nocsp_hosts))
		diag_add(b->d, U8004, z->block->name_span, "the zone names OCSP responders, but ocsp is off");
}

/* Addresses that were learned from certificates before this configuration, as far as they are still allowed.
 */
static bool add_learned(struct build *b, struct zone_build *z)
{
	struct paths urls;
	struct url url;

	if (state_points(b->arena, b->config->settings.state, z->conf->name, &urls) < 0)
		return false;
	for (size_t i = 0; i < urls.n; i++)
		if (url_parse(urls.v[i], &url) &&
		    url_allowed(&url, z->conf->crl_hosts, z->conf->ncrl_hosts) && !add_url(b, z, urls.v[i]))
			return false;
	return true;
}

bool revocation_finish(struct build *b, struct zone_build *z)
{
	struct str dir = b->config->settings.state;

	check(b, z);
	if (!dir.n || !z->fetch_span.src)
		return true;
	if (z->conf->crl_points && !add_learned(b, z))
		return false;
	for (size_t i = 0; i < z->conf->ncrl_urls; i++) {
		struct str path = state_crl(b->arena, dir, z->conf->crl_urls[i]);

		if (!path.p)
			return false;
		if (state_crl_good(path) && !add_crl(z, b, path, z->fetch_span))
			return false;
	}
	return true;
}
