/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The loop that runs one verified program over one request. It cannot fail but for memory and match limits;
 * then the result is UNKNOWN (NO_ANSWER for a value) if it depends on what could not be had, and error says
 * why.
 */
#ifndef ENGINE_VM_H
#define ENGINE_VM_H

#include "engine/program.h"

struct memo {                /* results that several rules of a ruleset share, for one exchange */
	const void *owner;   /* the ruleset whose slots these are */
	uint32_t generation; /* of the fields they were worked out from */
	uint8_t *truths;     /* 0: not yet; else enum truth + 1 */
	uint8_t *have;
	struct value *values;
	int error; /* why the last of them that has no answer has none */
};

struct vm {
	struct fields *fields;
	struct memo *memo;
	int error; /* of the last UNKNOWN */
};

enum truth vm_condition(struct vm *m, const struct program *p);
void vm_value(struct vm *m, const struct program *p, struct value *out);

/* The memo of owner in f, emptied if fields changed since. NULL: no memory. */
struct memo *memo_for(struct fields *f, const void *owner, const struct slots *slots);

#endif
