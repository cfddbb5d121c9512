/* SPDX-License-Identifier: Apache-2.0 */
/* Unquoted literals: what they are worth, and what is said of those that are none. */
#include "grammar/literal.h"
#include "tests/unit/cases.h"

static const struct int_case {
	const char *text;
	int64_t value;
	const char *wrong; /* part of the message */
} ints[] = {
    {"0", 0, NULL},
    {"7", 7, NULL},
    {"-5", -5, NULL},
    {"-0", 0, NULL},
    {"00", 0, NULL},
    {"0123", 83, NULL},
    {"010", 8, NULL},
    {"0x1F", 31, NULL},
    {"0x0", 0, NULL},
    {"0xff", 255, NULL},
    {"9223372036854775807", INT64_MAX, NULL},
    {"-9223372036854775808", INT64_MIN, NULL},
    {"0x7fffffffffffffff", INT64_MAX, NULL},
    {"0777777777777777777777", INT64_MAX, NULL},
    {"9223372036854775808", 0, "64 bits"},
    {"-9223372036854775809", 0, "64 bits"},
    {"0x8000000000000000", 0, "64 bits"},
    {"01000000000000000000000", 0, "64 bits"},
    {"99999999999999999999999999", 0, "64 bits"},
    {"08", 0, "octal"},
    {"0789", 0, "octal"},
    {"12ab", 0, "not a number"},
    {"0X1F", 0, "not a number"},
    {"1.5", 0, "not a number"},
    {"1..5", 0, "not a number"},
    {"30s", 0, "not a number"},
    {"1_000", 0, "not a number"},
    {"ab", 0, "not a number"},
    {"", 0, "digits"},
    {"-", 0, "digits"},
    {"0x", 0, "digits"},
    {"-0x1", 0, "leading zero"},
    {"-012", 0, "leading zero"},
    {"--1", 0, "not a number"},
};

static void test_int(void **state)
{
	const struct int_case *c;

	(void)state;
	EACH(c, ints)
	{
		int64_t got = 0;
		const char *wrong = literal_int(str_of(c->text), &got);

		if (!c->wrong != !wrong || (wrong && !strstr(wrong, c->wrong)))
			fail_msg("%s: %s", c->text, wrong ? wrong : "accepted");
		check_int(c->text, got, c->value);
	}
}

static const struct bytes_case {
	const char *text, *hex; /* NULL: none */
} bytes[] = {
    {"0A:B1", "0ab1"},
    {"0a-b1", "0ab1"},
    {"0a.b1", "0ab1"},
    {"ab.CD-ef:01", "abcdef01"},
    {"10.20.30.40", "10203040"},
    {"0A", NULL},
    {"", NULL},
    {"0A:", NULL},
    {"0A:B", NULL},
    {"A:B1", NULL},
    {"0A::B1", NULL},
    {"0A:B1:", NULL},
    {"0Ab1", NULL},
    {"0G:B1", NULL},
    {"0A/B1", NULL},
    {"0A B1", NULL},
    {"1..5", NULL},
    {"12345", NULL},
};

static void test_bytes(void **state)
{
	const struct bytes_case *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, bytes)
	{
		struct str got = STR_NONE;
		char hex[64] = "";
		size_t i;

		if (!c->hex != !!literal_bytes(&a, str_of(c->text), &got))
			fail_msg("%s", c->text);
		for (i = 0; i < got.n; i++)
			snprintf(hex + 2 * i, 3, "%02x", (unsigned char)got.p[i]);
		check_str(c->text, str_of(hex), str_of(c->hex ? c->hex : ""));
	}
	arena_fini(&a);
}

