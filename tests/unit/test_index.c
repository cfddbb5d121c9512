/* SPDX-License-Identifier: Apache-2.0 */
/* The index against the plain loop over the same rules: thousands of random rulesets from fixed seeds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "tests/fuzz/random_rules.h"

static void same_verdicts(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 700; seed++) {
		struct dice d = {NULL, 0, seed * 0x51ed270b27d4eb4fu};

		if (!random_round(&d, 8))
			fail_msg("seed %llu", (unsigned long long)seed);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(same_verdicts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
