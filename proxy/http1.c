/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pull parser of HTTP/1 messages. A head is gathered whole, its lines are checked byte by byte, and then a copy of
 * it is read in one piece, so that every slice points into the arena. What the fields of a head mean for framing is
 * checked in headers/check.c; the coding of chunked content is http1_chunks.c's.
 */
#include "proxy/http1.h"

#include <llhttp.h>

#include "headers/names.h"

static void begin(struct http1 *p, struct arena *a, const struct http1_limits *limits)
{
	*p = (struct http1){ .arena = a, .limits = *limits, .section = { .headed = true } };
}

void http1_request(struct http1 *p, struct request *req, const struct http1_limits *limits)
{
	begin(p, req->arena, limits);
	p->request = req;
}

void http1_response(struct http1 *p, struct response *rsp, struct str method, bool upgraded,
		    const struct http1_limits *limits)
{
	begin(p, rsp->arena, limits);
	p->response = rsp;
	p->method = method;
	p->upgraded = upgraded;
}

/* The same mistake has another name when an origin makes it. */
static enum reject origins(enum reject r)
{
	switch (r) {
	case REJECT_TARGET_LONG:
	case REJECT_METHOD_UNKNOWN: /* a status line that is as long */
	case REJECT_LINES_LARGE:
	case REJECT_LINES_MANY:
		return REJECT_ORIGIN_LARGE;
	case REJECT_NAME:
		return REJECT_ORIGIN_NAME;
	case REJECT_VALUE:
		return REJECT_ORIGIN_VALUE;
	case REJECT_SYNTAX:
	case REJECT_LINE_END:
	case REJECT_FOLDED:
	case REJECT_SPACE:
		return REJECT_ORIGIN_SYNTAX;
	case REJECT_LENGTH:
		return REJECT_ORIGIN_LENGTH;
	case REJECT_CODING:
		return REJECT_ORIGIN_CODING;
	case REJECT_TRAILER:
		return REJECT_ORIGIN_TRAILER;
	default:
		return r;
	}
}

static enum http1_event fault(struct http1 *p, enum reject r)
{
	p->fault = p->response != NULL ? origins(r) : r;
	return HTTP1_FAULT;
}

/* ---- the start line ---- */

/* "HTTP/d.d". A minor version that we do not know is spoken as the highest that we do (RFC 9110, section 2.5). */
static enum reject version_read(struct str s, enum http_version *version)
{
	if (s.n != 8 || !str_starts(s, STR("HTTP/")) || !ascii_digit(s.p[5]) || s.p[6] != '.' || !ascii_digit(s.p[7]))
		return REJECT_SYNTAX;
	*version = s.p[7] == '0' ? HTTP_1_0 : HTTP_1_1;
	return s.p[5] == '1' ? REJECT_NONE : REJECT_VERSION;
}

/* METHOD SP TARGET SP HTTP/d.d, one SP each */
static enum reject request_line(struct http1 *p, struct str line)
{
	ptrdiff_t one = str_find(line, ' '), two = str_rfind(line, ' ');

	if (one <= 0 || two <= one + 1)
		return REJECT_SYNTAX;
	p->request->method = str_sub(line, 0, (size_t)one);
	p->target = str_sub(line, (size_t)one + 1, (size_t)two);
	if (str_find(p->target, ' ') >= 0 || !method_valid(p->request->method))
		return REJECT_SYNTAX;
	return version_read(str_sub(line, (size_t)two + 1, line.n), &p->request->version);
}

/* HTTP/1.x SP 3DIGIT [SP reason] */
static enum reject status_line(struct http1 *p, struct str line)
{
	if (line.n < 12 || version_read(str_sub(line, 0, 8), &p->version) != REJECT_NONE || line.p[8] != ' ' ||
	    !ascii_digit(line.p[9]) || !ascii_digit(line.p[10]) || !ascii_digit(line.p[11]) ||
	    (line.n > 12 && line.p[12] != ' '))
		return REJECT_SYNTAX;
	p->response->status = (line.p[9] - '0') * 100 + (line.p[10] - '0') * 10 + (line.p[11] - '0');
	return REJECT_NONE;
}

static enum reject start_line(struct http1 *p, struct str line)
{
	return p->request != NULL ? request_line(p, line) : status_line(p, line);
}

/* ---- the head ---- */

/* A start line that is wrong is answered at once: what waits for the rest of such a head may wait for ever. */
static enum reject start_line_early(struct http1 *p, struct str bytes)
{
	enum reject r;

