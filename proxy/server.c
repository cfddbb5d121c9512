/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main thread. It serves nothing itself: it waits for signals, has rule files read on a thread aside, gives each
 * worker its orders, and frees configurations once nobody uses them, so that a worker never pays for that.
 */
#include "proxy/server.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <unistd.h>
#include <uv.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/log.h"
#include "mtls/ticket.h"
#include "proxy/access_writer.h"
#include "proxy/asker.h"
#include "proxy/clients.h"
#include "proxy/expiry.h"
#include "proxy/fetch.h"
#include "proxy/fetcher.h"
#include "proxy/health.h"
#include "proxy/sockets.h"
#include "proxy/watch.h"
#include "proxy/worker.h"

enum {
	RETIRED = 64,       /* old configurations that requests still run under; more wait in the workers' hands */
	RETIRE_MSEC = 1000, /* how often they are looked at */
};

enum { SIGNALS = 4 };

struct server {
	uv_loop_t loop;
	uv_signal_t signals[SIGNALS];
	uv_async_t done;
	uv_timer_t retire;
	uv_work_t reading;
	uv_work_t first;
	const char *const *paths;
	size_t npaths;

	struct worker **workers;
	unsigned nworkers;
	struct sockets *sockets;
	struct access *access;
	struct clients *clients;
	struct health *health;
	struct watch *watch;
	struct expiry *expiry;
	struct fetcher *fetcher;
	struct asker *asker;
	_Atomic int64_t conns;

	struct config *config;           /* the current one, a reference */
	struct config *retired[RETIRED]; /* references; freed when they are the last */
	struct config *fresh;            /* what was just read; NULL: it has errors */
	struct diags diags;              /* of fresh */
	uint64_t reload_began, generation;
	_Atomic unsigned pending;        /* orders that workers have not carried out yet */
	_Atomic unsigned ended;          /* workers whose loop is over */
	bool reading_now, again;         /* a reload is under way; another was asked for meanwhile */
	bool announce;                   /* say "reloaded" or "ready" when pending is 0 */
	bool started, draining;
};

/* ---- for workers ---- */

struct access *server_access(struct server *s)
{
	return s->access;
}

bool server_logs(struct server *s)
{
	return access_on(s->access);
}

bool server_conn_new(struct server *s, const struct settings *settings, const struct ip *ip, const char **reason)
{
	if (atomic_fetch_add(&s->conns, 1) >= settings->limit_connections) {
		atomic_fetch_sub(&s->conns, 1);
		*reason = "too_many_connections";
		return false;
	}
	if (!clients_add(s->clients, ip, ip->family != 0 ? settings->limit_connections_per_client : 0)) {
		atomic_fetch_sub(&s->conns, 1);
		*reason = "too_many_connections_of_client";
		return false;
	}
	return true;
}

void server_conn_gone(struct server *s, const struct ip *ip)
{
	atomic_fetch_sub(&s->conns, 1);
	clients_remove(s->clients, ip);
}

void server_done(struct server *s)
{
	if (atomic_fetch_sub(&s->pending, 1) == 1)
		uv_async_send(&s->done);
}

void server_learn_crl(struct server *s, struct str zone, struct str url)
{
	fetcher_learn(s->fetcher, zone, url);
}

void server_ended(struct server *s)
{
	atomic_fetch_add(&s->ended, 1);
	uv_async_send(&s->done);
}

/* ---- configurations ---- */

static void retire(struct server *s, struct config *c)
{
	int i;

	for (i = 0; c != NULL && i < RETIRED; i++)
		if (s->retired[i] == NULL) {
			s->retired[i] = c;
			return;
		}
	config_unref(c);
}

static void retire_look(struct server *s, bool all)
{
	int i;

	for (i = 0; i < RETIRED; i++)
		if (s->retired[i] != NULL && (all || atomic_load(&s->retired[i]->refs) == 1)) {
			config_unref(s->retired[i]);
			s->retired[i] = NULL;
		}
}

static void on_retire(uv_timer_t *timer)
{
	retire_look(timer->data, false);
}

static bool order_all(struct server *s, int kind, struct config *config)
{
	struct order *orders[256] = { NULL };
	unsigned i;

	for (i = 0; i < s->nworkers; i++) {
		if ((orders[i] = calloc(1, sizeof(struct order))) == NULL)
			goto no_memory;
		orders[i]->kind = kind;
		if (config != NULL && (orders[i]->fds = sockets_take(s->sockets, config, i)) == NULL)
			goto no_memory;
	}
	atomic_fetch_add(&s->pending, s->nworkers);
	for (i = 0; i < s->nworkers; i++) {
		orders[i]->config = config != NULL ? config_ref(config) : NULL;
		worker_order(s->workers[i], orders[i]);
	}
	return true;

no_memory:
	for (i = 0; i < s->nworkers && orders[i] != NULL; i++) {
		free(orders[i]->fds);
		free(orders[i]);
	}
	return false;
}

