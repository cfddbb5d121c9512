/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 both ways. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/base64.h"

static const struct {
	const char *text, *bytes;
	int n; /* of bytes; -1: refused */
} rows[] = {
    {"", "", 0},
    {"Zg==", "f", 1},
    {"Zm8=", "fo", 2},
    {"Zm9v", "foo", 3},
    {"Zm9vYg==", "foob", 4},
    {"////", "\xff\xff\xff", 3},
    {"++/+", "\xfb\xef\xfe", 3},
    {" Zm\r\n9v\t", "foo", 3},
    {"Z m8 = ", "fo", 2},
    {"Z", NULL, -1},
    {"Zg", NULL, -1},
    {"Zg=", NULL, -1},
    {"Zg===", NULL, -1},
    {"=", NULL, -1},
    {"====", NULL, -1},
    {"Zh==", NULL, -1}, /* bits behind the last byte */
    {"Zm9=", NULL, -1},
    {"Zg==Zg==", NULL, -1},
    {"Zm-v", NULL, -1},
    {"Zm9v\xc3", NULL, -1},
};

static void test_rows(void **state)
{
	uint8_t out[64];
	char text[64];
	size_t n;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct str s = str_of(rows[i].text);

		if (base64_decode(s, out, &n) != (rows[i].n >= 0))
			fail_msg("%s", rows[i].text);
		if (rows[i].n < 0)
			continue;
		assert_int_equal(n, rows[i].n);
		assert_memory_equal(out, rows[i].bytes, n);
		if (strpbrk(rows[i].text, " \t\r\n"))
			continue;
		assert_int_equal(base64_length(n), s.n);
		base64_encode((struct str){rows[i].bytes, n}, text);
		assert_memory_equal(text, rows[i].text, s.n);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_rows)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
