/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The main thread. It serves nothing itself: it waits for signals, has rule files read on a thread aside, gives each
 * worker its orders, and frees configurations once nobody uses them, so that a worker never pays for that. How it
 * begins and ends is in server_life.c.
 */
#include <malloc.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "mtls/ticket.h"
#include "proxy/access_writer.h"
#include "proxy/asker.h"
#include "proxy/clients.h"
#include "proxy/expiry.h"
#include "proxy/fetcher.h"
#include "proxy/health.h"
#include "proxy/server_state.h"
#include "proxy/sockets.h"
#include "proxy/watch.h"
#include "proxy/worker.h"

const int server_signals[SIGNALS] = { SIGHUP, SIGUSR1, SIGTERM, SIGINT };

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

void server_retired_free(struct server *s, bool all)
{
	bool freed = false;
	int i;

	for (i = 0; i < RETIRED; i++)
		if (s->retired[i] != NULL && (all || atomic_load(&s->retired[i]->refs) == 1)) {
			config_unref(s->retired[i]);
			s->retired[i] = NULL;
			freed = true;
		}
	if (freed && !all)
		malloc_trim(0); /* see read_files */
}

void server_on_retire(uv_timer_t *timer)
{
	server_retired_free(timer->data, false);
}

bool server_order_all(struct server *s, int kind, struct config *config)
{
	struct order *orders[WORKERS] = { NULL };
	unsigned i;

	for (i = 0; i < s->nworkers; i++) {
		if ((orders[i] = order_new(kind)) == NULL)
			goto no_memory;
		if (config != NULL && !order_config(orders[i], config, sockets_take(s->sockets, config, i)))
			goto no_memory;
	}
	atomic_fetch_add(&s->pending, s->nworkers);
	for (i = 0; i < s->nworkers; i++)
		worker_order(s->workers[i], orders[i]);
	return true;

no_memory:
	for (i = 0; i < s->nworkers; i++)
		order_free(orders[i]);
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

void server_on_done(uv_async_t *done)
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

bool server_publish(struct server *s, struct config *fresh)
{
	fresh->generation = s->generation + 1;
	if (sockets_open(s->sockets, fresh) < 0)
		return false;
	if (!server_order_all(s, ORDER_CONFIG, fresh)) {
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
	/* The heap of each of the pool's threads keeps what the largest file took, gigabytes for 100,000 rules. */
	malloc_trim(0);
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
	} else if (s->draining || !server_publish(s, fresh)) {
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

void server_on_changed(void *arg, struct str file)
{
	log_info("reload_asked", LOG_Z("reason", "file_changed"), LOG_S("file", file));
	reload(arg);
}

void server_on_arrived(void *arg, struct str url)
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
	if (!server_order_all(s, kind, NULL)) {
		log_error("drain_failed", LOG_Z("reason", "no_memory"));
		_exit(1); /* the process was to end anyhow */
	}
}

void server_on_signal(uv_signal_t *handle, int signal)
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
