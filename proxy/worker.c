/* SPDX-License-Identifier: Apache-2.0 */
/* The worker's thread: its loop, its listening sockets, and how a new configuration or the end arrives. */
#include "proxy/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
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
	ACCEPT_BATCH = 64,         /* connections taken per turn: those that are open want their turn, too */
	ACCEPT_FAILED_MSEC = 5000, /* how long it must have been quiet for the log to be told again */
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

/* ---- listeners ---- */

void listener_unref(struct listener *l)
{
	if (--l->users > 0)
		return;
	free(l->address);
	free(l);
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct listener *l = handle->data;

	close(l->fd);
	listener_unref(l);
}

/* There are no descriptors for one more connection. It is closed, lest it waits in vain and keeps the loop awake. */
static void turn_away(struct listener *l, int error)
{
	struct worker *w = l->worker;
	uint64_t now = uv_now(&w->loop);
	int fd;

	if (w->accept_failed == 0 || now - w->accept_failed > ACCEPT_FAILED_MSEC)
		log_warning("accept_failed", LOG_Z("address", l->address), LOG_Z("error", strerror(error)));
	w->accept_failed = now;
	if ((error != EMFILE && error != ENFILE) || w->reserve_fd < 0)
		return;
	close(w->reserve_fd);
	fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct listener *l = poll->data;
	int fd, i;

	(void)events;
	for (i = 0; status == 0 && i < ACCEPT_BATCH; i++) {
		fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			conn_accept(l, fd);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		if (errno != EINTR && errno != ECONNABORTED)
			turn_away(l, errno);
	}
}

static int listener_open(struct worker *w, const struct listener_conf *conf, int fd)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (l == NULL || (l->address = strndup(conf->address.text.p, conf->address.text.n)) == NULL ||
	    uv_poll_init(&w->loop, &l->poll, fd) < 0) {
		log_error("listen_failed", LOG_S("address", conf->address.text), LOG_Z("error", "out of memory"));
		if (l != NULL)
			free(l->address);
		free(l);
		close(fd);
		return -ERR_NOMEM;
	}
	l->fd = fd;
	l->unix_socket = conf->address.path.n > 0;
	l->worker = w;
	l->conf = conf;
	l->users = 1;
	l->poll.data = l;
	l->next = w->listeners;
	w->listeners = l;
	uv_poll_start(&l->poll, UV_READABLE, on_connection);
	return 0;
}

static void listener_close(struct listener *l)
{
	if (l->closing)
		return;
	l->closing = true;
	uv_close((uv_handle_t *)&l->poll, on_listener_closed);
}

static struct listener *listener_of(struct worker *w, struct str address)
{
	struct listener *l;

	for (l = w->listeners; l != NULL; l = l->next)
		if (!l->closing && str_eq(str_of(l->address), address))
			return l;
	return NULL;
}

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

/* ---- orders ---- */

static void take_config(struct worker *w, struct order *o)
{
	struct held *held = calloc(1, sizeof(*held)), *old = w->held;
	struct listener *l;
	size_t i;

	if (held == NULL) { /* the old one goes on serving; the server hears nothing and says so */
		log_error("reload_failed", LOG_Z("reason", "no_memory"));
		config_unref(o->config);
		return;
	}
	*held = (struct held){ o->config, 1 };
	w->held = held;
	for (l = w->listeners; l != NULL; l = l->next)
		l->conf = NULL;
	for (i = 0; i < o->config->nlisteners; i++) {
		const struct listener_conf *conf = &o->config->listeners[i];

		if ((l = listener_of(w, conf->address.text)) != NULL)
			l->conf = conf;
		else if (o->fds[i] >= 0 && !w->draining)
			listener_open(w, conf, o->fds[i]);
		else if (o->fds[i] >= 0)
			close(o->fds[i]);
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
		free(o->fds);
		free(o);
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

static void flush_all(uv_prepare_t *prepare)
{
	struct worker *w = prepare->data;

	while (w->dirty != NULL)
		transport_flush(w->dirty);
	access_flush(w);
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

	uv_run(&w->loop, UV_RUN_DEFAULT);
	access_flush(w);
	server_ended(w->server);
}

int worker_new(struct worker **out, struct server *server, unsigned index)
{
	struct worker *w = calloc(1, sizeof(*w));

	*out = NULL;
	if (w == NULL)
		return -ERR_NOMEM;
	w->index = index;
	w->server = server;
	w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	if (!random_bytes(&w->request_id, sizeof(w->request_id)) || uv_loop_init(&w->loop) < 0) {
		free(w);
		return -ERR_NOMEM;
	}
	w->loop.data = w;
	w->wake.data = w;
	w->before_poll.data = w;
	w->sweep.data = w;
	deadline_init(&w->drain_deadline, on_drain_timeout);
	if (uv_mutex_init(&w->lock) < 0 || uv_async_init(&w->loop, &w->wake, on_wake) < 0 ||
	    uv_prepare_init(&w->loop, &w->before_poll) < 0 || uv_timer_init(&w->loop, &w->sweep) < 0 ||
	    uv_prepare_start(&w->before_poll, flush_all) < 0 || wheel_init(&w->wheel, &w->loop) < 0 ||
	    origins_new(&w->origins, w) < 0)
		return -ERR_NOMEM; /* at start only: the process ends */
	*out = w;
	return 0;
}

int worker_start(struct worker *w)
{
	return uv_thread_create(&w->thread, run, w) < 0 ? -ERR_NOMEM : 0;
}

void worker_join(struct worker *w)
{
	uv_thread_join(&w->thread);
	exchange_spares_free(w);
	origins_free(w->origins);
	held_unref(w->held);
	buf_fini(&w->log);
	if (w->reserve_fd >= 0)
		close(w->reserve_fd);
	uv_loop_close(&w->loop);
	uv_mutex_destroy(&w->lock);
	free(w);
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
