/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and one response as plain data, whatever protocol they came by. The proxy's parsers fill these;
 * rules read them; headers/edit.c changes them.
 */
#ifndef HEADERS_REQUEST_H
#define HEADERS_REQUEST_H

#include "headers/lines.h"

enum http_version { HTTP_1_0 = 10, HTTP_1_1 = 11, HTTP_2 = 20 };

/* A request target in parts. Everything borrows from the arena. */
struct target {
	struct str uri; /* path and, if there is a '?', the query with it */
	struct str path;
	struct str query; /* without '?' */
	bool has_query;
};

enum normalize { NORMALIZE_OFF, NORMALIZE_RFC3986, NORMALIZE_CLOUDFLARE };

struct request {
	struct arena *arena; /* borrowed: the exchange's */
	enum http_version version;
	bool tls; /* scheme of full_uri */
	struct str method;
	struct str authority; /* as received: Host or :authority, after checks */
	struct str host;      /* authority's host: lower case, no port, no final dot; what zones match */
	struct target raw;    /* as received (origin form; an absolute form is taken apart) */
	struct target target; /* normalised; URL rewrites change this one */
	struct lines lines;   /* header section without hop-by-hop lines once request_clean has run */
	struct lines trailers;
	struct str upgrade;     /* "websocket": a handshake, in HTTP/2 an extended CONNECT; "": none */
	bool expect_continue;   /* the client waits for 100 before it sends content */
	bool has_body;          /* content-length > 0 or transfer coding */
	int64_t content_length; /* -1: not known beforehand */
	struct str body;        /* buffered for inspection; empty unless asked for */
	bool body_truncated;
	int64_t body_size; /* as far as known; see fields */
	int64_t time_msec; /* Unix milliseconds when the request arrived */
};

struct response {
	struct arena *arena;
	int status;
	struct lines lines;
	struct lines trailers;
};

/* Splits a target in origin form ("/a?b") or asterisk form ("*") into t. false: not valid per RFC 9112,
 * section 3.2: another form, bytes outside printable ASCII, '#'; in the path also a '%' without two
 * hexadecimal digits, and %00. Characters that RFC 3986 leaves out but clients send ('|', '[', '\\', '{' …)
 * are taken. */
bool target_split(struct str uri, struct target *t);

/* from → to under the mode (reference 5.2; RFC 3986, 6.2.2): in the path unreserved %XX decoded, other %XX
 * made upper case, dot segments removed; CLOUDFLARE first makes '\\' '/' and then merges '//'. Decoding
 * happens once. The query stays as it is: rules see arguments undecoded. 0 or -ERR_NOMEM. Running it twice
 * gives the same. */
int target_normalize(struct arena *a, const struct target *from, enum normalize mode, struct target *to);

/* A target made of a path and a query, after a rewrite; has_query with an empty query keeps the '?'. 0 or
 * -ERR_NOMEM. */
int target_join(struct arena *a, struct str path, struct str query, bool has_query, struct target *out);

/* What a computed path must be: "/" and then pchar and "/" of RFC 3986, section 3.3. */
bool path_valid(struct str path);
/* What a computed query must be: printable ASCII without '#' and space. */
bool query_valid(struct str query);

/* http.request.uri.path.extension: after the last dot of the last segment, lower case, "" if that segment has
 * none, begins with its only dot or ends in it. p is NULL when out of memory. */
struct str path_extension(struct arena *a, struct str path);

/* An authority (RFC 3986, section 3.2) without userinfo. Stricter than the RFC where two readers could
 * differ: the host holds only letters, digits, '-', '.', '_' and '~', no empty label but one at the end, or
 * is an IPv6 address in brackets; a port is 1–65535 without leading zeros. */
struct authority {
	struct str host; /* as written, brackets kept, final dot dropped */
	uint16_t port;   /* 0: none given */
};
bool authority_split(struct str text, struct authority *out);

/* Host of an authority: lower case, without port and final dot, an IPv6 address canonical and in brackets.
 * false: not an authority; or out of memory, then host->n is not 0 and host->p is NULL. */
bool authority_host(struct arena *a, struct str authority, struct str *host);

/* Takes away what no client may say: hop-by-hop lines (names.def) and those that Connection names, Expect, and
 * Upgrade unless it is a handshake's, which rules see in one spelling, and every reserved name (reserved.def) in any spelling, from header and trailer sections; several
 * Cookie lines become one. Runs after request_check and before rules and transforms; for trailers that came
 * late there is trailers_clean. 0, -ERR_NOMEM, or -ERR_INVALID: two lines remain whose names differ only by
 * '_' and '-' (REJECT_TWIN_NAMES). */
int request_clean(struct request *req);
void trailers_clean(struct lines *trailers);

/* The same for what an origin answers: hop-by-hop lines and those that Connection names; Client-Cert lines
 * too, which RFC 9440 bans from responses. */
void response_clean(struct response *res);

#endif
