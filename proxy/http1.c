/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The pull parser of HTTP/1 messages. A head is gathered whole, its lines are checked byte by byte, and then llhttp
 * reads a copy of it in one piece, so that every slice points into the arena. Content goes through llhttp piece by
 * piece. What the fields of a head mean for framing is checked in headers/check.c.
 */
#include "proxy/http1.h"

#include <assert.h>

#include "headers/names.h"

/* Chunk extensions of one message, which are dropped: more is somebody playing games. */
enum { EXTENSIONS = 1024 };

/* Trailers arrive in any pieces, from a buffer that moves on: they are put together in the arena. */
static int append(struct http1 *p, struct str *to, const char *at, size_t n)
{
	struct str parts[2] = { *to, { at, n } };

	if (!p->in_trailer) /* lines of the head were read before llhttp saw them */
		return 0;
	*to = arena_concat(p->arena, parts, 2);
	if (to->p != NULL)
		return 0;
	p->fault = REJECT_NO_MEMORY;
	return -1;
}

static int on_name(llhttp_t *ll, const char *at, size_t n)
{
	struct http1 *p = ll->data;

	return append(p, &p->name, at, n);
}

static int on_value(llhttp_t *ll, const char *at, size_t n)
{
	struct http1 *p = ll->data;

	return append(p, &p->value, at, n);
}

static int on_line(llhttp_t *ll)
{
	struct http1 *p = ll->data;
	struct lines *lines = p->request != NULL ? &p->request->trailers : &p->response->trailers;

	if (!p->in_trailer)
		return 0;
	if (lines->n >= p->limits.count)
		p->fault = REJECT_LINES_MANY;
	else if (!lines_add(lines, p->name, str_trim(p->value)))
		p->fault = REJECT_NO_MEMORY;
	p->name = p->value = STR_NONE;
	return p->fault == REJECT_NONE ? 0 : -1;
}

static int on_head(llhttp_t *ll)
{
	struct http1 *p = ll->data;

	p->head_done = true;
	return p->response != NULL && str_eq(p->method, STR("HEAD")) ? 1 : 0;
}

static int on_body(llhttp_t *ll, const char *at, size_t n)
{
	struct http1 *p = ll->data;

	p->piece = (struct str){ at, n };
	return HPE_PAUSED;
}

static int on_chunk(llhttp_t *ll)
{
	struct http1 *p = ll->data;

	p->in_trailer = ll->content_length == 0;
	if (ll->content_length <= INT64_MAX)
		return 0;
	p->fault = p->request != NULL ? REJECT_CHUNK_SIZE : REJECT_ORIGIN_CHUNK;
	return -1;
}

static int on_extension(llhttp_t *ll, const char *at, size_t n)
{
	struct http1 *p = ll->data;

	(void)at;
	if ((p->extensions += n + 1) <= EXTENSIONS)
		return 0;
	p->fault = p->request != NULL ? REJECT_CHUNK_EXTENSION : REJECT_ORIGIN_CHUNK;
	return -1;
}

static int on_extension_name(llhttp_t *ll, const char *at, size_t n)
{
	struct http1 *p = ll->data;

	p->extension_name += n;
	return on_extension(ll, at, n);
}

/* RFC 9112, section 7.1.1: a name is a token, which llhttp lets be empty. */
static int on_extension_named(llhttp_t *ll)
{
	struct http1 *p = ll->data;

	if (p->extension_name > 0) {
		p->extension_name = 0;
		return 0;
	}
	p->fault = p->request != NULL ? REJECT_CHUNK_EXTENSION : REJECT_ORIGIN_CHUNK;
	return -1;
}

static int on_complete(llhttp_t *ll)
{
	struct http1 *p = ll->data;

	p->complete = true;
	return HPE_PAUSED; /* whatever follows is another message */
}

static const llhttp_settings_t settings = {
	.on_header_field = on_name,
	.on_header_value = on_value,
	.on_header_value_complete = on_line,
	.on_headers_complete = on_head,
	.on_body = on_body,
	.on_chunk_header = on_chunk,
	.on_chunk_extension_name = on_extension_name,
	.on_chunk_extension_name_complete = on_extension_named,
	.on_chunk_extension_value = on_extension,
	.on_message_complete = on_complete,
};

static void begin(struct http1 *p, llhttp_type_t type, struct arena *a, const struct http1_limits *limits)
{
	*p = (struct http1){ .arena = a, .limits = *limits };
	llhttp_init(&p->llhttp, type, &settings);
	p->llhttp.data = p;
}

void http1_request(struct http1 *p, struct request *req, const struct http1_limits *limits)
{
	begin(p, HTTP_REQUEST, req->arena, limits);
	p->request = req;
}

void http1_response(struct http1 *p, struct response *rsp, struct str method, bool upgraded,
		    const struct http1_limits *limits)
{
	begin(p, HTTP_RESPONSE, rsp->arena, limits);
	p->response = rsp;
	p->method = method;
	p->upgraded = upgraded;
}

/* The same mistake has another name when an origin makes it. */
static enum reject origins(enum reject r)
{
	switch (r) {
	case REJECT_TARGET_LONG:
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
	default:
		return r;
	}
}

