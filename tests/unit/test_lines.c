/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "headers/edit.h"
#include "headers/lines.h"
#include "headers/names.h"
#include "tests/unit/messages.h"

static void looks_up(void **state)
{
	struct arena a = ARENA_INIT;
	struct lines l = lines_of(&a, "Accept: a|x-y: 1|ACCEPT: b|x_y: 2"), copy;
	const struct line *at;

	(void)state;
	at = lines_get(&l, STR("accept"));
	check_str("first", at->value, STR("a"));
	at = lines_next(&l, at, STR("accept"));
	check_str("second", at->value, STR("b"));
	assert_null(lines_next(&l, at, STR("accept")));
	assert_int_equal(lines_count(&l, STR("aCCept")), 2);
	assert_null(lines_get(&l, STR("accep")));
	lines_init(&copy, &a);
	assert_true(lines_copy(&copy, &l));
	assert_int_equal(lines_remove(&copy, STR("accept")), 2);
	assert_true(lines_append(&copy, &l));
	check_str("copy", text_of(&copy), STR("x-y: 1|x_y: 2|Accept: a|x-y: 1|ACCEPT: b|x_y: 2"));
	check_str("original", text_of(&l), STR("Accept: a|x-y: 1|ACCEPT: b|x_y: 2"));
	arena_fini(&a);
}

static void many_lines(void **state)
{
	struct arena a = ARENA_INIT;
	struct lines l;
	size_t i;

	(void)state;
	lines_init(&l, &a);
	for (i = 0; i < 1000; i++)
		assert_true(lines_add(&l, STR("n"), arena_printf(&a, "%zu", i)));
	check_str("last", l.v[999].value, STR("999"));
	assert_true(lines_set(&l, STR("N"), STR("x")));
	check_str("set", text_of(&l), STR("N: x"));
	arena_fini(&a);
}

static void edits(void **state)
{
	static const struct {
		const char *before;
		enum header_op op;
		const char *name, *value, *after;
		int rc;
	} cases[] =
	    {
	        {"a: 1", HEADER_SET, "b", "2", "a: 1|b: 2", 0},
	        {"a: 1|b: 0|A: 2", HEADER_SET, "a", "3", "a: 3|b: 0", 0},
	        {"a: 1|A: 2", HEADER_ADD, "a", "3", "a: 1|A: 2|a: 3", 0},
	        {"a: 1|b: 2|A: 2", HEADER_REMOVE, "a", NULL, "b: 2", 0},
	        {"a: 1", HEADER_REMOVE, "b", NULL, "a: 1", 0},
	        /* the twin goes whatever is done */
	        {"x_ski: spoof|b: 1", HEADER_SET, "x-ski", "1", "b: 1|x-ski: 1", 0},
	        {"X-Ski: spoof|b: 1", HEADER_SET, "x_ski", "1", "b: 1|x_ski: 1", 0},
	        {"x-a_b-c: spoof", HEADER_ADD, "x-a-b-c", "1", "x-a-b-c: 1", 0},
	        {"X_SKI: spoof|b: 1", HEADER_REMOVE, "x-ski", NULL, "b: 1", 0},
	        {"x_ski: 1|x-ski: 2", HEADER_SET, "x-ski", "", "", 0},
	        /* empty and missing values remove */
	        {"a: 1", HEADER_SET, "a", "", "", 0},
	        {"a: 1", HEADER_SET, "a", NULL, "", 0},
	        {"a: 1", HEADER_SET, "a", "  ", "", 0},
	        {"a: 1", HEADER_SET, "a", " x y ", "a: x y", 0},
	        /* values that must not be sent */
	        {"a: 1", HEADER_SET, "a", "x\r\nb: 2", "a: 1", -ERR_INVALID},
	        {"a: 1", HEADER_SET, "a", "x\n", "a: 1", -ERR_INVALID},
	        {"a: 1", HEADER_ADD, "a", "\tx", "a: 1", -ERR_INVALID},
	        {"a: 1", HEADER_ADD, "a", "x\x7f", "a: 1", -ERR_INVALID},
	        {"a: 1", HEADER_SET, "a", "\x01", "a: 1", -ERR_INVALID},
	        {"a: 1", HEADER_SET, "a", "caf\xc3\xa9", "a: caf\xc3\xa9", 0},
	    },
	  *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, cases)
	{
		struct lines l = lines_of(&a, c->before);

		check_int(c->before, header_edit(&l, c->op, str_of(c->name), str_of(c->value)), c->rc);
		check_str(c->before, text_of(&l), str_of(c->after));
	}
	{
		struct lines l = lines_of(&a, "a: 1");
		char longer[20000];

		memset(longer, 'x', sizeof(longer));
		assert_int_equal(header_edit(&l, HEADER_SET, STR("a"), (struct str){longer, 16384}), 0);
		assert_int_equal(header_edit(&l, HEADER_SET, STR("a"), (struct str){longer, 16385}),
		                 -ERR_LIMIT);
		assert_int_equal(header_edit(&l, HEADER_SET, STR("a"), STR("a\0b")), -ERR_INVALID);
	}
	arena_fini(&a);
}

