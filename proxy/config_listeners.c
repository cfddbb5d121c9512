/* SPDX-License-Identifier: Apache-2.0 */
/* listener blocks: their lines, then the zones each serves and its TLS context. */
#include "base/err.h"
#include "proxy/config_build.h"

#define LISTENER(object) ((struct listener_build *)(object))

bool listener_address(struct build *b, void *object, const struct ast_setting *s)
{
	word_address(b, &s->words[0], &LISTENER(object)->conf->address);
	return !b->nomem;
}

bool listener_protocols(struct build *b, void *object, const struct ast_setting *s)
{
	struct listener_conf *l = LISTENER(object)->conf;
	int v;

	l->http1 = l->http2 = false;
	for (size_t i = 0; i < s->nwords; i++) {
		if (!word_enum(b, &s->words[i], "http/1.1|h2", &v))
			continue;
		if (v == 0)
			l->http1 = true;
		else
			l->http2 = true;
		l->http2_first |= v == 1 && i == 0;
	}
	return true;
}

bool listener_tls(struct build *b, void *object, const struct ast_setting *s)
{
	word_bool(b, &s->words[0], &LISTENER(object)->conf->tls);
	return true;
}

bool listener_plain(struct build *b, void *object, const struct ast_setting *s)
{
	bool plain = true;

	if (s->nwords)
		word_bool(b, &s->words[0], &plain);
	LISTENER(object)->conf->tls = !plain;
	return true;
}

bool listener_default_zone(struct build *b, void *object, const struct ast_setting *s)
{
	(void)b;
	LISTENER(object)->default_zone = &s->words[0];
	return true;
}

bool listener_zones(struct build *b, void *object, const struct ast_setting *s)
{
	struct listener_build *l = object;

	for (size_t i = 0; i < s->nwords; i++) {
		const struct ast_word *w = &s->words[i];

		l->zones = array_push(&b->scratch, l->zones, l->nzones, sizeof w, &w);
		if (!l->zones)
			return false;
		l->nzones++;
	}
	return true;
}

/* from NETWORK, ... */
static bool networks(struct build *b, const struct ast_setting *s, struct cidr **nets, size_t *n)
{
	size_t i = str_eq(s->words[0].text, STR("from")) ? 1 : 0;

	if (i == s->nwords)
		diag_add(b->d, U8001, s->span, "from which networks?");
	for (; i < s->nwords; i++) {
		struct cidr net;
		bool host_bits = false;

		if (!cidr_parse(s->words[i].text, &net, &host_bits)) {
			diag_add(b->d, host_bits ? U0007 : U8001, s->words[i].span, "`%.*s` is not a network%s",
				 STR_FMT(s->words[i].text), host_bits ? ": bits are set beyond its prefix" : "");
			continue;
		}
		*nets = array_push(b->arena, *nets, *n, sizeof net, &net);
		if (!*nets)
			return false;
		++*n;
	}
	return true;
}

bool listener_proxy_protocol(struct build *b, void *object, const struct ast_setting *s)
{
	struct listener_conf *l = LISTENER(object)->conf;

	return networks(b, s, &l->proxy_protocol, &l->nproxy_protocol);
}

bool listener_real_ip(struct build *b, void *object, const struct ast_setting *s)
{
	struct listener_conf *l = LISTENER(object)->conf;

	return networks(b, s, &l->real_ip, &l->nreal_ip);
}

/* ---- second step -------------------------------------------------------------------------------------- */

static struct zone_conf *named(struct build *b, const struct ast_word *w)
{
	struct str near = STR_NONE;
	struct diag *g;
	size_t least = w->text.n / 3 + 2;

	for (size_t i = 0; i < b->config->nzones; i++) {
		struct zone_conf *z = &b->config->zones[i];
		size_t dist;

		if (str_eq(z->name, w->text))
			return z;
		dist = str_distance(z->name, w->text, least);
		if (dist < least) {
			least = dist;
			near = z->name;
		}
	}
	g = diag_add(b->d, U1001, w->span, "there is no zone `%.*s`", STR_FMT(w->text));
	if (near.n)
		diag_help(b->d, g, "did you mean `%.*s`?", STR_FMT(near));
	return NULL;
}

