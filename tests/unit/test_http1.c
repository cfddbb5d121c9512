/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Raw HTTP/1 messages from tests/data/http1: why each is refused, or the exact bytes that the other side gets. Every
 * case is read in one piece and byte by byte, which must not make a difference.
 *
 * A case is `case NAME`, `in BYTES` with \r \n \t \\ \xHH, and one of `reject REASON|REASON…` (a reason may end in *)
 * and `origin BYTES` (`client BYTES` for answers); `keep` or `close` says what becomes of the connection. Answers have
 * `to METHOD` (GET), and `eof` if the origin closes after the bytes.
 */
#include "base/file.h"
#include "proxy/http1.h"
#include "tests/unit/cases.h"

struct http1_case {
	struct str name, in, reject, want, method;
	bool close, keep, eof;
};

struct outcome {
	const char *reject; /* NULL: accepted */
	struct buf out, content;
	bool keep;
};

static struct str unescape(struct arena *a, struct str s)
{
	char *p = arena_alloc(a, s.n + 1);
	size_t i, n = 0;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] != '\\') {
			p[n++] = s.p[i];
			continue;
		}
		i++;
		switch (s.p[i]) {
		case 'r':
			p[n++] = '\r';
			break;
		case 'n':
			p[n++] = '\n';
			break;
		case 't':
			p[n++] = '\t';
			break;
		case 'x':
			p[n++] = (char)(ascii_hex(s.p[i + 1]) * 16 + ascii_hex(s.p[i + 2]));
			i += 2;
			break;
		default:
			p[n++] = s.p[i];
		}
	}
	return (struct str){ p, n };
}

static bool matches(struct str patterns, const char *reason)
{
	while (patterns.n > 0) {
		ptrdiff_t bar = str_find(patterns, '|');
		struct str one = str_sub(patterns, 0, bar < 0 ? patterns.n : (size_t)bar);

		if (str_ends(one, STR("*")) ? str_starts(str_of(reason), str_sub(one, 0, one.n - 1))
					    : str_eq(str_of(reason), one))
			return true;
		patterns = str_sub(patterns, one.n + 1, patterns.n);
	}
	return false;
}

static const struct http1_limits limits = { 8192, 16384, 100 };

static void note_piece(struct outcome *o, struct str piece, bool chunked)
{
	buf_add(&o->content, piece);
	if (chunked)
		http1_write_chunk(&o->out, piece);
	else
		buf_add(&o->out, piece);
}

/* What usher would send to an origin. */
static enum http1_event request_event(struct http1 *p, struct buf *in, struct outcome *o)
{
	struct request *req = p->request;
	enum http1_event e = http1_next(p, in);
	struct http1_framing f = { .length = -1 };
	bool chunked = p->framing.kind == BODY_CHUNKED;

	if (e == HTTP1_HEAD) {
		if (request_clean(req) < 0) {
			p->fault = REJECT_TWIN_NAMES;
			return HTTP1_FAULT;
		}
		assert_int_equal(target_normalize(p->arena, &req->raw, NORMALIZE_CLOUDFLARE, &req->target), 0);
		f.chunked = chunked;
		f.upgrade = req->upgrade;
		if (!chunked && (req->has_body || str_eq(req->method, STR("POST")) || str_eq(req->method, STR("PUT")) ||
				 str_eq(req->method, STR("PATCH"))))
			f.length = req->content_length;
		http1_write_request(&o->out, req, req->target.uri, req->authority, &f);
		o->keep = p->framing.keep_alive;
	} else if (e == HTTP1_PIECE) {
		note_piece(o, p->piece, chunked);
	} else if (e == HTTP1_END && chunked) {
		trailers_clean(&req->trailers);
		http1_write_last_chunk(&o->out, &req->trailers);
	}
	return e;
}

/* What usher would send to a client of HTTP/1.1. */
static enum http1_event response_event(struct http1 *p, struct buf *in, struct outcome *o)
{
	struct response *rsp = p->response;
	enum http1_event e = http1_next(p, in);
	struct http1_framing f = { .length = -1 };
	enum body_kind kind = p->framing.kind;
	bool chunked = kind == BODY_CHUNKED || kind == BODY_UNTIL_CLOSE;

