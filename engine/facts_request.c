/* SPDX-License-Identifier: Apache-2.0 */
/* Requests go through the checks, the cleaning and the normalisation that the proxy's requests go through. */
#include "engine/facts_request.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "engine/names.h"
#include "engine/value_json.h"
#include "headers/check.h"
#include "mtls/inspect.h"

int facts_wrong(struct facts_loader *l, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	*l->why = arena_str(l->a, str_of(text));
	return l->why->p != NULL ? -ERR_INVALID : -ERR_NOMEM;
}

/* Every member is one of these, or there is an error: a slip of the pen must not be read as a default. */
static int members_known(struct facts_loader *l, const json_t *object, const char *what,
                         const char *const *names, size_t n)
{
	const char *name;
	json_t *value;

	json_object_foreach((json_t *)object, name, value)
	{
		struct nearest near = {.name = str_of(name)};
		bool known = false;

		for (size_t i = 0; i < n; i++) {
			known |= strcmp(name, names[i]) == 0;
			nearest_offer(&near, str_of(names[i]));
		}
		if (!known && near.best.n > 0)
			return facts_wrong(l, "%s.%s: there is no such member; did you mean %.*s?", what, name,
			                   STR_FMT(near.best));
		if (!known)
			return facts_wrong(l, "%s.%s: there is no such member", what, name);
	}
	return 0;
}

/* A text member; def if it is not there. */
static int member(struct facts_loader *l, const json_t *object, const char *what, const char *name,
                  struct str def, struct str *out)
{
	const json_t *json = json_object_get(object, name);
	const char *wrong;

	*out = def;
	if (json == NULL || (wrong = bytes_of_json(l->a, json, out)) == NULL)
		return 0;
	return facts_wrong(l, "%s.%s: %s", what, name, wrong);
}

static int lines_of(struct facts_loader *l, const json_t *object, const char *what, struct lines *lines)
{
	json_t *array = json_object_get(object, "headers"), *pair;
	const char *wrong;
	size_t i;

	lines_init(lines, l->a);
	if (array == NULL)
		return 0;
	if (!json_is_array(array))
		return facts_wrong(l, "%s.headers: an array of [name, value] is needed here", what);
	json_array_foreach(array, i, pair)
	{
		struct str name, value;

		if (!json_is_array(pair) || json_array_size(pair) != 2)
			return facts_wrong(l, "%s.headers[%zu]: [name, value] is needed here", what, i);
		if ((wrong = bytes_of_json(l->a, json_array_get(pair, 0), &name)) != NULL ||
		    (wrong = bytes_of_json(l->a, json_array_get(pair, 1), &value)) != NULL)
			return facts_wrong(l, "%s.headers[%zu]: %s", what, i, wrong);
		if (!lines_add(lines, name, str_trim(value)))
			return -ERR_NOMEM;
	}
	return 0;
}

static int version_of(struct facts_loader *l, struct str text, enum http_version *out)
{
	static const struct {
		const char *text;
		enum http_version version;
	} known[] = {
	    {"HTTP/1.0", HTTP_1_0},
	    {"HTTP/1.1", HTTP_1_1},
	    {"HTTP/2", HTTP_2},
	    {"HTTP/2.0", HTTP_2},
	};

	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (str_eq(text, str_of(known[i].text))) {
			*out = known[i].version;
			return 0;
		}
	return facts_wrong(l, "request.version: HTTP/1.0, HTTP/1.1 or HTTP/2, not %.*s", STR_FMT(text));
}

static int normalize_of(struct facts_loader *l, struct str text, enum normalize *out)
{
	static const char *const names[] = {"off", "rfc3986", "cloudflare"};

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (str_eq(text, str_of(names[i]))) {
			*out = (enum normalize)i;
			return 0;
		}
	return facts_wrong(l, "request.normalize: off, rfc3986 or cloudflare, not %.*s", STR_FMT(text));
}

