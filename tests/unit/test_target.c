/* SPDX-License-Identifier: Apache-2.0 */
#include "headers/request.h"
#include "tests/unit/cases.h"

static void splits(void **state)
{
	static const struct {
		const char *uri, *path, *query; /* path NULL: not valid */
		bool has_query;
	} cases[] =
	    {
	        {"/", "/", "", false},
	        {"*", "*", "", false},
	        {"/a/b?c=d", "/a/b", "c=d", true},
	        {"/a?", "/a", "", true},
	        {"/a?b?c", "/a", "b?c", true},
	        {"/?%zz=%", "/", "%zz=%", true}, /* the query is passed on as it is */
	        {"//a", "//a", "", false},
	        {"/a|b[c]{d}\\e\"<>^`", "/a|b[c]{d}\\e\"<>^`", "", false},
	        {"/%41%c3%A9", "/%41%c3%A9", "", false},
	        {"/admin;x=1", "/admin;x=1", "", false},
	        {"", NULL, NULL, false},
	        {"a", NULL, NULL, false},
	        {"?a", NULL, NULL, false},
	        {"**", NULL, NULL, false},
	        {"*?a", NULL, NULL, false},
	        {"/a b", NULL, NULL, false},
	        {"/a\tb", NULL, NULL, false},
	        {"/a#b", NULL, NULL, false},
	        {"/a?b#c", NULL, NULL, false},
	        {"/caf\xc3\xa9", NULL, NULL, false},
	        {"/a\x7f", NULL, NULL, false},
	        {"/a\r\nb", NULL, NULL, false},
	        {"/%", NULL, NULL, false},
	        {"/%4", NULL, NULL, false},
	        {"/%4?x", NULL, NULL, false},
	        {"/%zz", NULL, NULL, false},
	        {"/%00", NULL, NULL, false},
	        {"/a%00b", NULL, NULL, false},
	        {"http://a/", NULL, NULL, false},
	        {"\\a", NULL, NULL, false},
	    },
	  *c;

	(void)state;
	EACH(c, cases)
	{
		struct target t;

		check_int(c->uri, target_split(str_of(c->uri), &t), c->path != NULL);
		if (!c->path)
			continue;
		check_str(c->uri, t.uri, str_of(c->uri));
		check_str(c->uri, t.path, str_of(c->path));
		check_str(c->uri, t.query, str_of(c->query));
		check_int(c->uri, t.has_query, c->has_query);
	}
	assert_false(target_split(STR("/a\0b"), &(struct target){.has_query = false}));
}

static void normalizes(void **state)
{
	static const struct {
		const char *in, *rfc, *cloudflare;
	} cases[] =
	    {
	        {"/", "/", "/"},
	        {"/admin", "/admin", "/admin"},
	        {"/%61dmin", "/admin", "/admin"},
	        {"/%61%64%6D%69%6e", "/admin", "/admin"},
	        {"//admin", "//admin", "/admin"},
	        {"///a////b//", "///a////b//", "/a/b/"},
	        {"/x/../admin", "/admin", "/admin"},
	        {"/x/%2e%2E/admin", "/admin", "/admin"},
	        {"/x/.%2e/admin", "/admin", "/admin"},
	        {"/%2e/admin", "/admin", "/admin"},
	        {"/./admin/.", "/admin/", "/admin/"},
	        {"/admin/..", "/", "/"},
	        {"/..", "/", "/"},
	        {"/../../a", "/a", "/a"},
	        {"/a/b/c/./../../g", "/a/g", "/a/g"},
	        {"/a/../..//b", "//b", "/b"},
	        {"/..a/.b/c..", "/..a/.b/c..", "/..a/.b/c.."},
	        {"/...", "/...", "/..."},
	        {"/admin;x", "/admin;x", "/admin;x"},
	        {"/..;/admin", "/..;/admin", "/..;/admin"},
	        {"/\\admin", "/\\admin", "/admin"},
	        {"/a\\..\\b", "/a\\..\\b", "/b"},
	        {"/a\\%2e%2e\\b", "/a\\..\\b", "/b"},
	        {"/%2fadmin", "/%2Fadmin", "/%2Fadmin"}, /* an encoded slash is data */
	        {"/a%5c..%5cb", "/a%5C..%5Cb", "/a%5C..%5Cb"},
	        {"/%252e%252e/a", "/%252e%252e/a", "/%252e%252e/a"}, /* decoded once */
	        {"/%25%32%65", "/%252e", "/%252e"},
	        {"/%c3%a9%7e%2D%5f", "/%C3%A9~-_", "/%C3%A9~-_"},
	        {"/a/?%61=%2f/../x//y\\", "/a/?%61=%2f/../x//y\\", "/a/?%61=%2f/../x//y\\"},
	        {"/x/../?a", "/?a", "/?a"},
	        {"/x/..?", "/?", "/?"},
	        {"*", "*", "*"},
	    },
	  *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, cases)
	{
		struct target in, out, again;
		enum normalize mode;

		assert_true(target_split(str_of(c->in), &in));
		for (mode = NORMALIZE_OFF; mode <= NORMALIZE_CLOUDFLARE; mode++) {
			const char *want = mode == NORMALIZE_OFF       ? c->in
			                   : mode == NORMALIZE_RFC3986 ? c->rfc
			                                               : c->cloudflare;

			assert_int_equal(target_normalize(&a, &in, mode, &out), 0);
			check_str(c->in, out.uri, str_of(want));
			assert_int_equal(target_normalize(&a, &out, mode, &again), 0);
			check_str(c->in, again.uri, out.uri);
			check_str(c->in, out.query, in.query);
			assert_true(target_split(out.uri, &again));
			check_str(c->in, again.path, out.path);
		}
	}
	arena_fini(&a);
}

