/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Listening sockets, opened before any worker sees them, so that a rule file whose address cannot be had changes
 * nothing. IP addresses get one socket per worker (SO_REUSEPORT), unix sockets one that all share.
 */
#ifndef PROXY_SOCKETS_H
#define PROXY_SOCKETS_H

#include "proxy/config.h"

struct sockets; /* the addresses that are open now, by their text */

struct sockets *sockets_new(unsigned workers);
void sockets_free(struct sockets *s);

/* Opens what config names and s lacks: fds[worker][listener], -1 where the worker has it already. On failure nothing
 * is open that was not before, and why is on standard error. Call sockets_commit or sockets_abandon next. */
int sockets_open(struct sockets *s, const struct config *config);
/* Takes the new descriptors for one worker: an array of config's listeners. NULL: no memory. */
int *sockets_take(struct sockets *s, const struct config *config, unsigned worker);
void sockets_commit(struct sockets *s, const struct config *config); /* forgets addresses that config lacks */

/* "127.0.0.1:8443, [::1]:8443": where config listens, with ports the system chose filled in. */
struct str sockets_text(const struct sockets *s, const struct config *config, struct arena *a);

#endif