	if (p->start_read || p->section.start == 0)
		return REJECT_NONE;
	p->start_read = true;
	r = start_line(p, str_sub(bytes, 0, p->section.start - 2));
	if (p->request != NULL)
		p->request->method = p->target = STR_NONE; /* they point to where bytes may move */
	return r;
}

/* A head that is refused, or waited for in vain, before its end: content follows no answer to HEAD all the same. */
static void method_note(struct http1 *p, struct str bytes)
{
	if (p->request != NULL && str_starts(bytes, STR("HEAD ")))
		p->request->method = STR("HEAD");
}

/* RFC 9112, section 2.2: at least one empty line before a request is forgiven. */
static bool may_skip(const struct http1 *p)
{
	return p->request != NULL && p->section.looked == 0 && p->skipped < HTTP1_EMPTY_LINES;
}

static enum reject head_scan(struct http1 *p, struct buf *in, struct str *head)
{
	enum reject r, early;
	struct str s;

	*head = STR_NONE;
	while (may_skip(p) && in->n >= 2 && memcmp(in->p + in->off, "\r\n", 2) == 0) {
		buf_consume(in, 2);
		p->skipped++;
	}
	s = buf_str(in);
	if (p->section.looked == 0 && s.n > 0 && !char_token(s.p[0]) && !(may_skip(p) && s.n == 1 && s.p[0] == '\r'))
		return REJECT_SYNTAX;
	r = http1_section_scan(&p->section, &p->limits, s, head);
	if (head->n > 0)
		return r;
	early = start_line_early(p, s);
	method_note(p, s);
	return early ? early : r;
}

static enum reject head_parse(struct http1 *p, char *head, size_t n)
{
	size_t start = p->section.start;
	struct lines *lines = p->request != NULL ? &p->request->lines : &p->response->lines;
	enum reject r;

	if ((r = start_line(p, (struct str){ head, start - 2 })) ||
	    (r = http1_lines_read(lines, head + start, n - start, p->limits.count)))
		return r;
	if (p->request != NULL)
		return request_check(p->request, p->target, &p->framing);
	return response_check(p->response, p->version, p->method, p->upgraded, &p->framing);
}

/* ---- the second reader ---- */

struct second {
	bool head, complete, bodiless;
};

static int second_head(llhttp_t *ll)
{
	struct second *s = ll->data;

	s->head = true;
	return s->bodiless ? 1 : 0;
}

static int second_complete(llhttp_t *ll)
{
	struct second *s = ll->data;

	s->complete = true;
	return HPE_PAUSED; /* whatever follows is another message */
}

/* A start line for llhttp, which knows fewer methods, targets and versions than there are; none of them matters to
 * what is compared. */
static struct str second_start(const struct http1 *p, char *head)
{
	if (p->request != NULL)
		return p->request->version == HTTP_1_0 ? STR("PUT / HTTP/1.0\r\n") : STR("PUT / HTTP/1.1\r\n");
	head[7] = p->version == HTTP_1_0 ? '0' : '1';
	return (struct str){ head, p->section.start };
}

/* llhttp must see in the head what was read before it: the same end of the content, or none at all. */
static enum reject head_compare(const struct http1 *p, char *head, size_t n)
{
	static const llhttp_settings_t settings = {
		.on_headers_complete = second_head,
		.on_message_complete = second_complete,
	};
	struct second s = { .bodiless = p->response != NULL && str_eq(p->method, STR("HEAD")) };
	struct str start = second_start(p, head);
	llhttp_errno_t err;
	llhttp_t ll;
	bool chunked;

	llhttp_init(&ll, p->request != NULL ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
	ll.data = &s;
	err = llhttp_execute(&ll, start.p, start.n);
	if (err == HPE_OK)
		err = llhttp_execute(&ll, head + p->section.start, n - p->section.start);
	if ((err != HPE_OK && err != HPE_PAUSED && err != HPE_PAUSED_UPGRADE) || !s.head)
		return REJECT_SYNTAX;
	chunked = (ll.flags & F_CHUNKED) != 0;
	switch (p->framing.kind) {
	case BODY_NONE:
		return p->request != NULL && !s.complete ? REJECT_LENGTH : REJECT_NONE;
	case BODY_LENGTH:
		return !chunked && !s.complete && ll.content_length == p->framing.length ? REJECT_NONE : REJECT_LENGTH;
	case BODY_CHUNKED:
		return chunked && !s.complete ? REJECT_NONE : REJECT_CODING;
	default:
		return !chunked && !s.complete && llhttp_message_needs_eof(&ll) ? REJECT_NONE : REJECT_LENGTH;
	}
}

static enum http1_event head_read(struct http1 *p, struct buf *in)
{
	struct str head, copy;
	enum reject r;