static void computed_paths(void **state)
{
	static const struct {
		const char *in;
		bool path, query;
	} cases[] =
	    {
	        {"/", true, true},      {"/a/b;c=d:e@f!$&'()*+,", true, true},
	        {"/%41", true, true},   {"/%4", false, true},
	        {"", false, true},      {"a", false, true},
	        {"/a b", false, false}, {"/a?b", false, true},
	        {"/a#b", false, false}, {"/a\r\n", false, false},
	        {"/a|b", false, true},  {"/caf\xc3\xa9", false, false},
	        {"/a\\b", false, true}, {"/a\x7f", false, false},
	    },
	  *c;
	struct arena a = ARENA_INIT;
	struct target t;

	(void)state;
	EACH(c, cases)
	{
		check_int(c->in, path_valid(str_of(c->in)), c->path);
		check_int(c->in, query_valid(str_of(c->in)), c->query);
	}
	assert_false(path_valid(STR("/a\0")));
	assert_int_equal(target_join(&a, STR("/a"), STR("b"), true, &t), 0);
	check_str("uri", t.uri, STR("/a?b"));
	check_str("query", t.query, STR("b"));
	assert_int_equal(target_join(&a, STR("/a"), STR(""), false, &t), 0);
	check_str("uri", t.uri, STR("/a"));
	arena_fini(&a);
}

static void extensions(void **state)
{
	static const struct {
		const char *path, *want;
	} cases[] =
	    {
	        {"/foo", ""},        {"/foo.mp3", "mp3"},
	        {"/foo.MP3", "mp3"}, {"/foo.tar.bz2", "bz2"},
	        {"/.mp3", ""},       {"/.foo.mp3", "mp3"},
	        {"/foo.", ""},       {"/", ""},
	        {"/a.b/c", ""},      {"/a.b/", ""},
	        {"/a/b.c", "c"},     {"/..", ""},
	        {"/a.x;v=1.Y", "y"}, {"*", ""},
	    },
	  *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, cases)
	check_str(c->path, path_extension(&a, str_of(c->path)), str_of(c->want));
	arena_fini(&a);
}

static void hosts(void **state)
{
	static const struct {
		const char *in, *host; /* host NULL: not valid */
	} cases[] =
	    {
	        {"example.com", "example.com"},
	        {"EXAMPLE.com:8443", "example.com"},
	        {"example.com.", "example.com"},
	        {"example.com.:443", "example.com"},
	        {"a", "a"},
	        {"a_b.example", "a_b.example"},
	        {"192.0.2.1:80", "192.0.2.1"},
	        {"[::1]", "[::1]"},
	        {"[2001:DB8:0::1]:443", "[2001:db8::1]"},
	        {"xn--bcher-kva.example", "xn--bcher-kva.example"},
	        {"a:1", "a"},
	        {"a:65535", "a"},
	        {"", NULL},
	        {":80", NULL},
	        {"a:", "a"}, /* RFC 3986, 3.2.3: an empty port is none */
	        {"a:0", NULL},
	        {"a:080", NULL},
	        {"a:65536", NULL},
	        {"a:99999999999999999999", NULL},
	        {"a:+80", NULL},
	        {"a:80:80", NULL},
	        {"a:80 ", NULL},
	        {"a b", NULL},
	        {"user@a", NULL},
	        {"user:pw@a", NULL},
	        {"a,b", NULL},
	        {"a/b", NULL},
	        {"a?b", NULL},
	        {"a#b", NULL},
	        {"a\\b", NULL},
	        {"a%2eb", NULL},
	        {".", NULL},
	        {".a", NULL},
	        {"a..b", NULL},
	        {"a..", NULL},
	        {"caf\xc3\xa9.example", NULL},
	        {"::1", NULL},
	        {"[::1", NULL},
	        {"[::1]x", NULL},
	        {"[::1]:", "[::1]"},
	        {"[]", NULL},
	        {"[1.2.3.4]", NULL},
	        {"[fe80::1%25eth0]", NULL},
	        {"[v1.a]", NULL},
	        {"a[::1]", NULL},
	        {"http://a", NULL},
	        {"*", NULL},
	        {"a\t", NULL},
	    },
	  *c;
	struct arena a = ARENA_INIT;
	char longest[300];
	struct str host;

	(void)state;
	EACH(c, cases)
	{
		check_int(c->in, authority_host(&a, str_of(c->in), &host), c->host != NULL);
		if (c->host)
			check_str(c->in, host, str_of(c->host));
		else
			check_int(c->in, (long long)host.n, 0);
	}
	memset(longest, 'a', sizeof(longest));
	assert_true(authority_host(&a, (struct str){longest, 255}, &host));
	assert_false(authority_host(&a, (struct str){longest, 256}, &host));
	assert_false(authority_host(&a, STR("a\0b"), &host));
	arena_fini(&a);
	arena_init(&a, 1);
	assert_false(authority_host(&a, STR("example.com"), &host));
	assert_true(host.n && !host.p); /* memory, not the text, was at fault */
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(splits),     cmocka_unit_test(normalizes), cmocka_unit_test(computed_paths),
	    cmocka_unit_test(extensions), cmocka_unit_test(hosts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
