/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the main thread keeps, for the two files that make up the server: server_life.c begins and ends it, server.c is
 * what happens between. Nobody else includes this.
 */
#ifndef PROXY_SERVER_STATE_H
#define PROXY_SERVER_STATE_H

#include <stdatomic.h>
#include <uv.h>

#include "proxy/server.h"

struct clients;
struct sockets;
struct worker;

enum {
	SIGNALS = 4,
	WORKERS = 256, /* the most there can be */
	RETIRED = 64,  /* old configurations that requests still run under; more wait in the workers' hands */
};

struct server {
	uv_loop_t loop;
	bool has_loop; /* it is there, and may have handles */
	uv_signal_t signals[SIGNALS];
	uv_async_t done;
	uv_timer_t retire;
	uv_work_t reading;
	uv_work_t first;
	const char *const *paths;
	size_t npaths;

	struct worker **workers; /* NULL where one could not be made */
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

	struct config *config;           /* the current one, a reference; NULL: none yet */
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

/* ---- server.c ---- */
extern const int server_signals[SIGNALS];

/* kind: of struct order; config NULL unless it is what the order is about. false: no memory, and nobody was told. */
bool server_order_all(struct server *s, int kind, struct config *config);
/* Makes fresh, a reference that it takes, the configuration of all workers. false: it is not taken; the log says why,
 * except that an address could not be opened is "listen_failed" alone. */
bool server_publish(struct server *s, struct config *fresh);
/* Frees old configurations: those that nobody uses any more, or all. */
void server_retired_free(struct server *s, bool all);

void server_on_done(uv_async_t *done);
void server_on_signal(uv_signal_t *handle, int signal);
void server_on_retire(uv_timer_t *timer);
void server_on_changed(void *server, struct str file); /* of watch.h */
void server_on_arrived(void *server, struct str url);  /* of fetcher.h */

#endif
