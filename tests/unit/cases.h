/* SPDX-License-Identifier: Apache-2.0 */
/* What the unit tests share: cmocka with the headers it needs, and loops over tables of cases. */
#ifndef TESTS_UNIT_CASES_H
#define TESTS_UNIT_CASES_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>

#include "base/str.h"

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))
#define EACH(c, table) for (size_t c##_i = 0; c##_i < COUNT(table) && ((c) = &(table)[c##_i]); c##_i++)

/* Equal bytes, or a message that says which case failed and how. */
static inline void check_str(const char *what, struct str got, struct str want)
{
	if (!str_eq(got, want))
		fail_msg("%s: got \"%.*s\", want \"%.*s\"", what, STR_FMT(got), STR_FMT(want));
}

static inline void check_int(const char *what, long long got, long long want)
{
	if (got != want)
		fail_msg("%s: got %lld, want %lld", what, got, want);
}

#endif
