/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "tests/unit/cases.h"

static char line[8192];

/* What one event writes, through a pipe. */
static const char *logged(enum log_level level, const char *event, const struct log_pair *pairs, size_t n)
{
	int fds[2];
	ssize_t got;

	assert_int_equal(pipe(fds), 0);
	log_set_fd(fds[1]);
	log_pairs(level, event, pairs, n);
	close(fds[1]);
	got = read(fds[0], line, sizeof(line) - 1);
	assert_true(got >= 0);
	line[got] = '\0';
	close(fds[0]);
	log_set_fd(2);
	return line;
}

static void writes_json(void **state)
{
	const struct log_pair pairs[] = {
	    LOG_I("n", -7),
	    LOG_S("text", STR("a\"b\n\xff")),
	    LOG_Z("none", NULL),
	};
	const char *got;

	(void)state;
	got = logged(LOG_WARNING, "reload\"ed", pairs, COUNT(pairs));
	assert_memory_equal(got, "{\"time\":\"20", 11);
	assert_string_equal(strstr(got, ",\"level\""),
	                    ",\"level\":\"warning\",\"event\":\"reload\\\"ed\",\"n\":-7,"
	                    "\"text\":\"a\\\"b\\n\\u00ff\",\"none\":\"\"}\n");
}

static void cuts_long_values(void **state)
{
	char text[LIMIT_LOG_FIELD * 2];

	(void)state;
	memset(text, 'a', sizeof(text));
	logged(LOG_ERROR, "x", &LOG_S("k", ((struct str){text, sizeof(text)})), 1);
	assert_in_range(strlen(line), LIMIT_LOG_FIELD, LIMIT_LOG_FIELD + 100);
}

static void obeys_the_level(void **state)
{
	(void)state;
	assert_string_equal(logged(LOG_DEBUG, "x", NULL, 0), "");
	log_set_level(LOG_DEBUG);
	assert_true(strlen(logged(LOG_DEBUG, "x", NULL, 0)) > 0);
	log_set_level(LOG_ERROR);
	assert_string_equal(logged(LOG_WARNING, "x", NULL, 0), "");
	log_set_level(LOG_INFO);
}

static void counts_what_is_lost(void **state)
{
	int full = open("/dev/full", O_WRONLY);

	(void)state;
	assert_true(full >= 0);
	log_set_fd(full);
	errno = 77;
	log_info("lost");
	log_info("lost");
	assert_int_equal(errno, 77);
	assert_int_equal(log_dropped(), 2);
	close(full);
	assert_non_null(strstr(logged(LOG_INFO, "x", NULL, 0), "\"dropped_before\":2"));
	assert_int_equal(log_dropped(), 0);
	assert_null(strstr(logged(LOG_INFO, "x", NULL, 0), "dropped"));
}

static void tells_time(void **state)
{
	static const struct {
		int64_t msec;
		const char *want;
	} cases[] =
	    {
	        {0, "1970-01-01T00:00:00.000Z"},
	        {-1, "1969-12-31T23:59:59.999Z"},
	        {951782399999, "2000-02-28T23:59:59.999Z"},
	        {4102444800007, "2100-01-01T00:00:00.007Z"},
	    },
	  *c;
	char text[CLOCK_TEXT];
	int64_t now = clock_now();

	(void)state;
	EACH(c, cases)
	{
		clock_rfc3339(c->msec, text);
		assert_string_equal(text, c->want);
	}
	clock_set_offset(-86400);
	assert_in_range(clock_now(), now - 86400, now - 86400 + 5);
	assert_in_range(clock_now_msec() / 1000, now - 86400, now - 86400 + 5);
	setenv("USHER_FAKE_OFFSET", "3600", 1);
	clock_init();
	assert_in_range(clock_now(), now + 3600, now + 3605);
	setenv("USHER_FAKE_OFFSET", "12x", 1);
	clock_init();
	assert_in_range(clock_now(), now + 3600, now + 3605);
	clock_set_offset(0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(writes_json),     cmocka_unit_test(cuts_long_values),
	    cmocka_unit_test(obeys_the_level), cmocka_unit_test(counts_what_is_lost),
	    cmocka_unit_test(tells_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
