/* SPDX-License-Identifier: Apache-2.0 */
/* Judging open connections again. The judgement itself is mtls's; here is when, and what follows from it. */
#include "proxy/judge.h"

#include <stdlib.h>

#include "base/clock.h"
#include "proxy/access.h"
#include "proxy/server.h"

enum {
	SWEEP_CONNS = 64,  /* looked at per tick */
	SWEEP_FAST = 10,   /* milliseconds between ticks while a reload is being caught up with */
	SWEEP_SLOW = 1000, /* … while only time passes */
};

struct standing *standing_get(struct conn *c, const struct zone_conf *zone)
{
	struct standing *s = c->standing;

	if (s == NULL || s->zone != zone) {
		judge_reset(c);
		if ((s = calloc(1, sizeof(*s))) == NULL)
			return NULL;
		s->refs = 1;
		s->zone = zone;
		arena_init(&s->arena, 0);
		lines_init(&s->rendered, &s->arena);
		c->standing = s;
	}
	s->refs++;
	return s;
}

void standing_unref(struct standing *s)
{
	if (s == NULL || --s->refs > 0)
		return;
	residual_free(s->residual);
	arena_fini(&s->arena);
	free(s);
}

void judge_reset(struct conn *c)
{
	standing_unref(c->standing);
	c->standing = NULL;
}

static const struct zone_conf *zone_of(const struct conn *c)
{
	const struct listener_conf *l = conn_listener(c);
	struct str name = tls_zone_name(session_zone(c->t.tls));
	const struct zone_conf *zone = l != NULL ? config_zone_named(worker_config(c->worker), name) : NULL;
	size_t i;

	for (i = 0; zone != NULL && i < l->nzones; i++)
		if (l->zones[i] == zone)
			return zone->tls != NULL ? zone : NULL;
	return NULL;
}

static bool due(const struct conn *c)
{
	const struct cert_facts *cert = session_cert(c->t.tls);

	return c->judged_generation != worker_config(c->worker)->generation ||
	       (cert->presented && clock_now() >= cert->valid_until);
}

/* Lists that the certificates of a signed path name are fetched, if the zone wants that. */
static void learn(const struct conn *c, const struct zone_conf *zone, const struct cert_facts *cert)
{
	size_t i, k;

	for (i = 0; zone->crl_points && i < cert->crl_urls.n; i++) {
		for (k = 0; k < zone->ncrl_urls && !str_eq(zone->crl_urls[k], cert->crl_urls.v[i]); k++)
			;
		if (k == zone->ncrl_urls)
			server_learn_crl(c->worker->server, zone->name, cert->crl_urls.v[i]);
	}
}

static enum fault judge_again(struct conn *c, const struct zone_conf *zone)
{
	const struct cert_facts *cert;
	bool good;

	if (zone == NULL)
		return FAULT_ZONE_GONE;
	judge_reset(c);
	if (c->judged_generation != 0 || session_zone(c->t.tls) != zone->tls)
		session_rejudge(c->t.tls, zone->tls); /* else its handshake has just done it */
	cert = session_cert(c->t.tls);
	learn(c, zone, cert);
	good = cert->verified && !cert->revoked;
	if (session_forbidden(c->t.tls, zone->tls))
		return FAULT_CLIENT_FORBIDDEN;
	if (!good && c->had_verified && zone->on_revoked == ON_REVOKED_CLOSE)
		return FAULT_CLIENT_WITHDRAWN;
	c->had_verified = good;
	return FAULT_NONE;
}

enum fault judge_conn(struct conn *c, const struct zone_conf **zone)
{
	*zone = NULL;
	if (c->t.tls == NULL) {
		if (conn_listener(c) == NULL)
			return FAULT_ZONE_GONE;
		if (c->judged_generation != worker_config(c->worker)->generation)
			judge_reset(c);
		c->judged_generation = worker_config(c->worker)->generation;
		return FAULT_NONE;
	}
	*zone = zone_of(c);
	if (due(c)) {
		c->judged = judge_again(c, *zone);
		c->judged_generation = worker_config(c->worker)->generation;
	}
	return c->judged;
}

/* ---- the sweep ---- */

static void on_sweep(uv_timer_t *timer)
{
	struct worker *w = timer->data;
	const struct zone_conf *zone;
	unsigned n;

	if (w->sweep_at == NULL)
		w->sweep_at = w->conns;
	for (n = 0; n < SWEEP_CONNS && w->sweep_at != NULL; n++) {
		struct conn *c = w->sweep_at;
		enum fault f;
		bool idle;

		w->sweep_at = c->next;
		idle = c->state == CONN_SERVING && c->protocol->idle(c);
		if (c->state != CONN_SERVING || (!idle && !c->protocol->concurrent))
			continue; /* its next request asks */
		if ((f = judge_conn(c, &zone)) == FAULT_NONE)
			continue;
		if (!idle && f == FAULT_ZONE_GONE) { /* nothing against the client: what is under way may end */
			conn_drain(c);
			continue;
		}
		access_ended(c, f, STR(""));
		conn_end(c, f);
	}
	uv_timer_set_repeat(timer, w->sweep_at != NULL ? SWEEP_FAST : SWEEP_SLOW);
}

void judge_sweep(struct worker *w)
{
	w->sweep_at = NULL;
	uv_timer_start(&w->sweep, on_sweep, SWEEP_FAST, SWEEP_FAST);
}

void judge_forget(struct worker *w, struct conn *c)
{
	if (w->sweep_at == c)
		w->sweep_at = c->next;
}