static bool wrong_kind(struct build *b, const struct listener_build *l, const struct zone_conf *z, struct span span)
{
	bool tls = b->zones[z->index].ncertificates > 0;

	if (tls == l->conf->tls)
		return false;
	diag_add(b->d, U8006, span,
		 tls ? "zone `%.*s` has a certificate: it is served on TLS listeners only" :
		       "zone `%.*s` has no certificate: it is served on plain listeners only",
		 STR_FMT(z->name));
	return true;
}

static bool add_zone(struct build *b, struct listener_conf *l, struct zone_conf *z)
{
	l->zones = array_push(b->arena, l->zones, l->nzones, sizeof z, &z);
	if (!l->zones)
		return false;
	l->nzones++;
	b->zones[z->index].served = true;
	return true;
}

static bool choose_zones(struct build *b, struct listener_build *l)
{
	for (size_t i = 0; i < l->nzones; i++) {
		struct zone_conf *z = named(b, l->zones[i]);

		if (z && !wrong_kind(b, l, z, l->zones[i]->span) && !add_zone(b, l->conf, z))
			return false;
	}
	for (size_t i = 0; !l->nzones && i < b->config->nzones; i++)
		if ((b->zones[i].ncertificates > 0) == l->conf->tls && !add_zone(b, l->conf, &b->config->zones[i]))
			return false;
	if (!l->conf->nzones && !l->nzones)
		diag_add(b->d, U8006, l->block->name_span, "listener `%.*s` has no zone to serve: no zone %s",
			 STR_FMT(l->conf->name), l->conf->tls ? "has a certificate" : "is without a certificate");
	if (l->default_zone) {
		struct zone_conf *z = named(b, l->default_zone);

		if (z && !wrong_kind(b, l, z, l->default_zone->span)) {
			bool in = false;

			for (size_t i = 0; i < l->conf->nzones; i++)
				in |= l->conf->zones[i] == z;
			l->conf->default_zone = z;
			return in || add_zone(b, l->conf, z);
		}
	}
	return true;
}

static int make_context(struct build *b, struct listener_conf *l)
{
	struct tls_zone **zones = arena_array(&b->scratch, l->nzones + 1, sizeof *zones);
	struct str alpn[2];
	size_t n = 0;

	if (!zones)
		return -ERR_NOMEM;
	for (size_t i = 0; i < l->nzones; i++)
		if (!(zones[i] = l->zones[i]->tls)) /* not made, and no error was counted: memory ran out on the way */
			return -ERR_NOMEM;
	if (l->http2 && l->http2_first)
		alpn[n++] = STR("h2");
	if (l->http1)
		alpn[n++] = STR("http/1.1");
	if (l->http2 && !l->http2_first)
		alpn[n++] = STR("h2");
	return tls_context_new(&l->context, zones, l->nzones, l->default_zone ? l->default_zone->tls : NULL, alpn, n);
}

static void check_address(struct build *b, const struct listener_build *l)
{
	if (!l->conf->address.len)
		return;
	for (const struct listener_build *o = b->listeners; o < l; o++)
		if (o->conf->address.len == l->conf->address.len &&
		    !memcmp(&o->conf->address.sa, &l->conf->address.sa, l->conf->address.len)) {
			struct diag *g = diag_add(b->d, U8005, l->block->name_span, "%.*s is listener `%.*s`'s address too",
						  STR_FMT(l->conf->address.text), STR_FMT(o->conf->name));

			diag_second(b->d, g, o->block->name_span, "the other listener is here");
		}
}

bool listeners_finish(struct build *b)
{
	for (size_t i = 0; i < b->config->nlisteners; i++) {
		struct listener_build *l = &b->listeners[i];
		bool given = false;

		for (const struct ast_setting *s = l->block->settings; s; s = s->next)
			given |= str_eq(s->name, STR("address"));
		if (!given)
			diag_add(b->d, U8006, l->block->name_span, "listener `%.*s` has no address",
				 STR_FMT(l->conf->name));
		check_address(b, l);
		if (!choose_zones(b, l))
			return false;
		if (l->conf->tls && !b->d->errors && make_context(b, l->conf) < 0)
			return false;
	}
	for (size_t i = 0; b->config->nlisteners && i < b->config->nzones; i++)
		if (!b->zones[i].served)
			diag_add(b->d, U8004, b->zones[i].block->name_span, "no listener serves zone `%.*s`",
				 STR_FMT(b->config->zones[i].name));
	return true;
}
