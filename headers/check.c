/* SPDX-License-Identifier: Apache-2.0 */
/* Judging a request's head: method, target, host, lines. Where the content ends is framing.c's question. */
#include "headers/check.h"
#include "headers/internal.h"
#include "headers/names.h"

static const struct {
	int status;
	const char *reason, *prose;
} rows[] = {
    {0, "", ""},
#define REJECT(id, status, reason, prose) {status, reason, prose},
#include "headers/rejects.def"
#undef REJECT
};

int reject_status(enum reject r)
{
	return rows[r].status;
}

const char *reject_reason(enum reject r)
{
	return rows[r].reason;
}

const char *reject_prose(enum reject r)
{
	return rows[r].prose;
}

bool method_valid(struct str method)
{
	return name_valid(method);
}

/* Methods are case-sensitive; an origin that forgets that must not be reached with a "trace" either. */
bool method_refused(struct str method)
{
	return str_eq_nocase(method, STR("TRACE")) || str_eq_nocase(method, STR("TRACK")) ||
	       str_eq_nocase(method, STR("CONNECT"));
}

/* Methods that may be passed on: any token, since a proxy need not know what it means (RFC 9110, section 16.1.1), but
 * with lower-case letters, which an origin that forgets that methods are case-sensitive reads as another method than
 * rules did. PRI is no method, it is how HTTP/2 begins. */
static bool method_known(struct str method)
{
	size_t i;

	for (i = 0; i < method.n; i++)
		if (method.p[i] >= 'a' && method.p[i] <= 'z')
			return false;
	return !str_eq(method, STR("PRI"));
}

/* Takes "scheme://authority" off the front of an absolute form; false if target is none. */
static bool absolute_split(struct str target, struct str *authority, struct str *rest, uint16_t *port)
{
	ptrdiff_t end;

	if (str_eq_nocase(str_sub(target, 0, 7), STR("http://")))
		*port = 80;
	else if (str_eq_nocase(str_sub(target, 0, 8), STR("https://")))
		*port = 443;
	else
		return false;
	target = str_sub(target, *port == 80 ? 7 : 8, target.n);
	for (end = 0; (size_t)end < target.n && target.p[end] != '/' && target.p[end] != '?'; end++)
		;
	*authority = str_sub(target, 0, (size_t)end);
	*rest = str_sub(target, (size_t)end, target.n);
	return true;
}

/* Whether two authorities name the same place; without a port they mean that of the scheme. */
static bool authority_same(struct str a, struct str b, uint16_t port)
{
	struct authority one, other;

	if (!authority_split(a, &one) || !authority_split(b, &other) || !str_eq_nocase(one.host, other.host))
		return false;
	return (one.port ? one.port : port) == (other.port ? other.port : port);
}

/* Target and authority: fills raw and authority. */
static enum reject place_check(struct request *req, struct str target)
{
	const struct line *host = lines_get(&req->lines, STR("host"));
	struct str authority, rest;
	uint16_t port = req->tls ? 443 : 80;
	bool absolute = req->version != HTTP_2 && absolute_split(target, &authority, &rest, &port);

	if (host && lines_next(&req->lines, host, STR("host")))
		return REJECT_HOST_TWICE;
	if (req->version != HTTP_2)
		req->authority = absolute && req->version == HTTP_1_0 ? authority : STR("");
	if (!req->authority.n && !host)
		return REJECT_HOST_MISSING;
	if (host && (req->version != HTTP_2 || !req->authority.n))
		req->authority = host->value;
	else if (!host && !lines_add(&req->lines, STR("host"), req->authority))
		return REJECT_NO_MEMORY;
	else if (host && !authority_same(host->value, req->authority, port))
		return REJECT_HOST_DISAGREES;
	if (absolute) {
		struct authority parts;

		if (port == 443 && !req->tls)
			return REJECT_SCHEME;
		if (!authority_split(authority, &parts))
			return REJECT_TARGET;
		if (!authority_split(req->authority, &parts))
			return REJECT_HOST;
		if (!authority_same(authority, req->authority, port))
			return REJECT_HOST_DISAGREES;
		if (rest.n == 0 || rest.p[0] == '?') {
			if (str_eq(req->method, STR("OPTIONS")) && rest.n == 0)
				rest = STR("*");
			else
				rest = arena_concat(req->arena, (struct str[]){STR("/"), rest}, 2);
			if (!rest.p)
				return REJECT_NO_MEMORY;
		}
		target = rest;
	} else if (str_eq(target, STR("*")) && !str_eq(req->method, STR("OPTIONS"))) {
		return REJECT_TARGET;
	}
	return target_split(target, &req->raw) ? REJECT_NONE : REJECT_TARGET;
}

