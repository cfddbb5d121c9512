/* SPDX-License-Identifier: Apache-2.0 */
#include "base/err.h"
#include "headers/check.h"
#include "tests/unit/messages.h"

static struct request request_of(struct arena *a, enum http_version v, const char *method, const char *lines)
{
	struct request req = {.arena = a, .version = v, .tls = true, .method = str_of(method)};

	req.lines = lines_of(a, lines);
	lines_init(&req.trailers, a);
	return req;
}

static void accepts(void **state)
{
	static const struct {
		enum http_version version;
		const char *method, *target, *lines;
		enum body_kind kind;
		int64_t length;
		bool keep_alive;
		const char *uri, *host;
	} cases[] =
	    {
	        {HTTP_1_1, "GET", "/a?b", "Host: A.example", BODY_NONE, 0, true, "/a?b", "a.example"},
	        {HTTP_1_1, "GET", "/", "Host: a:8443|Connection: close", BODY_NONE, 0, false, "/", "a"},
	        {HTTP_1_1, "GET", "/", "Host: a|Connection: x, CLOSE", BODY_NONE, 0, false, "/", "a"},
	        {HTTP_1_0, "GET", "/", "Host: a", BODY_NONE, 0, false, "/", "a"},
	        {HTTP_1_0, "GET", "/", "Host: a|Connection: Keep-Alive", BODY_NONE, 0, true, "/", "a"},
	        {HTTP_1_1, "POST", "/", "Host: a|Content-Length: 5", BODY_LENGTH, 5, true, "/", "a"},
	        {HTTP_1_1, "POST", "/", "Host: a|Content-Length: 0", BODY_NONE, 0, true, "/", "a"},
	        {HTTP_1_1, "POST", "/", "Host: a|Content-Length: 007", BODY_LENGTH, 7, true, "/", "a"},
	        {HTTP_1_1, "POST", "/", "Host: a|Transfer-Encoding: Chunked", BODY_CHUNKED, -1, true, "/",
	         "a"},
	        {HTTP_1_1, "OPTIONS", "*", "Host: a", BODY_NONE, 0, true, "*", "a"},
	        {HTTP_1_1, "GET", "http://a.example/x?y", "Host: A.Example", BODY_NONE, 0, true, "/x?y",
	         "a.example"},
	        {HTTP_1_1, "GET", "HTTPS://a", "Host: a:443", BODY_NONE, 0, true, "/", "a"},
	        {HTTP_1_1, "GET", "https://a?q", "Host: a", BODY_NONE, 0, true, "/?q", "a"},
	        {HTTP_1_1, "GET", "http://a:80/", "Host: a", BODY_NONE, 0, true, "/", "a"},
	        {HTTP_1_1, "OPTIONS", "https://a", "Host: a", BODY_NONE, 0, true, "*", "a"},
	        {HTTP_1_1, "PATCH-X!", "/", "Host: a", BODY_NONE, 0, true, "/", "a"},
	        {HTTP_1_1, "GET", "/", "Host: a|X: caf\xc3\xa9|Y:|Z: a\tb", BODY_NONE, 0, true, "/", "a"},
	        {HTTP_2, "GET", "/", "host: a|te: trailers", BODY_FRAMES, -1, true, "/", "a"},
	        {HTTP_2, "POST", "/", "host: a|content-length: 3", BODY_LENGTH, 3, true, "/", "a"},
	    },
	  *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, cases)
	{
		struct request req = request_of(&a, c->version, c->method, c->lines);
		struct framing f;

		check_int(c->lines, request_check(&req, str_of(c->target), &f), REJECT_NONE);
		check_int(c->lines, f.kind, c->kind);
		check_int(c->lines, f.keep_alive, c->keep_alive);
		check_int(c->lines, req.content_length, c->length);
		check_int(c->lines, req.has_body, c->kind != BODY_NONE);
		check_str(c->lines, req.raw.uri, str_of(c->uri));
		check_str(c->lines, req.target.uri, str_of(c->uri));
		check_str(c->lines, req.host, str_of(c->host));
	}
	arena_fini(&a);
}

