/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: one byte that says how (request or answer, length of the pieces), then bytes of a connection. However they
 * are cut into pieces, the same comes out; and what usher writes for an accepted request, usher and llhttp read in the
 * same way again.
 */
#include <assert.h>
#include <llhttp.h>

#include "proxy/http1.h"

static const struct http1_limits limits = { 2048, 8192, 60 };

struct result {
	enum reject fault;
	struct buf written, content;
};

static void request_head(struct http1 *p, struct result *r)
{
	struct request *req = p->request;
	struct http1_framing f = { .length = -1, .upgrade = req->upgrade };

	if (request_clean(req) < 0) {
		p->fault = REJECT_TWIN_NAMES;
		return;
	}
	f.chunked = p->framing.kind == BODY_CHUNKED;
	if (req->has_body && !f.chunked)
		f.length = req->content_length;
	http1_write_request(&r->written, req, req->raw.uri, req->authority, &f);
}

static void run(struct str input, size_t step, bool response, struct result *r)
{
	struct arena a = ARENA_INIT;
	struct request req = { .arena = &a };
	struct response rsp = { .arena = &a };
	struct buf in = BUF_INIT;
	enum http1_event e = HTTP1_MORE;
	struct http1 p;
	size_t at = 0;

	*r = (struct result){ REJECT_NONE, BUF_INIT, BUF_INIT };
	lines_init(&req.lines, &a);
	lines_init(&req.trailers, &a);
	lines_init(&rsp.lines, &a);
	lines_init(&rsp.trailers, &a);
	if (response)
		http1_response(&p, &rsp, STR("GET"), false, &limits);
	else
		http1_request(&p, &req, &limits);
	while (e != HTTP1_END && e != HTTP1_FAULT) {
		e = http1_next(&p, &in);
		if (e == HTTP1_HEAD && !response)
			request_head(&p, r);
		if (e == HTTP1_PIECE) {
			buf_add(&r->content, p.piece);
			if (p.framing.kind == BODY_CHUNKED)
				http1_write_chunk(&r->written, p.piece);
			else
				buf_add(&r->written, p.piece);
		}
		if (e == HTTP1_END && p.framing.kind == BODY_CHUNKED && !response) {
			trailers_clean(&req.trailers);
			http1_write_last_chunk(&r->written, &req.trailers);
		}
		if (e == HTTP1_MORE && at < input.n) {
			buf_add(&in, str_sub(input, at, at + step));
			at += step;
		} else if (e == HTTP1_MORE) {
			e = http1_eof(&p);
		}
	}
	r->fault = e == HTTP1_FAULT ? p.fault : REJECT_NONE;
	buf_fini(&in);
	arena_fini(&a);
}

static void result_fini(struct result *r)
{
	buf_fini(&r->written);
	buf_fini(&r->content);
}

struct reader {
	struct buf content;
	bool complete;
};

static int reader_body(llhttp_t *ll, const char *at, size_t n)
{
	struct reader *r = ll->data;

	buf_add(&r->content, (struct str){ at, n });
	return 0;
}

static int reader_complete(llhttp_t *ll)
{
	struct reader *r = ll->data;

	r->complete = true;
	return 0;
}

/* A message has one meaning: llhttp, which content does not go through, finds the same one. It knows fewer methods. */
static void check_llhttp(struct str message, struct str content)
{
	static const llhttp_settings_t settings = { .on_body = reader_body, .on_message_complete = reader_complete };
	struct reader r = { .content = BUF_INIT };
	llhttp_errno_t err;
	llhttp_t ll;

	llhttp_init(&ll, HTTP_REQUEST, &settings);
	ll.data = &r;
	err = llhttp_execute(&ll, message.p, message.n);
	if (err != HPE_INVALID_METHOD && err != HPE_INVALID_VERSION) {
		assert((err == HPE_OK || err == HPE_PAUSED_UPGRADE) && r.complete);
		assert(str_eq(buf_str(&r.content), content));
	}
	buf_fini(&r.content);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = { (const char *)data + 1, size ? size - 1 : 0 };
	struct result whole, pieces, again;
	bool response;

	if (size == 0)
		return 0;
	response = data[0] & 1;
	run(input, input.n + 1, response, &whole);
	run(input, data[0] / 2 + 1, response, &pieces);
	assert((whole.fault == REJECT_NONE) == (pieces.fault == REJECT_NONE));
	if (whole.fault == REJECT_NONE)
		assert(str_eq(buf_str(&whole.content), buf_str(&pieces.content)));
	if (whole.fault == REJECT_NONE && !response) {
		run(buf_str(&whole.written), whole.written.n, false, &again);
		assert(again.fault == REJECT_NONE);
		assert(str_eq(buf_str(&whole.content), buf_str(&again.content)));
		assert(str_eq(buf_str(&whole.written), buf_str(&again.written)));
		check_llhttp(buf_str(&whole.written), buf_str(&whole.content));
		result_fini(&again);
	}
	result_fini(&whole);
	result_fini(&pieces);
	return 0;
}
