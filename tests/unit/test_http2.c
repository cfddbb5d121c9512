/* SPDX-License-Identifier: Apache-2.0 */
/* HTTP/2 request heads line by line, the content they announce, and the budgets against floods. */
#include "base/limits.h"
#include "proxy/http2_calm.h"
#include "proxy/http2_head.h"
#include "tests/unit/cases.h"

static const struct http2_limits limits = { 100, 400, 8 };

struct head_case {
	const char *what;
	const char *lines; /* name=value, each with a line feed at its end */
	bool end;
	enum reject want;
};

#define GET ":method=GET\n:scheme=https\n:authority=a.example\n:path=/x\n"
#define POST ":method=POST\n:scheme=https\n:authority=a.example\n:path=/x\n"
#define WS ":method=CONNECT\n:scheme=https\n:authority=a.example\n:path=/x\n"
#define L100 "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789"

static const struct head_case heads[] = {
	{ "plain", GET, true, REJECT_NONE },
	{ "any order of pseudo-headers", ":path=/x\n:authority=a.example\n:scheme=https\n:method=GET\n", true, REJECT_NONE },
	{ "host instead of :authority", ":method=GET\n:scheme=https\n:path=/x\nhost=a.example\n", true, REJECT_NONE },
	{ "host as :authority", GET "host=a.example\n", true, REJECT_NONE },
	{ "host with the scheme's port", GET "host=A.example:443\n", true, REJECT_NONE },
	{ "host as another", GET "host=b.example\n", true, REJECT_HOST_DISAGREES },
	{ "neither", ":method=GET\n:scheme=https\n:path=/x\n", true, REJECT_HOST_MISSING },
	{ "no method", ":scheme=https\n:authority=a.example\n:path=/x\n", true, REJECT_H2_PSEUDO },
	{ "no scheme", ":method=GET\n:authority=a.example\n:path=/x\n", true, REJECT_H2_PSEUDO },
	{ "no path", ":method=GET\n:scheme=https\n:authority=a.example\n", true, REJECT_H2_PSEUDO },
	{ "empty path", ":method=GET\n:scheme=https\n:authority=a.example\n:path=\n", true, REJECT_H2_PSEUDO },
	{ "path twice", GET ":path=/x\n", true, REJECT_H2_PSEUDO },
	{ "status", GET ":status=200\n", true, REJECT_H2_PSEUDO },
	{ "pseudo-header too late", ":method=GET\nx=y\n:scheme=https\n:authority=a.example\n:path=/x\n", true,
	  REJECT_H2_PSEUDO },
	{ "protocol", GET ":protocol=websocket\n", true, REJECT_H2_PSEUDO },
	{ "another scheme", ":method=GET\n:scheme=http\n:authority=a.example\n:path=/x\n", true, REJECT_SCHEME },
	{ "scheme in capitals", ":method=GET\n:scheme=HTTPS\n:authority=a.example\n:path=/x\n", true, REJECT_NONE },
	{ "a WebSocket", WS ":protocol=websocket\n", false, REJECT_NONE },
	{ "a WebSocket that ends at once", WS ":protocol=WebSocket\n", true, REJECT_NONE },
	{ "another protocol", WS ":protocol=connect-udp\n", false, REJECT_H2_PROTOCOL },
	{ "a list of protocols", WS ":protocol=websocket, h2c\n", false, REJECT_H2_PROTOCOL },
	{ "empty protocol", WS ":protocol=\n", false, REJECT_H2_PSEUDO },
	{ "protocol twice", WS ":protocol=websocket\n:protocol=websocket\n", false, REJECT_H2_PSEUDO },
	{ "protocol of POST", POST ":protocol=websocket\n", false, REJECT_H2_PSEUDO },
	{ "protocol of connect", ":method=connect\n:scheme=https\n:authority=a.example\n:path=/x\n:protocol=websocket\n", false,
	  REJECT_H2_PSEUDO },
	{ "a WebSocket without path", ":method=CONNECT\n:scheme=https\n:authority=a.example\n:protocol=websocket\n", false,
	  REJECT_H2_PSEUDO },
	{ "a WebSocket without scheme", ":method=CONNECT\n:path=/x\n:authority=a.example\n:protocol=websocket\n", false,
	  REJECT_H2_PSEUDO },
	{ "a WebSocket without authority", ":method=CONNECT\n:scheme=https\n:path=/x\n:protocol=websocket\n", false,
	  REJECT_HOST_MISSING },
	{ "a WebSocket's own scheme", ":method=CONNECT\n:scheme=wss\n:authority=a.example\n:path=/x\n:protocol=websocket\n",
	  false, REJECT_SCHEME },
	{ "a WebSocket with a length", WS ":protocol=websocket\ncontent-length=3\n", false, REJECT_H2_LENGTH },
	{ "a WebSocket with length 0", WS ":protocol=websocket\ncontent-length=0\n", true, REJECT_H2_LENGTH },
	{ "a WebSocket with Upgrade", WS ":protocol=websocket\nupgrade=websocket\n", false, REJECT_H2_CONNECTION },
	{ "CONNECT with scheme and path", WS, false, REJECT_METHOD_REFUSED },
	{ "CONNECT", ":method=CONNECT\n:authority=a.example:443\n", false, REJECT_METHOD_REFUSED },
	{ "TRACE", ":method=TRACE\n:scheme=https\n:authority=a.example\n:path=/x\n", true, REJECT_METHOD_REFUSED },
	{ "asterisk", ":method=OPTIONS\n:scheme=https\n:authority=a.example\n:path=*\n", true, REJECT_NONE },
	{ "asterisk of GET", ":method=GET\n:scheme=https\n:authority=a.example\n:path=*\n", true, REJECT_TARGET },
	{ "absolute", ":method=GET\n:scheme=https\n:authority=a.example\n:path=https://a.example/\n", true, REJECT_TARGET },
	{ "capitals", GET "X-A=1\n", true, REJECT_NAME },
	{ "empty name", GET "=1\n", true, REJECT_NAME },
	{ "line feed written as such", GET "x\x01y=1\n", true, REJECT_NAME },
	{ "control", GET "x=\x01\n", true, REJECT_VALUE },
	{ "space at the end", GET "x=y \n", true, REJECT_VALUE },
	{ "connection", GET "connection=close\n", true, REJECT_H2_CONNECTION },
	{ "te", GET "te=gzip\n", true, REJECT_H2_CONNECTION },
	{ "te trailers", GET "te=trailers\n", true, REJECT_NONE },
	{ "length without content", POST "content-length=3\n", true, REJECT_H2_LENGTH },
	{ "length 0", POST "content-length=0\n", true, REJECT_NONE },
	{ "length", POST "content-length=3\n", false, REJECT_NONE },
	{ "length twice", POST "content-length=3\ncontent-length=3\n", false, REJECT_LENGTH_TWICE },
	{ "a long path", ":method=GET\n:scheme=https\n:authority=a.example\n:path=/" L100 "\n", true, REJECT_TARGET_LONG },
	{ "many lines", GET "a=1\nb=1\nc=1\nd=1\ne=1\nf=1\ng=1\nh=1\n", true, REJECT_NONE },
	{ "too many lines", GET "a=1\nb=1\nc=1\nd=1\ne=1\nf=1\ng=1\nh=1\ni=1\n", true, REJECT_LINES_MANY },
	{ "many crumbs", GET "cookie=a\ncookie=b\ncookie=c\ncookie=d\ncookie=e\ncookie=f\ncookie=g\ncookie=h\ncookie=i\n", true,
	  REJECT_NONE },
	{ "large lines", GET "a=" L100 L100 L100 L100 "\n", true, REJECT_LINES_LARGE },
};

