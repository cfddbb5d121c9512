/* SPDX-License-Identifier: Apache-2.0 */
/* Sets against a plain loop over what was added; list files; a million entries. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/set.h"
#include "tests/unit/work.h"

static uint64_t seed = 88172645463325252ull;

static uint64_t next_random(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	return seed ^= seed << 17;
}

static bool has_text(const struct set *s, const char *text)
{
	return set_has(s, &(struct value){.type = TYPE_BYTES, .s = str_of(text)});
}

static bool has_ip(const struct set *s, const char *text)
{
	struct ip ip;

	assert_true(ip_parse(str_of(text), &ip));
	return set_has(s, &(struct value){.type = TYPE_IP, .ip = &ip});
}

static void add_net(struct set *s, const char *text)
{
	struct cidr c;
	struct ip to;
	bool host;

	assert_true(cidr_parse(str_of(text), &c, &host));
	to = c.base;
	for (unsigned i = c.bits; i < (c.base.family == 4 ? 32u : 128u); i++)
		to.bytes[i / 8] |= (uint8_t)(0x80 >> i % 8);
	assert_true(set_add_ip(s, &c.base, &to));
}

static void test_strings(void **state)
{
	struct set *s = set_new(SET_STRING);

	(void)state;
	assert_true(set_add_string(s, STR("a")) && set_add_string(s, STR("")) &&
	            set_add_string(s, STR("a\0b")) && set_add_string(s, STR("a")) &&
	            set_add_string(s, STR("*.b")));
	assert_true(set_seal(s));
	assert_int_equal(set_count(s), 4);
	assert_true(has_text(s, "a") && has_text(s, "") && has_text(s, "*.b"));
	assert_false(has_text(s, "A") || has_text(s, "ab") || has_text(s, "x.b"));
	assert_true(set_has(s, &(struct value){.type = TYPE_BYTES, .s = STR("a\0b")}));
	set_unref(s);
	s = set_new(SET_STRING);
	assert_true(set_seal(s) && !has_text(s, "") && set_count(s) == 0);
	set_unref(s);
	s = set_new(SET_STRING);
	assert_true(set_add_string(s, STR_NONE) && set_add_string(s, STR("")) && set_seal(s));
	assert_true(has_text(s, "") && !has_text(s, "a") && set_count(s) == 1);
	set_unref(s);
}

static void test_hosts(void **state)
{
	struct set *s = set_new(SET_HOST);
	char longest[300];

	(void)state;
	assert_true(set_add_string(s, STR("API.example.com")) && set_add_string(s, STR("*.Example.org")) &&
	            set_seal(s));
	assert_true(has_text(s, "api.example.com") && has_text(s, "API.EXAMPLE.COM") &&
	            has_text(s, "a.example.org") && has_text(s, "a.b.example.org"));
	assert_false(has_text(s, "example.org") || has_text(s, ".example.org") ||
	             has_text(s, "xexample.org") || has_text(s, "x.api.example.com") || has_text(s, "") ||
	             has_text(s, "."));
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	assert_false(has_text(s, longest));
	set_unref(s);
}

static void test_ints(void **state)
{
	enum { N = 400 };
	int64_t low[N], high[N];
	struct set *s = set_new(SET_INT);

	(void)state;
	for (int i = 0; i < N; i++) {
		low[i] = (int64_t)(next_random() % 100000) - 50000;
		high[i] = low[i] + (int64_t)(next_random() % 40);
		assert_true(set_add_int(s, low[i], high[i]));
	}
	assert_true(set_add_int(s, INT64_MAX - 1, INT64_MAX) && set_add_int(s, INT64_MIN, INT64_MIN) &&
	            set_add_int(s, INT64_MAX, INT64_MAX) && set_seal(s));
	for (int64_t v = -50100; v < 50100; v++) {
		bool want = false;

		for (int i = 0; i < N; i++)
			want |= v >= low[i] && v <= high[i];
		assert_int_equal(set_has(s, &(struct value){.type = TYPE_INT, .i = v}), want);
	}
	assert_true(set_has(s, &(struct value){.type = TYPE_INT, .i = INT64_MAX}));
	assert_true(set_has(s, &(struct value){.type = TYPE_INT, .i = INT64_MIN}));
	assert_false(set_has(s, &(struct value){.type = TYPE_INT, .i = INT64_MIN + 1}));
	set_unref(s);
}

static void test_addresses(void **state)
{
	struct set *s = set_new(SET_IP);
	struct set_item item;

	(void)state;
	add_net(s, "10.0.0.0/8");
	add_net(s, "10.1.0.0/16");
	add_net(s, "11.0.0.0/8");
	add_net(s, "255.255.255.255/32");
	add_net(s, "2001:db8::/32");
	add_net(s, "::ffff:192.0.2.1/128");
	add_net(s, "ffff::/16");
	assert_true(set_seal(s));
	assert_int_equal(set_count(s), 5);
	set_item(s, 0, &item);
	assert_true(item.from.bytes[0] == 10 && item.to.bytes[0] == 11);
	assert_true(has_ip(s, "10.0.0.0") && has_ip(s, "11.255.255.255") && has_ip(s, "255.255.255.255") &&
	            has_ip(s, "2001:db8::1") && has_ip(s, "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"));
	assert_false(has_ip(s, "9.255.255.255") || has_ip(s, "12.0.0.0") || has_ip(s, "2001:db9::") ||
	             has_ip(s, "::") || has_ip(s, "192.0.2.1") || has_ip(s, "255.255.255.254"));
	assert_true(has_ip(s, "::ffff:192.0.2.1"));
	set_unref(s);
}

/* A set of n networks of all sizes, against all of them one after the other. */
static void networks(int n)
{
	struct set *s = set_new(SET_IP);
	struct {
		uint32_t base;
		unsigned bits;
	} *nets = calloc((size_t)n, sizeof(*nets));
	int hits = 0;

	for (int i = 0; i < n; i++) {
		struct ip from, to;

		nets[i].bits = i % 1000 == 0 ? 12 + (unsigned)(next_random() % 12) : 32;
		nets[i].base = (uint32_t)next_random() & (uint32_t)(~0ull << (32 - nets[i].bits));
		from = to = (struct ip){4,
		                        {(uint8_t)(nets[i].base >> 24), (uint8_t)(nets[i].base >> 16),
		                         (uint8_t)(nets[i].base >> 8), (uint8_t)nets[i].base}};
		for (unsigned b = nets[i].bits; b < 32; b++)
			to.bytes[b / 8] |= (uint8_t)(0x80 >> b % 8);
		assert_true(set_add_ip(s, &from, &to));
	}
	assert_true(set_seal(s));
	for (int i = 0; i < 2000; i++) {
		uint32_t a = i % 2 ? (uint32_t)next_random() : nets[next_random() % (unsigned)n].base;
		struct ip ip = {4, {(uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a}};
		bool want = false;

		for (int j = 0; j < n && !want; j++)
			want = (a & (uint32_t)(~0ull << (32 - nets[j].bits))) == nets[j].base;
		assert_int_equal(set_has(s, &(struct value){.type = TYPE_IP, .ip = &ip}), want);
		hits += want;
	}
	assert_true(hits >= 1000);
	free(nets);
	set_unref(s);
}

/* What is looked up by first bits and what is not, and sizes between. */
static void test_sizes(void **state)
{
	static const int sizes[] = {1, 2, 63, 64, 65, 127, 128, 1000, 70000};

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++)
		networks(sizes[i]);
}

