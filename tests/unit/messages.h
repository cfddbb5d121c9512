/* SPDX-License-Identifier: Apache-2.0 */
/* Field lines in tests, written and shown as "a: 1|b: 2". */
#ifndef TESTS_UNIT_MESSAGES_H
#define TESTS_UNIT_MESSAGES_H

#include "headers/lines.h"
#include "tests/unit/cases.h"

static inline struct lines lines_of(struct arena *a, const char *text)
{
	struct str rest = str_of(text);
	struct lines l;

	lines_init(&l, a);
	while (rest.n) {
		ptrdiff_t end = str_find(rest, '|');
		struct str line = str_sub(rest, 0, end < 0 ? rest.n : (size_t)end);
		ptrdiff_t colon = str_find(line, ':');

		assert_true(lines_add(&l, str_sub(line, 0, (size_t)colon),
		                      str_trim(str_sub(line, (size_t)colon + 1, line.n))));
		rest = str_sub(rest, line.n + 1, rest.n);
	}
	return l;
}

static inline struct str text_of(const struct lines *l)
{
	struct str all = arena_str(l->arena, STR(""));
	size_t i;

	for (i = 0; i < l->n; i++)
		all = arena_printf(l->arena, "%.*s%s%.*s: %.*s", STR_FMT(all), i ? "|" : "",
		                   STR_FMT(l->v[i].name), STR_FMT(l->v[i].value));
	return all;
}

#endif