static const struct range_case {
	const char *text, *low, *high; /* NULL: none */
	const char *wrong;
} ip_ranges[] = {
    {"1.2.3.4", "1.2.3.4", "1.2.3.4", NULL},
    {"10.0.0.0/8", "10.0.0.0", "10.255.255.255", NULL},
    {"0.0.0.0/0", "0.0.0.0", "255.255.255.255", NULL},
    {"1.2.3.4/32", "1.2.3.4", "1.2.3.4", NULL},
    {"192.0.2.128/25", "192.0.2.128", "192.0.2.255", NULL},
    {"::1", "::1", "::1", NULL},
    {"2001:db8::/32", "2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
    {"2001:db8::/127", "2001:db8::", "2001:db8::1", NULL},
    {"::/0", "::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", NULL},
    {"10.0.0.1..10.0.0.9", "10.0.0.1", "10.0.0.9", NULL},
    {"fe80::1..fe80::9", "fe80::1", "fe80::9", NULL},
    {"1.1.1.1..1.1.1.1", "1.1.1.1", "1.1.1.1", NULL},
    {"1.1.1.01", "1.1.1.1", "1.1.1.1", NULL},
    {"010.001.000.000/16", "10.1.0.0", "10.1.255.255", NULL},
    {"0.0.0.0", "0.0.0.0", "0.0.0.0", NULL},
    {"10.0.0.1/24", NULL, NULL, "beyond the prefix"},
    {"2001:db8::1/32", NULL, NULL, "beyond the prefix"},
    {"10.0.0.0/33", NULL, NULL, "not a network"},
    {"::/129", NULL, NULL, "not a network"},
    {"10.0.0.0/", NULL, NULL, "not a network"},
    {"10.0.0.0/-1", NULL, NULL, "not a network"},
    {"10.0.0.0/8/8", NULL, NULL, "not a network"},
    {"/8", NULL, NULL, "not a network"},
    {"1.2.3", NULL, NULL, "not an IP"},
    {"1.2.3.0004", NULL, NULL, "not an IP"},
    {"1.2.3.256", NULL, NULL, "not an IP"},
    {"fe80::1%eth0", NULL, NULL, "not an IP"},
    {"5", NULL, NULL, "not an IP"},
    {"", NULL, NULL, "not an IP"},
    {"10.0.0.9..10.0.0.1", NULL, NULL, "smaller end"},
    {"10.0.0.1..fe80::1", NULL, NULL, "one family"},
    {"1.1.1.01..1.1.1.2", NULL, NULL, "not an IP"},
    {"10.0.0.0/8..10.1.0.0/8", NULL, NULL, "braces"},
    {"..", NULL, NULL, "not an IP"},
    {"1.1.1.1..", NULL, NULL, "not an IP"},
};

static void test_ip_range(void **state)
{
	const struct range_case *c;

	(void)state;
	EACH(c, ip_ranges)
	{
		struct ip low = {0}, high = {0};
		char text[IP_TEXT];
		const char *wrong = literal_ip_range(str_of(c->text), &low, &high);

		if (!c->wrong != !wrong || (wrong && !strstr(wrong, c->wrong)))
			fail_msg("%s: %s", c->text, wrong ? wrong : "accepted");
		if (wrong)
			continue;
		check_str(c->text, (struct str){text, ip_print(&low, text)}, str_of(c->low));
		check_str(c->text, (struct str){text, ip_print(&high, text)}, str_of(c->high));
	}
}

static void test_int_range(void **state)
{
	int64_t low, high;

	(void)state;
	assert_null(literal_int_range(STR("1..5"), &low, &high));
	assert_true(low == 1 && high == 5);
	assert_null(literal_int_range(STR("-5..-1"), &low, &high));
	assert_true(low == -5 && high == -1);
	assert_null(literal_int_range(STR("0x10..020"), &low, &high));
	assert_true(low == 16 && high == 16);
	assert_null(literal_int_range(STR("7"), &low, &high));
	assert_true(low == 7 && high == 7);
	assert_non_null(literal_int_range(STR("5..1"), &low, &high));
	assert_non_null(literal_int_range(STR("1...5"), &low, &high));
	assert_non_null(literal_int_range(STR("1.."), &low, &high));
	assert_non_null(literal_int_range(STR("..5"), &low, &high));
	assert_non_null(literal_int_range(STR("1..5..9"), &low, &high));
}

static void test_ip(void **state)
{
	struct ip ip;
	struct cidr net;

	(void)state;
	assert_null(literal_ip(STR("1.2.3.4"), &ip));
	assert_null(literal_ip(STR("1:2::"), &ip));
	assert_non_null(literal_ip(STR("1.2.3.04"), &ip));
	assert_non_null(strstr(literal_ip(STR("10.0.0.0/8"), &ip), "braces"));
	assert_null(literal_cidr(STR("1.2.3.4"), &net));
	assert_int_equal(net.bits, 32);
	assert_null(literal_cidr(STR("::1"), &net));
	assert_int_equal(net.bits, 128);
}

static void test_kind(void **state)
{
	static const struct {
		const char *text, *kind;
	} cases[] = {{"5", "Integer"},  {"-0x5", NULL}, {"08", NULL},   {"1.2.3.4", "IP"}, {"::1", "IP"},
	             {"10.0.0.0/8", "a network"}, {"10.0.0.1/8", NULL}, {"1..5", NULL}, {"a.b", NULL}, {"", NULL}};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		const char *kind = literal_kind(str_of(cases[i].text));

		assert_true((kind == NULL) == (cases[i].kind == NULL));
		if (kind != NULL)
			assert_string_equal(kind, cases[i].kind);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_int),       cmocka_unit_test(test_bytes), cmocka_unit_test(test_ip_range),
	    cmocka_unit_test(test_int_range), cmocka_unit_test(test_ip),
	    cmocka_unit_test(test_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
