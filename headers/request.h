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
	struct str uri;   /* path and, if there is a '?', the query with it */
	struct str path;
	struct str query; /* without '?' */
	bool has_query;
};

enum normalize { NORMALIZE_OFF, NORMALIZE_RFC3986, NORMALIZE_CLOUDFLARE };

struct request {
	struct arena *arena;       /* borrowed: the exchange's */
	enum http_version version;
	bool tls;                  /* scheme of full_uri */
	struct str method;
	struct str authority;      /* as received: Host or :authority, after checks */
	struct str host;           /* authority's host: lower case, no port, no final dot; what zones match */
	struct target raw;         /* as received (origin form; an absolute form is taken apart) */
	struct target target;      /* normalised; URL rewrites change this one */
	struct lines lines;        /* header section without hop-by-hop lines once request_clean has run */
	struct lines trailers;
	bool has_body;             /* content-length > 0 or transfer coding */
	int64_t content_length;    /* -1: not known beforehand */
	struct str body;           /* buffered for inspection; empty unless asked for */
	bool body_truncated;
	int64_t body_size;         /* as far as known; see fields */
	int64_t time_msec;         /* Unix milliseconds when the request arrived */
};

struct response {
	struct arena *arena;
	int status;
	struct lines lines;
	struct lines trailers;
};

/* Splits target in origin form ("/a?b", "*") into t. false: not valid per RFC 9112, section 3.2. */
bool target_split(struct str uri, struct target *t);

/* from → to under the mode (reference 5.2; RFC 3986, 6.2.2: unreserved %XX decoded, other %XX upper case,
 * dot segments removed; CLOUDFLARE: first '\' → '/', '//' merged). Only the path is changed structurally; the
 * query gets the %XX rules of RFC 3986 as well. 0 or -ERR_NOMEM. */
int target_normalize(struct arena *a, const struct target *from, enum normalize mode, struct target *to);

/* Host of an authority: lower case, without port and final dot, IPv6 in brackets kept. false: not an authority
 * (userinfo, empty host, bad port, characters outside RFC 3986's host). */
bool authority_host(struct arena *a, struct str authority, struct str *host);

/* Takes away what no client may say (see reserved.def): hop-by-hop lines and those that Connection names, and every
 * reserved name in any case and with '_' for '-', from header and trailer sections. Runs before rules and transforms. */
int request_clean(struct request *req);

#endif