static void rejects(void **state)
{
	static const struct {
		enum reject want;
		enum http_version version;
		const char *method, *target, *lines;
	} cases[] =
	    {
	        {REJECT_METHOD, HTTP_1_1, "", "/", "Host: a"},
	        {REJECT_METHOD, HTTP_1_1, "G(T", "/", "Host: a"},
	        {REJECT_METHOD, HTTP_1_1, "GET ", "/", "Host: a"},
	        {REJECT_METHOD_REFUSED, HTTP_1_1, "TRACE", "/", "Host: a"},
	        {REJECT_METHOD_UNKNOWN, HTTP_1_1, "get", "/", "Host: a"},
	        {REJECT_METHOD_UNKNOWN, HTTP_2, "Get", "/", "Host: a"},
	        {REJECT_METHOD_UNKNOWN, HTTP_1_1, "PRI", "/", "Host: a"},
	        {REJECT_METHOD_REFUSED, HTTP_1_1, "trace", "/", "Host: a"},
	        {REJECT_METHOD_REFUSED, HTTP_1_1, "CONNECT", "a:443", "Host: a:443"},
	        {REJECT_METHOD_REFUSED, HTTP_2, "CONNECT", "", "host: a"},
	        {REJECT_METHOD_REFUSED, HTTP_1_1, "TRACK", "/", "Host: a"},
	        {REJECT_TARGET, HTTP_1_1, "GET", "", "Host: a"},
	        {REJECT_TARGET, HTTP_1_1, "GET", "*", "Host: a"},
	        {REJECT_TARGET, HTTP_1_1, "GET", "a", "Host: a"},
	        {REJECT_TARGET, HTTP_1_1, "GET", "/a#b", "Host: a"},
	        {REJECT_TARGET, HTTP_1_1, "GET", "/%00", "Host: a"},
	        {REJECT_TARGET, HTTP_1_1, "GET", "ftp://a/", "Host: a"},
	        {REJECT_TARGET, HTTP_1_1, "GET", "http://u@a/", "Host: a"},
	        {REJECT_TARGET, HTTP_1_1, "GET", "http:///x", "Host: a"},
	        {REJECT_TARGET, HTTP_1_1, "GET", "http://a#b", "Host: a"},
	        {REJECT_TARGET, HTTP_2, "GET", "http://a/", "host: a"},
	        {REJECT_HOST_MISSING, HTTP_1_1, "GET", "/", ""},
	        {REJECT_HOST_MISSING, HTTP_1_1, "GET", "http://a/", ""},
	        {REJECT_HOST_MISSING, HTTP_1_0, "GET", "/", ""},
	        {REJECT_HOST_MISSING, HTTP_2, "GET", "/", ""},
	        {REJECT_HOST_TWICE, HTTP_1_1, "GET", "/", "Host: a|Host: a"},
	        {REJECT_HOST_TWICE, HTTP_1_1, "GET", "/", "Host: a|hOST: b"},
	        {REJECT_HOST, HTTP_1_1, "GET", "/", "Host:"},
	        {REJECT_HOST, HTTP_1_1, "GET", "/", "Host: a b"},
	        {REJECT_HOST, HTTP_1_1, "GET", "/", "Host: u@a"},
	        {REJECT_HOST, HTTP_1_1, "GET", "/", "Host: a:0"},
	        {REJECT_HOST, HTTP_1_1, "GET", "/", "Host: a::"},
	        {REJECT_HOST, HTTP_1_1, "GET", "/", "Host: a, b"},
	        {REJECT_HOST, HTTP_1_1, "GET", "/", "Host: http://a"},
	        {REJECT_HOST_DISAGREES, HTTP_1_1, "GET", "http://b/", "Host: a"},
	        {REJECT_HOST_DISAGREES, HTTP_1_1, "GET", "https://a:444/", "Host: a"},
	        {REJECT_HOST_DISAGREES, HTTP_1_1, "GET", "https://a/", "Host: a:80"},
	        {REJECT_NAME, HTTP_1_1, "GET", "/", "Host: a|x y: 1"},
	        {REJECT_NAME, HTTP_1_1, "GET", "/", "Host: a|: 1"},
	        {REJECT_NAME, HTTP_1_1, "GET", "/", "Host: a|x\xc3: 1"},
	        {REJECT_VALUE, HTTP_1_1, "GET", "/", "Host: a|x: a\rb"},
	        {REJECT_VALUE, HTTP_1_1, "GET", "/", "Host: a|x: a\nb"},
	        {REJECT_VALUE, HTTP_1_1, "GET", "/", "Host: a|x: \x01"},
	        {REJECT_VALUE, HTTP_1_1, "GET", "/", "Host: a|x: a\x7f"},
	        {REJECT_LENGTH_AND_CODING, HTTP_1_1, "POST", "/",
	         "Host: a|Content-Length: 3|Transfer-Encoding: chunked"},
	        {REJECT_LENGTH_AND_CODING, HTTP_1_1, "POST", "/",
	         "Host: a|Transfer-Encoding: x|Content-Length: y"},
	        {REJECT_LENGTH_TWICE, HTTP_1_1, "POST", "/", "Host: a|Content-Length: 3|Content-Length: 4"},
	        {REJECT_LENGTH_TWICE, HTTP_1_1, "POST", "/", "Host: a|Content-Length: 3|content-length: 3"},
	        {REJECT_LENGTH_TWICE, HTTP_1_1, "POST", "/", "Host: a|Content-Length: 3, 3"},
	        {REJECT_LENGTH, HTTP_1_1, "POST", "/", "Host: a|Content-Length:"},
	        {REJECT_LENGTH, HTTP_1_1, "POST", "/", "Host: a|Content-Length: +3"},
	        {REJECT_LENGTH, HTTP_1_1, "POST", "/", "Host: a|Content-Length: -3"},
	        {REJECT_LENGTH, HTTP_1_1, "POST", "/", "Host: a|Content-Length: 0x3"},
	        {REJECT_LENGTH, HTTP_1_1, "POST", "/", "Host: a|Content-Length: 3 4"},
	        {REJECT_LENGTH, HTTP_1_1, "POST", "/", "Host: a|Content-Length: 3.0"},
	        {REJECT_LENGTH, HTTP_1_1, "POST", "/", "Host: a|Content-Length: 1234567890123456789"},
	        {REJECT_CODING, HTTP_1_1, "POST", "/", "Host: a|Transfer-Encoding:"},
	        {REJECT_CODING, HTTP_1_1, "POST", "/", "Host: a|Transfer-Encoding: chunked, chunked"},
	        {REJECT_CODING, HTTP_1_1, "POST", "/",
	         "Host: a|Transfer-Encoding: chunked|Transfer-Encoding: chunked"},
	        {REJECT_CODING, HTTP_1_1, "POST", "/", "Host: a|Transfer-Encoding: chunked, gzip"},
	        {REJECT_CODING, HTTP_1_1, "POST", "/", "Host: a|Transfer-Encoding: , chunked"},
	        {REJECT_CODING, HTTP_1_1, "POST", "/", "Host: a|Transfer-Encoding: chunked;q=1"},
	        {REJECT_CODING, HTTP_1_1, "POST", "/", "Host: a|Transfer-Encoding: chunked,"},
	        {REJECT_CODING, HTTP_1_1, "POST", "/", "Host: a|Transfer-Encoding: \"chunked\""},
	        {REJECT_VALUE, HTTP_1_1, "POST", "/",
	         "Host: a|Transfer-Encoding: \x0b"
	         "chunked"},
	        {REJECT_CODING_UNKNOWN, HTTP_1_1, "POST", "/", "Host: a|Transfer-Encoding: gzip, chunked"},
	        {REJECT_CODING_UNKNOWN, HTTP_1_1, "POST", "/", "Host: a|Transfer-Encoding: identity"},
	        {REJECT_CODING_UNKNOWN, HTTP_1_1, "POST", "/", "Host: a|Transfer-Encoding: xchunked"},
	        {REJECT_CODING_VERSION, HTTP_1_0, "POST", "/", "Host: a|Transfer-Encoding: chunked"},
	        {REJECT_TWIN_NAMES, HTTP_1_1, "POST", "/", "Host: a|Content_Length: 3"},
	        {REJECT_TWIN_NAMES, HTTP_1_1, "POST", "/", "Host: a|transfer_Encoding: chunked"},
	        {REJECT_LINE_TWICE, HTTP_1_1, "GET", "/", "Host: a|Authorization: a|Authorization: b"},
	        {REJECT_LINE_TWICE, HTTP_1_1, "POST", "/", "Host: a|Content-Type: a/b|content-type: a/c"},
	        {REJECT_CONNECTION, HTTP_1_1, "GET", "/", "Host: a|Connection: host"},
	        {REJECT_CONNECTION, HTTP_1_1, "GET", "/", "Host: a|Connection: close, Content-Length"},
	        {REJECT_CONNECTION, HTTP_1_1, "GET", "/", "Host: a|Connection: content_length"},
	        {REJECT_CONNECTION, HTTP_1_1, "GET", "/", "Host: a|Connection: a b"},
	        {REJECT_EXPECT, HTTP_1_1, "POST", "/", "Host: a|Expect: magic"},
	        {REJECT_EXPECT, HTTP_1_1, "POST", "/", "Host: a|Expect: 100-continue|Expect: x"},
	        {REJECT_H2_CONNECTION, HTTP_2, "GET", "/", "host: a|connection: close"},
	        {REJECT_H2_CONNECTION, HTTP_2, "GET", "/", "host: a|keep-alive: 1"},
	        {REJECT_H2_CONNECTION, HTTP_2, "GET", "/", "host: a|transfer-encoding: chunked"},
	        {REJECT_H2_CONNECTION, HTTP_2, "GET", "/", "host: a|upgrade: x"},
	        {REJECT_H2_CONNECTION, HTTP_2, "GET", "/", "host: a|te: gzip"},
	    },
	  *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, cases)
	{
		struct request req = request_of(&a, c->version, c->method, c->lines);
		struct framing f;
		char what[200];
		enum reject r = request_check(&req, str_of(c->target), &f);

		snprintf(what, sizeof(what), "%s %s %s: %s, want %s", c->method, c->target, c->lines,
		         reject_reason(r), reject_reason(c->want));
		check_int(what, r, c->want);
		assert_true(reject_status(r) >= 400);
	}
	arena_fini(&a);
}