static enum http1_event fault(struct http1 *p, enum reject r)
{
	p->fault = p->response != NULL ? origins(r) : r;
	return HTTP1_FAULT;
}

static bool has_control(struct str line)
{
	unsigned bad = 0;
	size_t i;

	for (i = 0; i < line.n; i++) { /* no early exit, so that the compiler may do many at once */
		unsigned char c = (unsigned char)line.p[i];

		bad |= (unsigned)(c < 0x20) & (unsigned)(c != '\t');
		bad |= (unsigned)(c == 0x7f);
	}
	return bad != 0;
}

/* One line of a head, without its CR LF. */
static enum reject line_check(const struct http1 *p, struct str line, bool first)
{
	ptrdiff_t colon;

	if (has_control(line))
		return memchr(line.p, '\r', line.n) != NULL ? REJECT_LINE_END : REJECT_VALUE;
	if (first)
		return line.n > p->limits.line ? REJECT_TARGET_LONG : REJECT_NONE;
	if (line.p[0] == ' ' || line.p[0] == '\t')
		return REJECT_FOLDED;
	colon = str_find(line, ':');
	if (colon > 0 && (line.p[colon - 1] == ' ' || line.p[colon - 1] == '\t'))
		return REJECT_SPACE;
	return colon > 0 ? REJECT_NONE : REJECT_NAME;
}

/* Looks at the lines of the head that are complete. When all are, *head is it; it stays empty while more is needed. */
static enum reject head_scan(struct http1 *p, struct buf *in, struct str *head)
{
	struct str s, line;
	const char *lf;
	enum reject r;

	*head = STR_NONE;
	if (p->request != NULL && !p->skipped && p->looked == 0 && in->n >= 2) {
		p->skipped = true; /* one empty line before a request is forgiven: RFC 9112, section 2.2 */
		if (memcmp(in->p + in->off, "\r\n", 2) == 0)
			buf_consume(in, 2);
	}
	s = buf_str(in);
	if (p->looked == 0 && s.n > 0 && !char_token(s.p[0]) && (p->skipped || s.p[0] != '\r'))
		return REJECT_SYNTAX;
	while (s.n > p->looked && (lf = memchr(s.p + p->looked, '\n', s.n - p->looked)) != NULL) {
		line = str_range(s.p + p->looked, lf);
		if (line.n == 0 || lf[-1] != '\r')
			return REJECT_LINE_END;
		line.n--;
		if (line.n == 0) {
			*head = str_range(s.p, lf + 1);
			return REJECT_NONE;
		}
		if ((r = line_check(p, line, p->looked == 0)) != REJECT_NONE)
			return r;
		p->looked = (size_t)(lf + 1 - s.p);
		if (p->first_line == 0)
			p->first_line = p->looked;
		if (p->looked - p->first_line > p->limits.bytes)
			return REJECT_LINES_LARGE;
	}
	if (p->looked == 0 && s.n > p->limits.line + 2)
		return REJECT_TARGET_LONG;
	return p->looked > 0 && s.n - p->first_line > p->limits.bytes + 2 ? REJECT_LINES_LARGE : REJECT_NONE;
}

/* METHOD SP TARGET SP HTTP/d.d, one SP each */
static enum reject request_line(struct http1 *p, struct str line)
{
	ptrdiff_t one = str_find(line, ' '), two = str_rfind(line, ' ');
	struct str version;

	if (one <= 0 || two <= one + 1)
		return REJECT_SYNTAX;
	p->request->method = str_sub(line, 0, (size_t)one);
	p->target = str_sub(line, (size_t)one + 1, (size_t)two);
	version = str_sub(line, (size_t)two + 1, line.n);
	if (str_find(p->target, ' ') >= 0 || !method_valid(p->request->method))
		return REJECT_SYNTAX;
	if (version.n != 8 || !str_starts(version, STR("HTTP/")) || !ascii_digit(version.p[5]) ||
	    version.p[6] != '.' || !ascii_digit(version.p[7]))
		return REJECT_SYNTAX;
	if (version.p[5] != '1' || version.p[7] > '1')
		return REJECT_VERSION;
	p->request->version = version.p[7] == '1' ? HTTP_1_1 : HTTP_1_0;
	return REJECT_NONE;
}

/* HTTP/1.x SP 3DIGIT [SP reason] */
static enum reject status_line(struct http1 *p, struct str line)
{
	if (line.n < 12 || (!str_starts(line, STR("HTTP/1.1 ")) && !str_starts(line, STR("HTTP/1.0 "))) ||
	    !ascii_digit(line.p[9]) || !ascii_digit(line.p[10]) || !ascii_digit(line.p[11]) ||
	    (line.n > 12 && line.p[12] != ' '))
		return REJECT_ORIGIN_SYNTAX;
	p->version = line.p[7] == '1' ? HTTP_1_1 : HTTP_1_0;
	p->response->status = (line.p[9] - '0') * 100 + (line.p[10] - '0') * 10 + (line.p[11] - '0');
	return REJECT_NONE;
}

