/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of names: looked up when they are needed, believed for as long as their records say, within bounds. While a
 * name is looked up again, and when that fails, the addresses that are known serve on.
 */
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/ip.h"
#include "base/log.h"
#include "proxy/origin_host.h"

enum {
	FAIL_MSEC = 1000, /* how long it is believed that a name has no addresses */
	FAIL_DOUBLES = 5, /* … and while old ones serve, up to so many times twice as long */
};

static bool has_address(const union ip_address *list, unsigned n, const union ip_address *a)
{
	unsigned i;

	for (i = 0; i < n; i++)
		if (memcmp(&list[i], a, sizeof(*a)) == 0)
			return true;
	return false;
}

bool origin_conn_current(const struct origin_conn *c)
{
	const struct origin_host *h = c->host;

	return h->name == NULL || has_address(h->addresses, h->naddresses, &c->peer);
}

static uint64_t believed(const struct origin_host *h, int64_t msec)
{
	const struct settings *s = worker_settings(h->origins->worker);

	if (msec < s->timeout_resolve_min)
		msec = s->timeout_resolve_min;
	return (uint64_t)(msec < s->timeout_resolve ? msec : s->timeout_resolve);
}

static void print(struct buf *b, const union ip_address *a)
{
	char text[IP_TEXT];
	uint16_t port;
	struct ip ip;

	if (!ip_of_sockaddr(&a->sa, &ip, &port))
		return;
	if (b->n > 0)
		buf_add(b, STR(" "));
	buf_add(b, (struct str){ text, ip_print(&ip, text) });
}

static void log_change(const struct origin_host *h, const struct answer *a)
{
	struct buf text = BUF_INIT;
	unsigned i;

	for (i = 0; i < a->n; i++)
		print(&text, &a->addresses[i]);
	if (!text.failed)
		log_info("origin_addresses", LOG_Z("origin", h->key), LOG_S("addresses", buf_str(&text)),
			 LOG_I("msec", (int64_t)believed(h, a->msec)));
	buf_fini(&text);
}

static bool same(const struct origin_host *h, const struct answer *a)
{
	unsigned i;

	for (i = 0; i < a->n; i++)
		if (!has_address(h->addresses, h->naddresses, &a->addresses[i]))
			return false;
	return a->n == h->naddresses;
}

/* Connections to addresses that are gone carry no more requests. */
static void take(struct origin_host *h, const struct answer *a)
{
	struct origin_conn *c, *next;

	if (h->naddresses > 0 && !same(h, a))
		log_change(h, a);
	memcpy(h->addresses, a->addresses, sizeof(h->addresses));
	h->naddresses = a->n;
	h->failures = 0;
	h->name_error = NULL;
	for (c = h->idle; c != NULL; c = next) {
		next = c->next;
		if (!origin_conn_current(c))
			origin_conn_close(c);
	}
}

static void name_failed(struct origin_host *h, const struct answer *a)
{
	uint64_t wait = FAIL_MSEC;

	if (h->naddresses > 0)
		wait <<= h->failures < FAIL_DOUBLES ? h->failures : FAIL_DOUBLES;
	h->failures++;
	h->name_error = a->error;
	h->resolved_until = uv_now(h->origins->worker->loop) + wait;
	log_warning("origin_name_failed", LOG_Z("origin", h->key), LOG_Z("error", a->error),
		    LOG_Z("addresses", h->naddresses > 0 ? "old" : "none"));
}

static void on_answer(struct lookup *l, const struct answer *a)
{
	struct origin_host *h = (struct origin_host *)((char *)l - offsetof(struct origin_host, lookup));
	struct exchange *x, *list;

	h->pins++;
	if (a->n == 0) {
		name_failed(h, a);
	} else if (a->last || h->naddresses == 0) { /* half an answer is better than none, and no better than an old one */
		take(h, a);
		h->resolved_until = uv_now(h->origins->worker->loop) + believed(h, a->last ? a->msec : 0);
	}
	list = h->waiting;
	h->waiting = NULL;
	while (list != NULL) {
		x = origin_waiting_take(&list);
		if (h->naddresses > 0)
			origin_go(x, h);
		else
			exchange_origin_failed(x, a->no_memory ? FAULT_MEMORY : FAULT_ORIGIN_NAME, str_of(a->error), LOSS_UNKNOWN);
	}
	h->pins--;
}

static bool resolver(struct origins *o)
{
	if (o->resolver == NULL && resolver_new(&o->resolver, o->worker->loop) == 0)
		resolver_settings(o->resolver, worker_settings(o->worker));
	return o->resolver != NULL;
}

static void look_up(struct origin_host *h)
{
	static const struct answer none = { .last = true, .no_memory = true, .error = "out of memory" };

	h->lookup.answered = on_answer;
	if (h->lookup.question != NULL)
		return;
	if (resolver(h->origins))
		resolver_ask(h->origins->resolver, &h->lookup, h->name, h->port);
	else
		on_answer(&h->lookup, &none);
}

static bool fresh(const struct origin_host *h)
{
	return uv_now(h->origins->worker->loop) < h->resolved_until;
}

void origin_refresh(struct origin_host *h)
{
	if (h->name != NULL && h->naddresses > 0 && !fresh(h))
		look_up(h);
}

void origin_resolve(struct exchange *x, struct origin_host *h)
{
	if (h->name == NULL || h->naddresses > 0) {
		origin_go(x, h);
	} else if (fresh(h) && h->lookup.question == NULL) {
		exchange_origin_failed(x, FAULT_ORIGIN_NAME, str_of(h->name_error), LOSS_UNKNOWN);
	} else {
		origin_wait(x, h);
		look_up(h);
	}
}