static void feed(struct http2_head *h, struct str text)
{
	while (text.n > 0) {
		size_t end = (size_t)str_find(text, '\n');
		struct str line = str_sub(text, 0, end);
		size_t equals = 1 + (size_t)str_find(str_sub(line, 1, line.n), '=');

		if (line.p[0] == '=')
			equals = 0;
		http2_head_line(h, str_sub(line, 0, equals), str_sub(line, equals + 1, line.n));
		text = str_sub(text, end + 1, text.n);
	}
}

static void begin(struct http2_head *h, struct request *req, struct arena *a)
{
	*req = (struct request){ .arena = a, .tls = true, .content_length = -1 };
	lines_init(&req->lines, a);
	lines_init(&req->trailers, a);
	http2_head_begin(h, req, &limits);
}

static void test_heads(void **state)
{
	const struct head_case *c;

	(void)state;
	EACH(c, heads)
	{
		struct arena a = ARENA_INIT;
		struct request req;
		struct http2_head h;
		struct framing f;
		enum reject r;

		begin(&h, &req, &a);
		feed(&h, str_of(c->lines));
		r = http2_head_end(&h, c->end, &f);
		check_str(c->what, str_of(reject_reason(r)), str_of(reject_reason(c->want)));
		if (r == REJECT_NONE) {
			check_str(c->what, req.host, STR("a.example"));
			check_int(c->what, req.has_body, !c->end && h.protocol.n == 0);
			check_str(c->what, req.upgrade, h.protocol.n > 0 ? STR("websocket") : STR(""));
			if (h.protocol.n > 0)
				check_str(c->what, req.method, STR("GET"));
			check_int(c->what, lines_count(&req.lines, STR("host")), 1);
		}
		arena_fini(&a);
	}
}