static enum reject host_check(struct request *req)
{
	if (authority_host(req->arena, req->authority, &req->host))
		return REJECT_NONE;
	return req->host.n ? REJECT_NO_MEMORY : REJECT_HOST;
}

/* A framing header's name with another character for '-': an origin that folds names would find framing that we did not
 * judge. */
static bool name_misspells_framing(struct str name)
{
	return (name_twin(name, STR("content-length")) || name_twin(name, STR("transfer-encoding"))) &&
	       str_find(name, '-') < 0;
}

static enum reject lines_check(const struct lines *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		struct str name = l->v[i].name;

		if (!name_valid(name))
			return REJECT_NAME;
		if (!value_valid(l->v[i].value))
			return REJECT_VALUE;
		if (name_misspells_framing(name))
			return REJECT_TWIN_NAMES;
		if ((name_flags(name) & ONCE) && lines_next(l, &l->v[i], name))
			return str_eq_nocase(name, STR("content-length")) ? REJECT_LENGTH_TWICE
			       : str_eq_nocase(name, STR("host"))         ? REJECT_HOST_TWICE
			                                                  : REJECT_LINE_TWICE;
	}
	return REJECT_NONE;
}

/* Connection (RFC 9110, section 7.6.1): names, of which none may be what the message's meaning hangs on. */
static enum reject connection_check(const struct lines *l)
{
	const struct line *at = NULL;

	while ((at = lines_next(l, at, STR("connection")))) {
		struct str rest = at->value, name;

		while (list_next(&rest, &name))
			if (!name_valid(name) || (name_flags_twin(name) & NO_CONNECTION))
				return REJECT_CONNECTION;
	}
	return REJECT_NONE;
}

/* RFC 9113, section 8.2.2. */
static enum reject h2_check(const struct lines *l)
{
	const struct line *te = NULL;
	size_t i;

	for (i = 0; i < l->n; i++) {
		struct str name = l->v[i].name;

		if (str_eq(name, STR("connection")) || str_eq(name, STR("proxy-connection")) ||
		    str_eq(name, STR("keep-alive")) || str_eq(name, STR("transfer-encoding")) ||
		    str_eq(name, STR("upgrade")))
			return REJECT_H2_CONNECTION;
	}
	while ((te = lines_next(l, te, STR("te"))))
		if (!str_eq_nocase(te->value, STR("trailers")))
			return REJECT_H2_CONNECTION;
	return REJECT_NONE;
}

/* RFC 9110, section 10.1.1: a list. */
static enum reject expect_check(struct request *req)
{
	const struct line *at = NULL;

	req->expect_continue = false;
	while (req->version != HTTP_1_0 && (at = lines_next(&req->lines, at, STR("expect")))) {
		struct str rest = at->value, element;

		while (list_next(&rest, &element)) {
			if (!str_eq_nocase(element, STR("100-continue")))
				return REJECT_EXPECT;
			req->expect_continue = true;
		}
	}
	return REJECT_NONE;
}

/* WebSocket alone (RFC 6455): through a switch to h2c or to what else an origin may know, requests would reach it
 * that no rule has seen. Other offers are passed over, as RFC 9110, section 7.8, allows. */
static void upgrade_note(struct request *req)
{
	req->upgrade = STR("");
	if (req->version == HTTP_1_1 && str_eq(req->method, STR("GET")) && !req->has_body &&
	    lines_list_has(&req->lines, STR("connection"), STR("upgrade")) &&
	    lines_list_has(&req->lines, STR("upgrade"), STR("websocket")))
		req->upgrade = STR("websocket");
}

enum reject request_check(struct request *req, struct str target, struct framing *f)
{
	enum reject r;

	*f = (struct framing){BODY_NONE, 0, false};
	if (!method_valid(req->method))
		return REJECT_METHOD;
	if (method_refused(req->method))
		return REJECT_METHOD_REFUSED;
	if (!method_known(req->method))
		return REJECT_METHOD_UNKNOWN;
	if ((r = lines_check(&req->lines)) || (r = place_check(req, target)) || (r = host_check(req)))
		return r;
	if ((r = req->version == HTTP_2 ? h2_check(&req->lines) : connection_check(&req->lines)))
		return r;
	if ((r = framing_request(req, f)) || (r = expect_check(req)))
		return r;
	upgrade_note(req);
	req->target = req->raw;
	return REJECT_NONE;
}

enum reject trailers_check(const struct lines *trailers)
{
	size_t i;

	for (i = 0; i < trailers->n; i++) {
		struct str name = trailers->v[i].name;

		if (!name_valid(name) || !value_valid(trailers->v[i].value))
			return REJECT_TRAILER;
		if (!name_reserved(name) && (name_flags_twin(name) & NO_TRAILER))
			return REJECT_TRAILER;
	}
	return lines_collide(trailers) ? REJECT_TRAILER : REJECT_NONE;
}
