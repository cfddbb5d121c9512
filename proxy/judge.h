/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Continuous verification: whether a connection that is open may be served, asked again whenever the answer may have
 * changed, which is after a reload and when something that its judgement rests on expires. Asked before each request
 * at the latest, and by a sweep for those that are idle.
 */
#ifndef PROXY_JUDGE_H
#define PROXY_JUDGE_H

#include "proxy/conn.h"

/* FAULT_NONE: requests may be served. Else why not; the connection answers with it and ends. Facts may be new
 * afterwards, so no exchange may be using them. *zone: of the handshake, in the current configuration; NULL on plain
 * connections. */
enum fault judge_conn(struct conn *c, const struct zone_conf **zone);

/* Starts looking through all connections of the worker, a few at a time. */
void judge_sweep(struct worker *w);
/* A connection leaves the worker's list. */
void judge_forget(struct worker *w, struct conn *c);

/* Facts or configuration changed: what was derived from them is made anew when it is needed. */
void judge_reset(struct conn *c);

#endif
