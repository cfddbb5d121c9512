/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/err.h"
#include "base/file.h"
#include "tests/unit/cases.h"

static void reads(void **state)
{
	char path[] = "/tmp/usher-test-file-XXXXXX";
	struct arena a = ARENA_INIT;
	struct str s;
	int fd = mkstemp(path);

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(file_read(&a, path, 100, &s), 0);
	assert_int_equal(s.n, 0);
	assert_int_equal(write(fd, "abc\0def", 7), 7);
	assert_int_equal(file_read(&a, path, 7, &s), 0);
	check_str("contents", s, STR("abc\0def"));
	assert_int_equal(s.p[7], '\0');
	assert_int_equal(file_read(&a, path, 6, &s), -ERR_IO);
	assert_int_equal(errno, EFBIG);
	assert_int_equal(file_read(&a, "/tmp", 100, &s), -ERR_IO);
	assert_int_equal(errno, EISDIR);
	assert_int_equal(file_read(&a, "/nonexistent/x", 100, &s), -ERR_IO);
	assert_int_equal(errno, ENOENT);
	assert_int_equal(file_read(&a, "/dev/zero", 100000, &s), -ERR_IO); /* no size, no end */
	assert_int_equal(errno, EFBIG);
	assert_null(s.p);
	close(fd);
	unlink(path);
	arena_fini(&a);
}

static void joins(void **state)
{
	static const struct {
		const char *dir, *path, *want, *want_dir;
	} cases[] =
	    {
	        {"", "a", "a", ""},     {"d", "a", "d/a", "d"}, {"d/", "a/b", "d/a/b", "d/a"},
	        {"d", "/a", "/a", "/"}, {"/", "a", "/a", "/"},  {"d", "../a", "d/../a", "d/.."},
	    },
	  *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, cases)
	{
		struct str got = file_path(&a, str_of(c->dir), str_of(c->path));

		check_str(c->path, got, str_of(c->want));
		check_str(c->path, file_dir(&a, got), str_of(c->want_dir));
	}
	arena_fini(&a);
}

static void errors_have_words(void **state)
{
	(void)state;
	assert_string_equal(err_text(-ERR_NOMEM), "out of memory");
	assert_string_equal(err_text(ERR_AGAIN), err_text(-ERR_AGAIN));
	assert_string_equal(err_text(-9999), "an unknown error");
	assert_string_equal(err_text(INT32_MIN), "an unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(reads),
	    cmocka_unit_test(joins),
	    cmocka_unit_test(errors_have_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
