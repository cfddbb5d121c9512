/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counters of rate-limit rules, in this process, one table for all workers. A counter belongs to a rule and
 * one combination of its characteristics. Its window opens with the first request counted and lasts the
 * rule's period; a counter that exceeds the limit triggers, and then holds for the mitigation time, or (0,
 * throttle) until its window ends. A rule is known by a digest of what it says, so counters outlive a reload
 * that leaves it unchanged.
 *
 * Memory is fixed. Where it is short a newcomer takes the place of the least used counter and inherits its
 * count, so a flood of new keys can make usher stricter, never more lenient; one who is held by a mitigation
 * is never forgotten.
 */
#ifndef ENGINE_RATE_H
#define ENGINE_RATE_H

#include "engine/value.h"

struct rate_table;

struct rate_limit {
	uint8_t id[16];          /* rate_limit_id */
	uint64_t requests;       /* at least 1 */
	int64_t period_msec;     /* more than 0 */
	int64_t mitigation_msec; /* 0: throttle */
};

struct rate_key {
	uint64_t half[2];
};

struct rate_answer {
	bool over;          /* the rule's action applies */
	int64_t retry_msec; /* over: until it ends */
};

/* capacity: counters, rounded up to a power of two; 0 for LIMIT_RATE_COUNTERS. NULL: no memory, or no random
 * bytes. */
struct rate_table *rate_new(size_t capacity);
void rate_free(struct rate_table *t);
/* The process's own, made at the first call and never freed; NULL when it could not be made: then fail
 * closed. */
struct rate_table *rate_shared(void);

/* identity: the rule's name and the text of its condition, characteristics and counting expression. The
 * numbers of l are part of it and must be set. */
void rate_limit_id(struct rate_limit *l, struct str identity);
/* values: the characteristics in order. A missing one and an empty one give different keys. */
void rate_key(const struct rate_table *t, const struct rate_limit *l, const struct value *values, size_t n,
              struct rate_key *out);

/* Counts one request and answers; answers alone. now_msec: the exchange's clock. Any thread. */
struct rate_answer rate_count(struct rate_table *t, const struct rate_limit *l, const struct rate_key *k,
                              int64_t now_msec);
struct rate_answer rate_look(struct rate_table *t, const struct rate_limit *l, const struct rate_key *k,
                             int64_t now_msec);

#endif