static void announce(struct server *s)
{
	struct arena a = ARENA_INIT;
	struct str addresses = sockets_text(s->sockets, s->config, &a);

	if (!s->started)
		log_info("ready", LOG_S("addresses", addresses), LOG_I("workers", s->nworkers),
			 LOG_I("rules", ruleset_rules(s->config->rules)),
			 LOG_S("version", ruleset_version(s->config->rules)), LOG_I("pid", getpid()));
	else
		log_info("reloaded", LOG_S("addresses", addresses), LOG_I("generation", s->config->generation),
			 LOG_I("rules", ruleset_rules(s->config->rules)),
			 LOG_S("version", ruleset_version(s->config->rules)),
			 LOG_I("msec", (clock_mono_nsec() - s->reload_began) / 1000000));
	s->started = true;
	arena_fini(&a);
}

static void reload(struct server *s);

static void on_done(uv_async_t *done)
{
	struct server *s = done->data;

	if (atomic_load(&s->ended) == s->nworkers)
		uv_stop(&s->loop);
	if (atomic_load(&s->pending) > 0)
		return;
	if (s->announce) {
		s->announce = false;
		announce(s);
	}
	if (s->again && !s->reading_now) {
		s->again = false;
		reload(s);
	}
}

static bool publish(struct server *s, struct config *fresh)
{
	fresh->generation = s->generation + 1;
	if (sockets_open(s->sockets, fresh) < 0)
		return false;
	if (!order_all(s, ORDER_CONFIG, fresh)) {
		log_error("reload_failed", LOG_Z("reason", "no_memory"));
		sockets_commit(s->sockets, s->config != NULL ? s->config : fresh);
		return false;
	}
	sockets_commit(s->sockets, fresh);
	ticket_keys_rotation(ticket_keys_default(), fresh->settings.ticket_key_rotation / 1000);
	retire(s, s->config);
	s->config = fresh;
	health_watch(s->health, fresh);
	watch_config(s->watch, fresh);
	expiry_config(s->expiry, fresh);
	fetcher_config(s->fetcher, fresh);
	asker_config(s->asker, fresh);
	s->generation++;
	s->announce = true;
	return true;
}

static void read_files(uv_work_t *work)
{
	struct server *s = work->data;

	config_load(&s->fresh, s->paths, s->npaths, &s->diags);
}

static void on_read(uv_work_t *work, int status)
{
	struct server *s = work->data;
	struct config *fresh = s->fresh;

	s->fresh = NULL;
	s->reading_now = false;
	if (s->diags.errors + s->diags.warnings > 0)
		diags_print(&s->diags, stderr, false);
	if (status < 0 || fresh == NULL) {
		log_error("reload_failed", LOG_Z("reason", "errors"), LOG_I("errors", s->diags.errors));
	} else if (fresh->nlisteners == 0) {
		log_error("reload_failed", LOG_Z("reason", "no_listener"));
		config_unref(fresh);
	} else if (s->draining || !publish(s, fresh)) {
		if (!s->draining)
			log_error("reload_failed", LOG_Z("reason", "listen"));
		config_unref(fresh);
	} else {
		log_set_level((enum log_level)fresh->settings.log_level);
		access_reopen(s->access, fresh->settings.access_log);
	}
	diags_fini(&s->diags);
	if (s->again && atomic_load(&s->pending) == 0) {
		s->again = false;
		reload(s);
	}
}

static void reload(struct server *s)
{
	if (s->draining)
		return;
	if (s->reading_now || atomic_load(&s->pending) > 0) {
		s->again = true;
		return;
	}
	s->reload_began = clock_mono_nsec();
	diags_init(&s->diags);
	s->reading.data = s;
	s->reading_now = uv_queue_work(&s->loop, &s->reading, read_files, on_read) == 0;
	if (!s->reading_now)
		diags_fini(&s->diags);
}

static void on_changed(void *arg, struct str file)
{
	log_info("reload_asked", LOG_Z("reason", "file_changed"), LOG_S("file", file));
	reload(arg);
}

static void on_arrived(void *arg, struct str url)
{
	log_info("reload_asked", LOG_Z("reason", "crl_fetched"), LOG_S("url", url));
	reload(arg);
}

/* ---- signals ---- */

static void drain(struct server *s, int kind)
{
	if (!s->draining)
		log_info("draining", LOG_I("connections", atomic_load(&s->conns)),
			 LOG_I("msec", kind == ORDER_DRAIN ? s->config->settings.timeout_drain : 0));
	s->draining = true;
	if (!order_all(s, kind, NULL)) {
		log_error("drain_failed", LOG_Z("reason", "no_memory"));
		_exit(1); /* the process was to end anyhow */
	}
}