	if ((r = head_scan(p, in, &head)))
		return fault(p, r);
	if (head.n == 0)
		return HTTP1_MORE;
	copy = arena_str(p->arena, head);
	if (copy.p == NULL)
		return fault(p, REJECT_NO_MEMORY);
	buf_consume(in, head.n);
	if ((r = head_parse(p, (char *)copy.p, copy.n)) || (r = head_compare(p, (char *)copy.p, copy.n)))
		return fault(p, r);
	p->head_done = true;
	p->complete = p->framing.kind == BODY_NONE;
	p->left = p->framing.kind == BODY_LENGTH ? p->framing.length : UINT64_MAX;
	return HTTP1_HEAD;
}

/* ---- content ---- */

static enum http1_event take(struct http1 *p, struct buf *in)
{
	size_t n = p->left < in->n ? (size_t)p->left : in->n;

	if (n == 0)
		return HTTP1_MORE;
	p->piece = str_sub(buf_str(in), 0, n);
	buf_consume(in, n);
	p->left -= p->framing.kind == BODY_LENGTH ? n : 0;
	p->complete = p->left == 0;
	return HTTP1_PIECE;
}

/* What is wrong with a trailer line is one fault, whatever it is; limits and memory are others. */
static enum reject trailer_fault(enum reject r)
{
	return r == REJECT_NONE || r == REJECT_LINES_LARGE || r == REJECT_LINES_MANY || r == REJECT_NO_MEMORY ?
		       r : REJECT_TRAILER;
}

static enum http1_event trailers_read(struct http1 *p, struct buf *in)
{
	struct lines *trailers = p->request != NULL ? &p->request->trailers : &p->response->trailers;
	struct str section, copy;
	enum reject r;

	if ((r = http1_section_scan(&p->section, &p->limits, buf_str(in), &section)))
		return fault(p, trailer_fault(r));
	if (section.n == 0)
		return HTTP1_MORE;
	copy = arena_str(p->arena, section);
	if (copy.p == NULL)
		return fault(p, REJECT_NO_MEMORY);
	buf_consume(in, section.n);
	if ((r = http1_lines_read(trailers, (char *)copy.p, copy.n, p->limits.count)))
		return fault(p, r);
	r = p->request != NULL ? trailers_check(trailers) : response_trailers_check(trailers);
	if (r != REJECT_NONE)
		return fault(p, r);
	p->complete = true;
	return HTTP1_END;
}

static enum http1_event chunked(struct http1 *p, struct buf *in)
{
	enum reject r;

	if (p->in_trailer)
		return trailers_read(p, in);
	switch (http1_chunk_next(&p->chunks, in, &p->piece, &r)) {
	case CHUNK_PIECE:
		return HTTP1_PIECE;
	case CHUNK_FAULT:
		return fault(p, p->request != NULL ? r : REJECT_ORIGIN_CHUNK);
	case CHUNK_LAST:
		p->in_trailer = true;
		p->section = (struct http1_section){ .headed = false };
		return trailers_read(p, in);
	case CHUNK_MORE:
		break;
	}
	return HTTP1_MORE;
}

enum http1_event http1_next(struct http1 *p, struct buf *in)
{
	if (p->fault != REJECT_NONE)
		return HTTP1_FAULT;
	if (!p->head_done)
		return head_read(p, in);
	p->piece = STR_NONE;
	if (p->complete)
		return HTTP1_END;
	return p->framing.kind == BODY_CHUNKED ? chunked(p, in) : take(p, in);
}

enum http1_event http1_eof(struct http1 *p)
{
	if (p->fault != REJECT_NONE)
		return HTTP1_FAULT;
	if (p->complete)
		return HTTP1_END;
	if (p->response == NULL)
		return fault(p, REJECT_BODY_SHORT);
	if (p->head_done && p->framing.kind == BODY_UNTIL_CLOSE) {
		p->complete = true;
		return HTTP1_END;
	}
	return fault(p, REJECT_ORIGIN_SHORT);
}