	if (e == HTTP1_HEAD) {
		response_clean(rsp);
		f.chunked = chunked;
		if (!chunked && rsp->status >= 200 && rsp->status != 204 &&
		    lines_get(&rsp->lines, STR("content-length")) != NULL)
			f.length = (int64_t)p->framing.length;
		http1_write_response(&o->out, rsp->status, &rsp->lines, &f);
		o->keep = p->framing.keep_alive;
	} else if (e == HTTP1_PIECE) {
		note_piece(o, p->piece, chunked);
	} else if (e == HTTP1_END && chunked) {
		trailers_clean(&rsp->trailers);
		http1_write_last_chunk(&o->out, &rsp->trailers);
	}
	return e;
}

static void run_case(const struct http1_case *c, bool response, size_t step, struct outcome *o)
{
	struct arena a = ARENA_INIT;
	struct request req = { .arena = &a };
	struct response rsp = { .arena = &a };
	struct buf in = BUF_INIT;
	struct http1 p;
	enum http1_event e = HTTP1_MORE;
	size_t at = 0;

	*o = (struct outcome){ NULL, BUF_INIT, BUF_INIT, false };
	lines_init(&req.lines, &a);
	lines_init(&req.trailers, &a);
	lines_init(&rsp.lines, &a);
	lines_init(&rsp.trailers, &a);
	if (response)
		http1_response(&p, &rsp, c->method, false, &limits);
	else
		http1_request(&p, &req, &limits);
	while (e != HTTP1_END && e != HTTP1_FAULT) {
		e = response ? response_event(&p, &in, o) : request_event(&p, &in, o);
		if (e != HTTP1_MORE)
			continue;
		if (at < c->in.n) {
			buf_add(&in, str_sub(c->in, at, at + step));
			at += step;
			continue;
		}
		e = http1_eof(&p);
		if (e == HTTP1_END && p.framing.kind == BODY_UNTIL_CLOSE)
			http1_write_last_chunk(&o->out, NULL);
	}
	if (e == HTTP1_FAULT)
		o->reject = reject_reason(p.fault);
	if (response && e == HTTP1_END && (in.n > 0 || at < c->in.n))
		o->keep = false; /* bytes that nobody asked for */
	buf_fini(&in);
	arena_fini(&a);
}

static void outcome_fini(struct outcome *o)
{
	buf_fini(&o->out);
	buf_fini(&o->content);
}

static int failures;

static void complain(const struct http1_case *c, const char *how, const struct outcome *o)
{
	failures++;
	print_error("%.*s (%s): got %s%s \"%.*s\"\n    want %.*s \"%.*s\"\n", STR_FMT(c->name), how,
		    o->reject != NULL ? "reject " : "accept", o->reject != NULL ? o->reject : "",
		    STR_FMT(buf_str(&o->out)), STR_FMT(c->reject), STR_FMT(c->want));
}

static void check_case(const struct http1_case *c, bool response)
{
	struct outcome whole, bytes;
	bool ok;

	run_case(c, response, c->in.n, &whole);
	run_case(c, response, 1, &bytes);
	if (c->reject.n > 0)
		ok = whole.reject != NULL && matches(c->reject, whole.reject);
	else
		ok = whole.reject == NULL && str_eq(buf_str(&whole.out), c->want) && !(c->keep && !whole.keep) &&
		     !(c->close && whole.keep);
	if (!ok)
		complain(c, "at once", &whole);
	else if ((whole.reject == NULL) != (bytes.reject == NULL) ||
		 (c->reject.n > 0 && !matches(c->reject, bytes.reject)) ||
		 !str_eq(buf_str(&whole.content), buf_str(&bytes.content)))
		complain(c, "byte by byte", &bytes);
	outcome_fini(&whole);
	outcome_fini(&bytes);
}

static struct str word_after(struct str line, const char *word)
{
	size_t n = strlen(word);

	return str_starts(line, str_of(word)) && (line.n == n || line.p[n] == ' ') ? str_sub(line, n + 1, line.n)
										    : STR_NONE;
}

