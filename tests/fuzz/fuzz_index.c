/* SPDX-License-Identifier: Apache-2.0 */
/* Random rules, random requests: with the index, without it, folded or not, the verdicts are the same. */
#include "tests/fuzz/random_rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct dice d = {data, size, size};

	if (!random_round(&d, 4))
		abort();
	return 0;
}
