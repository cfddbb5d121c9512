/* SPDX-License-Identifier: Apache-2.0 */
/* Cookies, arguments, media types, languages, sniffing, multipart. */
#include "base/err.h"
#include "base/limits.h"
#include "headers/media.h"
#include "headers/multipart.h"
#include "headers/pairs.h"
#include "tests/unit/messages.h"

/* Pairs as "[a=1][b=2]". */
static struct str pairs_text(const struct lines *l)
{
	struct str all = arena_str(l->arena, STR(""));
	size_t i;

	for (i = 0; i < l->n; i++)
		all = arena_printf(l->arena, "%.*s[%.*s=%.*s]", STR_FMT(all), STR_FMT(l->v[i].name),
		                   STR_FMT(l->v[i].value));
	return all;
}

static void arguments(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] =
	    {
	        {"", ""},
	        {"a=1", "[a=1]"},
	        {"a=1&a=2&b", "[a=1][a=2][b=]"},
	        {"a=%41+x&%61=1", "[a=%41+x][%61=1]"},
	        {"a==b=c", "[a==b=c]"},
	        {"=v", "[=v]"},
	        {"&&a=1&", "[a=1]"},
	        {"a=?/&b=;x", "[a=?/][b=;x]"},
	        {"=", "[=]"},
	    },
	  *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, cases)
	{
		struct lines l;

		lines_init(&l, &a);
		assert_int_equal(query_parse(str_of(c->in), &l), 0);
		check_str(c->in, pairs_text(&l), str_of(c->want));
	}
	arena_fini(&a);
}

static void cookies(void **state)
{
	static const struct {
		const char *lines, *want;
	} cases[] =
	    {
	        {"x: 1", ""},
	        {"Cookie: a=1; b=2", "[a=1][b=2]"},
	        {"Cookie: a=1;b=2;;a=3 ;", "[a=1][b=2][a=3]"},
	        {"Cookie: %61=%62; a%3=x; a%zz=y", "[a=%62][a%3=x][a%zz=y]"},
	        {"Cookie: %61%3d=1", "[a==1]"},
	        {"Cookie: a=\"q x\"; flag; =v; b = 1", "[a=\"q x\"][flag=][=v][b=1]"},
	        {"Cookie: a=b=c", "[a=b=c]"},
	        {"Cookie: a=1|x: 1|cookie: b=2", "[a=1][b=2]"},
	        {"Cookie:", ""},
	    },
	  *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, cases)
	{
		struct lines in = lines_of(&a, c->lines), l;

		lines_init(&l, &a);
		assert_int_equal(cookies_parse(&in, &l), 0);
		check_str(c->lines, pairs_text(&l), str_of(c->want));
	}
	arena_fini(&a);
}

static void languages(void **state)
{
	static const struct {
		const char *lines, *want;
	} cases[] =
	    {
	        {"Accept-Language: fr-CH, fr;q=0.8, en;q=0.9, de;q=0.7, *;q=0.5", "fr-CH,en,fr,de,"},
	        {"x: 1", ""},
	        {"Accept-Language: a, b, c", "a,b,c,"},
	        {"Accept-Language: a;q=0.5, b;q=0.50, c;q=0.500, d;q=0.501", "d,a,b,c,"},
	        {"Accept-Language: a;q=0, b;q=0.0, c;q=0.001", "c,"},
	        {"Accept-Language: a;q=0.1|accept-language: b", "b,a,"},
	        {"Accept-Language: a ; Q=0.2 , b;x=1;q=0.3", "b,a,"},
	        {"Accept-Language: a;q=x, b;q=0.9, c;q=1.000, d;q=2", "a,c,d,b,"},
	        {"Accept-Language: ;q=1, , *", ""},
	    },
	  *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, cases)
	{
		struct lines in = lines_of(&a, c->lines);
		struct str *v, all = arena_str(&a, STR(""));
		size_t n, i;

		assert_int_equal(languages_parse(&a, &in, &v, &n), 0);
		for (i = 0; i < n; i++)
			all = arena_printf(&a, "%.*s%.*s,", STR_FMT(all), STR_FMT(v[i]));
		check_str(c->lines, all, str_of(c->want));
	}
	arena_fini(&a);
}