static void editable_names(void **state)
{
	static const struct {
		const char *name;
		enum editable set, remove, set_res, remove_res;
	} cases[] =
	    {
	        {"x-client-ski", EDITABLE, EDITABLE, EDITABLE, EDITABLE},
	        {"X_Client_1", EDITABLE, EDITABLE, EDITABLE, EDITABLE},
	        {"client-cert", EDITABLE, EDITABLE, EDITABLE_FORBIDDEN, EDITABLE},
	        {"x-forwarded-client-cert", EDITABLE, EDITABLE, EDITABLE, EDITABLE},
	        {"set-cookie", EDITABLE, EDITABLE, EDITABLE, EDITABLE},
	        {"referer", EDITABLE, EDITABLE, EDITABLE, EDITABLE},
	        {"", EDITABLE_BAD_NAME, EDITABLE_BAD_NAME, EDITABLE_BAD_NAME, EDITABLE_BAD_NAME},
	        {"a b", EDITABLE_BAD_NAME, EDITABLE_BAD_NAME, EDITABLE_BAD_NAME, EDITABLE_BAD_NAME},
	        {"a:", EDITABLE_BAD_NAME, EDITABLE_BAD_NAME, EDITABLE_BAD_NAME, EDITABLE_BAD_NAME},
	        {"x.y", EDITABLE_BAD_NAME, EDITABLE_BAD_NAME, EDITABLE_BAD_NAME, EDITABLE_BAD_NAME},
	        {"a\r\nb", EDITABLE_BAD_NAME, EDITABLE_BAD_NAME, EDITABLE_BAD_NAME, EDITABLE_BAD_NAME},
	        {"cf-anything", EDITABLE_RESERVED, EDITABLE_RESERVED, EDITABLE_RESERVED, EDITABLE_RESERVED},
	        {"CF_Anything", EDITABLE_RESERVED, EDITABLE_RESERVED, EDITABLE_RESERVED, EDITABLE_RESERVED},
	        {"x-cf-y", EDITABLE_RESERVED, EDITABLE_RESERVED, EDITABLE_RESERVED, EDITABLE_RESERVED},
	        {"cf-connecting-ip", EDITABLE_RESERVED, EDITABLE, EDITABLE_RESERVED, EDITABLE_RESERVED},
	        {"Host", EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN, EDITABLE, EDITABLE},
	        {"Content-Length", EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN,
	         EDITABLE_FORBIDDEN},
	        {"content_length", EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN,
	         EDITABLE_FORBIDDEN},
	        {"transfer-encoding", EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN,
	         EDITABLE_FORBIDDEN},
	        {"connection", EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN,
	         EDITABLE_FORBIDDEN},
	        {"te", EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN},
	        {"trailer", EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN},
	        {"upgrade", EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN},
	        {"via", EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN, EDITABLE, EDITABLE},
	        {"accept-encoding", EDITABLE_FORBIDDEN, EDITABLE_FORBIDDEN, EDITABLE, EDITABLE},
	        {"cookie", EDITABLE_FORBIDDEN, EDITABLE, EDITABLE, EDITABLE},
	        {"x-forwarded-for", EDITABLE_FORBIDDEN, EDITABLE, EDITABLE, EDITABLE},
	        {"X_Forwarded_For", EDITABLE_FORBIDDEN, EDITABLE, EDITABLE, EDITABLE},
	        {"x-forwarded-proto", EDITABLE_FORBIDDEN, EDITABLE, EDITABLE, EDITABLE},
	        {"true-client-ip", EDITABLE_FORBIDDEN, EDITABLE, EDITABLE, EDITABLE},
	        {"x-real-ip", EDITABLE_FORBIDDEN, EDITABLE, EDITABLE, EDITABLE},
	        {"server", EDITABLE, EDITABLE, EDITABLE_FORBIDDEN, EDITABLE},
	    },
	  *c;

	(void)state;
	EACH(c, cases)
	{
		const char *why = NULL;

		check_int(c->name, header_editable(HEADER_SET, false, str_of(c->name), &why), c->set);
		check_int(c->name, why != NULL, c->set != EDITABLE);
		check_int(c->name, header_editable(HEADER_ADD, false, str_of(c->name), NULL), c->set);
		check_int(c->name, header_editable(HEADER_REMOVE, false, str_of(c->name), NULL), c->remove);
		check_int(c->name, header_editable(HEADER_SET, true, str_of(c->name), NULL), c->set_res);
		check_int(c->name, header_editable(HEADER_REMOVE, true, str_of(c->name), NULL),
		          c->remove_res);
	}
}

static void grammar(void **state)
{
	unsigned c;

	(void)state;
	for (c = 0; c < 256; c++) {
		char text[3] = {'a', (char)c, 'b'};
		bool token = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
		             (c && strchr("!#$%&'*+-.^_`|~", (int)c));

		check_int("name", name_valid((struct str){text, 3}), token);
		check_int("value", value_valid((struct str){text, 3}), c == '\t' || (c >= ' ' && c != 0x7f));
	}
	assert_false(name_valid(STR("")));
	assert_true(value_valid(STR("")));
	assert_false(value_valid(STR(" a")));
	assert_false(value_valid(STR("a\t")));
}