static void h2_authority(void **state)
{
	static const struct {
		const char *authority, *lines, *host;
		enum reject want;
		const char *after;
	} cases[] =
	    {
	        {"A.example:8443", "x: 1", "a.example", REJECT_NONE, "x: 1|host: A.example:8443"},
	        {"a", "host: A:443", "a", REJECT_NONE, "host: A:443"},
	        {"a", "host: b", NULL, REJECT_HOST_DISAGREES, NULL},
	        {"a:1", "host: a", NULL, REJECT_HOST_DISAGREES, NULL},
	        {"u@a", "x: 1", NULL, REJECT_HOST, NULL},
	    },
	  *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, cases)
	{
		struct request req = request_of(&a, HTTP_2, "GET", c->lines);
		struct framing f;

		req.authority = str_of(c->authority);
		check_int(c->authority, request_check(&req, STR("/"), &f), c->want);
		if (c->want)
			continue;
		check_str(c->authority, req.host, str_of(c->host));
		check_str(c->authority, text_of(&req.lines), str_of(c->after));
	}
	arena_fini(&a);
}

static void notes(void **state)
{
	struct arena a = ARENA_INIT;
	struct request req = request_of(&a, HTTP_1_1, "POST", "Host: a|Expect: 100-Continue");
	struct framing f;

	(void)state;
	assert_int_equal(request_check(&req, STR("/"), &f), REJECT_NONE);
	assert_true(req.expect_continue);
	req = request_of(&a, HTTP_1_1, "POST", "Host: a");
	assert_int_equal(request_check(&req, STR("/"), &f), REJECT_NONE);
	assert_false(req.expect_continue);
	req = request_of(&a, HTTP_1_0, "POST", "Host: a|Expect: anything");
	assert_int_equal(request_check(&req, STR("/"), &f), REJECT_NONE);
	assert_false(req.expect_continue);
	arena_fini(&a);
}