static void media_types(void **state)
{
	static const struct {
		const char *in, *type, *charset; /* charset NULL: none */
	} cases[] =
	    {
	        {"Text/HTML; charset=UTF-8", "text/html", "UTF-8"},
	        {"text/html", "text/html", NULL},
	        {"text/html ;charset = \"a\\\"b;c\" ; x", "text/html", "a\"b;c"},
	        {"text/html; x=\"charset=no\"; Charset=yes", "text/html", "yes"},
	        {"text/html; charset", "text/html", ""},
	        {"text/html; charset=", "text/html", ""},
	        {"text/html; charset=\"open", "text/html", "open"},
	        {"text/html; charset=\"\\", "text/html", "\\"},
	        {"text/html; xcharset=a", "text/html", NULL},
	        {"", "", NULL},
	        {";charset=a", "", "a"},
	    },
	  *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, cases)
	{
		struct str got = STR("");

		check_str(c->in, media_type(&a, str_of(c->in)), str_of(c->type));
		check_int(c->in, param_get(&a, str_of(c->in), STR("charset"), &got), c->charset != NULL);
		if (c->charset)
			check_str(c->in, got, str_of(c->charset));
	}
	arena_fini(&a);
}

static void sniffs(void **state)
{
	static const struct {
		struct str in;
		const char *want;
	} cases[] =
	    {
#define BYTES(lit) {lit, sizeof(lit) - 1}
	        {BYTES("%PDF-1.7"), "application/pdf"},
	        {BYTES("\x89PNG\r\n\x1a\n\0"), "image/png"},
	        {BYTES("GIF89a..."), "image/gif"},
	        {BYTES("PK\3\4abc"), "application/zip"},
	        {BYTES("RIFF\1\2\3\4WEBPVP8 "), "image/webp"},
	        {BYTES("\x7f"
	               "ELF\2"),
	         "application/x-executable"},
	        {BYTES("MZ\x90\0\3"), "application/vnd.microsoft.portable-executable"},
	        {BYTES("MZ is how it begins"), "text/plain"},
	        {BYTES("BMW"), "text/plain"},
	        {BYTES("{\"a\":1}"), "application/json"},
	        {BYTES(" [1,2]"), "application/json"},
	        {BYTES("{}"), "application/json"},
	        {BYTES("{a}"), "text/plain"},
	        {BYTES("[section]"), "text/plain"},
	        {BYTES("  <!DOCTYPE HTML><p>"), "text/html"},
	        {BYTES("<HTML>"), "text/html"},
	        {BYTES("\xef\xbb\xbf<?xml version"), "text/xml"},
	        {BYTES("a=1&b=2"), "text/plain"},
	        {BYTES(""), "text/plain"},
	        {BYTES("a\0b"), "application/octet-stream"},
	        {BYTES("caf\xc3\xa9"), "text/plain"},
	    },
	  *c;

	(void)state;
	EACH(c, cases)
	assert_string_equal(mime_sniff(c->in), c->want);
}

/* Parts as "{a: 1|b: 2}body;". */
static struct str parts_text(struct arena *a, const struct part *v, size_t n)
{
	struct str all = arena_str(a, STR(""));
	size_t i;

	for (i = 0; i < n; i++)
		all = arena_printf(a, "%.*s{%.*s}%.*s;", STR_FMT(all), STR_FMT(text_of(&v[i].lines)),
		                   STR_FMT(v[i].body));
	return all;
}

