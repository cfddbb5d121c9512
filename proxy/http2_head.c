/* SPDX-License-Identifier: Apache-2.0 */
/* Pseudo-headers and lines of HTTP/2 requests. */
#include "proxy/http2_head.h"

enum pseudo { PSEUDO_METHOD, PSEUDO_SCHEME, PSEUDO_AUTHORITY, PSEUDO_PATH, PSEUDO_PROTOCOL, PSEUDO_COUNT };

static const struct str pseudo_names[PSEUDO_COUNT] = {
	STR(":method"), STR(":scheme"), STR(":authority"), STR(":path"), STR(":protocol"),
};

enum { LINE_OVERHEAD = 4 }; /* colon, space, CR, LF */

void http2_head_begin(struct http2_head *h, struct request *req, const struct http2_limits *limits)
{
	*h = (struct http2_head){ .request = req, .limits = *limits };
	req->version = HTTP_2;
	req->authority = STR("");
}

void http2_head_trailers(struct http2_head *h)
{
	h->trailer = true;
	h->bytes = h->count = 0;
}

static struct str *pseudo_place(struct http2_head *h, enum pseudo p)
{
	switch (p) {
	case PSEUDO_METHOD:
		return &h->request->method;
	case PSEUDO_SCHEME:
		return &h->scheme;
	case PSEUDO_AUTHORITY:
		return &h->request->authority;
	case PSEUDO_PATH:
		return &h->path;
	default:
		return &h->protocol;
	}
}

static enum reject pseudo_line(struct http2_head *h, struct str name, struct str value)
{
	struct str *place;
	unsigned i;

	for (i = 0; i < PSEUDO_COUNT && !str_eq(name, pseudo_names[i]); i++)
		;
	if (i == PSEUDO_COUNT || h->trailer || h->regular || (h->seen & 1u << i) != 0 || value.n == 0)
		return REJECT_H2_PSEUDO;
	h->seen |= 1u << i;
	if ((i == PSEUDO_METHOD || i == PSEUDO_PATH) && value.n > h->limits.line)
		return REJECT_TARGET_LONG;
	place = pseudo_place(h, i);
	*place = arena_str(h->request->arena, value);
	return place->p != NULL ? REJECT_NONE : REJECT_NO_MEMORY;
}

static bool has_upper(struct str name)
{
	size_t i;

	for (i = 0; i < name.n; i++)
		if (name.p[i] >= 'A' && name.p[i] <= 'Z')
			return true;
	return false;
}

static enum reject regular_line(struct http2_head *h, struct str name, struct str value)
{
	struct request *req = h->request;
	struct lines *lines = h->trailer ? &req->trailers : &req->lines;
	bool crumb = str_eq(name, STR("cookie"));

	h->regular = true;
	if (h->bytes > h->limits.bytes)
		return REJECT_LINES_LARGE;
	if (!(crumb && h->cookie) && ++h->count > h->limits.count)
		return REJECT_LINES_MANY;
	h->cookie = h->cookie || crumb;
	if (!name_valid(name) || has_upper(name))
		return h->trailer ? REJECT_TRAILER : REJECT_NAME;
	name = arena_str(req->arena, name);
	value = arena_str(req->arena, value);
	return name.p != NULL && value.p != NULL && lines_add(lines, name, value) ? REJECT_NONE : REJECT_NO_MEMORY;
}

void http2_head_line(struct http2_head *h, struct str name, struct str value)
{
	bool pseudo = name.n > 0 && name.p[0] == ':';

	if (!pseudo || str_eq(name, pseudo_names[PSEUDO_AUTHORITY])) /* the latter stands for Host */
		h->bytes += name.n + value.n + LINE_OVERHEAD;
	if (h->fault == REJECT_NONE)
		h->fault = pseudo ? pseudo_line(h, name, value) : regular_line(h, name, value);
}

static enum reject pseudo_check(const struct http2_head *h)
{
	const unsigned wanted = 1u << PSEUDO_METHOD | 1u << PSEUDO_SCHEME | 1u << PSEUDO_PATH;
	const struct request *req = h->request;
	bool connect = str_eq(req->method, STR("CONNECT")), extended = (h->seen & 1u << PSEUDO_PROTOCOL) != 0;

	if (connect && !extended)
		return REJECT_METHOD_REFUSED; /* RFC 9113, section 8.5: has neither :scheme nor :path */
	if ((h->seen & wanted) != wanted || connect != extended)
		return REJECT_H2_PSEUDO;
	if (extended && !str_eq_nocase(h->protocol, STR("websocket")))
		return REJECT_H2_PROTOCOL;
	if (req->method.n + h->path.n > h->limits.line)
		return REJECT_TARGET_LONG;
	if (!str_eq_nocase(h->scheme, req->tls ? STR("https") : STR("http")))
		return REJECT_SCHEME;
	return REJECT_NONE;
}

/* RFC 8441: what comes after the handshake is no content of it. Judged and sent on it is what HTTP/1.1 would have
 * sent, so that no rule needs to know of two forms. */
static enum reject handshake(struct request *req, struct framing *f)
{
	if (f->kind != BODY_FRAMES)
		return REJECT_H2_LENGTH;
	f->kind = BODY_NONE;
	req->has_body = false;
	req->content_length = 0;
	req->upgrade = STR("websocket");
	return REJECT_NONE;
}

enum reject http2_head_end(struct http2_head *h, bool end, struct framing *f)
{
	struct request *req = h->request;
	enum reject r = h->fault;

	*f = (struct framing){ BODY_NONE, 0, true };
	if (r != REJECT_NONE || (r = pseudo_check(h)) != REJECT_NONE)
		return r;
	if (h->protocol.n > 0)
		req->method = STR("GET");
	if ((r = request_check(req, h->path, f)) != REJECT_NONE)
		return r;
	if (h->protocol.n > 0)
		return handshake(req, f);
	if (!end)
		return REJECT_NONE;
	if (req->content_length > 0)
		return REJECT_H2_LENGTH;
	f->kind = BODY_NONE;
	req->has_body = false;
	req->content_length = 0;
	return REJECT_NONE;
}

enum reject http2_head_trailers_end(struct http2_head *h, bool end)
{
	if (h->fault != REJECT_NONE)
		return h->fault;
	if (!end)
		return REJECT_TRAILER; /* a second header section in the middle of the content */
	return trailers_check(&h->request->trailers);
}

bool http2_length_fits(const struct request *req, uint64_t received, bool ended)
{
	if (req->content_length < 0)
		return true;
	return ended ? received == (uint64_t)req->content_length : received <= (uint64_t)req->content_length;
}

bool http2_malformed(enum reject r)
{
	switch (r) {
	case REJECT_H2_PSEUDO:
	case REJECT_H2_CONNECTION:
	case REJECT_H2_LENGTH:
	case REJECT_NAME:
	case REJECT_VALUE:
	case REJECT_TRAILER:
	case REJECT_LENGTH:
	case REJECT_LENGTH_TWICE:
		return true;
	default:
		return false;
	}
}
