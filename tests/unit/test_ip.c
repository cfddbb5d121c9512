/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <netinet/in.h>

#include "base/ip.h"
#include "tests/unit/cases.h"

static void addresses(void **state)
{
	static const struct {
		const char *in, *out; /* out NULL: none */
	} cases[] =
	    {
	        {"192.0.2.1", "192.0.2.1"},
	        {"0.0.0.0", "0.0.0.0"},
	        {"255.255.255.255", "255.255.255.255"},
	        {"::", "::"},
	        {"::1", "::1"},
	        {"2001:DB8:0:0:0:0:0:1", "2001:db8::1"},
	        {"2001:db8:0:1:0:0:0:1", "2001:db8:0:1::1"},
	        {"::ffff:192.0.2.1", "::ffff:192.0.2.1"},
	        {"192.0.2.01", NULL},
	        {"192.0.2", NULL},
	        {"192.0.2.1.", NULL},
	        {"192.0.2.256", NULL},
	        {"0x7f.0.0.1", NULL},
	        {" 192.0.2.1", NULL},
	        {"", NULL},
	        {"fe80::1%eth0", NULL},
	        {"[::1]", NULL},
	        {"::1::", NULL},
	        {"1:2:3:4:5:6:7:8:9", NULL},
	        {"12345::", NULL},
	        {"0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000", NULL},
	    },
	  *c;

	(void)state;
	EACH(c, cases)
	{
		char text[IP_TEXT];
		struct ip ip;
		bool ok = ip_parse(str_of(c->in), &ip);

		check_int(c->in, ok, c->out != NULL);
		if (ok) {
			size_t n = ip_print(&ip, text);

			check_str(c->in, (struct str){text, n}, str_of(c->out));
		}
	}
	assert_false(ip_parse(STR("1.2.3.4\0x"), &(struct ip){0, {0}}));
}

static struct ip ip(const char *s)
{
	struct ip out;

	assert_true(ip_parse(str_of(s), &out));
	return out;
}

static void order_and_masks(void **state)
{
	static const struct {
		const char *in;
		unsigned bits;
		const char *want;
	} cases[] =
	    {
	        {"192.0.2.255", 32, "192.0.2.255"},  {"192.0.2.255", 31, "192.0.2.254"},
	        {"192.0.2.255", 24, "192.0.2.0"},    {"192.0.2.255", 20, "192.0.0.0"},
	        {"192.0.2.255", 0, "0.0.0.0"},       {"2001:db8:ffff::1", 33, "2001:db8:8000::"},
	        {"2001:db8::1", 128, "2001:db8::1"}, {"2001:db8::1", 0, "::"},
	        {"2001:db8::1", 127, "2001:db8::"},
	    },
	  *c;
	struct ip a = ip("10.0.0.2"), b = ip("10.0.0.10"), v6 = ip("::"), got;

	(void)state;
	EACH(c, cases)
	{
		struct ip want = ip(c->want);

		got = ip_mask(ip(c->in), c->bits);
		assert_true(ip_eq(&got, &want));
	}
	assert_true(ip_cmp(&a, &b) < 0);
	assert_true(ip_cmp(&b, &v6) < 0);
	assert_true(ip_cmp(&v6, &a) > 0);
	got = ip_unmap(ip("::ffff:10.0.0.2"));
	assert_true(ip_eq(&got, &a));
	got = ip_unmap(v6);
	assert_true(ip_eq(&got, &v6));
}

static void networks(void **state)
{
	static const struct {
		const char *net;
		bool ok, host_bits;
		const char *in, *out; /* an address inside, one outside */
	} cases[] =
	    {
	        {"10.0.0.0/8", true, false, "10.255.0.1", "11.0.0.1"},
	        {"10.0.0.0/7", true, false, "11.0.0.1", "12.0.0.1"},
	        {"10.0.0.1", true, false, "10.0.0.1", "10.0.0.2"},
	        {"0.0.0.0/0", true, false, "8.8.8.8", "::1"},
	        {"::/0", true, false, "::1", "8.8.8.8"},
	        {"2001:db8::/33", true, false, "2001:db8:7fff::", "2001:db8:8000::"},
	        {"10.0.0.1/24", false, true, NULL, NULL},
	        {"10.0.0.0/33", false, false, NULL, NULL},
	        {"10.0.0.0/", false, false, NULL, NULL},
	        {"10.0.0.0/08", false, false, NULL, NULL},
	        {"10.0.0.0/+8", false, false, NULL, NULL},
	        {"10.0.0/8", false, false, NULL, NULL},
	        {"::1/129", false, false, NULL, NULL},
	        {"/8", false, false, NULL, NULL},
	    },
	  *c;

	(void)state;
	EACH(c, cases)
	{
		struct cidr net;
		bool host_bits;

		check_int(c->net, cidr_parse(str_of(c->net), &net, &host_bits), c->ok);
		check_int(c->net, host_bits, c->host_bits);
		if (c->ok) {
			struct ip inside = ip(c->in), outside = ip(c->out);

			assert_true(cidr_has(&net, &inside));
			assert_false(cidr_has(&net, &outside));
		}
	}
}

static void sockaddrs(void **state)
{
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(443)};
	struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(80)};
	struct sockaddr un = {.sa_family = AF_UNIX};
	struct ip got, want = ip("192.0.2.1");
	uint16_t port;

	(void)state;
	inet_pton(AF_INET6, "::ffff:192.0.2.1", &in6.sin6_addr);
	assert_true(ip_of_sockaddr((struct sockaddr *)&in6, &got, &port));
	assert_true(ip_eq(&got, &want));
	assert_int_equal(port, 443);
	inet_pton(AF_INET, "192.0.2.1", &in.sin_addr);
	assert_true(ip_of_sockaddr((struct sockaddr *)&in, &got, &port));
	assert_true(ip_eq(&got, &want));
	assert_int_equal(port, 80);
	assert_false(ip_of_sockaddr(&un, &got, &port));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(addresses),
	    cmocka_unit_test(order_and_masks),
	    cmocka_unit_test(networks),
	    cmocka_unit_test(sockaddrs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