/* The content: its size is what Content-Length says, where it says one. */
static int content(struct facts_loader *l, const json_t *object, struct request *r,
                   const struct framing *framing)
{
	int rc = member(l, object, "request", "body", STR(""), &r->body);

	if (rc < 0)
		return rc;
	if (framing->kind != BODY_LENGTH)
		r->content_length = (int64_t)r->body.n;
	if (r->content_length > 0 && (uint64_t)r->content_length < r->body.n)
		return facts_wrong(l, "request.body: longer than its Content-Length");
	r->body_size = (int64_t)r->body.n;
	r->has_body = r->content_length > 0 || framing->kind == BODY_CHUNKED;
	return 0;
}

/* What stands between scheme and path of an absolute URI; "" in other forms. */
static struct str authority_of(struct str uri)
{
	struct str scheme = str_starts(uri, STR("http://")) ? STR("http://") : STR("https://");
	size_t end = scheme.n;

	if (!str_starts(uri, scheme))
		return STR("");
	while (end < uri.n && uri.p[end] != '/' && uri.p[end] != '?')
		end++;
	return str_sub(uri, scheme.n, end);
}

/* As the proxy checks it, but for one thing: here a request need not have a Host. */
static int check(struct facts_loader *l, struct request *r, struct str uri, struct framing *framing)
{
	bool hostless = lines_count(&r->lines, STR("host")) == 0;
	struct str host = authority_of(uri);
	bool named = host.n > 0;
	enum reject reject;

	if (hostless && !lines_add(&r->lines, STR("Host"), named ? host : STR("host.invalid")))
		return -ERR_NOMEM;
	if ((reject = request_check(r, uri, framing)) != REJECT_NONE)
		return facts_wrong(l, "request: refused, as the proxy would (%s)", reject_prose(reject));
	if (hostless)
		lines_remove(&r->lines, STR("host"));
	if (hostless && !named)
		r->host = r->authority = STR("");
	return 0;
}

int facts_request(struct facts_loader *l, const json_t *object)
{
	static const char *const members[] = {"method", "uri",    "version",  "headers",
	                                      "body",   "scheme", "normalize"};
	struct request *r = &l->f->request;
	struct str version, scheme, normalize, uri;
	struct framing framing;
	enum normalize mode = NORMALIZE_CLOUDFLARE;
	int rc;

	if (!json_is_object(object))
		return facts_wrong(l, "request: an object is needed here");
	*r = (struct request){.arena = l->a, .content_length = -1, .time_msec = l->f->in.now_msec};
	if ((rc = members_known(l, object, "request", members, sizeof(members) / sizeof(*members))) < 0 ||
	    (rc = member(l, object, "request", "method", STR("GET"), &r->method)) < 0 ||
	    (rc = member(l, object, "request", "uri", STR("/"), &uri)) < 0 ||
	    (rc = member(l, object, "request", "version", STR("HTTP/1.1"), &version)) < 0 ||
	    (rc = member(l, object, "request", "scheme", STR(""), &scheme)) < 0 ||
	    (rc = member(l, object, "request", "normalize", STR("cloudflare"), &normalize)) < 0 ||
	    (rc = version_of(l, version, &r->version)) < 0 || (rc = normalize_of(l, normalize, &mode)) < 0 ||
	    (rc = lines_of(l, object, "request", &r->lines)) < 0)
		return rc;
	if (scheme.n > 0 && !str_eq(scheme, STR("https")) && !str_eq(scheme, STR("http")))
		return facts_wrong(l, "request.scheme: http or https, not %.*s", STR_FMT(scheme));
	r->tls = scheme.n > 0
	             ? str_eq(scheme, STR("https"))
	             : str_starts(uri, STR("https://")) || json_is_true(json_object_get(l->object, "ssl")) ||
	                   json_object_get(l->object, "client_certificate") != NULL;
	lines_init(&r->trailers, l->a);
	if ((rc = check(l, r, uri, &framing)) < 0)
		return rc;
	if ((rc = content(l, object, r, &framing)) < 0)
		return rc;
	if ((rc = request_clean(r)) < 0)
		return rc == -ERR_NOMEM ? rc
		                        : facts_wrong(l, "request: refused, as the proxy would (%s)",
		                                      reject_prose(REJECT_TWIN_NAMES));
	if ((rc = target_normalize(l->a, &r->raw, mode, &r->target)) < 0)
		return rc;
	l->f->in.request = r;
	return 0;
}