static void lists(void **state)
{
	static const struct {
		const char *in, *want;
	} cases[] =
	    {
	        {"", ""},
	        {"a", "[a]"},
	        {"a, b,c", "[a][b][c]"},
	        {",, a ,,", "[a]"},
	        {" a\t,\tb ", "[a][b]"},
	        {"a;q=\"x,y\", b", "[a;q=\"x,y\"][b]"},
	        {"\"a\\\",b\",c", "[\"a\\\",b\"][c]"},
	        {"\"open, a", "[\"open, a]"},
	    },
	  *c;
	struct arena a = ARENA_INIT;
	struct lines l = lines_of(&a, "connection: close , TE|Connection: x-foo");

	(void)state;
	EACH(c, cases)
	{
		struct str rest = str_of(c->in), element, all = arena_str(&a, STR(""));

		while (list_next(&rest, &element))
			all = arena_printf(&a, "%.*s[%.*s]", STR_FMT(all), STR_FMT(element));
		check_str(c->in, all, str_of(c->want));
	}
	assert_true(lines_list_has(&l, STR("connection"), STR("te")));
	assert_true(lines_list_has(&l, STR("connection"), STR("X-Foo")));
	assert_false(lines_list_has(&l, STR("connection"), STR("foo")));
	arena_fini(&a);
}

static void reserved_names(void **state)
{
	static const struct {
		const char *name;
		bool reserved;
	} cases[] =
	    {
	        {"cf-cert-verified", true},
	        {"CF-Cert-Verified", true},
	        {"cf_cert_verified", true},
	        {"Cf_Cert-Verified", true},
	        {"cf.cert.verified", true},
	        {"cf-", true},
	        {"cf", false},
	        {"cfx-a", false},
	        {"x-cf-a", true},
	        {"client-cert", true},
	        {"Client_Cert", true},
	        {"client-cert-chain", true},
	        {"CLIENT_CERT_CHAIN", true},
	        {"client-certificate", true},
	        {"client-ce", false},
	        {"x-forwarded-for", true},
	        {"X_Forwarded_For", true},
	        {"x-forwarded-client-cert", true},
	        {"x-forwarded-anything", true},
	        {"x-forwarded", false},
	        {"forwarded", true},
	        {"FORWARDED", true},
	        {"forwarded-for", false},
	        {"true-client-ip", true},
	        {"True_Client_IP", true},
	        {"true-client-ips", false},
	        {"x-real-ip", true},
	        {"proxy", true},
	        {"proxy-x", false},
	        {"x-client-ski", false},
	        {"x-client-id", false},
	        {"X-SSL-Client-Verify", true},
	        {"x-ssl", false},
	        {"SSL_CLIENT_CERT", true},
	        {"x-original-url", true},
	        {"x-original-urls", false},
	        {"x~forwarded!for", true},
	        {"user-agent", false},
	        {"", false},
	    },
	  *c;

	(void)state;
	EACH(c, cases)
	check_int(c->name, name_reserved(str_of(c->name)), c->reserved);
	assert_true(name_flags(STR("Transfer-Encoding")) & HOP);
	assert_int_equal(name_flags(STR("Transfer_Encoding")), 0);
	assert_true(name_flags_twin(STR("Transfer_Encoding")) & HOP);
	assert_true(name_flags_twin(STR("Transfer.Encoding")) & HOP);
	assert_true(name_twin(STR("X~client.Ski"), STR("x-client_ski")));
	assert_false(name_twin(STR("x-client-ski"), STR("x-client0ski")));
	assert_int_equal(name_flags(STR("x-unknown")), 0);
}

/* Every row of the table, in any case and with the other separator; the same with a letter too many is none. */
static void known_names(void **state)
{
	static const struct {
		const char *name;
		unsigned flags;
	} rows[] = {
#define NAME(name, flags) {name, flags},
#include "headers/names.def"
#undef NAME
	}, *r;

	(void)state;
	EACH(r, rows) {
		char upper[64], twin[64], longer[65];
		size_t i, n = strlen(r->name);

		for (i = 0; i <= n; i++) {
			upper[i] = ascii_upper(r->name[i]);
			twin[i] = r->name[i] == '-' ? '_' : upper[i];
		}
		snprintf(longer, sizeof(longer), "%sq", r->name);
		check_int(r->name, name_flags(str_of(r->name)), r->flags);
		check_int(upper, name_flags(str_of(upper)), r->flags);
		check_int(twin, name_flags_twin(str_of(twin)), r->flags);
		check_int(longer, name_flags(str_of(longer)), 0);
		check_int(longer, name_flags_twin(str_of(longer)), 0);
	}
	check_int("empty", name_flags(STR_NONE), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(looks_up),       cmocka_unit_test(many_lines),     cmocka_unit_test(edits),
	    cmocka_unit_test(grammar),        cmocka_unit_test(editable_names), cmocka_unit_test(lists),
	    cmocka_unit_test(reserved_names), cmocka_unit_test(known_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
