/* SPDX-License-Identifier: Apache-2.0 */
/* Rate-limit counters under a clock of the test's own: windows, mitigation, throttle, keys, a full table,
 * threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>
#include <pthread.h>

#include "engine/rate.h"

static struct rate_limit limit(uint64_t requests, int64_t period, int64_t mitigation)
{
	struct rate_limit l = {.requests = requests, .period_msec = period, .mitigation_msec = mitigation};

	rate_limit_id(&l, STR("rule"));
	return l;
}

static struct rate_key key(const struct rate_table *t, const struct rate_limit *l, const char *text)
{
	struct value v = {.missing = text == NULL, .type = TYPE_BYTES, .s = str_of(text)};
	struct rate_key k;

	rate_key(t, l, &v, 1, &k);
	return k;
}

static void test_mitigation(void **state)
{
	struct rate_table *t = rate_new(1024);
	struct rate_limit l = limit(2, 10000, 60000);
	struct rate_key k = key(t, &l, "a");

	(void)state;
	assert_false(rate_look(t, &l, &k, 1000).over);
	assert_false(rate_count(t, &l, &k, 1000).over);
	assert_false(rate_count(t, &l, &k, 2000).over);
	assert_false(rate_look(t, &l, &k, 2000).over);
	assert_true(rate_count(t, &l, &k, 3000).over);
	assert_int_equal(rate_look(t, &l, &k, 4000).retry_msec, 59000);
	assert_true(rate_count(t, &l, &k, 62999).over);
	assert_false(rate_count(t, &l, &k, 63000).over);
	assert_false(rate_count(t, &l, &k, 63001).over);
	assert_true(rate_count(t, &l, &k, 63002).over);
	rate_free(t);
}

static void test_throttle(void **state)
{
	struct rate_table *t = rate_new(1024);
	struct rate_limit l = limit(1, 10000, 0);
	struct rate_key k = key(t, &l, "a");

	(void)state;
	assert_false(rate_count(t, &l, &k, 1000).over);
	assert_int_equal(rate_count(t, &l, &k, 2000).retry_msec, 9000);
	assert_true(rate_count(t, &l, &k, 10999).over);
	assert_false(rate_count(t, &l, &k, 11000).over);
	assert_true(rate_count(t, &l, &k, 11001).over);
	rate_free(t);
}

static void test_window(void **state)
{
	struct rate_table *t = rate_new(1024);
	struct rate_limit l = limit(2, 10000, 60000);
	struct rate_key k = key(t, &l, "a");

	(void)state;
	for (int64_t now = 0; now < 100000; now += 5001)
		assert_false(rate_count(t, &l, &k, now).over);
	rate_free(t);
}

static void test_clock(void **state)
{
	struct rate_table *t = rate_new(1024);
	struct rate_limit l = limit(1, 10000, 60000);
	struct rate_key k = key(t, &l, "a");

	(void)state;
	rate_count(t, &l, &k, 1000000000);
	assert_true(rate_count(t, &l, &k, 1000000000).over);
	assert_true(rate_look(t, &l, &k, 5000).over);
	assert_false(rate_look(t, &l, &k, 65000).over);
	rate_free(t);
}

static void test_keys(void **state)
{
	struct rate_table *t = rate_new(1024);
	struct rate_limit l = limit(1, 10000, 60000), other = limit(2, 10000, 60000);
	struct rate_key missing = key(t, &l, NULL), empty = key(t, &l, ""), k = key(t, &other, ""), pair[2];
	struct value v[2] = {{.type = TYPE_BYTES, .s = STR("ab")}, {.type = TYPE_BYTES, .s = STR("c")}};
	struct value w[2] = {{.type = TYPE_BYTES, .s = STR("a")}, {.type = TYPE_BYTES, .s = STR("bc")}};

	(void)state;
	assert_memory_not_equal(&missing, &empty, sizeof(empty));
	assert_memory_not_equal(&k, &empty, sizeof(empty));
	rate_key(t, &l, v, 2, &pair[0]);
	rate_key(t, &l, w, 2, &pair[1]);
	assert_memory_not_equal(&pair[0], &pair[1], sizeof(pair[0]));
	rate_key(t, &l, v, 2, &pair[1]);
	assert_memory_equal(&pair[0], &pair[1], sizeof(pair[0]));
	rate_free(t);
}

/* Ten times more keys than room: nobody who went over the limit gets away, and new ones are counted too
 * strictly if at all wrong. */
static void test_full(void **state)
{
	struct rate_table *t = rate_new(64);
	struct rate_limit l = limit(3, 100000, 100000);
	struct rate_key bad = key(t, &l, "bad");
	char name[16];

	(void)state;
	for (int i = 0; i < 4; i++)
		rate_count(t, &l, &bad, 1);
	assert_true(rate_look(t, &l, &bad, 1).over);
	for (int i = 0; i < 640; i++) {
		struct rate_key k;

		snprintf(name, sizeof(name), "k%d", i);
		k = key(t, &l, name);
		rate_count(t, &l, &k, 2);
	}
	assert_true(rate_look(t, &l, &bad, 3).over);
	rate_free(t);
}

struct worker {
	struct rate_table *t;
	const struct rate_limit *l;
	struct rate_key k;
	unsigned passed;
};

static void *work(void *arg)
{
	struct worker *w = arg;

	for (int i = 0; i < 20000; i++)
		w->passed += !rate_count(w->t, w->l, &w->k, 1).over;
	return NULL;
}

static void test_threads(void **state)
{
	struct rate_table *t = rate_new(1024);
	struct rate_limit l = limit(30000, 100000, 0);
	struct worker w[4];
	pthread_t id[4];
	unsigned passed = 0;

	(void)state;
	for (int i = 0; i < 4; i++) {
		w[i] = (struct worker){t, &l, key(t, &l, "a"), 0};
		assert_int_equal(pthread_create(&id[i], NULL, work, &w[i]), 0);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(id[i], NULL);
		passed += w[i].passed;
	}
	assert_int_equal(passed, 30000);
	rate_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_mitigation), cmocka_unit_test(test_throttle), cmocka_unit_test(test_window),
	    cmocka_unit_test(test_clock),      cmocka_unit_test(test_keys),     cmocka_unit_test(test_full),
	    cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