static void run_file(const char *path, bool response, size_t at_least)
{
	struct arena a = ARENA_INIT;
	struct http1_case c = { .name = STR_NONE };
	struct str text, line;
	size_t count = 0;

	assert_int_equal(file_read(&a, path, 1 << 24, &text), 0);
	failures = 0;
	while (text.n > 0) {
		ptrdiff_t end = str_find(text, '\n');

		line = str_sub(text, 0, end < 0 ? text.n : (size_t)end);
		text = str_sub(text, line.n + 1, text.n);
		if (str_starts(line, STR("case "))) {
			c = (struct http1_case){ .name = str_sub(line, 5, line.n), .method = STR("GET") };
			count++;
		} else if (str_starts(line, STR("in "))) {
			c.in = unescape(&a, str_sub(line, 3, line.n));
		} else if (str_starts(line, STR("reject "))) {
			c.reject = str_sub(line, 7, line.n);
		} else if (str_starts(line, STR("origin ")) || str_starts(line, STR("client "))) {
			c.want = unescape(&a, str_sub(line, 7, line.n));
		} else if (str_starts(line, STR("to "))) {
			c.method = word_after(line, "to");
		} else if (str_eq(line, STR("keep"))) {
			c.keep = true;
		} else if (str_eq(line, STR("close"))) {
			c.close = true;
		} else if (line.n == 0 && c.name.n > 0) {
			check_case(&c, response);
			c.name = STR_NONE;
		}
	}
	if (c.name.n > 0)
		check_case(&c, response);
	arena_fini(&a);
	assert_true(count >= at_least);
	assert_int_equal(failures, 0);
}

static void test_requests(void **state)
{
	(void)state;
	run_file("tests/data/http1/requests.txt", false, 400);
}

static void test_responses(void **state)
{
	(void)state;
	run_file("tests/data/http1/responses.txt", true, 150);
}

static enum reject limit_case(const char *text, size_t line, size_t bytes, size_t count)
{
	struct http1_limits small = { line, bytes, count };
	struct arena a = ARENA_INIT;
	struct request req = { .arena = &a };
	struct buf in = BUF_INIT;
	struct http1 p;
	enum http1_event e;
	enum reject r;

	lines_init(&req.lines, &a);
	lines_init(&req.trailers, &a);
	http1_request(&p, &req, &small);
	buf_add(&in, str_of(text));
	do
		e = http1_next(&p, &in);
	while (e == HTTP1_HEAD || e == HTTP1_PIECE);
	r = e == HTTP1_FAULT ? p.fault : REJECT_NONE;
	buf_fini(&in);
	arena_fini(&a);
	return r;
}

static void test_limits(void **state)
{
	(void)state;
	assert_int_equal(limit_case("GET /12345 HTTP/1.1\r\nHost: a\r\n\r\n", 19, 100, 9), REJECT_NONE);
	assert_int_equal(limit_case("GET /123456 HTTP/1.1\r\nHost: a\r\n\r\n", 19, 100, 9), REJECT_TARGET_LONG);
	assert_int_equal(limit_case("GET /12345678901234567", 19, 100, 9), REJECT_TARGET_LONG);
	assert_int_equal(limit_case("ABCDEFGHIJKLMNOPQRS / HTTP/1.1\r\nHost: a\r\n\r\n", 19, 100, 9), REJECT_METHOD_UNKNOWN);
	assert_int_equal(limit_case("ABCDEFGHIJKLMNOPQR / HTTP/1.1\r\nHost: a\r\n\r\n", 19, 100, 9), REJECT_TARGET_LONG);
	assert_int_equal(limit_case("ABCDEFGHIJKLMNOPQRSTUV", 19, 100, 9), REJECT_METHOD_UNKNOWN);
	assert_int_equal(limit_case("GET / HTTP/1.1\r\nHost: a\r\n\r\n", 19, 9, 9), REJECT_NONE);
	assert_int_equal(limit_case("GET / HTTP/1.1\r\nHost: ab\r\n\r\n", 19, 9, 9), REJECT_LINES_LARGE);
	assert_int_equal(limit_case("GET / HTTP/1.1\r\nHost: a\r\nX: 12345678", 19, 9, 9), REJECT_LINES_LARGE);
	assert_int_equal(limit_case("GET / HTTP/1.1\r\nHost: a\r\nA:\r\nB:\r\n\r\n", 19, 99, 3), REJECT_NONE);
	assert_int_equal(limit_case("GET / HTTP/1.1\r\nHost: a\r\nA:\r\nB:\r\nC:\r\n\r\n", 19, 99, 3), REJECT_LINES_MANY);
	assert_int_equal(limit_case("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
				    "A: 12345678901234567890123456789012345678901234567890\r\n\r\n", 19, 50, 9),
			 REJECT_LINES_LARGE);
	assert_int_equal(limit_case("POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n"
				    "A: 1\r\nB: 2\r\nC: 3\r\n\r\n", 19, 50, 2),
			 REJECT_LINES_MANY);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_requests),
		cmocka_unit_test(test_responses),
		cmocka_unit_test(test_limits),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
