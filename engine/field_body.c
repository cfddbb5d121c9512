/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of the body, as far as it is buffered: raw bytes, forms, parts. */
#include "base/err.h"
#include "engine/field_get.h"
#include "headers/media.h"
#include "headers/multipart.h"
#include "headers/pairs.h"

static struct str content_type(const struct request *r)
{
	const struct line *l = r != NULL ? lines_get(&r->lines, STR("content-type")) : NULL;

	return l != NULL ? l->value : STR("");
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
		*out = VALUE_INT(r == NULL                          ? 0
		                 : r->content_length > r->body_size ? r->content_length
		                                                    : r->body_size);
		break;
	case FIELD_BODY_MIME:
		*out = VALUE_STR(r != NULL && r->body.n > 0 ? str_of(mime_sniff(r->body)) : STR(""));
		break;
	default:
		break;
	}
}

void get_form(struct fields *f, const struct field *row, struct value *out)
{
	const struct request *r = f->in->request;
	struct str type = media_type(f->arena, content_type(r));
	struct lines l;

	lines_init(&l, f->arena);
	if (type.p == NULL ||
	    (str_eq(type, STR("application/x-www-form-urlencoded")) && query_parse(r->body, &l) < 0)) {
		fields_no_memory(f, out);
		return;
	}
	fields_out_pairs(f, &l,
	                 row->at == FIELD_BODY_FORM         ? PAIRS_MAP
	                 : row->at == FIELD_BODY_FORM_NAMES ? PAIRS_NAMES
	                                                    : PAIRS_VALUES,
	                 out);
}

/* A parameter of every Content-Disposition line of a part: its names, or file names. */
static void out_params(struct fields *f, const struct part *p, struct str param, struct value *out)
{
	struct str name = STR("content-disposition"), s;
	struct value *v = fields_array(f, lines_count(&p->lines, name));
	size_t n = 0;

	*out = VALUE_MISSING(TYPE_ARRAY_BYTES);
	if (v != NULL)
		for (const struct line *l = lines_get(&p->lines, name); l != NULL;
		     l = lines_next(&p->lines, l, name))
			if (param_get(f->arena, l->value, param, &s))
				v[n++] = VALUE_STR(s);
	fields_out_array(f, v, n, out);
}

static void out_lines(struct fields *f, const struct part *p, struct str name, struct value *out)
{
	struct value *v = fields_array(f, lines_count(&p->lines, name));
	size_t n = 0;

	*out = VALUE_MISSING(TYPE_ARRAY_BYTES);
	if (v != NULL)
		for (const struct line *l = lines_get(&p->lines, name); l != NULL;
		     l = lines_next(&p->lines, l, name))
			v[n++] = VALUE_STR(l->value);
	fields_out_array(f, v, n, out);
}

static void out_by_name(struct fields *f, const struct part *parts, size_t n, struct value *out)
{
	struct lines l;
	struct value names;

	lines_init(&l, f->arena);
	for (size_t i = 0; i < n; i++) {
		out_params(f, &parts[i], STR("name"), &names);
		if (names.missing || (names.a->n > 0 && !lines_add(&l, names.a->v[0].s, parts[i].body))) {
			fields_no_memory(f, out);
			return;
		}
	}
	fields_out_pairs(f, &l, PAIRS_MAP, out);
}

void get_multipart(struct fields *f, const struct field *row, struct value *out)
{
	const struct request *r = f->in->request;
	struct part *parts = NULL;
	struct value *v;
	size_t n = 0;
	int rc = r == NULL ? 0 : multipart_parse(f->arena, content_type(r), r->body, &parts, &n);

	if (rc == -ERR_INVALID)
		n = 0;
	if (rc == -ERR_NOMEM || (v = fields_array(f, n)) == NULL) {
		fields_no_memory(f, out);
		return;
	}
	if (row->at == FIELD_BODY_MULTIPART) {
		out_by_name(f, parts, n, out);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		switch ((enum field_id)row->at) {
		case FIELD_BODY_MULTIPART_NAMES:
			out_params(f, &parts[i], STR("name"), &v[i]);
			break;
		case FIELD_BODY_MULTIPART_FILENAMES:
			out_params(f, &parts[i], STR("filename"), &v[i]);
			break;
		case FIELD_BODY_MULTIPART_CONTENT_TYPES:
			out_lines(f, &parts[i], STR("content-type"), &v[i]);
			break;
		case FIELD_BODY_MULTIPART_CONTENT_DISPOSITIONS:
			out_lines(f, &parts[i], STR("content-disposition"), &v[i]);
			break;
		case FIELD_BODY_MULTIPART_ENCODINGS:
			out_lines(f, &parts[i], STR("content-transfer-encoding"), &v[i]);
			break;
		default:
			v[i] = VALUE_STR(parts[i].body);
		}
		if (v[i].missing) {
			fields_no_memory(f, out);
			return;
		}
	}
	fields_out_array(f, v, n, out);
}
