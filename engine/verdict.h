/* SPDX-License-Identifier: Apache-2.0 */
/* What a matching rule adds to a verdict. Everything made here is the exchange's. */
#ifndef ENGINE_VERDICT_H
#define ENGINE_VERDICT_H

#include "engine/rule.h"
#include "engine/vm.h"

struct skips { /* rulesets whose remaining rules of this phase are left out */
	uint64_t bits[SKIP_BITS_ALL / 64];
};

static inline bool skip_has(const uint64_t *bits, unsigned bit)
{
	return bits[bit / 64] >> bit % 64 & 1;
}

/* rule matched (TRUE) or has no answer (UNKNOWN): notes it and does what it says. false: the request is
 * decided. */
bool verdict_apply(struct verdict *v, const struct rule *rule, enum truth t, struct vm *m,
                   struct skips *rest);

/* The safe answer when memory is out. */
void verdict_fail(struct verdict *v, const struct rule_info *by, int error);

#endif
