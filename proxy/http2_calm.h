/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much a peer may ask for that costs us work and brings nothing: resets, pings, settings, empty frames. A budget
 * that refills over LIMIT_CALM_SECONDS, and that useful work earns anew.
 */
#ifndef PROXY_HTTP2_CALM_H
#define PROXY_HTTP2_CALM_H

#include <stdbool.h>
#include <stdint.h>

struct calm {
	int64_t budget, left;
	uint64_t at; /* msec: up to when it was refilled */
};

void calm_init(struct calm *c, int64_t budget, uint64_t now_msec);
bool calm_spend(struct calm *c, uint64_t now_msec); /* false: nothing is left */
void calm_earn(struct calm *c, int64_t n);

#endif