int facts_response(struct facts_loader *l, const json_t *object)
{
	static const char *const members[] = {"status", "headers"};
	struct response *r = &l->f->response;
	const struct request *request = l->f->in.request;
	const json_t *status = json_object_get(object, "status");
	struct framing framing;
	enum reject reject;
	int rc;

	if (!json_is_object(object))
		return facts_wrong(l, "response: an object is needed here");
	if ((rc = members_known(l, object, "response", members, sizeof(members) / sizeof(*members))) < 0)
		return rc;
	if (status != NULL && (!json_is_integer(status) || json_integer_value(status) < 100 ||
	                       json_integer_value(status) > 599))
		return facts_wrong(l, "response.status: a number from 100 to 599 is needed here");
	*r = (struct response){.arena = l->a,
	                       .status = status != NULL ? (int)json_integer_value(status) : 200};
	lines_init(&r->trailers, l->a);
	if ((rc = lines_of(l, object, "response", &r->lines)) < 0)
		return rc;
	reject = response_check(r, HTTP_1_1, request != NULL ? request->method : STR("GET"),
	                        request != NULL && request->upgrade.n > 0, &framing);
	if (reject != REJECT_NONE)
		return facts_wrong(l, "response: refused, as the proxy would (%s)", reject_prose(reject));
	response_clean(r);
	l->f->in.response = r;
	return 0;
}

/* ---- certificates ------------------------------------------------------------------------------------- */

static int file_of(struct facts_loader *l, const char *name, const json_t *json, struct str *out)
{
	struct str path;

	if (!json_is_string(json))
		return facts_wrong(l, "%s: the name of a file is needed here", name);
	path = file_path(l->a, l->dir, (struct str){json_string_value(json), json_string_length(json)});
	if (path.p == NULL)
		return -ERR_NOMEM;
	if (file_read(l->a, path.p, LIMIT_FILE_BYTES, out) < 0)
		return facts_wrong(l, "%s: %s: %s", name, path.p, strerror(errno));
	return 0;
}

int facts_certificate(struct facts_loader *l)
{
	const json_t *pem = json_object_get(l->object, "client_certificate"),
	             *ca = json_object_get(l->object, "client_ca");
	const json_t *crl = json_object_get(l->object, "client_crl");
	size_t n = json_is_array(crl) ? json_array_size(crl) : crl != NULL;
	struct str chain, anchors = STR(""), *crls = arena_array(l->a, n + 1, sizeof(*crls));
	const char *why = "";
	int rc;

	if (crls == NULL)
		return -ERR_NOMEM;
	if (json_is_null(pem) || pem == NULL)
		return 0;
	if ((rc = file_of(l, "client_certificate", pem, &chain)) < 0)
		return rc;
	if (ca != NULL && (rc = file_of(l, "client_ca", ca, &anchors)) < 0)
		return rc;
	for (size_t i = 0; i < n; i++)
		if ((rc = file_of(l, "client_crl", json_is_array(crl) ? json_array_get(crl, i) : crl,
		                  &crls[i])) < 0)
			return rc;
	rc = inspect_chain(&l->f->cert, chain, anchors, crls, n, l->f->in.now_msec / 1000, &why);
	if (rc == -ERR_INVALID)
		return facts_wrong(l, "client_certificate: %s", why);
	l->f->in.cert = l->f->cert;
	return rc;
}