static void on_signal(uv_signal_t *handle, int signal)
{
	struct server *s = handle->data;

	switch (signal) {
	case SIGHUP:
		reload(s);
		break;
	case SIGUSR1:
		access_reopen(s->access, s->config->settings.access_log);
		break;
	default:
		drain(s, signal == SIGINT && s->draining ? ORDER_STOP : ORDER_DRAIN);
	}
}

static const int numbers[SIGNALS] = { SIGHUP, SIGUSR1, SIGTERM, SIGINT };

static void signals_ignore(void)
{
	int i;

	for (i = 0; i < SIGNALS; i++)
		signal(numbers[i], SIG_IGN);
}

static int signals_start(struct server *s)
{
	int i, rc = 0;

	for (i = 0; i < SIGNALS && rc == 0; i++) {
		rc = uv_signal_init(&s->loop, &s->signals[i]);
		s->signals[i].data = s;
		if (rc == 0)
			rc = uv_signal_start(&s->signals[i], on_signal, numbers[i]);
	}
	return rc;
}

/* ---- beginning and end ---- */

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

static void raise_limits(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	signal(SIGPIPE, SIG_IGN);
}

static unsigned worker_count(const struct settings *settings)
{
	int64_t n = settings->workers > 0 ? settings->workers : (int64_t)uv_available_parallelism();

	return (unsigned)(n < 1 ? 1 : n > 256 ? 256 : n);
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

/* libuv begins its threads at their first use, and aborts when it cannot: that must be now, before there are clients. */
static int pool_start(struct server *s)
{
	return uv_queue_work(&s->loop, &s->first, no_work, no_work_done);
}

static int server_init(struct server *s, struct config *config)
{
	unsigned i;
	int rc;

	raise_limits();
	s->nworkers = worker_count(&config->settings);
	if ((s->workers = calloc(s->nworkers, sizeof(*s->workers))) == NULL ||
	    (s->sockets = sockets_new(s->nworkers)) == NULL || (s->clients = clients_new()) == NULL)
		return -ERR_NOMEM;
	if ((rc = access_open(&s->access, config->settings.access_log)) < 0) {
		log_error("access_log_failed", LOG_S("file", config->settings.access_log),
			  LOG_Z("error", strerror(errno)));
		return rc;
	}
	if (uv_loop_init(&s->loop) < 0 || pool_start(s) < 0 || uv_async_init(&s->loop, &s->done, on_done) < 0 ||
	    uv_timer_init(&s->loop, &s->retire) < 0 || health_new(&s->health, &s->loop) < 0 ||
	    watch_new(&s->watch, &s->loop, on_changed, s) < 0 ||
	    expiry_new(&s->expiry, &s->loop) < 0 ||
	    fetcher_new(&s->fetcher, &s->loop, on_arrived, s) < 0 || asker_new(&s->asker) < 0 || signals_start(s) < 0)
		return -ERR_NOMEM;
	s->done.data = s->retire.data = s;
	uv_timer_start(&s->retire, on_retire, RETIRE_MSEC, RETIRE_MSEC);
	for (i = 0; i < s->nworkers; i++)
		if ((rc = worker_new(&s->workers[i], s, i)) < 0)
			return rc;
	if (!publish(s, config)) /* orders wait until the workers run */
		return -ERR_NET;
	return become(config->settings.user);
}

static void on_walk(uv_handle_t *handle, void *arg)
{
	(void)arg;
	if (!uv_is_closing(handle))
		uv_close(handle, NULL);
}

static void server_fini(struct server *s)
{
	unsigned i;

	for (i = 0; i < s->nworkers; i++)
		worker_join(s->workers[i]);
	health_stop(s->health);
	fetcher_stop(s->fetcher);
	asker_free(s->asker);
	fetch_fini();
	watch_stop(s->watch);
	expiry_stop(s->expiry);
	while (!health_stopped(s->health) || !watch_stopped(s->watch))
		uv_run(&s->loop, UV_RUN_ONCE);
	uv_walk(&s->loop, on_walk, NULL);
	uv_run(&s->loop, UV_RUN_DEFAULT);
	signals_ignore(); /* a second SIGTERM would now kill a process that is about to end well */
	uv_loop_close(&s->loop);
	health_free(s->health);
	watch_free(s->watch);
	expiry_free(s->expiry);
	fetcher_free(s->fetcher);
	retire_look(s, true);
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
		return -ERR_NOMEM;
	}
	s->paths = paths;
	s->npaths = n;
	log_set_level((enum log_level)config->settings.log_level);
	if ((rc = server_init(s, config)) < 0)
		return rc; /* the process ends and gives everything back */
	for (i = 0; i < s->nworkers; i++)
		if ((rc = worker_start(s->workers[i])) < 0)
			return rc;
	uv_run(&s->loop, UV_RUN_DEFAULT); /* until drained */
	server_fini(s);
	log_info("ended", LOG_I("pid", getpid()));
	return 0;
}
