/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How the server begins and ends. What could not begin ends like everything else: each part is there, or is NULL, and
 * server_fini gives back what is there.
 */
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/err.h"
#include "base/limits.h"
#include "base/log.h"
#include "proxy/access_writer.h"
#include "proxy/asker.h"
#include "proxy/clients.h"
#include "proxy/expiry.h"
#include "proxy/fetch.h"
#include "proxy/fetcher.h"
#include "proxy/health.h"
#include "proxy/loop_memory.h"
#include "proxy/resolver.h"
#include "proxy/server_state.h"
#include "proxy/sockets.h"
#include "proxy/watch.h"
#include "proxy/worker.h"

enum {
	POOL_THREADS = 4,     /* libuv's default */
	RETIRE_MSEC = 1000,   /* how often old configurations are looked at */
	LOOP_FILES = 1 << 24, /* room for so many descriptors is set aside where no limit is set */
};

/* ---- beginning ---- */

static int become(struct str user)
{
	char name[256];
	struct passwd *pw;

	if (user.n == 0)
		return 0;
	if (user.n >= sizeof(name))
		return -ERR_INVALID;
	memcpy(name, user.p, user.n);
	name[user.n] = '\0';
	if ((pw = getpwnam(name)) != NULL &&
	    (geteuid() == pw->pw_uid || (initgroups(name, pw->pw_gid) == 0 && setgid(pw->pw_gid) == 0 &&
					 setuid(pw->pw_uid) == 0)))
		return 0;
	log_error("user_failed", LOG_S("user", user), LOG_Z("error", pw == NULL ? "no such account" : strerror(errno)));
	return -ERR_REFUSED;
}

/* As many open files as the system allows. */
static int raise_limits(unsigned workers)
{
	struct rlimit limit;

	signal(SIGPIPE, SIG_IGN);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 0;
	if (limit.rlim_max < LIMIT_FILES) {
		log_error("start_failed", LOG_Z("error", "too few open files are allowed"),
			  LOG_I("allowed", (int64_t)limit.rlim_max), LOG_I("needed", LIMIT_FILES));
		return -ERR_LIMIT;
	}
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	loop_memory_init(limit.rlim_max < LOOP_FILES ? (size_t)limit.rlim_max : LOOP_FILES, workers + 1);
	return 0;
}

static unsigned worker_count(const struct settings *settings)
{
	int64_t n = settings->workers > 0 ? settings->workers : (int64_t)uv_available_parallelism();

	return (unsigned)(n < 1 ? 1 : n > WORKERS ? WORKERS : n);
}

static void no_work(uv_work_t *work)
{
	(void)work;
}

static void no_work_done(uv_work_t *work, int status)
{
	(void)work;
	(void)status;
}

static void wait_for(void *sem)
{
	uv_sem_wait(sem);
}

/* Whether so many threads can be had as libuv is about to begin; their stacks are kept by the C library for it. */
static int threads_try(void)
{
	uv_thread_t threads[POOL_THREADS];
	unsigned i, n = 0;
	uv_sem_t go;
	int rc = uv_sem_init(&go, 0);

	if (rc < 0)
		return rc;
	while (n < POOL_THREADS && (rc = uv_thread_create(&threads[n], wait_for, &go)) == 0)
		n++;
	for (i = 0; i < n; i++)
		uv_sem_post(&go);
	for (i = 0; i < n; i++)
		uv_thread_join(&threads[i]);
	uv_sem_destroy(&go);
	return rc;
}

/* libuv begins its threads at their first use, and aborts when it cannot: that must be now, before there are clients. */
static int pool_start(struct server *s)
{
	int rc = threads_try();

	return rc < 0 ? rc : uv_queue_work(&s->loop, &s->first, no_work, no_work_done);
}

static int signals_start(struct server *s)
{
	int i, rc = 0;

	for (i = 0; i < SIGNALS && rc == 0; i++) {
		rc = uv_signal_init(&s->loop, &s->signals[i]);
		s->signals[i].data = s;
		if (rc == 0)
			rc = uv_signal_start(&s->signals[i], server_on_signal, server_signals[i]);
	}
	return rc;
}

static int loop_start(struct server *s)
{
	int rc = uv_loop_init(&s->loop);

	if (rc < 0)
		return rc;
	s->has_loop = true;
	s->done.data = s->retire.data = s;
	if ((rc = uv_async_init(&s->loop, &s->done, server_on_done)) < 0 || (rc = signals_start(s)) < 0 ||
	    (rc = pool_start(s)) < 0 || (rc = uv_timer_init(&s->loop, &s->retire)) < 0)
		return rc;
	return uv_timer_start(&s->retire, server_on_retire, RETIRE_MSEC, RETIRE_MSEC);
}