static void test_trailers(void **state)
{
	static const struct head_case cases[] = {
		{ "none", "", true, REJECT_NONE },
		{ "one", "x-sum=3\n", true, REJECT_NONE },
		{ "in the middle", "x-sum=3\n", false, REJECT_TRAILER },
		{ "pseudo-header", ":path=/\n", true, REJECT_H2_PSEUDO },
		{ "capitals", "X-Sum=3\n", true, REJECT_TRAILER },
		{ "length", "content-length=3\n", true, REJECT_TRAILER },
		{ "reserved, dropped later", "cf-cert-verified=true\n", true, REJECT_NONE },
		{ "many", "a=1\nb=1\nc=1\nd=1\ne=1\nf=1\ng=1\nh=1\ni=1\n", true, REJECT_LINES_MANY },
	};
	const struct head_case *c;

	(void)state;
	EACH(c, cases)
	{
		struct arena a = ARENA_INIT;
		struct request req;
		struct http2_head h;
		struct framing f;

		begin(&h, &req, &a);
		feed(&h, STR(POST));
		assert_int_equal(http2_head_end(&h, false, &f), REJECT_NONE);
		http2_head_trailers(&h);
		feed(&h, str_of(c->lines));
		check_str(c->what, str_of(reject_reason(http2_head_trailers_end(&h, c->end))),
			  str_of(reject_reason(c->want)));
		arena_fini(&a);
	}
}

static void test_length(void **state)
{
	struct request req = { .content_length = 5 };

	(void)state;
	assert_true(http2_length_fits(&req, 5, false) && http2_length_fits(&req, 4, false));
	assert_true(http2_length_fits(&req, 5, true));
	assert_false(http2_length_fits(&req, 6, false) || http2_length_fits(&req, 4, true) || http2_length_fits(&req, 6, true));
	req.content_length = -1;
	assert_true(http2_length_fits(&req, 1000, true));
}

static unsigned spend_all(struct calm *c, uint64_t now)
{
	unsigned n = 0;

	while (calm_spend(c, now))
		n++;
	return n;
}

static void test_calm(void **state)
{
	struct calm c;

	(void)state;
	calm_init(&c, 100, 5000);
	assert_int_equal(spend_all(&c, 5000), 100);
	assert_int_equal(spend_all(&c, 5000 + LIMIT_CALM_SECONDS * 10 - 1), 0);
	assert_int_equal(spend_all(&c, 5000 + LIMIT_CALM_SECONDS * 10), 1);
	assert_int_equal(spend_all(&c, 5000 + LIMIT_CALM_SECONDS * 500), 49);
	calm_earn(&c, 30);
	assert_int_equal(spend_all(&c, 5000 + LIMIT_CALM_SECONDS * 500), 30);
	calm_earn(&c, INT64_MAX);
	assert_int_equal(spend_all(&c, 5000 + LIMIT_CALM_SECONDS * 500), 100);
	assert_int_equal(spend_all(&c, 5000 + LIMIT_CALM_SECONDS * 100000), 100);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_heads),
		cmocka_unit_test(test_trailers),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_calm),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
