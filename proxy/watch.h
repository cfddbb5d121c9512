/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Looks at the files of zones every now and then, off the event loops, and says when one has changed. It
 * reads none: a reload does, and keeps the old configuration if a file is bad; the next change is then the
 * next try.
 */
#ifndef PROXY_WATCH_H
#define PROXY_WATCH_H

#include <uv.h>

#include "proxy/config.h"

struct watch;

/* changed(arg, file) is called on the loop's thread. */
int watch_new(struct watch **out, uv_loop_t *loop, void (*changed)(void *arg, struct str file), void *arg);
void watch_config(struct watch *w, const struct config *c); /* copies what it needs */
/* Ends it; the loop must run until its handles are closed before watch_free. */
void watch_stop(struct watch *w);
bool watch_stopped(const struct watch *w);
void watch_free(struct watch *w);

#endif
