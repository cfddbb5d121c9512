/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One message, one meaning. What the parsers deliver is judged here once more as a whole, for HTTP/1.1 and
 * HTTP/2 alike: method, target, whom it is for, grammar of the lines, and where the content ends. Whatever
 * two readers could read in two ways is refused with a row of rejects.def.
 */
#ifndef HEADERS_CHECK_H
#define HEADERS_CHECK_H

#include "headers/request.h"

enum reject {
	REJECT_NONE,
#define REJECT(id, status, reason, prose) id,
#include "headers/rejects.def"
#undef REJECT
	REJECT_COUNT
};

int reject_status(enum reject r);         /* 0: the connection ends without an answer */
const char *reject_reason(enum reject r); /* "" for REJECT_NONE */
const char *reject_prose(enum reject r);

enum body_kind {
	BODY_NONE,
	BODY_LENGTH, /* framing.length bytes */
	BODY_CHUNKED,
	BODY_UNTIL_CLOSE, /* responses only */
	BODY_FRAMES,      /* HTTP/2 without Content-Length: DATA frames say it */
};

struct framing {
	enum body_kind kind;
	uint64_t length;
	bool keep_alive; /* the connection may carry another message after this one */
};

/*
 * A request's head. On entry req has arena, version, tls, method and lines; target is the request-target or
 * :path as received; of HTTP/2 authority is :authority ("" if absent). On REJECT_NONE raw, authority, host,
 * upgrade, expect_continue, has_body, content_length and body_size are set (target is a copy of raw until it
 * is normalised) and *f holds the framing. An HTTP/2 request is given the Host line it lacks, so that rules
 * see one in every version; else the lines are not changed: request_clean comes next. An HTTP/2 stream that
 * ended with its HEADERS frame has BODY_FRAMES all the same; the caller knows better and sets BODY_NONE and
 * has_body.
 */
enum reject request_check(struct request *req, struct str target, struct framing *f);

/* A request's trailer section, once it is there. Reserved and hop-by-hop names are no fault: trailers_clean
 * drops them. */
enum reject trailers_check(const struct lines *trailers);

/* An origin's head, of HTTP/1 (version is the response's) or HTTP/2, for a request with this method.
 * upgraded: the request asked for an upgrade, so that 101 is an answer. */
enum reject response_check(const struct response *res, enum http_version version, struct str method,
                           bool upgraded, struct framing *f);
enum reject response_trailers_check(const struct lines *trailers);

bool method_valid(struct str method);   /* a token */
bool method_refused(struct str method); /* TRACE, TRACK, CONNECT */

#endif
