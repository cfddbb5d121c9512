/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's thread: its loop, its listening sockets, and how a new configuration or the end arrives. */
#include "proxy/worker.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "mtls/inspect.h"
#include "proxy/access.h"
#include "proxy/conn.h"
#include "proxy/exchange.h"
#include "proxy/judge.h"
#include "proxy/origin.h"
#include "proxy/server.h"
#include "proxy/transport.h"

enum {
	LOG_BYTES = 65536,
	/*
	 * After a turn with so few reads there is time to send at once what the next ones bring. Busier, all is sent at the
	 * turn's end: sooner would wake the peers sooner, who then bring less at a time, for a tenth of the throughput.
	 */
	EAGER_READS = 4,
};

struct held *held_ref(struct held *h)
{
	h->users++;
	return h;
}

void held_unref(struct held *h)
{
	if (h == NULL || --h->users > 0)
		return;
	config_unref(h->config);
	free(h);
}

/* ---- orders ---- */

/* Forgets and closes those that the configuration does not name any more. */
static void listeners_prune(struct worker *w)
{
	struct listener **at = &w->listeners, *l;

	while ((l = *at) != NULL) {
		if (l->conf != NULL && !w->draining) {
			at = &l->next;
			continue;
		}
		*at = l->next;
		listener_close(l);
	}
}

static void take_config(struct worker *w, struct order *o)
{
	struct held *old = w->held;
	struct listener *l;
	size_t i;

	w->held = o->held;
	*w->held = (struct held){ config_ref(o->config), 1 };
	o->held = NULL;
	for (l = w->listeners; l != NULL; l = l->next)
		l->conf = NULL;
	for (i = 0; i < o->config->nlisteners; i++) {
		const struct listener_conf *conf = &o->config->listeners[i];

		if ((l = listener_of(w, conf->address.text)) != NULL)
			l->conf = conf;
		else if (o->listeners[i] != NULL && !w->draining) {
			listener_open(w, o->listeners[i]);
			o->listeners[i] = NULL;
		}
	}
	listeners_prune(w);
	held_unref(old);
	origins_reload(w->origins);
	if (!w->draining)
		judge_sweep(w);
}

static void stop_all(struct worker *w)
{
	struct conn *c, *next;

	w->stopping = true;
	for (c = w->conns; c != NULL; c = next) {
		next = conn_next(c);
		conn_cut(c, FAULT_DRAINED);
	}
	worker_conn_gone(w);
}

static void on_drain_timeout(struct deadline *d)
{
	stop_all((struct worker *)((char *)d - offsetof(struct worker, drain_deadline)));
}

static void start_drain(struct worker *w)
{
	struct conn *c, *next;

	if (w->draining)
		return;
	w->draining = true;
	listeners_prune(w);
	for (c = w->conns; c != NULL; c = next) {
		next = conn_next(c);
		conn_drain(c);
	}
	deadline_set(&w->wheel, &w->drain_deadline, worker_settings(w)->timeout_drain);
	worker_conn_gone(w);
}

static void on_wake(uv_async_t *wake)
{
	struct worker *w = wake->data;
	struct order *o, *next;

	uv_mutex_lock(&w->lock);
	o = w->orders;
	w->orders = NULL;
	uv_mutex_unlock(&w->lock);
	for (; o != NULL; o = next) {
		next = o->next;
		if (o->kind == ORDER_CONFIG)
			take_config(w, o);
		else if (o->kind == ORDER_DRAIN)
			start_drain(w);
		else {
			start_drain(w);
			stop_all(w);
		}
		order_free(o);
		server_done(w->server);
	}
}

void worker_order(struct worker *w, struct order *o)
{
	struct order **at;

	o->next = NULL;
	uv_mutex_lock(&w->lock);
	for (at = &w->orders; *at != NULL; at = &(*at)->next)
		;
	*at = o;
	uv_mutex_unlock(&w->lock);
	uv_async_send(&w->wake);
}

/* ---- the loop ---- */

void worker_flush(struct worker *w)
{
	while (w->dirty != NULL)
		transport_flush(w->dirty);
}

/* The end of a turn. */
static void flush_all(uv_prepare_t *prepare)
{
	struct worker *w = prepare->data;

	worker_flush(w);
	access_flush(w);
	w->eager = w->reads <= EAGER_READS;
	w->reads = 0;
}

