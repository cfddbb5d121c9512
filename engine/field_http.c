/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of the request and the response. Without a request strings are "" and maps empty: the documented
 * defaults. */
#include "engine/field_get.h"
#include "headers/media.h"

static const struct target no_target = {STR_NONE, STR_NONE, STR_NONE, false};

void get_constant(struct fields *f, const struct field *row, struct value *out)
{
	(void)f;
	switch (row->type) {
	case TYPE_BOOL:
		*out = VALUE_BOOL(row->at == FIELD_TRUE || row->at == FIELD_CLIENT_TCP);
		break;
	case TYPE_INT:
		*out = VALUE_INT(0);
		break;
	default:
		*out = VALUE_STR(STR(""));
	}
}

static struct str version_name(const struct request *r)
{
	switch (r->version) {
	case HTTP_1_0:
		return STR("HTTP/1.0");
	case HTTP_1_1:
		return STR("HTTP/1.1");
	case HTTP_2:
		return STR("HTTP/2");
	}
	return STR("");
}

static struct str line_value(const struct lines *l, struct str name)
{
	const struct line *line = lines_get(l, name);

	return line != NULL ? line->value : STR("");
}

/* Several Cookie lines are crumbs of one (RFC 9113, section 8.2.3); others are a list. */
static void joined(struct fields *f, const struct lines *l, struct str name, struct str glue,
                   struct value *out)
{
	struct str parts[2 * 64];
	size_t n = 0;

	for (const struct line *line = lines_get(l, name); line != NULL && n < 127;
	     line = lines_next(l, line, name)) {
		if (n > 0)
			parts[n++] = glue;
		parts[n++] = line->value;
	}
	*out = VALUE_STR(n == 0 ? STR("") : n == 1 ? parts[0] : arena_concat(f->arena, parts, n));
	if (out->s.p == NULL && n > 1)
		fields_no_memory(f, out);
}

void get_request(struct fields *f, const struct field *row, struct value *out)
{
	const struct request *r = f->in->request;
	int64_t time;

	switch ((enum field_id)row->at) {
	case FIELD_METHOD:
		*out = VALUE_STR(r != NULL ? r->method : STR(""));
		break;
	case FIELD_HTTP_VERSION:
		*out = VALUE_STR(r != NULL ? version_name(r) : STR(""));
		break;
	case FIELD_HOST:
		*out = VALUE_STR(r != NULL ? r->host : STR(""));
		break;
	case FIELD_TIME_SEC:
	case FIELD_TIME_MSEC:
		time = r != NULL && r->time_msec != 0 ? r->time_msec : f->in->now_msec;
		*out = VALUE_INT(row->at == FIELD_TIME_SEC ? time / 1000 : time % 1000);
		break;
	case FIELD_COOKIE:
		*out = VALUE_STR(STR(""));
		if (r != NULL)
			joined(f, &r->lines, STR("cookie"), STR("; "), out);
		break;
	case FIELD_X_FORWARDED_FOR:
		*out = VALUE_STR(STR(""));
		if (r != NULL)
			joined(f, &r->lines, STR("x-forwarded-for"), STR(", "), out);
		break;
	case FIELD_REFERER:
		*out = VALUE_STR(r != NULL ? line_value(&r->lines, STR("referer")) : STR(""));
		break;
	case FIELD_USER_AGENT:
		*out = VALUE_STR(r != NULL ? line_value(&r->lines, STR("user-agent")) : STR(""));
		break;
	case FIELD_RAY_ID:
		*out = VALUE_STR(f->in->request_id);
		break;
	case FIELD_RANDOM_SEED:
		*out =
		    VALUE_STR(((struct str){(const char *)f->in->random_seed, sizeof(f->in->random_seed)}));
		break;
	default:
		break;
	}
}

static const struct target *target_of(const struct fields *f, bool raw)
{
	const struct request *r = f->in->request;

	return r == NULL ? &no_target : raw ? &r->raw : &r->target;
}

static void full_uri(struct fields *f, const struct target *t, struct value *out)
{
	const struct request *r = f->in->request;
	struct str parts[3];

	if (r == NULL) {
		*out = VALUE_STR(STR(""));
		return;
	}
	parts[0] = r->tls ? STR("https://") : STR("http://");
	parts[1] = r->host;
	parts[2] = t->uri;
	*out = VALUE_STR(arena_concat(f->arena, parts, 3));
	if (out->s.p == NULL)
		fields_no_memory(f, out);
}

void get_uri(struct fields *f, const struct field *row, struct value *out)
{
	const struct target *raw = target_of(f, true), *now = target_of(f, false);

	switch ((enum field_id)row->at) {
	case FIELD_FULL_URI:
		full_uri(f, now, out);
		break;
	case FIELD_RAW_FULL_URI:
		full_uri(f, raw, out);
		break;
	case FIELD_URI:
		*out = VALUE_STR(now->uri);
		break;
	case FIELD_RAW_URI:
		*out = VALUE_STR(raw->uri);
		break;
	case FIELD_PATH:
		*out = VALUE_STR(now->path);
		break;
	case FIELD_RAW_PATH:
		*out = VALUE_STR(raw->path);
		break;
	case FIELD_QUERY:
		*out = VALUE_STR(now->query);
		break;
	case FIELD_RAW_QUERY:
		*out = VALUE_STR(raw->query);
		break;
	case FIELD_EXTENSION:
	case FIELD_RAW_EXTENSION:
		*out =
		    VALUE_STR(path_extension(f->arena, row->at == FIELD_EXTENSION ? now->path : raw->path));
		if (out->s.p == NULL && out->s.n > 0)
			fields_no_memory(f, out);
		break;
	default:
		break;
	}
}

void get_response(struct fields *f, const struct field *row, struct value *out)
{
	const struct response *r = f->in->response;

	if (row->at == FIELD_CODE) {
		*out = VALUE_INT(r != NULL ? r->status : 0);
		return;
	}
	*out =
	    VALUE_STR(media_type(f->arena, r != NULL ? line_value(&r->lines, STR("content-type")) : STR("")));
	if (out->s.p == NULL)
		fields_no_memory(f, out);
}