static void multiparts(void **state)
{
	static const struct {
		const char *type, *body;
		int rc;
		const char *want;
	} cases[] =
	    {
	        {"multipart/form-data; boundary=b",
	         "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\none\r\n--b\r\nA: 1\r\nB: "
	         "2\r\n\r\n\r\n--b--\r\n",
	         0, "{Content-Disposition: form-data; name=\"x\"}one;{A: 1|B: 2};"},
	        {"Multipart/Mixed; boundary=\"b c\"", "--b c\r\n\r\nx\r\n--b c--", 0, "{}x;"},
	        {"multipart/form-data; boundary=b",
	         "preamble\r\n--b\r\n\r\nx\r\ny\r\n--b--\r\nepilogue\r\n--b\r\n", 0, "{}x\r\ny;"},
	        {"multipart/form-data; boundary=b", "--b\r\nA: 1\r\n\r\ncut", 0, "{A: 1}cut;"},
	        {"multipart/form-data; boundary=b", "--b\r\nA: 1\r\n\r\ncut\r\n", 0, "{A: 1}cut\r\n;"},
	        {"multipart/form-data; boundary=b", "--b\r\nA: 1\r\n\r\ncut\r\n--", 0, "{A: 1}cut\r\n--;"},
	        {"multipart/form-data; boundary=b", "--b\r\nA: 1", 0, "{A: 1};"},
	        {"multipart/form-data; boundary=b", "--b", 0, "{};"},
	        {"multipart/form-data; boundary=b", "--b--", 0, ""},
	        {"multipart/form-data; boundary=b", "", 0, ""},
	        {"multipart/form-data; boundary=b",
	         "--bb\r\n\r\nx\r\n--b \t\r\n\r\ny\r\n--bx\r\n--b--x\r\n--b--", 0, "{}y\r\n--bx\r\n--b--x;"},
	        {"multipart/form-data; boundary=b", "--b\n\nx\n--b\nA: 1\n\ny\r\n\n--b--", 0,
	         "{}x;{A: 1}y\r\n;"},
	        {"multipart/form-data; boundary=b", "--b\r\nA: 1\r\n 2\r\nbad line\r\n: x\r\nB:\r\n\r\n--b--",
	         0, "{A: 1\r\n 2|B: };"},
	        {"multipart/form-data; boundary=b", "--b\r\n\r\n--b\r\n\r\n\r\n--b--", 0, "{};{};"},
	        {"multipart/form-data", "--b\r\n\r\n--b--", -ERR_INVALID, ""},
	        {"multipart/form-data; boundary=", "--\r\n\r\n----", -ERR_INVALID, ""},
	        {"text/plain; boundary=b", "--b\r\n\r\nx\r\n--b--", -ERR_INVALID, ""},
	        {"", "--b", -ERR_INVALID, ""},
	    },
	  *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, cases)
	{
		struct part *v;
		size_t n;

		check_int(c->body, multipart_parse(&a, str_of(c->type), str_of(c->body), &v, &n), c->rc);
		check_str(c->body, parts_text(&a, v, n), str_of(c->want));
	}
	arena_fini(&a);
}

static void many_parts(void **state)
{
	static char body[7 * (LIMIT_PARTS + 10) + 1];
	struct arena a = ARENA_INIT;
	struct part *v;
	size_t n, i;

	(void)state;
	for (i = 0; i < LIMIT_PARTS; i++)
		memcpy(body + i * 7, "--b\r\n\r\n", 7);
	assert_int_equal(multipart_parse(&a, STR("multipart/x; boundary=b"), str_of(body), &v, &n), 0);
	assert_int_equal(n, LIMIT_PARTS);
	memcpy(body + i * 7, "--b\r\n\r\n", 7);
	assert_int_equal(multipart_parse(&a, STR("multipart/x; boundary=b"), str_of(body), &v, &n),
	                 -ERR_LIMIT);
	assert_int_equal(n, LIMIT_PARTS);
	arena_fini(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(arguments),   cmocka_unit_test(cookies), cmocka_unit_test(languages),
	    cmocka_unit_test(media_types), cmocka_unit_test(sniffs),  cmocka_unit_test(multiparts),
	    cmocka_unit_test(many_parts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
