/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which origin of a pool a request goes to, and what is known of each: health, failures, requests under way. That
 * knowledge is shared by all workers and survives reloads as long as a configuration names the origin.
 */
#ifndef PROXY_BALANCE_H
#define PROXY_BALANCE_H

#include <stdatomic.h>

#include "proxy/config.h"

struct member { /* one origin of one pool. Members are atomic: any thread may read and change them */
	unsigned refs; /* under the register's lock */
	struct member *next;
	char *key;
	_Atomic bool unhealthy;         /* by health checks */
	_Atomic int_least64_t streak;   /* checks in a row with the other answer */
	_Atomic int_least64_t failures; /* of requests in a row */
	_Atomic int_least64_t ejected_until, back_since; /* monotonic milliseconds; 0: never */
	_Atomic int_least64_t requests; /* under way */
	_Atomic int_least64_t retries;  /* … that are not first attempts */
};

/* The member of that pool and address: a new one or the one that is known. NULL: out of memory. */
struct member *member_get(struct str pool, struct str address);
struct member *member_ref(struct member *m);
void member_unref(struct member *m);

int64_t balance_now(void); /* monotonic milliseconds */

/*
 * The origin for a request: not one of tried (n of them), healthy, not left out, with room. Backups serve when no other
 * can; if requests alone put all origins out, they serve all the same. key: the value behind `balance hash`. NULL: none;
 * *busy says that some would, but for max_requests.
 */
const struct origin_conf *balance_pick(const struct pool_conf *p, struct str key, const struct origin_conf *const *tried,
				       size_t n, bool *busy);

/* Whether one more attempt keeps retries within the pool's budget. */
bool balance_may_retry(const struct pool_conf *p);

/* What became of a request at m: the origin answered, or it is to blame for there being no answer. */
void balance_good(struct member *m);
void balance_bad(const struct pool_conf *p, struct member *m);

/* A health check's answer. True if it changed the member's state. */
bool balance_checked(const struct pool_conf *p, struct member *m, bool good);

#endif