/* Which requests are handshakes, and that those that are not lose their Upgrade line. */
static void upgrades(void **state)
{
	static const struct {
		enum http_version version;
		const char *method, *lines, *upgrade, *after;
	} cases[] =
	    {
	        {HTTP_1_1, "GET", "Host: a|Connection: Upgrade|Upgrade: websocket", "websocket", "Host: a|upgrade: websocket"},
	        {HTTP_1_1, "GET", "Upgrade: WebSocket|Host: a|Connection: keep-alive, UPGRADE", "websocket",
	         "Host: a|upgrade: websocket"},
	        {HTTP_1_1, "GET", "Host: a|Connection: Upgrade|Upgrade: h2c, websocket", "websocket",
	         "Host: a|upgrade: websocket"},
	        {HTTP_1_1, "GET", "Host: a|Connection: Upgrade|Upgrade: x|Upgrade: websocket", "websocket",
	         "Host: a|upgrade: websocket"},
	        {HTTP_1_1, "GET", "Host: a|Upgrade: websocket", "", "Host: a"},
	        {HTTP_1_1, "GET", "Host: a|Connection: Upgrade", "", "Host: a"},
	        {HTTP_1_1, "GET", "Host: a|Connection: Upgrade, HTTP2-Settings|Upgrade: h2c|HTTP2-Settings: x", "", "Host: a"},
	        {HTTP_1_1, "GET", "Host: a|Connection: Upgrade|Upgrade: websocket/13", "", "Host: a"},
	        {HTTP_1_1, "GET", "Host: a|Connection: Upgrade|Upgrade: TLS/1.0", "", "Host: a"},
	        {HTTP_1_1, "POST", "Host: a|Connection: Upgrade|Upgrade: websocket", "", "Host: a"},
	        {HTTP_1_1, "GET", "Host: a|Content-Length: 3|Connection: Upgrade|Upgrade: websocket", "",
	         "Host: a|Content-Length: 3"},
	        {HTTP_1_0, "GET", "Host: a|Connection: Upgrade|Upgrade: websocket", "", "Host: a"},
	    },
	  *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, cases)
	{
		struct request req = request_of(&a, c->version, c->method, c->lines);
		struct framing f;

		check_int(c->lines, request_check(&req, STR("/"), &f), REJECT_NONE);
		check_str(c->lines, req.upgrade, str_of(c->upgrade));
		check_int(c->lines, request_clean(&req), 0);
		check_str(c->lines, text_of(&req.lines), str_of(c->after));
	}
	arena_fini(&a);
}

