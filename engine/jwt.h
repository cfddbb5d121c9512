/* SPDX-License-Identifier: Apache-2.0 */
/*
 * JSON web tokens (RFC 7519): the jwt blocks of a rule file, and what a request's token says under each of
 * them. A block names the place of the token, the keys that may have signed it, and what it must claim.
 */
#ifndef ENGINE_JWT_H
#define ENGINE_JWT_H

#include "base/diag.h"
#include "engine/owner.h"
#include "grammar/ast.h"
#include "headers/request.h"
#include "mtls/jws.h"

struct jwt_block {
	struct str name;
	struct span span;
	struct str header, cookie; /* one of them is set */
	struct jws_key **keys;
	size_t nkeys;
	struct str issuer; /* p NULL: any */
	struct str *audiences;
	size_t naudiences; /* 0: any */
	int64_t leeway;    /* seconds */
	struct jwt_block *next;
};

/* What a request's token is worth; text as in jwt.result. */
#define JWT_RESULTS(X)                                                                                       \
	X(JWT_ABSENT, "absent")                                                                              \
	X(JWT_OK, "ok")                                                                                      \
	X(JWT_MALFORMED, "malformed")                                                                        \
	X(JWT_BAD_SIGNATURE, "bad_signature")                                                                \
	X(JWT_EXPIRED, "expired")                                                                            \
	X(JWT_NOT_YET_VALID, "not_yet_valid")                                                                \
	X(JWT_BAD_ISSUER, "bad_issuer")                                                                      \
	X(JWT_BAD_AUDIENCE, "bad_audience")

enum jwt_result {
#define X(id, text) id,
	JWT_RESULTS(X)
#undef X
};

struct jwt {
	enum jwt_result result;
	struct str claims; /* the payload, JSON; only of a token that is JWT_OK */
};

/* The blocks of a file, in order; errors are queued. What they own goes to owner, the rest lives in a. */
struct jwt_block *jwt_load(struct arena *a, struct owner *owner, const struct ast_file *file,
                           struct diags *d);
const struct jwt_block *jwt_find(const struct jwt_block *first, struct str name);

/* now: Unix seconds. 0, or -ERR_NOMEM (then the token counts for nothing). */
int jwt_judge(const struct jwt_block *b, const struct request *r, int64_t now, struct arena *a,
              struct jwt *out);
struct str jwt_result_text(enum jwt_result r);

#endif
