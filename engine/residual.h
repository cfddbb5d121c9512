/* SPDX-License-Identifier: Apache-2.0 */
/* What is left of a phase's rules on one connection, for ruleset.c. */
#ifndef ENGINE_RESIDUAL_H
#define ENGINE_RESIDUAL_H

#include "engine/index.h"
#include "engine/sealed.h"

struct left {          /* of one phase */
	unsigned runs; /* how often the phase ran on this connection */
	bool built;
	struct alive alive;
	uint64_t *sure; /* bit per rule: its guard holds, only the rest is to be asked */
	uint32_t *base; /* rules that may match whatever the request is: those without an anchor in it */
	size_t nbase;
};

/* The phase's, worked out on its second run; NULL: not there (yet), ask as if there were no connection. */
const struct left *residual_left(struct residual *res, const struct ruleset *r, enum phase p, struct vm *m);

#endif
