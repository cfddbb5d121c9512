/* SPDX-License-Identifier: Apache-2.0 */
/* Hosts: found by what a connection to them must fit, remembered while somebody needs them; and those who wait for one. */
#include "proxy/origin_host.h"

#include <stdlib.h>

#include "proxy/origin_choice.h"

/* ---- exchanges that wait for a host ---- */

void origin_wait(struct exchange *x, struct origin_host *h)
{
	struct worker *w = x->worker;
	uint64_t now = uv_now(w->loop), left = x->connect_until > now ? x->connect_until - now : 0;

	x->waits_for = h;
	x->next_waiting = h->waiting;
	h->waiting = x;
	if (!deadline_is_set(&h->patience) || x->connect_until < h->patience.at)
		deadline_set(&w->wheel, &h->patience, (int64_t)left);
}

struct exchange *origin_waiting_take(struct exchange **list)
{
	struct exchange *x = *list;

	*list = x->next_waiting;
	x->next_waiting = NULL;
	x->waits_for = NULL;
	return x;
}

/* No connection can be had: x fails, and with it those that would have shared an HTTP/2 connection. */
void origin_give_up(struct origin_host *h, struct exchange *x, enum fault f, struct str detail)
{
	struct exchange *list = h->connecting ? h->waiting : NULL;

	if (h->connecting)
		h->waiting = NULL;
	h->connecting = false;
	if (x != NULL)
		exchange_origin_failed(x, f, detail, LOSS_UNKNOWN);
	while (list != NULL)
		exchange_origin_failed(origin_waiting_take(&list), f, detail, LOSS_UNKNOWN);
}

/* Takes those off the list whose time is over, and says by a deadline when the next one's is. */
static struct exchange *impatient(struct origin_host *h)
{
	struct worker *w = h->origins->worker;
	uint64_t now = uv_now(w->loop), next = UINT64_MAX;
	struct exchange **at = &h->waiting, *x, *list = NULL;

	while ((x = *at) != NULL) {
		if (x->connect_until > now) {
			next = x->connect_until < next ? x->connect_until : next;
			at = &x->next_waiting;
			continue;
		}
		*at = x->next_waiting;
		x->next_waiting = list;
		list = x;
	}
	if (next != UINT64_MAX)
		deadline_set(&w->wheel, &h->patience, (int64_t)(next - now));
	return list;
}

static void on_patience(struct deadline *d)
{
	struct origin_host *h = (struct origin_host *)((char *)d - offsetof(struct origin_host, patience));
	enum fault f = h->connecting ? FAULT_CONNECT_TIMEOUT : FAULT_NAME_TIMEOUT;
	struct exchange *list = impatient(h);

	while (list != NULL) /* h may be gone after the last one */
		exchange_origin_failed(origin_waiting_take(&list), f, STR_NONE, LOSS_UNKNOWN);
}

/* ---- hosts ---- */

void origin_host_free(struct origin_host *h)
{
	deadline_clear(&h->origins->worker->wheel, &h->patience);
	lookup_forget(&h->lookup);
	free(h->key);
	free(h->path);
	free(h->name);
	tls_peer_free(h->peer);
	free(h);
}

static bool host_fits(const struct origin_host *h, const struct origin_wanted *w)
{
	return h->tls == w->tls && h->http2 == w->http2 && h->proxy == w->proxy && str_eq(str_of(h->key), w->address->text) &&
	       (w->tls == NULL || tls_peer_is(h->peer, w->tls, w->server));
}

static struct origin_host *host_new(struct origins *o, const struct origin_wanted *w)
{
	const struct address *a = w->address;
	struct origin_host *h = calloc(1, sizeof(*h));
	bool named = a->path.n == 0 && a->sa.ss_family == AF_UNSPEC;

	if (h == NULL)
		return NULL;
	origin_hosts_prune(o);
	h->origins = o;
	deadline_init(&h->patience, on_patience);
	h->http2 = w->http2;
	h->proxy = w->proxy;
	h->port = a->port;
	h->key = strndup(a->text.p, a->text.n);
	if (a->path.n > 0)
		h->path = strndup(a->path.p, a->path.n);
	else if (named)
		h->name = strndup(a->host.p, a->host.n);
	else {
		memcpy(&h->addresses[0], &a->sa, sizeof(h->addresses[0]));
		h->naddresses = 1;
	}
	if (w->tls != NULL) {
		h->tls = w->tls;
		h->peer = tls_peer_new(w->tls, w->server);
	}
	if (h->key == NULL || (a->path.n > 0 && h->path == NULL) || (named && h->name == NULL) ||
	    (w->tls != NULL && h->peer == NULL)) {
		origin_host_free(h);
		return NULL;
	}
	h->named = !o->once && origin_host_is_named(h);
	h->next = o->hosts;
	o->hosts = h;
	return h;
}

/* Connections made under another way to speak TLS (other CAs, say) are not used any more, nor are sessions; and a name
 * for TLS that a rule computed is not the configuration's. */
static bool pool_names(const struct pool_conf *p, const struct origin_host *h)
{
	size_t i;

	for (i = 0; i < p->n; i++) {
		const struct origin_conf *o = &p->origins[i];

		if (str_eq(o->address.text, str_of(h->key)) && p->http2 == h->http2 && p->proxy_protocol == h->proxy &&
		    (o->tls ? h->peer != NULL && tls_peer_is(h->peer, p->tls, origin_server_name(p, o)) : h->peer == NULL))
			return true;
	}
	return false;
}

bool origin_host_is_named(const struct origin_host *h)
{
	const struct config *config = worker_config(h->origins->worker);
	size_t i;

	for (i = 0; i < config->npools; i++)
		if (pool_names(&config->pools[i], h))
			return true;
	for (i = 0; i < config->nzones; i++)
		if (pool_names(config->zones[i].pool, h))
			return true;
	return false;
}

struct origin_host *origin_host_of(struct origins *o, const struct origin_wanted *w)
{
	struct origin_host *h;

	for (h = o->once ? NULL : o->hosts; h != NULL; h = h->next)
		if (host_fits(h, w))
			return h;
	return host_new(o, w);
}

/* Frees hosts that nothing needs any more. */
void origin_hosts_prune(struct origins *o)
{
	struct origin_host **at = &o->hosts, *h;

	while ((h = *at) != NULL) {
		if ((h->named && !o->closing) || h->nconns > 0 || h->pins > 0 || h->waiting != NULL) {
			at = &h->next;
			continue;
		}
		*at = h->next;
		origin_host_free(h);
	}
}
