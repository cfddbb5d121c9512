/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where a message's content ends (RFC 9112, section 6.3), and whether the connection goes on after it. The
 * RFC lets a recipient repair several kinds of message; each repair is one that another reader may not make,
 * so none is made.
 */
#include "headers/check.h"
#include "headers/internal.h"

/* 18 digits fit a signed 64-bit number whatever they are. */
enum { LENGTH_DIGITS = 18 };

enum length_state { LENGTH_ABSENT, LENGTH_GOOD, LENGTH_BAD, LENGTH_LIST };

static enum length_state length_read(const struct lines *l, uint64_t *length)
{
	const struct line *line = lines_get(l, STR("content-length"));
	struct str digits;

	if (!line)
		return LENGTH_ABSENT;
	if (lines_next(l, line, STR("content-length")) || str_find(line->value, ',') >= 0)
		return LENGTH_LIST;
	digits = line->value;
	while (digits.n > 1 && digits.p[0] == '0')
		digits = str_sub(digits, 1, digits.n);
	if (digits.n > LENGTH_DIGITS || !str_uint(digits, INT64_MAX, length))
		return LENGTH_BAD;
	return LENGTH_GOOD;
}

enum coding_state { CODING_ABSENT, CODING_CHUNKED, CODING_BAD, CODING_UNKNOWN };

static enum coding_state coding_read(const struct lines *l)
{
	const struct line *line = lines_get(l, STR("transfer-encoding"));
	struct str rest, coding;
	bool unknown = false, chunked = false;

	if (!line)
		return CODING_ABSENT;
	if (lines_next(l, line, STR("transfer-encoding")))
		return CODING_BAD;
	if (str_eq_nocase(line->value, STR("chunked")))
		return CODING_CHUNKED;
	for (rest = line->value; list_next(&rest, &coding);) {
		if (chunked || !name_valid(coding))
			return CODING_BAD;
		if (str_eq_nocase(coding, STR("chunked")))
			chunked = true;
		else
			unknown = true;
	}
	return unknown ? CODING_UNKNOWN : CODING_BAD;
}

/* RFC 9112, section 9.3. */
static bool connection_persists(const struct lines *l, enum http_version version)
{
	if (lines_list_has(l, STR("connection"), STR("close")))
		return false;
	return version != HTTP_1_0 || lines_list_has(l, STR("connection"), STR("keep-alive"));
}

static enum reject framing_read(const struct request *req, struct framing *f)
{
	enum coding_state coding = coding_read(&req->lines);
	enum length_state length = length_read(&req->lines, &f->length);

	if (coding != CODING_ABSENT && length != LENGTH_ABSENT)
		return REJECT_LENGTH_AND_CODING;
	if (coding != CODING_ABSENT && req->version == HTTP_1_0)
		return REJECT_CODING_VERSION;
	if (coding == CODING_BAD)
		return REJECT_CODING;
	if (coding == CODING_UNKNOWN)
		return REJECT_CODING_UNKNOWN;
	if (length == LENGTH_BAD)
		return REJECT_LENGTH;
	if (length == LENGTH_LIST)
		return REJECT_LENGTH_TWICE;
	if (coding == CODING_CHUNKED)
		f->kind = BODY_CHUNKED;
	else if (length == LENGTH_GOOD)
		f->kind = f->length ? BODY_LENGTH : BODY_NONE;
	else if (req->version == HTTP_2)
		f->kind = BODY_FRAMES;
	return REJECT_NONE;
}

enum reject framing_request(struct request *req, struct framing *f)
{
	enum reject r = framing_read(req, f);

	if (r)
		return r;
	f->keep_alive = connection_persists(&req->lines, req->version);
	req->has_body = f->kind != BODY_NONE;
	req->content_length = f->kind == BODY_CHUNKED || f->kind == BODY_FRAMES ? -1 : (int64_t)f->length;
	req->body_size = req->content_length < 0 ? 0 : req->content_length;
	return REJECT_NONE;
}

static enum reject response_lines_check(const struct lines *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		if (!name_valid(l->v[i].name))
			return REJECT_ORIGIN_NAME;
		if (!value_valid(l->v[i].value))
			return REJECT_ORIGIN_VALUE;
	}
	return REJECT_NONE;
}

/* Statuses whose answer ends with its header section whatever its lines say. */
static bool status_bodiless(int status)
{
	return status / 100 == 1 || status == 204 || status == 304;
}

enum reject response_check(const struct response *res, enum http_version version, struct str method,
                           bool upgraded, struct framing *f)
{
	enum coding_state coding = coding_read(&res->lines);
	enum length_state length;
	enum reject r;

	*f = (struct framing){BODY_NONE, 0, connection_persists(&res->lines, version)};
	length = length_read(&res->lines, &f->length);
	if ((r = response_lines_check(&res->lines)))
		return r;
	if (res->status < 100 || res->status > 599 || (res->status == 101 && !upgraded))
		return REJECT_ORIGIN_STATUS;
	if (coding != CODING_ABSENT && length != LENGTH_ABSENT)
		return REJECT_ORIGIN_LENGTH_AND_CODING;
	if ((coding != CODING_ABSENT && coding != CODING_CHUNKED) ||
	    (coding == CODING_CHUNKED && version != HTTP_1_1))
		return REJECT_ORIGIN_CODING;
	if (length == LENGTH_BAD || length == LENGTH_LIST)
		return REJECT_ORIGIN_LENGTH;
	if (str_eq(method, STR("HEAD")) || status_bodiless(res->status)) {
		/* An origin that announces content for 204 or 1xx may well send some: do not read on after
		 * it. */
		if (res->status != 304 && status_bodiless(res->status) &&
		    (coding != CODING_ABSENT || f->length))
			f->keep_alive = false;
		return REJECT_NONE;
	}
	if (coding == CODING_CHUNKED)
		f->kind = BODY_CHUNKED;
	else if (length == LENGTH_GOOD)
		f->kind = f->length ? BODY_LENGTH : BODY_NONE;
	else if (version == HTTP_2)
		f->kind = BODY_FRAMES;
	else
		f->kind = BODY_UNTIL_CLOSE;
	if (f->kind == BODY_UNTIL_CLOSE)
		f->keep_alive = false;
	return REJECT_NONE;
}

enum reject response_trailers_check(const struct lines *trailers)
{
	return response_lines_check(trailers) ? REJECT_ORIGIN_TRAILER : REJECT_NONE;
}
