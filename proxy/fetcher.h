/* SPDX-License-Identifier: Apache-2.0 */
/*
 * CRLs that are fetched: a thread of its own asks for each in good time, checks that it is one, and keeps it
 * in the state directory, where the next reload reads it. Nothing is taken from a host that the zone does not
 * list.
 */
#ifndef PROXY_FETCHER_H
#define PROXY_FETCHER_H

#include <uv.h>

#include "proxy/config.h"

struct fetcher;

/* arrived(arg, url) is called on the loop's thread when a list is there that no configuration has read. */
int fetcher_new(struct fetcher **out, uv_loop_t *loop, void (*arrived)(void *arg, struct str url), void *arg);
/* Fetches for this configuration from now on; keeps a reference. The loop's thread. */
void fetcher_config(struct fetcher *f, struct config *c);
/* A certificate on a signed path, in a zone with distribution_points, says that a list is at url. Any thread.
 */
void fetcher_learn(struct fetcher *f, struct str zone, struct str url);
/* Ends the thread, which takes a second at most; the loop closes the handles. */
void fetcher_stop(struct fetcher *f);
void fetcher_free(struct fetcher *f);

#endif
