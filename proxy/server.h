/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The process: workers, signals, configurations and the end. SIGHUP reads the rule files again aside and swaps;
 * SIGTERM and SIGINT drain, a second SIGINT stops; SIGUSR1 opens the access log again.
 */
#ifndef PROXY_SERVER_H
#define PROXY_SERVER_H

#include "base/ip.h"
#include "proxy/config.h"

struct access;
struct server;

/* Serves until told to end. Takes config, the first one; paths (n of them) are read again for each reload.
 * 0, or a negative code when it could not begin; what was wrong has been said on standard error. */
int server_run(struct config *config, const char *const *paths, size_t n);

/* ---- for workers, from any of their threads ---- */
struct access *server_access(struct server *s);
bool server_logs(struct server *s);
/* Counts a client connection; false: over a limit, *reason says which. */
bool server_conn_new(struct server *s, const struct settings *settings, const struct ip *ip, const char **reason);
void server_conn_gone(struct server *s, const struct ip *ip);
void server_done(struct server *s);  /* a worker carried out an order */
void server_ended(struct server *s); /* a worker's loop is over */

/* A certificate on a signed path says where its issuer's list is; the zone's configuration does not have it yet. */
void server_learn_crl(struct server *s, struct str zone, struct str url);

#endif
