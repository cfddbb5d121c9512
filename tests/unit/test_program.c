/* SPDX-License-Identifier: Apache-2.0 */
/* No program runs that was not verified: what must be refused is, and limits are known. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "base/limits.h"
#include "engine/program.h"

static const struct value yes = {.type = TYPE_BOOL, .b = true};
static const struct test equal = {.kind = TEST_EQ, .type = TYPE_BYTES};
static const struct str key = {"k", 1};

#define I(o, ...)                                                                                            \
	{                                                                                                    \
		.op = (o), ##__VA_ARGS__                                                                     \
	}

static const struct {
	const char *what;
	bool condition;
	const char *wrong; /* NULL: good */
	struct instr code[8];
	uint32_t n;
} cases[] = {
    {"a constant condition", true, NULL, {I(OP_CONST, .value = &yes), I(OP_TRUTH), I(OP_RETURN)}, 3},
    {"a constant value", false, NULL, {I(OP_CONST, .value = &yes), I(OP_RETURN)}, 2},
    {"and, jumping over the second",
     true,
     NULL,
     {I(OP_FIELD_TEST, .to = FIELD_HOST, .test = &equal), I(OP_JUMP_FALSE, .to = 4),
      I(OP_FIELD_TEST, .to = FIELD_PATH, .test = &equal), I(OP_AND), I(OP_RETURN)},
     5},
    {"a remembered truth",
     true,
     NULL,
     {I(OP_RECALL, .to = 3, .slot = 0), I(OP_FIELD_TEST, .to = FIELD_HOST, .test = &equal),
      I(OP_KEEP, .slot = 0), I(OP_RETURN)},
     4},
    {"nothing", true, "no code", {I(OP_RETURN)}, 0},
    {"no result", true, "not one result at the end", {I(OP_RETURN)}, 1},
    {"a value for a condition",
     true,
     "not one result at the end",
     {I(OP_CONST, .value = &yes), I(OP_RETURN)},
     2},
    {"two results",
     false,
     "not one result at the end",
     {I(OP_CONST, .value = &yes), I(OP_CONST, .value = &yes), I(OP_RETURN)},
     3},
    {"an empty stack", true, "a stack that runs empty", {I(OP_TRUTH), I(OP_RETURN)}, 2},
    {"and of one",
     true,
     "a stack that runs empty",
     {I(OP_FIELD_TEST, .to = FIELD_HOST, .test = &equal), I(OP_AND), I(OP_RETURN)},
     3},
    {"no return", false, "no return at the end", {I(OP_CONST, .value = &yes)}, 1},
    {"an early return",
     false,
     "a return before the end",
     {I(OP_CONST, .value = &yes), I(OP_RETURN), I(OP_RETURN)},
     3},
    {"a loop",
     true,
     "a jump that does not go forward",
     {I(OP_FIELD_TEST, .to = FIELD_HOST, .test = &equal), I(OP_JUMP_FALSE, .to = 0), I(OP_RETURN)},
     3},
    {"a jump to itself",
     true,
     "a jump that does not go forward",
     {I(OP_FIELD_TEST, .to = FIELD_HOST, .test = &equal), I(OP_JUMP_FALSE, .to = 1), I(OP_RETURN)},
     3},
    {"a jump out",
     true,
     "a jump that does not go forward",
     {I(OP_FIELD_TEST, .to = FIELD_HOST, .test = &equal), I(OP_JUMP_TRUE, .to = 3), I(OP_RETURN)},
     3},
    {"ways that differ",
     true,
     "ways that join with different stacks",
     {I(OP_FIELD_TEST, .to = FIELD_HOST, .test = &equal), I(OP_JUMP_FALSE, .to = 3),
      I(OP_FIELD_TEST, .to = FIELD_PATH, .test = &equal), I(OP_RETURN)},
     4},
    {"a field that is none", false, "no such field", {I(OP_FIELD, .field = NULL), I(OP_RETURN)}, 2},
    {"a field out of the table",
     true,
     "no such field, or a test of another type",
     {I(OP_FIELD_TEST, .to = FIELD_COUNT, .test = &equal), I(OP_RETURN)},
     2},
    {"a test of another type",
     true,
     "no such field, or a test of another type",
     {I(OP_FIELD_TEST, .to = FIELD_IP_SRC, .test = &equal), I(OP_RETURN)},
     2},
    {"no constant", false, "no constant", {I(OP_CONST), I(OP_RETURN)}, 2},
    {"no key", false, "no such field or key", {I(OP_FIELD_KEY, .to = FIELD_HEADERS), I(OP_RETURN)}, 2},
    {"a key", false, NULL, {I(OP_FIELD_KEY, .to = FIELD_HEADERS, .key = &key), I(OP_RETURN)}, 2},
    {"no function", false, "no function to call", {I(OP_CALL), I(OP_RETURN)}, 2},
    {"an order that is none",
     true,
     "not a comparison of two values",
     {I(OP_CONST, .value = &yes), I(OP_CONST, .value = &yes), I(OP_COMPARE, .n = TEST_IN), I(OP_RETURN)},
     4},
    {"a slot that is none",
     true,
     "no such slot",
     {I(OP_FIELD_TEST, .to = FIELD_HOST, .test = &equal), I(OP_KEEP, .slot = 1), I(OP_RETURN)},
     3},
    {"an instruction that is none", true, "an unknown instruction", {I(INSTR_COUNT), I(OP_RETURN)}, 2},
};

static void verified(void **state)
{
	static const struct slots slots = {1, 1};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct program p = {.code = cases[i].code, .n = cases[i].n};
		const char *wrong = program_verify(&p, cases[i].condition, &slots);

		if ((wrong == NULL) != (cases[i].wrong == NULL) ||
		    (wrong != NULL && strcmp(wrong, cases[i].wrong) != 0))
			fail_msg("%s: %s", cases[i].what, wrong != NULL ? wrong : "taken");
	}
}

/* More values at once than the stack may hold. */
static void too_deep(void **state)
{
	static struct instr code[LIMIT_STACK + 3];
	static const struct slots slots;
	struct program p = {.code = code, .n = LIMIT_STACK + 2};

	(void)state;
	for (size_t i = 0; i <= LIMIT_STACK; i++)
		code[i] = (struct instr)I(OP_CONST, .value = &yes);
	code[LIMIT_STACK + 1] = (struct instr)I(OP_RETURN);
	assert_string_equal(program_verify(&p, false, &slots), "a stack that is too deep");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(verified),
	    cmocka_unit_test(too_deep),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
