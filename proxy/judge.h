/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Continuous verification: whether a connection that is open may be served, asked again whenever the answer may have
 * changed, which is after a reload and when something that its judgement rests on expires. Asked before each request
 * at the latest, and by a sweep for those that are idle.
 */
#ifndef PROXY_JUDGE_H
#define PROXY_JUDGE_H

#include "proxy/conn.h"

/* What follows from the facts of a connection and a zone of the current configuration alone, and so serves all its
 * exchanges until it is judged anew. Each of them holds a count. */
struct standing {
	unsigned refs;
	const struct zone_conf *zone;
	struct residual *residual; /* NULL: to be made */
	struct arena arena;        /* owns rendered */
	struct lines rendered;     /* managed transforms' lines of the connection */
	bool is_rendered;
	struct str log;            /* the connection's part of access log lines; empty: to be made */
};

/* The connection's, with one count more; NULL when out of memory. */
struct standing *standing_get(struct conn *c, const struct zone_conf *zone);
void standing_unref(struct standing *s); /* NULL is welcome */

/* FAULT_NONE: requests may be served. Else why not; the connection answers with it and ends. Facts may be new
 * afterwards: exchanges that began before keep theirs. *zone: of the handshake, in the current configuration; NULL on
 * plain connections. */
enum fault judge_conn(struct conn *c, const struct zone_conf **zone);

/* Starts looking through all connections of the worker, a few at a time. */
void judge_sweep(struct worker *w);
/* A connection leaves the worker's list. */
void judge_forget(struct worker *w, struct conn *c);

/* Facts or configuration changed: what was derived from them is made anew when it is needed. */
void judge_reset(struct conn *c);

#endif
