/* SPDX-License-Identifier: Apache-2.0 */
/* Running the rows of transforms.def. */
#include "headers/transforms.h"
#include "base/err.h"
#include "headers/internal.h"

enum direction { TO_ORIGIN, TO_CLIENT };

enum how { FIELD, GOOD_FIELD, XFCC, DEFAULT, REMOVE };

enum transform_id {
#define TRANSFORM(id, name, direction, prose) id,
#define TRANSFORM_LINE(id, header, how, life, source)
#include "headers/transforms.def"
#undef TRANSFORM
#undef TRANSFORM_LINE
	TRANSFORM_COUNT
};

struct transform {
	const char *name, *prose;
	enum direction direction;
};

static const struct transform transforms[] = {
#define TRANSFORM(id, name, direction, prose) {name, prose, direction},
#define TRANSFORM_LINE(id, header, how, life, source)
#include "headers/transforms.def"
#undef TRANSFORM
#undef TRANSFORM_LINE
};

static const struct row {
	enum transform_id transform;
	struct str header;
	enum how how;
	enum transform_life life;
	struct str source;
} rows[] = {
#define TRANSFORM(id, name, direction, prose)
#define TRANSFORM_LINE(id, header, how, life, source)                                                        \
	{id, {header, sizeof(header) - 1}, how, life, {source, sizeof(source) - 1}},
#include "headers/transforms.def"
#undef TRANSFORM
#undef TRANSFORM_LINE
};

enum { ROWS = sizeof(rows) / sizeof(rows[0]) };

const struct transform *transform_row(size_t i)
{
	return i < TRANSFORM_COUNT ? &transforms[i] : NULL;
}

const struct transform *transform_find(struct str name)
{
	size_t i;

	for (i = 0; i < TRANSFORM_COUNT; i++)
		if (str_eq(name, str_of(transforms[i].name)))
			return &transforms[i];
	return NULL;
}

const char *transform_name(const struct transform *t)
{
	return t->name;
}

const char *transform_prose(const struct transform *t)
{
	return t->prose;
}

bool transform_to_client(const struct transform *t)
{
	return t->direction == TO_CLIENT;
}

static bool set_has(transform_set set, enum transform_id id)
{
	for (; set && *set; set++)
		if (*set == &transforms[id])
			return true;
	return false;
}

const char *transforms_conflict(transform_set set)
{
	if (set_has(set, TRANSFORM_TRUE_CLIENT_IP) && set_has(set, TRANSFORM_HIDE_VISITOR))
		return "true_client_ip tells the client's address, remove_visitor_ip_headers hides it";
	return NULL;
}

bool transforms_hide_visitor(transform_set set)
{
	return set_has(set, TRANSFORM_HIDE_VISITOR);
}

/* What a rendering shares. */
struct render {
	source_get *get;
	void *ctx;
	struct lines *out;
	bool left_out;
};

static bool is_true(struct render *r, struct str field, bool *failed)
{
	struct source_values values = {NULL, 0};

	if (!r->get(r->ctx, field, r->out->arena, &values))
		*failed = true;
	return values.n == 1 && str_eq(values.v[0], STR("true"));
}

/* 1: the certificate is verified and not revoked; 0: not so; or -ERR_NOMEM. */
static int cert_good(struct render *r)
{
	bool failed = false;
	bool good = is_true(r, STR("cf.tls_client_auth.cert_verified"), &failed) &&
	            !is_true(r, STR("cf.tls_client_auth.cert_revoked"), &failed);

	return failed ? -ERR_NOMEM : good;
}

static int value_add(struct render *r, const struct row *row, struct str value)
{
	if (value.n == 0)
		return 0;
	if (!value_valid(value)) {
		r->left_out = true;
		return 0;
	}
	return lines_add(r->out, row->header, value) ? 0 : -ERR_NOMEM;
}

static int row_render(struct render *r, const struct row *row)
{
	struct source_values values = {NULL, 0};
	int rc;

	if (row->how == GOOD_FIELD || row->how == XFCC)
		if ((rc = cert_good(r)) <= 0)
			return rc;
	if (row->how == XFCC) {
		struct str value = xfcc_render(r->get, r->ctx, r->out->arena, &r->left_out);

		return value.p ? value_add(r, row, value) : -ERR_NOMEM;
	}
	if (!r->get(r->ctx, row->source, r->out->arena, &values))
		return -ERR_NOMEM;
	return values.n ? value_add(r, row, values.v[0]) : 0;
}

int transforms_render(transform_set set, enum transform_life life, source_get *get, void *ctx,
                      struct lines *out)
{
	struct render r = {get, ctx, out, false};
	size_t i;
	int rc;

	for (i = 0; i < ROWS; i++) {
		if (rows[i].life != life || transforms[rows[i].transform].direction != TO_ORIGIN ||
		    !set_has(set, rows[i].transform))
			continue;
		if ((rc = row_render(&r, &rows[i])) < 0)
			return rc;
	}
	return r.left_out;
}

int transforms_response(transform_set set, struct lines *l)
{
	size_t i;

	for (i = 0; i < ROWS; i++) {
		if (transforms[rows[i].transform].direction != TO_CLIENT || !set_has(set, rows[i].transform))
			continue;
		if (rows[i].how == REMOVE)
			lines_remove_twins(l, rows[i].header);
		else if (!lines_get(l, rows[i].header) && !lines_add(l, rows[i].header, rows[i].source))
			return -ERR_NOMEM;
	}
	return 0;
}
