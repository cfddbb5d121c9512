/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <sys/stat.h>

#include "base/limits.h"
#include "proxy/state.h"
#include "proxy/url.h"
#include "tests/unit/cases.h"

static void addresses(void **state)
{
	static const struct {
		struct str text;
		const char *host; /* NULL: no address */
		int port;
		bool https;
	} cases[] =
	    {
	        {STR("http://crl.example/a.crl"), "crl.example", 80, false},
	        {STR("https://crl.example/a.crl?x=1:2"), "crl.example", 443, true},
	        {STR("http://crl.example"), "crl.example", 80, false},
	        {STR("http://crl.example?a@b"), "crl.example", 80, false},
	        {STR("http://CRL.example:8080/%41"), "CRL.example", 8080, false},
	        {STR("http://127.0.0.1:1/"), "127.0.0.1", 1, false},
	        {STR("http://[2001:db8::1]/"), "2001:db8::1", 80, false},
	        {STR("http://[2001:db8::1]:81/"), "2001:db8::1", 81, false},
	        {STR("HTTP://crl.example/"), NULL, 0, false},
	        {STR("ftp://crl.example/"), NULL, 0, false},
	        {STR("file:///etc/passwd"), NULL, 0, false},
	        {STR("http:crl.example"), NULL, 0, false},
	        {STR("http:///a"), NULL, 0, false},
	        {STR("http://:80/"), NULL, 0, false},
	        {STR("http://a:/"), NULL, 0, false},
	        {STR("http://a:0/"), NULL, 0, false},
	        {STR("http://a:65536/"), NULL, 0, false},
	        {STR("http://a:80:80/"), NULL, 0, false},
	        {STR("http://good.example@evil.example/"), NULL, 0, false},
	        {STR("http://good.example:80@evil.example/"), NULL, 0, false},
	        {STR("http://good.example\\@evil.example/"), NULL, 0, false},
	        {STR("http://good.example#@evil.example/"), NULL, 0, false},
	        {STR("http://good.example /"), NULL, 0, false},
	        {STR("http://good.example/\r\nHost: x"), NULL, 0, false},
	        {STR("http://good.example\0.evil/"), NULL, 0, false},
	        {STR("http://good.%65xample/"), NULL, 0, false},
	        {STR("http://g\xc3\xb6od.example/"), NULL, 0, false},
	        {STR("http://[127.0.0.1]/"), NULL, 0, false},
	        {STR("http://[::1/"), NULL, 0, false},
	        {STR("http://::1/"), NULL, 0, false},
	        {STR("http://.example/"), NULL, 0, false},
	        {STR(""), NULL, 0, false},
	    },
	  *c;
	static char longest[4096];
	struct url u;

	(void)state;
	EACH(c, cases)
	{
		check_int(c->text.p, url_parse(c->text, &u), c->host != NULL);
		if (c->host == NULL)
			continue;
		check_str(c->text.p, u.host, str_of(c->host));
		check_int(c->text.p, u.port, c->port);
		check_int(c->text.p, u.https, c->https);
	}
	memset(longest, 'a', sizeof(longest));
	memcpy(longest, "http://a/", 9);
	assert_true(url_parse((struct str){longest, 2048}, &u));
	assert_false(url_parse((struct str){longest, 2049}, &u));
}

static void hosts(void **state)
{
	static const struct {
		const char *host, *url;
		bool allowed;
	} cases[] =
	    {
	        {"crl.example", "http://crl.example/", true},
	        {"crl.example", "https://crl.example/", true},
	        {"crl.example", "http://CRL.Example/", true},
	        {"crl.example", "http://crl.example:443/", false},
	        {"crl.example", "http://crl.example:22/", false},
	        {"crl.example", "http://crl.example./", false},
	        {"crl.example", "http://xcrl.example/", false},
	        {"crl.example", "http://a.crl.example/", false},
	        {"crl.example:8080", "http://crl.example:8080/", true},
	        {"crl.example:8080", "http://crl.example/", false},
	        {"*.example", "http://a.b.example/", true},
	        {"*.example", "http://example/", false},
	        {"*.example", "http://badexample/", false},
	        {"*.example:81", "http://a.example:81/", true},
	        {"*.example:81", "http://a.example/", false},
	        {"*.0.0.1", "http://127.0.0.1/", false},
	        {"127.0.0.1", "http://127.0.0.1/", true},
	        {"127.0.0.1", "http://2130706433/", false},
	        {"[::1]", "http://[::1]/", true},
	        {"[::1]:81", "http://[::1]:81/", true},
	        {"[::1]", "http://[::2]/", false},
	    },
	  *c;
	struct url_host host;
	struct url u;

	(void)state;
	EACH(c, cases)
	{
		assert_true(url_host_parse(str_of(c->host), &host));
		assert_true(url_parse(str_of(c->url), &u));
		if (url_allowed(&u, &host, 1) != c->allowed)
			fail_msg("%s and %s", c->host, c->url);
	}
	assert_false(url_allowed(&u, NULL, 0));
	for (const char *const *bad =
	         (const char *const[]){"", "*", "*.", "http://a", "a/b", "a:0", "a b", "a@b", NULL};
	     *bad != NULL; bad++)
		if (url_host_parse(str_of(*bad), &host))
			fail_msg("%s is a host", *bad);
}

static void points(void **state)
{
	char place[] = "/tmp/usher-state-XXXXXX", text[64];
	struct arena a = ARENA_INIT;
	struct str dir;
	struct paths urls;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(place));
	dir = arena_printf(&a, "%s/state", place);
	assert_int_equal(state_points(&a, dir, STR("zone"), &urls), 0);
	assert_int_equal(urls.n, 0);
	for (int i = 0; i < LIMIT_CRL_POINTS; i++) {
		snprintf(text, sizeof(text), "http://crl.example/%d", i);
		assert_int_equal(state_points_add(dir, STR("zone"), str_of(text)), 0);
		assert_int_equal(state_points_add(dir, STR("zone"), str_of(text)),
		                 0); /* it is there already */
	}
	assert_true(state_points_add(dir, STR("zone"), STR("http://crl.example/more")) < 0);
	assert_int_equal(state_points(&a, dir, STR("zone"), &urls), 0);
	assert_int_equal(urls.n, LIMIT_CRL_POINTS);
	check_str("the last one", urls.v[LIMIT_CRL_POINTS - 1], str_of(text));
	assert_int_equal(state_points(&a, dir, STR("another"), &urls), 0);
	assert_int_equal(urls.n, 0);

	/* what stands for the directory: one file, seen by its time, size and inode */
	assert_int_equal(paths_find(&a, dir, &urls), 0);
	assert_int_equal(urls.n, 1);
	assert_int_equal(stat(urls.v[0].p, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	assert_false(state_crl_good(urls.v[0]));
	uint64_t before = paths_stamp(dir);

	assert_true(paths_stamp(dir) == before);
	assert_int_equal(state_write(dir, urls.v[0], STR("other")), 0);
	assert_true(paths_stamp(dir) != before);
	assert_int_equal(remove(urls.v[0].p), 0);
	assert_int_equal(paths_find(&a, arena_printf(&a, "%s/*.txt", dir.p), &urls), 0);
	assert_int_equal(urls.n, 0);
	assert_int_equal(remove(dir.p) + remove(place), 0);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(addresses), cmocka_unit_test(hosts),
	                                   cmocka_unit_test(points)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
