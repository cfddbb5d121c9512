/* SPDX-License-Identifier: Apache-2.0 */
/* Every stage of one small rule file, pinned: tests/data/engine/dump.<stage>.txt. UPDATE=1 writes them anew.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/file.h"
#include "engine/dump.h"

static void pinned(enum dump_stage stage, const char *name)
{
	struct arena a = ARENA_INIT;
	struct source src = {.name = STR("dump.rules")};
	struct buf out = BUF_INIT;
	struct str want = STR_NONE;
	struct diags d;
	char path[96];
	FILE *f;

	snprintf(path, sizeof(path), "tests/data/engine/dump.%s.txt", name);
	diags_init(&d);
	assert_int_equal(file_read(&a, "tests/data/engine/dump.rules", 1 << 16, &src.text), 0);
	assert_int_equal(ruleset_dump(&out, parse_file(&a, &src, &d), stage, &d), 0);
	assert_int_equal(d.errors, 0);
	if (getenv("UPDATE") != NULL && (f = fopen(path, "w")) != NULL) {
		fwrite(out.p + out.off, 1, out.n, f);
		fclose(f);
	}
	assert_int_equal(file_read(&a, path, 1 << 16, &want), 0);
	if (!str_eq(want, buf_str(&out)))
		fail_msg("%s says otherwise:\n%.*s", path, STR_FMT(buf_str(&out)));
	buf_fini(&out);
	diags_fini(&d);
	arena_fini(&a);
}

static void typed(void **state)
{
	(void)state;
	pinned(DUMP_TYPED, "typed");
}

static void folded(void **state)
{
	(void)state;
	pinned(DUMP_FOLDED, "folded");
}

static void program(void **state)
{
	(void)state;
	pinned(DUMP_PROGRAM, "program");
}

static void indexed(void **state)
{
	(void)state;
	pinned(DUMP_INDEX, "index");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(typed),
	    cmocka_unit_test(folded),
	    cmocka_unit_test(program),
	    cmocka_unit_test(indexed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