static void test_large(void **state)
{
	double began = work_seconds();

	(void)state;
	networks(1000000);
	assert_true(work_seconds() - began < 30 * patience());
}

static struct set *load(enum set_type type, const char *text, struct diags *d)
{
	char path[] = "/tmp/usher-set-XXXXXX";
	int fd = mkstemp(path);
	struct set *s;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), (ssize_t)strlen(text));
	close(fd);
	s = set_load(type, str_of(path), SPAN_NONE, d);
	unlink(path);
	return s;
}

static void test_files(void **state)
{
	struct diags d;
	struct set *s;
	unsigned line, column;

	(void)state;
	diags_init(&d);
	s = load(SET_STRING, "# a list\n\nplain\r\n  two words  # why\n\"q # \\x41\\\"\"\nhash#inside\n", &d);
	assert_non_null(s);
	assert_int_equal(set_count(s), 4);
	assert_true(has_text(s, "plain") && has_text(s, "two words") && has_text(s, "q # A\"") &&
	            has_text(s, "hash#inside"));
	set_unref(s);
	s = load(SET_IP, "192.0.2.0/24\n2001:db8::1\n198.51.100.1..198.51.100.9", &d);
	assert_non_null(s);
	assert_true(has_ip(s, "192.0.2.77") && has_ip(s, "2001:db8::1") && has_ip(s, "198.51.100.5"));
	assert_false(has_ip(s, "198.51.100.10"));
	set_unref(s);
	s = load(SET_INT, "1..5\n0x10\n-3 # three\n", &d);
	assert_non_null(s);
	assert_true(set_has(s, &(struct value){.type = TYPE_INT, .i = 16}));
	set_unref(s);
	assert_int_equal(d.errors, 0);
	assert_null(load(SET_IP, "10.0.0.0/8\n10.0.0.1/8\nhost\n", &d));
	assert_int_equal(d.errors, 2);
	assert_int_equal(d.first->code, U0007);
	span_place(d.first->span, &line, &column);
	assert_int_equal(line, 2);
	assert_int_equal(column, 1);
	assert_null(load(SET_HOST, "a..b\n", &d));
	assert_null(load(SET_STRING, "\"a\\q\"\n\"open\n", &d));
	assert_int_equal(d.errors, 5);
	assert_null(set_load(SET_INT, STR("/nonexistent/list"), SPAN_NONE, &d));
	assert_int_equal(d.last->code, U8002);
	diags_fini(&d);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_strings),   cmocka_unit_test(test_hosts), cmocka_unit_test(test_ints),
	    cmocka_unit_test(test_addresses), cmocka_unit_test(test_sizes), cmocka_unit_test(test_large), cmocka_unit_test(test_files),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
