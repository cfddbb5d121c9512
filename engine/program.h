/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Programs: what a condition or value is lowered to. Straight code with jumps that only go forward, two
 * stacks whose depth is known (values; truths), verified before it ever runs. No loop: what works on [*] is
 * one instruction that goes over one array. Programs are sealed; code and operands live in the ruleset's
 * arena.
 */
#ifndef ENGINE_PROGRAM_H
#define ENGINE_PROGRAM_H

#include "base/arena.h"
#include "base/buf.h"
#include "engine/field.h"
#include "engine/function.h"
#include "engine/test.h"

enum op {
#define INSTR(id, name, operand, pops, pushes, tpops, tpushes, prose) id,
#include "engine/instrs.def"
#undef INSTR
	INSTR_COUNT
};

struct site { /* one call in a program */
	const struct function *function;
	const void *prepared;
	enum type type; /* of the result; of one element when mapped */
	uint8_t n;
};

struct instr {
	uint8_t op;
	uint8_t n; /* enum test_kind of a comparison */
	uint16_t unused;
	uint32_t to; /* jump target, field id, index or memo slot: see instrs.def */
	union {
		const struct field *field;
		const struct test *test;
		const struct site *site;
		const struct value *value;
		const struct str *key;
		uint32_t slot;
	};
};

struct program {
	const struct instr *code;
	uint32_t n;
	uint16_t values, truths; /* stack depths */
};

/* Slots that the programs of one ruleset share: what was worked out once for a request. */
struct slots {
	uint32_t truths, values;
};

/* Every jump forward and inside, every operand there, stacks never under- or overrun, depths equal wherever
 * ways join, one result at the end: a truth (condition) or a value. Sets the depths. NULL, or what is wrong.
 */
const char *program_verify(struct program *p, bool condition, const struct slots *slots);
bool program_print(struct buf *out, const struct program *p); /* one line an instruction */
void test_print(struct buf *out, const struct test *t);
void value_print(struct buf *out, const struct value *v); /* a scalar; of others the type */

#endif