static void memory_runs_out(void **state)
{
	struct arena a = ARENA_INIT, poor;
	struct request req = request_of(&a, HTTP_1_1, "GET", "Host: example.com");
	struct framing f;

	(void)state;
	arena_init(&poor, 1);
	req.arena = &poor;
	assert_int_equal(request_check(&req, STR("/"), &f), REJECT_NO_MEMORY);
	req.arena = &poor;
	assert_int_equal(request_check(&req, STR("http://example.com?a"), &f), REJECT_NO_MEMORY);
	assert_int_equal(reject_status(REJECT_NO_MEMORY), 503);
	arena_fini(&a);
	arena_fini(&poor);
}

static void cleans(void **state)
{
	static const struct {
		const char *before, *after; /* after NULL: refused */
	} cases[] =
	    {
	        {"Host: a|X: 1", "Host: a|X: 1"},
	        {"Connection: close|Host: a|Keep-Alive: 5|TE: trailers|Trailer: x|Upgrade: "
	         "h2c|Transfer-Encoding: chunked",
	         "Host: a"},
	        {"Proxy-Authorization: x|Proxy-Connection: x|HTTP2-Settings: x|Expect: 100-continue|Host: a",
	         "Host: a"},
	        /* named by Connection, wherever it stands */
	        {"X-A: 1|Connection: x-a, X-B|x-b: 2|x-c: 3", "x-c: 3"},
	        {"Connection: x-a|x-a: 1|Connection: x-b|x-b: 2|x-c: 3", "x-c: 3"},
	        {"Cookie: a|Connection: cookie, close", ""},
	        {"Connection: x-a", ""},
	        {"Connection: connection, x-a|x-a: 1|b: 2", "b: 2"},
	        /* what only usher may say, in twenty spellings */
	        {"cf-cert-verified: true|CF-CERT-VERIFIED: true|Cf-Cert_Verified: true|cf_cert_verified: "
	         "true|"
	         "CF_CERT_VERIFIED: true|cf.cert.verified: true|Client-Cert: :x:|client_cert: "
	         ":x:|CLIENT-CERT-CHAIN: :x:|"
	         "Client_Cert_Chain: :x:|X-Forwarded-For: 1|x_forwarded_for: 1|X-Forwarded_Proto: https|"
	         "x-forwarded-host: b|X_FORWARDED_CLIENT_CERT: Hash=1|forwarded: for=1|FORWARDED: for=1|"
	         "True-Client-IP: 1|true_client_ip: 1|True-Client_Ip: 1|X-Real-IP: 1|Proxy: "
	         "x|Cf-Connecting-Ip: 1|ok: 1",
	         "ok: 1"},
	        {"Connection: cf-cert-verified|cf-cert-verified: x|ok: 1", "ok: 1"},
	        /* cookies become one */
	        {"cookie: a=1|x: 1|Cookie: b=2|COOKIE: c=3", "cookie: a=1; b=2; c=3|x: 1"},
	        {"cookie: a=1|Cookie:", "cookie: a=1"},
	        {"cookie:|Cookie: a=1", "cookie: a=1"},
	        {"cookie:|Cookie:", "cookie: "},
	        /* names that an origin may take for one */
	        {"x-user: a|x_user: b", NULL},
	        {"X_USER: a|X-User: b", NULL},
	        {"a_b-c: 1|a-b_c: 2", NULL},
	        {"x_user: a|X_User: b", "x_user: a|X_User: b"},
	        {"x_user: a", "x_user: a"},
	        {"Keep_Alive: 1|keep-alive: 2|a: 1", "a: 1"},
	    },
	  *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, cases)
	{
		struct request req = request_of(&a, HTTP_1_1, "GET", c->before);

		req.trailers = lines_of(
		    &a, "x: 1|CF_Cert_Ski: 1|client-cert: x|grpc-status: 0|x-forwarded-for: 1|te: x");
		check_int(c->before, request_clean(&req), c->after ? 0 : -ERR_INVALID);
		if (c->after)
			check_str(c->before, text_of(&req.lines), str_of(c->after));
		check_str("trailers", text_of(&req.trailers), STR("x: 1|grpc-status: 0"));
	}
	arena_fini(&a);
}

