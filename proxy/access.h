/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The access log: one JSON object a line for every request, and for every connection that ended before it could make
 * one. Workers put lines together without a lock and hand them over once per turn of the loop; a thread of its own
 * writes them, so that a slow or full disk never holds a loop up. What the thread cannot take is dropped and counted.
 */
#ifndef PROXY_ACCESS_H
#define PROXY_ACCESS_H

#include "base/str.h"
#include "proxy/faults.h"
#include "proxy/worker.h"

struct access;

/* path: "stdout", "off" or a file. -ERR_IO: it cannot be opened. */
int access_open(struct access **out, struct str path);
void access_reopen(struct access *a, struct str path); /* after rotation, or when the setting changed */
void access_close(struct access *a);                   /* writes what it has, then frees */

void access_exchange(const struct exchange *x);
/* reason NULL: the TLS session's own. */
void access_handshake(struct conn *c, const char *reason, struct str detail);
void access_refused(struct conn *c, const char *reason);
void access_ended(struct conn *c, enum fault f, struct str detail); /* by us, between requests or across them */
void access_flush(struct worker *w);

#endif
