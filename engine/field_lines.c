/* SPDX-License-Identifier: Apache-2.0 */
/* Fields that are lists of names and values: header lines, arguments, cookies, languages. */
#include "engine/field_get.h"

#include "headers/media.h"
#include "headers/pairs.h"

static void out_column(struct fields *f, const struct lines *l, bool names, struct value *out)
{
	struct value *v = fields_array(f, l->n);

	if (v != NULL)
		for (size_t i = 0; i < l->n; i++)
			v[i] = VALUE_STR(names ? l->v[i].name : l->v[i].value);
	fields_out_array(f, v, l->n, out);
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

static const struct lines no_lines;

void get_headers(struct fields *f, const struct field *row, struct value *out)
{
	const struct lines *lines = headers_lines(f, (enum field_id)row->at);

	if (lines == NULL)
		lines = &no_lines;
	switch ((enum field_id)row->at) {
	case FIELD_HEADERS_NAMES:
	case FIELD_RAW_HEADERS_NAMES:
	case FIELD_RESPONSE_HEADERS_NAMES:
	case FIELD_RAW_RESPONSE_HEADERS_NAMES:
		out_column(f, lines, true, out);
		break;
	case FIELD_HEADERS_VALUES:
	case FIELD_RAW_HEADERS_VALUES:
	case FIELD_RESPONSE_HEADERS_VALUES:
	case FIELD_RAW_RESPONSE_HEADERS_VALUES:
		out_column(f, lines, false, out);
		break;
	default:
		fields_out_map(f, lines, true, out);
	}
}

void fields_out_pairs(struct fields *f, const struct lines *l, enum pairs_as as, struct value *out)
{
	if (as == PAIRS_MAP)
		fields_out_map(f, l, false, out);
	else
		out_column(f, l, as == PAIRS_NAMES, out);
}

void get_args(struct fields *f, const struct field *row, struct value *out)
{
	const struct request *r = f->in->request;
	enum pairs_as as = PAIRS_MAP;
	bool raw = false;
	struct lines l;

	switch ((enum field_id)row->at) {
	case FIELD_RAW_ARGS:
		raw = true;
		break;
	case FIELD_ARGS_NAMES:
	case FIELD_RAW_ARGS_NAMES:
		raw = row->at == FIELD_RAW_ARGS_NAMES;
		as = PAIRS_NAMES;
		break;
	case FIELD_ARGS_VALUES:
	case FIELD_RAW_ARGS_VALUES:
		raw = row->at == FIELD_RAW_ARGS_VALUES;
		as = PAIRS_VALUES;
		break;
	default:
		break;
	}
	lines_init(&l, f->arena);
	if (r != NULL && query_parse(raw ? r->raw.query : r->target.query, &l) < 0)
		fields_no_memory(f, out);
	else
		fields_out_pairs(f, &l, as, out);
}

void get_cookies(struct fields *f, const struct field *row, struct value *out)
{
	struct lines l;

	(void)row;
	lines_init(&l, f->arena);
	if (f->in->request != NULL && cookies_parse(&f->in->request->lines, &l) < 0)
		fields_no_memory(f, out);
	else
		fields_out_pairs(f, &l, PAIRS_MAP, out);
}

void get_languages(struct fields *f, const struct field *row, struct value *out)
{
	struct str *tags = NULL;
	struct value *v;
	size_t n = 0;

	(void)row;
	if (f->in->request != NULL && languages_parse(f->arena, &f->in->request->lines, &tags, &n) < 0) {
		fields_no_memory(f, out);
		return;
	}
	if ((v = fields_array(f, n)) != NULL)
		for (size_t i = 0; i < n; i++)
			v[i] = VALUE_STR(tags[i]);
	fields_out_array(f, v, n, out);
}
