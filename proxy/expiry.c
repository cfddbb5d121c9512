/* SPDX-License-Identifier: Apache-2.0 */
/* What ends when, and what has been said about it. */
#include "proxy/expiry.h"

#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "mtls/ends.h"

enum {
	SOON_CERTIFICATE = 14 * 86400,
	SOON_CA = 30 * 86400,
	LONGEST_WAIT = 3600, /* seconds: the clock may be set meanwhile */
};

enum step { FINE, SOON, OVER };

struct item {
	struct tls_end end;
	struct str zone;
	int64_t soon; /* Unix time from which it is soon */
	enum step told;
	struct item *next;
};

struct items {
	struct arena arena;
	struct item *first;
};

struct expiry {
	uv_timer_t timer;
	struct items *items;
	bool stopping;
};

static const char *const kinds[] = {
    [TLS_END_CERTIFICATE] = "certificate",
    [TLS_END_CA] = "ca",
    [TLS_END_CRL] = "crl",
};

static void items_free(struct items *list)
{
	if (list == NULL)
		return;
	arena_fini(&list->arena);
	free(list);
}

static int64_t early(const struct tls_end *end, const struct zone_conf *z)
{
	return end->kind == TLS_END_CERTIFICATE ? SOON_CERTIFICATE
	       : end->kind == TLS_END_CA        ? SOON_CA
	                                        : z->crl_warning;
}

static bool add_zone(struct items *list, const struct zone_conf *z)
{
	struct tls_end *ends;
	size_t n;

	if (tls_zone_ends(z->tls, &list->arena, &ends, &n) < 0)
		return false;
	for (size_t i = 0; i < n; i++) {
		struct item *item = ARENA_NEW(&list->arena, struct item);

		if (item == NULL || (item->zone = arena_str(&list->arena, z->name)).p == NULL)
			return false;
		item->end = ends[i];
		item->soon = ends[i].at - early(&ends[i], z);
		item->next = list->first;
		list->first = item;
	}
	return true;
}

static struct items *items_new(const struct config *c)
{
	struct items *list = calloc(1, sizeof(*list));
	bool ok = list != NULL;

	if (ok)
		arena_init(&list->arena, 0);
	for (size_t i = 0; ok && i < c->nzones; i++)
		ok = c->zones[i].tls == NULL || add_zone(list, &c->zones[i]);
	if (ok)
		return list;
	items_free(list);
	return NULL;
}

/* What was told about the same thing of the same zone is not told again. */
static enum step told(const struct items *list, const struct item *like)
{
	for (const struct item *i = list != NULL ? list->first : NULL; i != NULL; i = i->next)
		if (i->end.kind == like->end.kind && i->end.at == like->end.at &&
		    str_eq(i->end.name, like->end.name) && str_eq(i->zone, like->zone))
			return i->told;
	return FINE;
}

static enum step step_of(const struct item *i, int64_t now)
{
	return now > i->end.at ? OVER : now >= i->soon ? SOON : FINE;
}

static void look(struct expiry *e)
{
	int64_t now = clock_now(), wait = LONGEST_WAIT;
	struct item *i;

	for (i = e->items->first; i != NULL; i = i->next) {
		enum step step = step_of(i, now);
		int64_t next = step == FINE ? i->soon : i->end.at + 1;

		if (step > i->told)
			log_warning(step == OVER ? "expired" : "expires_soon",
			            LOG_Z("what", kinds[i->end.kind]), LOG_S("name", i->end.name),
			            LOG_S("zone", i->zone), LOG_I("at", i->end.at),
			            LOG_I("seconds_left", i->end.at - now));
		i->told = step;
		if (step != OVER && next - now < wait)
			wait = next - now;
	}
	uv_timer_set_repeat(&e->timer, (uint64_t)(wait < 1 ? 1 : wait) * 1000);
}

static void on_timer(uv_timer_t *timer)
{
	look(timer->data);
}

int expiry_new(struct expiry **out, uv_loop_t *loop)
{
	struct expiry *e = *out = calloc(1, sizeof(*e));

	if (e == NULL)
		return -ERR_NOMEM;
	uv_timer_init(loop, &e->timer);
	e->timer.data = e;
	return 0;
}

void expiry_config(struct expiry *e, const struct config *c)
{
	struct items *list = e->stopping ? NULL : items_new(c);

	if (list == NULL)
		return;
	for (struct item *i = list->first; i != NULL; i = i->next)
		i->told = told(e->items, i);
	items_free(e->items);
	e->items = list;
	look(e);
	uv_timer_start(&e->timer, on_timer, uv_timer_get_repeat(&e->timer), uv_timer_get_repeat(&e->timer));
}

void expiry_stop(struct expiry *e)
{
	if (e == NULL || e->stopping)
		return;
	e->stopping = true;
	uv_close((uv_handle_t *)&e->timer, NULL);
}

void expiry_free(struct expiry *e)
{
	if (e == NULL)
		return;
	items_free(e->items);
	free(e);
}