/* The lines of a head that head_scan let pass. */
static enum reject lines_read(struct http1 *p, struct lines *lines, struct str rest)
{
	const char *lf;

	while (rest.n > 2) {
		struct str line;
		size_t colon;

		lf = memchr(rest.p, '\n', rest.n);
		line = str_range(rest.p, lf - 1);
		rest = str_range(lf + 1, rest.p + rest.n);
		colon = (size_t)str_find(line, ':');
		if (lines->n >= p->limits.count)
			return REJECT_LINES_MANY;
		if (!lines_add(lines, str_sub(line, 0, colon), str_trim(str_sub(line, colon + 1, line.n))))
			return REJECT_NO_MEMORY;
	}
	return REJECT_NONE;
}

static enum reject head_parse(struct http1 *p, struct str head)
{
	size_t eol = (size_t)str_find(head, '\r');
	struct str line = str_sub(head, 0, eol), rest = str_sub(head, eol + 2, head.n);
	enum reject r;

	if (p->request != NULL) {
		if ((r = request_line(p, line)) || (r = lines_read(p, &p->request->lines, rest)))
			return r;
		return request_check(p->request, p->target, &p->framing);
	}
	if ((r = status_line(p, line)) || (r = lines_read(p, &p->response->lines, rest)))
		return r;
	return response_check(p->response, p->version, p->method, p->upgraded, &p->framing);
}

/* llhttp must see in the head what was read before it: the same end of the content, or none at all. */
static enum reject head_compare(struct http1 *p, struct str head)
{
	llhttp_errno_t err = llhttp_execute(&p->llhttp, head.p, head.n);
	bool chunked = (p->llhttp.flags & F_CHUNKED) != 0;

	if (p->fault != REJECT_NONE)
		return p->fault;
	if (err == HPE_INVALID_METHOD && p->request != NULL)
		return REJECT_METHOD_UNKNOWN;
	if ((err != HPE_OK && err != HPE_PAUSED && err != HPE_PAUSED_UPGRADE) || !p->head_done)
		return p->request != NULL ? REJECT_SYNTAX : REJECT_ORIGIN_SYNTAX;
	switch (p->framing.kind) {
	case BODY_NONE:
		if (p->request != NULL && !p->complete)
			return REJECT_LENGTH;
		p->complete = true;
		return REJECT_NONE;
	case BODY_LENGTH:
		return !chunked && !p->complete && p->llhttp.content_length == p->framing.length ?
			       REJECT_NONE : REJECT_LENGTH;
	case BODY_CHUNKED:
		return chunked && !p->complete ? REJECT_NONE : REJECT_CODING;
	default:
		return !chunked && !p->complete && llhttp_message_needs_eof(&p->llhttp) ? REJECT_NONE :
											   REJECT_ORIGIN_LENGTH;
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
	if ((r = head_parse(p, copy)) || (r = head_compare(p, copy)))
		return fault(p, r);
	return HTTP1_HEAD;
}

/* llhttp's complaint about content. */
static enum reject content_fault(const struct http1 *p, llhttp_errno_t err)
{
	if (p->fault != REJECT_NONE)
		return p->fault;
	if (p->response != NULL)
		return p->in_trailer ? REJECT_ORIGIN_TRAILER : REJECT_ORIGIN_CHUNK;
	if (p->in_trailer)
		return REJECT_TRAILER;
	switch (err) {
	case HPE_INVALID_CHUNK_SIZE:
		return REJECT_CHUNK_SIZE;
	case HPE_CR_EXPECTED:
	case HPE_LF_EXPECTED:
	case HPE_STRICT:
		return REJECT_CHUNK_END;
	default:
		return REJECT_CHUNK_EXTENSION;
	}
}

enum http1_event http1_next(struct http1 *p, struct buf *in)
{
	struct str bytes;
	llhttp_errno_t err;
	size_t used;

	if (p->fault != REJECT_NONE)
		return HTTP1_FAULT;
	if (!p->head_done)
		return head_read(p, in);
	if (p->complete)
		return HTTP1_END;
	bytes = buf_str(in);
	p->piece = STR_NONE;
	if (llhttp_get_errno(&p->llhttp) == HPE_PAUSED)
		llhttp_resume(&p->llhttp);
	err = llhttp_execute(&p->llhttp, bytes.p, bytes.n);
	if (err != HPE_OK && err != HPE_PAUSED)
		return fault(p, content_fault(p, err));
	used = err == HPE_OK ? bytes.n : (size_t)(llhttp_get_error_pos(&p->llhttp) - bytes.p);
	if (p->in_trailer && (p->trailing += used) > p->limits.bytes)
		return fault(p, p->request != NULL ? REJECT_LINES_LARGE : REJECT_ORIGIN_LARGE);
	buf_consume(in, used);
	if (p->piece.n > 0)
		return HTTP1_PIECE;
	if (!p->complete)
		return HTTP1_MORE;
	p->fault = p->request != NULL ? trailers_check(&p->request->trailers)
				      : response_trailers_check(&p->response->trailers);
	return p->fault == REJECT_NONE ? HTTP1_END : HTTP1_FAULT;
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
