/* SPDX-License-Identifier: Apache-2.0 */
/* functions.def as a table, and look-up by name. */
#include "engine/function.h"

#include "engine/functions.h"

#define PARAMS(...)                                                                                          \
	{                                                                                                    \
		__VA_ARGS__                                                                                  \
	}
#define FUNCTION(id, name, result, params, min, max, flags, prepare, run, where, prose)                      \
	{name, result, params, min, max, flags, prepare, run, where, prose},
const struct function function_table[FUNCTION_COUNT] = {
#include "engine/functions.def"
};
#undef FUNCTION
#undef PARAMS

const struct function *function_find(struct str name)
{
	for (size_t i = 0; i < FUNCTION_COUNT; i++)
		if (str_eq(name, str_of(function_table[i].name)))
			return &function_table[i];
	return NULL;
}
