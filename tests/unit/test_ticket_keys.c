/* SPDX-License-Identifier: Apache-2.0 */
/* Keys of tickets: how time turns them, and files that several machines share. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/clock.h"
#include "mtls/ticket_keys.h"
#include "tests/unit/tls_lab.h"

enum { DAY = 86400 };

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_keys(void **state)
{
#define OLD "00112233445566778899aabbccddeeff00112233445566778899AABBCCDDEEFF\n"
#define NEW "ff112233445566778899aabbccddeeff00112233445566778899aabbccddee00  # since Monday\n"
	static const struct {
		const char *text, *why;
	} bad[] = {
	    {"", "no key in it"},
	    {"# nothing\n\n", "no key in it"},
	    {"0011\n", "a line that is not 64 hexadecimal digits"},
	    {OLD "zz112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n",
	     "a line that is not 64 hexadecimal digits"},
	};
	const char *path = "build/ticket-keys.test";
	struct ticket_keys *one, *two;
	struct ticket_key key, other;
	const char *why;

	(void)state;
	lab_pki("good.pem"); /* starts the library */
	assert_int_equal(ticket_keys_new(&one, 100), 0);
	assert_int_equal(ticket_keys_new(&two, 100), 0);
	/* time rotates; old keys open until nothing needs them */
	assert_true(ticket_keys_sealing(one, &key));
	clock_set_offset(99);
	assert_true(ticket_keys_sealing(one, &other));
	assert_memory_equal(key.name, other.name, TICKET_NAME);
	clock_set_offset(101);
	assert_true(ticket_keys_sealing(one, &other));
	assert_memory_not_equal(key.name, other.name, TICKET_NAME);
	assert_true(ticket_keys_named(one, key.name, &other));
	assert_memory_equal(key.secret, other.secret, TICKET_SECRET);
	assert_false(ticket_keys_named(two, key.name, &other));
	clock_set_offset(101 + DAY);
	assert_true(ticket_keys_sealing(one, &other));
	assert_true(ticket_keys_named(one, key.name, &other));
	clock_set_offset(203 + 2 * DAY);
	assert_true(ticket_keys_sealing(one, &other));
	assert_false(ticket_keys_named(one, key.name, &other));
	clock_set_offset(0);
	/* files */
	write_file(path, OLD);
	assert_int_equal(ticket_keys_load(one, path, &why), 0);
	write_file(path, "# two\n" NEW "\n  " OLD);
	assert_int_equal(ticket_keys_load(two, path, &why), 0);
	assert_true(ticket_keys_sealing(one, &key));
	assert_true(ticket_keys_named(two, key.name, &other));
	assert_memory_equal(key.secret, other.secret, TICKET_SECRET);
	assert_true(ticket_keys_sealing(two, &other));
	assert_memory_not_equal(key.name, other.name, TICKET_NAME);
	clock_set_offset(DAY * 30);
	assert_true(ticket_keys_sealing(one, &other));
	assert_memory_equal(key.name, other.name, TICKET_NAME);
	clock_set_offset(0);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_file(path, bad[i].text);
		assert_true(ticket_keys_load(one, path, &why) < 0);
		assert_string_equal(why, bad[i].why);
		assert_true(ticket_keys_sealing(one, &other));
		assert_memory_equal(key.name, other.name, TICKET_NAME);
	}
	remove(path);
	assert_true(ticket_keys_load(one, path, &why) < 0);
	ticket_keys_unref(one);
	ticket_keys_unref(two);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
