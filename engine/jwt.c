/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request's token: found, taken apart, verified, and only then believed. Two tokens in one place are none;
 * a header that names critical extensions is refused, because this knows none.
 */
#include "engine/jwt.h"

#include "base/err.h"
#include "base/limits.h"
#include "engine/base64_text.h"
#include "engine/json.h"
#include "headers/pairs.h"

const struct jwt_block *jwt_find(const struct jwt_block *first, struct str name)
{
	for (; first != NULL; first = first->next)
		if (str_eq(first->name, name))
			return first;
	return NULL;
}

struct str jwt_result_text(enum jwt_result r)
{
	static const char *const texts[] = {
#define X(id, text) [id] = text,
	    JWT_RESULTS(X)
#undef X
	};

	return str_of(texts[r]);
}

/* The only one of that name in lines; *many when there are more. p NULL: none. */
static struct str only(const struct lines *l, struct str name, bool exact, bool *many)
{
	struct str found = STR_NONE;

	for (size_t i = 0; i < l->n; i++) {
		if (exact ? !str_eq(l->v[i].name, name) : !str_eq_nocase(l->v[i].name, name))
			continue;
		*many |= found.p != NULL;
		found = l->v[i].value.n > 0 ? l->v[i].value : STR("");
	}
	return found;
}

static int token_find(const struct jwt_block *b, const struct request *r, struct arena *a, struct str *out,
                      bool *many)
{
	struct lines cookies;

	*many = false;
	*out = STR_NONE;
	if (r == NULL)
		return 0;
	if (b->cookie.n > 0) {
		lines_init(&cookies, a);
		if (cookies_parse(&r->lines, &cookies) < 0)
			return -ERR_NOMEM;
		*out = only(&cookies, b->cookie, true, many);
		return 0;
	}
	*out = only(&r->lines, b->header, false, many);
	if (out->n > 7 && str_eq_nocase(str_sub(*out, 0, 7), STR("bearer ")))
		*out = str_trim(str_sub(*out, 7, out->n));
	else if (str_eq_nocase(b->header, STR("authorization")))
		*out = STR_NONE; /* another scheme */
	return 0;
}

static int part_decode(struct str part, struct arena *a, struct str *out, bool *good)
{
	char *p = arena_alloc(a, part.n + 4);

	if (p == NULL)
		return -ERR_NOMEM;
	*good = part.n > 0 && base64_text_decode(part, true, p, &out->n);
	out->p = p;
	return 0;
}

static struct str member(struct str object, struct str key)
{
	struct json_step step = {.key = key};

	return json_find(object, &step, 1);
}

/* header.payload.signature, whose signature is one of the block's keys'. Sets out->result, and out->claims.
 */
static int verify(const struct jwt_block *b, struct str token, struct arena *a, struct jwt *out)
{
	ptrdiff_t first = str_find(token, '.'), last = str_rfind(token, '.');
	struct str header, signature, alg;
	bool good[3];
	int rc;

	out->result = JWT_MALFORMED;
	if (token.n > LIMIT_STRING_BYTES || first < 1 || last <= first + 1 ||
	    str_find(str_sub(token, (size_t)first + 1, (size_t)last), '.') >= 0)
		return 0;
	if ((rc = part_decode(str_sub(token, 0, (size_t)first), a, &header, &good[0])) < 0 ||
	    (rc = part_decode(str_sub(token, (size_t)first + 1, (size_t)last), a, &out->claims, &good[1])) <
	        0 ||
	    (rc = part_decode(str_sub(token, (size_t)last + 1, token.n), a, &signature, &good[2])) < 0)
		return rc;
	if (!good[0] || !good[1] || !json_unquote(a, member(header, STR("alg")), &alg) || alg.p == NULL ||
	    member(header, STR("crit")).p != NULL)
		return 0;
	out->result = JWT_BAD_SIGNATURE;
	for (size_t i = 0; good[2] && i < b->nkeys; i++)
		if (jws_verify(b->keys[i], alg, str_sub(token, 0, (size_t)last), signature)) {
			out->result = JWT_OK;
			return 0;
		}
	return 0;
}

/* A time claim: absent is fine, anything but a whole number is not. */
static bool time_claim(struct str claims, struct str name, bool *given, int64_t *out)
{
	struct str raw = member(claims, name);

	*given = raw.p != NULL;
	return !*given || json_int(raw, out);
}

static bool is_audience(const struct jwt_block *b, struct arena *a, struct str raw)
{
	struct str text;

	if (raw.p == NULL || !json_unquote(a, raw, &text) || text.p == NULL)
		return false;
	for (size_t i = 0; i < b->naudiences; i++)
		if (str_eq(text, b->audiences[i]))
			return true;
	return false;
}

static bool audience_fits(const struct jwt_block *b, struct arena *a, struct str claims)
{
	struct json_step path[2] = {{.key = STR("aud")}, {.is_index = true}};
	struct str raw = member(claims, STR("aud"));

	if (b->naudiences == 0 || is_audience(b, a, raw))
		return true;
	for (; raw.p != NULL && (raw = json_find(claims, path, 2)).p != NULL; path[1].index++)
		if (is_audience(b, a, raw))
			return true;
	return false;
}

/* What a token with a good signature claims, against the clock and the block. */
static enum jwt_result claims_judge(const struct jwt_block *b, struct str claims, int64_t now,
                                    struct arena *a)
{
	int64_t expires, begins;
	bool ends, starts;
	struct str issuer, whole;

	whole = json_find(claims, NULL, 0);
	if (whole.n == 0 || whole.p[0] != '{' || !time_claim(claims, STR("exp"), &ends, &expires) ||
	    !time_claim(claims, STR("nbf"), &starts, &begins))
		return JWT_MALFORMED;
	if (ends && expires <= INT64_MAX - b->leeway && expires + b->leeway <= now)
		return JWT_EXPIRED;
	if (starts && begins > now + b->leeway)
		return JWT_NOT_YET_VALID;
	if (b->issuer.p != NULL && (!json_unquote(a, member(claims, STR("iss")), &issuer) ||
	                            issuer.p == NULL || !str_eq(issuer, b->issuer)))
		return JWT_BAD_ISSUER;
	return audience_fits(b, a, claims) ? JWT_OK : JWT_BAD_AUDIENCE;
}

int jwt_judge(const struct jwt_block *b, const struct request *r, int64_t now, struct arena *a,
              struct jwt *out)
{
	struct str token;
	bool many;
	int rc;

	*out = (struct jwt){.result = JWT_ABSENT};
	if ((rc = token_find(b, r, a, &token, &many)) < 0)
		return rc;
	if (token.p == NULL && !many)
		return 0;
	out->result = JWT_MALFORMED;
	if (many || (rc = verify(b, token, a, out)) < 0)
		return many ? 0 : rc;
	if (out->result == JWT_OK)
		out->result = claims_judge(b, out->claims, now, a);
	if (out->result != JWT_OK)
		out->claims = STR("");
	return 0;
}
