/* SPDX-License-Identifier: Apache-2.0 */
/* rate_limit { … }: checked, counted, judged. Counters themselves are rate.c's. */
#ifndef ENGINE_RATE_RULE_H
#define ENGINE_RATE_RULE_H

#include "engine/rate.h"
#include "engine/rule.h"
#include "engine/vm.h"

struct limiter {
	struct rate_limit limit;
	struct computed *by; /* characteristics: values of any type */
	size_t nby;
	bool counting;           /* a counting expression of its own */
	bool at_response;        /* and it waits for the response */
	const struct expr *expr; /* until lowered */
	struct program when_counted;
	bool log_only;
};

/* The block or log of a limit fills in out (status 429 unless given). false after an error. */
bool limiter_check(struct rules *r, const struct ast_block *rule, const struct ast_rate_limit *ast,
                   struct action *out);

/* Whether the rule's condition or counting needs a look at this request: t is the condition's truth. Counts
 * what is to be counted now. 1 over the limit, 0 not, negative: no answer (then the limit fires). *retry_msec
 * for 1. */
int limiter_judge(const struct limiter *l, enum truth t, struct vm *m, int64_t *retry_msec);
void limiter_count_response(const struct limiter *l, struct vm *m);

#endif
