/* SPDX-License-Identifier: Apache-2.0 */
/* PROXY headers, whole and byte by byte. */
#include "proxy/proxy_header.h"
#include "tests/unit/cases.h"

#define SIG "\r\n\r\n\0\r\nQUIT\n"
#define V4 "\x0a\x00\x00\x01\x0a\x00\x00\x02\x12\x34\x01\xbb"
#define V6 "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\1" "\0\0\0\0\0\0\0\0\0\0\xff\xff\x0a\0\0\2" "\x12\x34\x01\xbb"

struct header_case {
	const char *name;
	struct str in;
	enum proxy_header want;
	const char *source; /* NULL: not known */
	unsigned port;
};

static const struct header_case cases[] = {
	{ "v1 IPv4", STR("PROXY TCP4 10.0.0.1 10.0.0.2 4660 443\r\nGET"), PROXY_HEADER_DONE, "10.0.0.1", 4660 },
	{ "v1 IPv6", STR("PROXY TCP6 ::1 ::2 4660 443\r\nGET"), PROXY_HEADER_DONE, "::1", 4660 },
	{ "v1 unknown", STR("PROXY UNKNOWN\r\nGET"), PROXY_HEADER_DONE, NULL, 0 },
	{ "v1 unknown with addresses", STR("PROXY UNKNOWN ::1 ::2 1 2\r\nGET"), PROXY_HEADER_DONE, NULL, 0 },
	{ "v1 half", STR("PROXY TCP4 10.0.0.1"), PROXY_HEADER_MORE, NULL, 0 },
	{ "v1 families differ", STR("PROXY TCP4 ::1 ::2 1 2\r\n"), PROXY_HEADER_BAD, NULL, 0 },
	{ "v1 bad address", STR("PROXY TCP4 10.0.0.256 10.0.0.2 1 2\r\n"), PROXY_HEADER_BAD, NULL, 0 },
	{ "v1 bad port", STR("PROXY TCP4 10.0.0.1 10.0.0.2 1 65536\r\n"), PROXY_HEADER_BAD, NULL, 0 },
	{ "v1 leading zero", STR("PROXY TCP4 10.0.0.1 10.0.0.2 01 2\r\n"), PROXY_HEADER_BAD, NULL, 0 },
	{ "v1 too much", STR("PROXY TCP4 10.0.0.1 10.0.0.2 1 2 3\r\n"), PROXY_HEADER_BAD, NULL, 0 },
	{ "v1 too little", STR("PROXY TCP4 10.0.0.1 10.0.0.2 1\r\n"), PROXY_HEADER_BAD, NULL, 0 },
	{ "v1 two spaces", STR("PROXY TCP4  10.0.0.1 10.0.0.2 1 2\r\n"), PROXY_HEADER_BAD, NULL, 0 },
	{ "v1 bare LF", STR("PROXY TCP4 10.0.0.1 10.0.0.2 1 2\n"), PROXY_HEADER_BAD, NULL, 0 },
	{ "v1 other family", STR("PROXY UDP4 10.0.0.1 10.0.0.2 1 2\r\n"), PROXY_HEADER_BAD, NULL, 0 },
	{ "v1 without end",
	  STR("PROXY TCP4 1111111111111111111111111111111111111111111111111111111111111111111111111111111111111111"
	      "1111111111111111111111"),
	  PROXY_HEADER_BAD, NULL, 0 },
	{ "v2 IPv4", STR(SIG "\x21\x11\x00\x0c" V4 "GET"), PROXY_HEADER_DONE, "10.0.0.1", 4660 },
	{ "v2 IPv4 with TLVs", STR(SIG "\x21\x11\x00\x10" V4 "\x04\x00\x01\x00GET"), PROXY_HEADER_DONE, "10.0.0.1", 4660 },
	{ "v2 IPv6", STR(SIG "\x21\x21\x00\x24" V6 "GET"), PROXY_HEADER_DONE, "::1", 4660 },
	{ "v2 local", STR(SIG "\x20\x00\x00\x00GET"), PROXY_HEADER_DONE, NULL, 0 },
	{ "v2 unix", STR(SIG "\x21\x31\x00\x00GET"), PROXY_HEADER_DONE, NULL, 0 },
	{ "v2 half", STR(SIG "\x21\x11\x00\x0c\x0a"), PROXY_HEADER_MORE, NULL, 0 },
	{ "v2 too short for IPv4", STR(SIG "\x21\x11\x00\x0b" V4), PROXY_HEADER_BAD, NULL, 0 },
	{ "v2 UDP", STR(SIG "\x21\x12\x00\x0c" V4), PROXY_HEADER_BAD, NULL, 0 },
	{ "v2 of another version", STR(SIG "\x31\x11\x00\x0c" V4), PROXY_HEADER_BAD, NULL, 0 },
	{ "v2 of another command", STR(SIG "\x22\x11\x00\x0c" V4), PROXY_HEADER_BAD, NULL, 0 },
	{ "v2 too long", STR(SIG "\x21\x11\xff\xff" V4), PROXY_HEADER_BAD, NULL, 0 },
	{ "a request", STR("GET / HTTP/1.1\r\n"), PROXY_HEADER_BAD, NULL, 0 },
	{ "a TLS hello", STR("\x16\x03\x01"), PROXY_HEADER_BAD, NULL, 0 },
	{ "a signature that goes wrong", STR("\r\n\r\n\0\r\nQUIX\n"), PROXY_HEADER_BAD, NULL, 0 },
	{ "nothing", STR(""), PROXY_HEADER_MORE, NULL, 0 },
};

