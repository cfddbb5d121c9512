/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One event loop in one thread, with everything that only this thread touches: its listening sockets, client
 * connections, connections to origins, and the configuration it serves at the moment. What comes from outside comes
 * through worker_order and is taken at the loop's next turn.
 */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include <uv.h>

#include "base/buf.h"
#include "proxy/config.h"
#include "proxy/deadline.h"

struct conn;
struct exchange;
struct origins;
struct server;
struct transport;

/* A configuration as one worker holds it: the shared count is touched once per reload, not once per request. */
struct held {
	struct config *config;
	unsigned users; /* exchanges, and one for being the current one */
};

/* One address this worker accepts on. Outlives its connections. */
struct listener {
	uv_poll_t poll;
	int fd;                           /* owned */
	bool unix_socket;
	struct worker *worker;
	const struct listener_conf *conf; /* in worker->held; NULL: the address is not in the file any more */
	char *address;                    /* as written; the key that survives reloads */
	size_t users;                     /* connections, and one until the handle is closed */
	bool closing;
	struct listener *next;
};

/* What the server tells a worker. The worker owns it from then on. */
struct order {
	enum { ORDER_CONFIG, ORDER_DRAIN, ORDER_STOP } kind;
	struct config *config; /* a reference; ORDER_CONFIG */
	struct held *held;     /* for config */
	struct listener **listeners; /* one per listener of config, to be opened; NULL: the worker has it already */
	struct order *next;
};

struct worker {
	unsigned index;
	struct server *server; /* shared, outlives the worker */
	uv_loop_t *loop;       /* own_loop, or the loop that it stands aside on: proxy/aside.h */
	uv_loop_t own_loop;
	uv_thread_t thread;
	bool running;          /* the thread has begun */
	uv_async_t wake;
	uv_prepare_t before_poll;
	uv_timer_t sweep;      /* judges open connections again */
	struct wheel wheel;
	struct deadline drain_deadline;
	struct transport *dirty; /* with output to flush before the loop waits, or, if eager, after each read */
	bool eager;
	unsigned reads; /* of this turn */
	struct held *held;
	struct listener *listeners;
	struct conn *conns;
	size_t nconns;
	struct conn *sweep_at;   /* next one to judge; NULL: none is due */
	struct exchange *spare;  /* finished exchanges kept with their arenas */
	unsigned nspare;
	struct origins *origins;
	struct buf log;          /* access log lines of this turn; room for many is kept, lest they are lost without memory */
	size_t log_line;         /* where the line that is being written begins */
	bool draining, stopping, ended;
	int reserve_fd;          /* given up for a moment to turn a connection away when there are no others */
	uint64_t accept_failed;  /* loop milliseconds when the log was last told that no more can be had */

	uv_mutex_t lock;         /* guards orders */
	struct order *orders;

	int64_t date_sec;
	char date[32];           /* of Date lines */
	uint64_t request_id;
	unsigned seeds_left;
	uint8_t seeds[512];
	char scratch[65536];     /* what sockets read into; good until the callback returns */
};

/* Both: 0, or libuv's code. */
int worker_new(struct worker **out, struct server *server, unsigned index);
int worker_start(struct worker *w);
/* Waits for the thread, which is about to end or never began, and frees w; NULL is welcome. */
void worker_join(struct worker *w);
void worker_flush(struct worker *w); /* sends what there is to send, now */
void worker_order(struct worker *w, struct order *o); /* from any thread; takes o */

static inline const struct config *worker_config(const struct worker *w)
{
	return w->held->config;
}
static inline const struct settings *worker_settings(const struct worker *w)
{
	return &w->held->config->settings;
}

struct held *held_ref(struct held *h);
void held_unref(struct held *h);

/* ---- order.c ---- */
struct order *order_new(int kind); /* NULL: no memory */
/* Makes o bring configuration c. Takes fds, of sockets_take; NULL: it had no memory. false: no memory. */
bool order_config(struct order *o, struct config *c, int *fds);
void order_free(struct order *o); /* with what was not taken out of it; NULL is welcome */

/* ---- listener.c ---- */
/* NULL: no memory. conf is part of the configuration that the worker will take; fd listens, and is taken with success. */
struct listener *listener_new(const struct listener_conf *conf, int fd);
void listener_free(struct listener *l); /* one that was not opened; NULL is welcome */
void listener_open(struct worker *w, struct listener *l); /* takes l */
void listener_close(struct listener *l); /* it is not in the worker's list any more */
struct listener *listener_of(struct worker *w, struct str address); /* NULL: none */
void listener_unref(struct listener *l);

void worker_conn_gone(struct worker *w); /* after a connection left the list: perhaps the last one of a drain */

/* 16 random bytes, and a request id of 16 hex digits. false: no randomness to be had. */
bool worker_seed(struct worker *w, uint8_t seed[16]);
struct str worker_date(struct worker *w); /* the value of a Date line, now */

#endif
