/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of the request and the response. Without a request strings are "" and maps empty: the documented defaults. */
#include "engine/field_get.h"

static const struct target no_target = { STR_NONE, STR_NONE, STR_NONE, false };

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
static void joined(struct fields *f, const struct lines *l, struct str name, struct str glue, struct value *out)
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
		*out = VALUE_STR(((struct str){ (const char *)f->in->random_seed, sizeof(f->in->random_seed) }));
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
		*out = VALUE_STR(path_extension(f->arena, row->at == FIELD_EXTENSION ? now->path : raw->path));
		if (out->s.p == NULL && out->s.n > 0)
			fields_no_memory(f, out);
		break;
	default:
		break;
	}
}

/* The pairs of a=1&b&a=2, undecoded; an empty piece between two & is no argument. */
static struct pair *split_args(struct fields *f, struct str query, size_t *n)
{
	size_t most = 1;
	struct pair *pairs;

	for (size_t i = 0; i < query.n; i++)
		most += query.p[i] == '&';
	*n = 0;
	if ((pairs = arena_alloc(f->arena, most * sizeof(*pairs))) == NULL)
		return NULL;
	while (query.n > 0) {
		ptrdiff_t end = str_find(query, '&'), equals;
		struct str one = end < 0 ? query : str_sub(query, 0, (size_t)end);

		query = end < 0 ? STR_NONE : str_sub(query, (size_t)end + 1, query.n);
		if (one.n == 0)
			continue;
		equals = str_find(one, '=');
		pairs[(*n)++] = equals < 0 ? (struct pair){ one, STR("") }
			: (struct pair){ str_sub(one, 0, (size_t)equals), str_sub(one, (size_t)equals + 1, one.n) };
	}
	return pairs;
}

static void out_column(struct fields *f, const struct pair *pairs, size_t n, bool names, struct value *out)
{
	struct value *v = fields_array(f, n);

	if (v != NULL)
		for (size_t i = 0; i < n; i++)
			v[i] = VALUE_STR(names ? pairs[i].name : pairs[i].value);
	fields_out_array(f, v, n, out);
}

void get_args(struct fields *f, const struct field *row, struct value *out)
{
	enum field_id id = (enum field_id)row->at;
	bool raw = id == FIELD_RAW_ARGS || id == FIELD_RAW_ARGS_NAMES || id == FIELD_RAW_ARGS_VALUES;
	size_t n;
	struct pair *pairs = split_args(f, target_of(f, raw)->query, &n);

	if (pairs == NULL)
		fields_no_memory(f, out);
	else if (id == FIELD_ARGS || id == FIELD_RAW_ARGS)
		fields_out_map(f, pairs, n, false, out);
	else
		out_column(f, pairs, n, id == FIELD_ARGS_NAMES || id == FIELD_RAW_ARGS_NAMES, out);
}

const struct lines *headers_lines(const struct fields *f, enum field_id id)
{
	switch (id) {
	case FIELD_RESPONSE_HEADERS:
	case FIELD_RESPONSE_HEADERS_NAMES:
	case FIELD_RESPONSE_HEADERS_VALUES:
	case FIELD_RAW_RESPONSE_HEADERS:
	case FIELD_RAW_RESPONSE_HEADERS_NAMES:
	case FIELD_RAW_RESPONSE_HEADERS_VALUES:
		return f->in->response != NULL ? &f->in->response->lines : NULL;
	default:
		return f->in->request != NULL ? &f->in->request->lines : NULL;
	}
}

void headers_key(struct fields *f, const struct lines *lines, struct str key, struct value *out)
{
	struct value *v = NULL;
	size_t n = 0;

	for (size_t i = 0; i < key.n; i++)
		if (key.p[i] >= 'A' && key.p[i] <= 'Z')
			return; /* keys are lower case */
	for (const struct line *l = lines_get(lines, key); l != NULL; l = lines_next(lines, l, key))
		n++;
	if (n == 0)
		return;
	if ((v = fields_array(f, n)) != NULL) {
		n = 0;
		for (const struct line *l = lines_get(lines, key); l != NULL; l = lines_next(lines, l, key))
			v[n++] = VALUE_STR(l->value);
	}
	fields_out_array(f, v, n, out);
}

void get_headers(struct fields *f, const struct field *row, struct value *out)
{
	const struct lines *lines = headers_lines(f, (enum field_id)row->at);
	size_t n = lines != NULL ? lines->n : 0;
	struct pair *pairs = arena_alloc(f->arena, n * sizeof(*pairs));

	if (pairs == NULL) {
		fields_no_memory(f, out);
		return;
	}
	for (size_t i = 0; i < n; i++)
		pairs[i] = (struct pair){ lines->v[i].name, lines->v[i].value };
	if (row->type == TYPE_MAP_ARRAY_BYTES)
		fields_out_map(f, pairs, n, true, out);
	else
		out_column(f, pairs, n, row->at == FIELD_HEADERS_NAMES || row->at == FIELD_RAW_HEADERS_NAMES ||
			   row->at == FIELD_RESPONSE_HEADERS_NAMES || row->at == FIELD_RAW_RESPONSE_HEADERS_NAMES, out);
}

void get_body(struct fields *f, const struct field *row, struct value *out)
{
	const struct request *r = f->in->request;

	switch ((enum field_id)row->at) {
	case FIELD_BODY_RAW:
		*out = VALUE_STR(r != NULL ? r->body : STR(""));
		break;
	case FIELD_BODY_TRUNCATED:
		*out = VALUE_BOOL(r != NULL && r->body_truncated);
		break;
	case FIELD_BODY_SIZE:
		*out = VALUE_INT(r == NULL ? 0 : r->content_length > r->body_size ? r->content_length : r->body_size);
		break;
	default:
		break;
	}
}

void get_response(struct fields *f, const struct field *row, struct value *out)
{
	const struct response *r = f->in->response;
	struct str type;
	ptrdiff_t end;

	if (row->at == FIELD_CODE) {
		*out = VALUE_INT(r != NULL ? r->status : 0);
		return;
	}
	type = r != NULL ? line_value(&r->lines, STR("content-type")) : STR("");
	end = str_find(type, ';');
	if (end >= 0)
		type = str_sub(type, 0, (size_t)end);
	*out = VALUE_STR(arena_lower(f->arena, str_trim(type)));
	if (out->s.p == NULL)
		fields_no_memory(f, out);
}
