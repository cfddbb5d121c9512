/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a byte (bit 0: END_STREAM, bit 1: TLS), then a header block as HPACK, then, after the bytes "\r\n\r\n", one of
 * trailers. What passes must be in lower case, inside the limits, without pseudo-headers and with one Host; checking
 * it once more must accept it again.
 */
#include <assert.h>
#include <nghttp2/nghttp2.h>

#include "proxy/http2_head.h"

static const struct http2_limits limits = { 256, 1024, 16 };

/* false: the block is no HPACK */
static bool inflate(nghttp2_hd_inflater *inflater, struct str block, struct http2_head *h)
{
	bool done = false;

	while (!done) {
		nghttp2_nv nv;
		int flags = 0;
		ssize_t n = nghttp2_hd_inflate_hd2(inflater, &nv, &flags, (const uint8_t *)block.p, block.n, 1);

		if (n < 0)
			return false;
		block = str_sub(block, (size_t)n, block.n);
		if (flags & NGHTTP2_HD_INFLATE_EMIT)
			http2_head_line(h, (struct str){ (const char *)nv.name, nv.namelen },
					(struct str){ (const char *)nv.value, nv.valuelen });
		done = (flags & NGHTTP2_HD_INFLATE_FINAL) != 0;
	}
	nghttp2_hd_inflate_end_headers(inflater);
	return true;
}

static void lines_hold(const struct lines *l)
{
	size_t i, k;

	assert(l->n <= limits.count + 256); /* crumbs of cookies */
	for (i = 0; i < l->n; i++) {
		assert(name_valid(l->v[i].name) && value_valid(l->v[i].value));
		for (k = 0; k < l->v[i].name.n; k++)
			assert(l->v[i].name.p[k] < 'A' || l->v[i].name.p[k] > 'Z');
	}
}

static void accepted(struct http2_head *h, nghttp2_hd_inflater *inflater, struct str trailers, bool end)
{
	struct request *req = h->request;
	struct framing f;

	lines_hold(&req->lines);
	assert(lines_count(&req->lines, STR("host")) == 1 && req->host.n > 0 && req->raw.path.n > 0);
	assert(!method_refused(req->method) && req->version == HTTP_2);
	assert(!(end || req->upgrade.n > 0) || (!req->has_body && req->content_length == 0));
	assert(req->upgrade.n == 0 || (str_eq(req->method, STR("GET")) && h->protocol.n > 0));
	assert(request_check(req, req->raw.uri, &f) == REJECT_NONE && f.kind != BODY_CHUNKED && f.kind != BODY_UNTIL_CLOSE);
	http2_head_trailers(h);
	if (inflate(inflater, trailers, h) && http2_head_trailers_end(h, true) == REJECT_NONE)
		lines_hold(&req->trailers);
	request_clean(req);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = { (const char *)data, size }, trailers = STR("");
	struct arena a = ARENA_INIT;
	struct request req = { .arena = &a, .method = STR(""), .content_length = -1 };
	nghttp2_hd_inflater *inflater;
	struct http2_head h;
	struct framing f;
	const char *mark;
	bool end;

	if (size == 0 || nghttp2_hd_inflate_new(&inflater) != 0)
		return 0;
	end = data[0] & 1;
	req.tls = data[0] & 2;
	rest = str_sub(rest, 1, size);
	if ((mark = memmem(rest.p, rest.n, "\r\n\r\n", 4)) != NULL) {
		trailers = str_range(mark + 4, rest.p + rest.n);
		rest = str_range(rest.p, mark);
	}
	lines_init(&req.lines, &a);
	lines_init(&req.trailers, &a);
	http2_head_begin(&h, &req, &limits);
	if (inflate(inflater, rest, &h) && http2_head_end(&h, end, &f) == REJECT_NONE)
		accepted(&h, inflater, trailers, end);
	nghttp2_hd_inflate_del(inflater);
	arena_fini(&a);
	return 0;
}