static void close_handles(struct worker *w)
{
	if (w->ended)
		return;
	w->ended = true;
	origins_close(w->origins);
	deadline_clear(&w->wheel, &w->drain_deadline);
	wheel_close(&w->wheel);
	uv_close((uv_handle_t *)&w->wake, NULL);
	uv_close((uv_handle_t *)&w->sweep, NULL);
	uv_close((uv_handle_t *)&w->before_poll, NULL);
}

void worker_conn_gone(struct worker *w)
{
	if (w->draining && w->nconns == 0)
		close_handles(w);
}

static void run(void *arg)
{
	struct worker *w = arg;

	uv_run(w->loop, UV_RUN_DEFAULT);
	access_flush(w);
	server_ended(w->server);
}

/* Takes nothing for granted: worker_new may have come half way. */
static void worker_free(struct worker *w)
{
	origins_free(w->origins);
	held_unref(w->held);
	buf_fini(&w->log);
	if (w->reserve_fd >= 0)
		close(w->reserve_fd);
	free(w);
}

static int handles_init(struct worker *w)
{
	int rc;

	if ((rc = uv_async_init(w->loop, &w->wake, on_wake)) < 0 || (rc = wheel_init(&w->wheel, w->loop)) < 0 ||
	    (rc = uv_timer_init(w->loop, &w->sweep)) < 0 || (rc = uv_prepare_init(w->loop, &w->before_poll)) < 0)
		return rc;
	return uv_prepare_start(&w->before_poll, flush_all);
}

static void on_walk(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void loop_end(struct worker *w)
{
	uv_walk(w->loop, on_walk, NULL);
	uv_run(w->loop, UV_RUN_DEFAULT);
	uv_loop_close(w->loop);
}

int worker_new(struct worker **out, struct server *server, unsigned index)
{
	struct worker *w = calloc(1, sizeof(*w));
	int rc;

	*out = NULL;
	if (w == NULL)
		return UV_ENOMEM;
	w->index = index;
	w->server = server;
	w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (!random_bytes(&w->request_id, sizeof(w->request_id)) || origins_new(&w->origins, w, false) < 0 ||
	    !buf_reserve(&w->log, LOG_BYTES)) {
		rc = UV_ENOMEM;
		goto failed;
	}
	if ((rc = uv_loop_init(&w->own_loop)) < 0)
		goto failed;
	w->loop = &w->own_loop;
	w->loop->data = w;
	w->wake.data = w;
	w->before_poll.data = w;
	w->sweep.data = w;
	deadline_init(&w->drain_deadline, on_drain_timeout);
	if ((rc = handles_init(w)) < 0 || (rc = uv_mutex_init(&w->lock)) < 0) {
		loop_end(w);
		goto failed;
	}
	*out = w;
	return 0;

failed:
	worker_free(w);
	return rc;
}

int worker_start(struct worker *w)
{
	int rc = uv_thread_create(&w->thread, run, w);

	w->running = rc == 0;
	return rc;
}

/* Orders that came after the end, or that it never began to carry out. */
static void orders_drop(struct worker *w)
{
	struct order *o;

	while ((o = w->orders) != NULL) {
		w->orders = o->next;
		order_free(o);
	}
}

void worker_join(struct worker *w)
{
	if (w == NULL)
		return;
	if (w->running)
		uv_thread_join(&w->thread);
	exchange_spares_free(w);
	orders_drop(w);
	loop_end(w);
	uv_mutex_destroy(&w->lock);
	worker_free(w);
}

bool worker_seed(struct worker *w, uint8_t seed[16])
{
	if (w->seeds_left < 16) {
		if (!random_bytes(w->seeds, sizeof(w->seeds)))
			return false;
		w->seeds_left = sizeof(w->seeds);
	}
	w->seeds_left -= 16;
	memcpy(seed, w->seeds + w->seeds_left, 16);
	return true;
}

struct str worker_date(struct worker *w)
{
	int64_t now = clock_now();
	time_t t = (time_t)now;
	struct tm tm;

	if (now != w->date_sec && gmtime_r(&t, &tm) != NULL) {
		strftime(w->date, sizeof(w->date), "%a, %d %b %Y %H:%M:%S GMT", &tm);
		w->date_sec = now;
	}
	return str_of(w->date);
}
