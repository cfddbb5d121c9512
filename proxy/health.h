/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Health checks of origins, on one loop for the whole process. What they find is written into struct member
 * (proxy/balance.h), where workers read it.
 */
#ifndef PROXY_HEALTH_H
#define PROXY_HEALTH_H

#include <uv.h>

#include "proxy/config.h"

struct health;

int health_new(struct health **out, uv_loop_t *loop);
/* Checks the pools of this configuration from now on, and no others. Keeps a reference to it while it does. */
void health_watch(struct health *h, struct config *config);
void health_close(struct health *h); /* ends all checks; the loop closes the handles before health_free. NULL is welcome */
void health_free(struct health *h);

#endif