static void trailers(void **state)
{
	static const struct {
		const char *lines;
		bool ok;
	} cases[] =
	    {
	        {"x: 1|grpc-status: 0", true},
	        {"cf-cert-verified: 1", true}, /* dropped later, not refused */
	        {"X_Forwarded_For: 1", true},
	        {"client_cert: 1", true},
	        {"Content-Length: 1", false},
	        {"content_length: 1", false},
	        {"Transfer-Encoding: x", false},
	        {"Host: a", false},
	        {"Authorization: x", false},
	        {"Cookie: a", false},
	        {"Content-Type: a/b", false},
	        {"Connection: close", false},
	        {"Trailer: x", false},
	        {"x y: 1", false},
	        {"x: a\rb", false},
	    },
	  *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, cases)
	{
		struct lines l = lines_of(&a, c->lines);

		check_int(c->lines, trailers_check(&l) == REJECT_NONE, c->ok);
	}
	arena_fini(&a);
}

static void responses(void **state)
{
	static const struct {
		int status;
		enum http_version version;
		const char *method, *lines;
		enum reject want;
		enum body_kind kind;
		uint64_t length;
		bool keep_alive;
	} cases[] =
	    {
	        {200, HTTP_1_1, "GET", "Content-Length: 3", REJECT_NONE, BODY_LENGTH, 3, true},
	        {200, HTTP_1_1, "GET", "Content-Length: 0", REJECT_NONE, BODY_NONE, 0, true},
	        {200, HTTP_1_1, "GET", "Content-Length: 3|Connection: close", REJECT_NONE, BODY_LENGTH, 3,
	         false},
	        {200, HTTP_1_0, "GET", "Content-Length: 3", REJECT_NONE, BODY_LENGTH, 3, false},
	        {200, HTTP_1_0, "GET", "Content-Length: 3|Connection: keep-alive", REJECT_NONE, BODY_LENGTH,
	         3, true},
	        {200, HTTP_1_1, "GET", "Transfer-Encoding: chunked", REJECT_NONE, BODY_CHUNKED, 0, true},
	        {200, HTTP_1_1, "GET", "", REJECT_NONE, BODY_UNTIL_CLOSE, 0, false},
	        {200, HTTP_2, "GET", "", REJECT_NONE, BODY_FRAMES, 0, true},
	        {200, HTTP_1_1, "HEAD", "Content-Length: 3", REJECT_NONE, BODY_NONE, 3, true},
	        {200, HTTP_1_1, "HEAD", "Transfer-Encoding: chunked", REJECT_NONE, BODY_NONE, 0, true},
	        {304, HTTP_1_1, "GET", "Content-Length: 3", REJECT_NONE, BODY_NONE, 3, true},
	        {204, HTTP_1_1, "GET", "", REJECT_NONE, BODY_NONE, 0, true},
	        {204, HTTP_1_1, "GET", "Content-Length: 3", REJECT_NONE, BODY_NONE, 3, false},
	        {204, HTTP_1_1, "GET", "Transfer-Encoding: chunked", REJECT_NONE, BODY_NONE, 0, false},
	        {100, HTTP_1_1, "GET", "", REJECT_NONE, BODY_NONE, 0, true},
	        {101, HTTP_1_1, "GET", "", REJECT_ORIGIN_STATUS, BODY_NONE, 0, true},
	        {99, HTTP_1_1, "GET", "", REJECT_ORIGIN_STATUS, BODY_NONE, 0, true},
	        {600, HTTP_1_1, "GET", "", REJECT_ORIGIN_STATUS, BODY_NONE, 0, true},
	        {200, HTTP_1_1, "GET", "Content-Length: 3|Transfer-Encoding: chunked",
	         REJECT_ORIGIN_LENGTH_AND_CODING, BODY_NONE, 0, true},
	        {200, HTTP_1_1, "GET", "Content-Length: 3|Content-Length: 3", REJECT_ORIGIN_LENGTH, BODY_NONE,
	         0, true},
	        {200, HTTP_1_1, "GET", "Content-Length: 3, 4", REJECT_ORIGIN_LENGTH, BODY_NONE, 0, true},
	        {200, HTTP_1_1, "GET", "Content-Length: x", REJECT_ORIGIN_LENGTH, BODY_NONE, 0, true},
	        {200, HTTP_1_1, "GET", "Transfer-Encoding: gzip, chunked", REJECT_ORIGIN_CODING, BODY_NONE, 0,
	         true},
	        {200, HTTP_1_0, "GET", "Transfer-Encoding: chunked", REJECT_ORIGIN_CODING, BODY_NONE, 0,
	         true},
	        {200, HTTP_1_1, "GET", "x: a\nb", REJECT_ORIGIN_VALUE, BODY_NONE, 0, true},
	        {200, HTTP_1_1, "GET", "x y: a", REJECT_ORIGIN_NAME, BODY_NONE, 0, true},
	    },
	  *c;
	struct arena a = ARENA_INIT;

	(void)state;
	EACH(c, cases)
	{
		struct response res = {.arena = &a, .status = c->status, .lines = lines_of(&a, c->lines)};
		struct framing f;

		check_int(c->lines, response_check(&res, c->version, str_of(c->method), false, &f), c->want);
		if (c->want)
			continue;
		check_int(c->lines, f.kind, c->kind);
		check_int(c->lines, (long long)f.length, (long long)c->length);
		check_int(c->lines, f.keep_alive, c->keep_alive);
	}
	{
		struct response res = {.arena = &a, .status = 101, .lines = lines_of(&a, "Upgrade: x")};
		struct framing f;

		assert_int_equal(response_check(&res, HTTP_1_1, STR("GET"), true, &f), REJECT_NONE);
		res.lines = lines_of(
		    &a, "Connection: x-a|x-a: 1|Keep-Alive: 1|Client_Cert: x|Client-Cert-Chain: x|cf-ray: 1|"
		        "Server: s|Set-Cookie: a|Set-Cookie: b");
		res.trailers = lines_of(&a, "x: 1|content-length: 1|Connection: x");
		response_clean(&res);
		check_str("response", text_of(&res.lines),
		          STR("cf-ray: 1|Server: s|Set-Cookie: a|Set-Cookie: b"));
		check_str("trailers", text_of(&res.trailers), STR("x: 1"));
		res.trailers = lines_of(&a, "x: a\rb");
		assert_int_equal(response_trailers_check(&res.trailers), REJECT_ORIGIN_TRAILER);
	}
	arena_fini(&a);
}

static void rows_are_whole(void **state)
{
	enum reject r, k;

	(void)state;
	for (r = REJECT_NONE + 1; r < REJECT_COUNT; r++) {
		assert_true(strlen(reject_prose(r)) > 0);
		assert_true(reject_status(r) == 0 || (reject_status(r) >= 400 && reject_status(r) < 600));
		for (k = REJECT_NONE; k < r; k++)
			assert_string_not_equal(reject_reason(r), reject_reason(k));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(accepts),  cmocka_unit_test(rejects),         cmocka_unit_test(h2_authority),
	    cmocka_unit_test(notes), cmocka_unit_test(upgrades),    cmocka_unit_test(memory_runs_out), cmocka_unit_test(cleans),
	    cmocka_unit_test(trailers), cmocka_unit_test(responses),       cmocka_unit_test(rows_are_whole),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