/* rc: of libuv. */
static int system_failed(int rc)
{
	log_error("start_failed", LOG_Z("error", uv_strerror(rc)));
	return rc == UV_ENOMEM ? -ERR_NOMEM : -ERR_LIMIT;
}

static int server_init(struct server *s, struct config *config)
{
	unsigned i;
	int rc;

	s->nworkers = worker_count(&config->settings);
	if ((rc = raise_limits(s->nworkers)) < 0) {
		s->nworkers = 0;
		return rc;
	}
	if ((s->workers = calloc(s->nworkers, sizeof(*s->workers))) == NULL) {
		s->nworkers = 0;
		return system_failed(UV_ENOMEM);
	}
	if ((s->sockets = sockets_new(s->nworkers)) == NULL || (s->clients = clients_new()) == NULL)
		return system_failed(UV_ENOMEM);
	if ((rc = access_open(&s->access, config->settings.access_log)) < 0) {
		log_error("access_log_failed", LOG_S("file", config->settings.access_log),
			  LOG_Z("error", rc == -ERR_IO ? strerror(errno) : err_text(rc)));
		return rc;
	}
	if ((rc = loop_start(s)) < 0)
		return system_failed(rc);
	if (resolver_library_init() < 0)
		return system_failed(UV_ENOMEM);
	if (health_new(&s->health, &s->loop) < 0 || watch_new(&s->watch, &s->loop, server_on_changed, s) < 0 ||
	    expiry_new(&s->expiry, &s->loop) < 0 || fetcher_new(&s->fetcher, &s->loop, server_on_arrived, s) < 0 ||
	    asker_new(&s->asker) < 0)
		return system_failed(UV_ENOMEM);
	for (i = 0; i < s->nworkers; i++)
		if ((rc = worker_new(&s->workers[i], s, i)) < 0)
			return system_failed(rc);
	if (!server_publish(s, config)) /* orders wait until the workers run */
		return -ERR_NET;
	return become(config->settings.user);
}

/* ---- end ---- */

static void on_walk(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void signals_ignore(void)
{
	int i;

	for (i = 0; i < SIGNALS; i++)
		signal(server_signals[i], SIG_IGN);
}

static void loop_end(struct server *s)
{
	while (!watch_stopped(s->watch))
		uv_run(&s->loop, UV_RUN_ONCE);
	uv_walk(&s->loop, on_walk, NULL);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	signals_ignore(); /* a second SIGTERM would now kill a process that is about to end well */
	uv_loop_close(&s->loop);
}

static void server_fini(struct server *s)
{
	unsigned i;

	for (i = 0; i < s->nworkers; i++)
		worker_join(s->workers[i]);
	health_close(s->health);
	fetcher_stop(s->fetcher);
	asker_free(s->asker);
	fetch_fini();
	resolver_library_fini();
	watch_stop(s->watch);
	expiry_stop(s->expiry);
	if (s->has_loop)
		loop_end(s);
	health_free(s->health);
	watch_free(s->watch);
	expiry_free(s->expiry);
	fetcher_free(s->fetcher);
	server_retired_free(s, true);
	config_unref(s->config);
	sockets_free(s->sockets);
	access_close(s->access);
	clients_free(s->clients);
	free(s->workers);
	free(s);
}

int server_run(struct config *config, const char *const *paths, size_t n)
{
	struct server *s = calloc(1, sizeof(*s));
	unsigned i;
	int rc;

	if (s == NULL) {
		config_unref(config);
		return system_failed(UV_ENOMEM);
	}
	s->paths = paths;
	s->npaths = n;
	log_set_level((enum log_level)config->settings.log_level);
	rc = server_init(s, config);
	if (s->config == NULL) /* it was not taken */
		config_unref(config);
	for (i = 0; rc == 0 && i < s->nworkers; i++)
		if ((rc = worker_start(s->workers[i])) < 0)
			rc = system_failed(rc);
	if (rc == 0)
		uv_run(&s->loop, UV_RUN_DEFAULT); /* until drained */
	else if (i > 1 && !server_order_all(s, ORDER_STOP, NULL)) /* some run already */
		_exit(1);
	server_fini(s);
	if (rc == 0)
		log_info("ended", LOG_I("pid", getpid()));
	return rc;
}