static enum proxy_header feed(const struct header_case *c, size_t step, struct proxy_addresses *out, size_t *left)
{
	struct buf in = BUF_INIT;
	enum proxy_header got;
	size_t at = 0;

	do {
		buf_add(&in, str_sub(c->in, at, at + step));
		at += step;
		got = proxy_header_read(&in, out);
	} while (got == PROXY_HEADER_MORE && at < c->in.n);
	*left = in.n + (at < c->in.n ? c->in.n - at : 0);
	buf_fini(&in);
	return got;
}

static void test_headers(void **state)
{
	const struct header_case *c;
	struct proxy_addresses got;
	char text[IP_TEXT];
	size_t left, step;

	(void)state;
	EACH(c, cases) {
		for (step = c->in.n + 1; step > 0; step = step > 1 ? 1 : 0) {
			check_int(c->name, feed(c, step, &got, &left), c->want);
			if (c->want != PROXY_HEADER_DONE)
				continue;
			check_int(c->name, (long long)left, 3);
			check_int(c->name, got.known, c->source != NULL);
			if (c->source == NULL)
				continue;
			check_str(c->name, (struct str){ text, ip_print(&got.source, text) }, str_of(c->source));
			check_int(c->name, got.source_port, c->port);
			check_int(c->name, got.destination_port, 443);
		}
	}
}

/* What is written is read back. */
static void test_writing(void **state)
{
	static const struct {
		const char *source, *destination, *want;
	} pairs[] = {
		{ "192.0.2.7", "198.51.100.1", "192.0.2.7" },
		{ "2001:db8::7", "2001:db8::1", "2001:db8::7" },
		{ "192.0.2.7", "2001:db8::1", "192.0.2.7" }, /* IPv6 on the wire */
		{ NULL, NULL, NULL },
	};

	(void)state;
	for (int version = 1; version <= 2; version++) {
		for (size_t i = 0; i < COUNT(pairs); i++) {
			struct proxy_addresses a = { .known = pairs[i].source != NULL, .source_port = 40000,
						     .destination_port = 443 }, got;
			struct buf b = BUF_INIT;
			char text[IP_TEXT];

			if (a.known) {
				assert_true(ip_parse(str_of(pairs[i].source), &a.source));
				assert_true(ip_parse(str_of(pairs[i].destination), &a.destination));
			}
			proxy_header_write(&b, version, &a);
			assert_int_equal(proxy_header_read(&b, &got), PROXY_HEADER_DONE);
			assert_int_equal(b.n, 0);
			assert_int_equal(got.known, a.known);
			if (a.known) {
				got.source = ip_unmap(got.source);
				check_str(pairs[i].want, (struct str){ text, ip_print(&got.source, text) },
					  str_of(pairs[i].want));
				assert_int_equal(got.source_port, 40000);
				assert_int_equal(got.destination_port, 443);
			}
			buf_fini(&b);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_headers),
		cmocka_unit_test(test_writing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
