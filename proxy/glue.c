/* SPDX-License-Identifier: Apache-2.0 */
/* What rules decided, done; what transforms ask, answered. Which rules run when is the exchange's. */
#include "proxy/glue.h"

#include "base/err.h"
#include "headers/edit.h"
#include "proxy/route.h"

static bool text_of(const struct value *v, struct arena *a, struct str *out)
{
	char ip[IP_TEXT];

	*out = STR_NONE;
	if (v->missing)
		return true;
	switch ((enum type)v->type) {
	case TYPE_BOOL:
		*out = v->b ? STR("true") : STR("false");
		return true;
	case TYPE_INT:
		*out = arena_decimal(a, v->i);
		return out->p != NULL;
	case TYPE_BYTES:
		*out = v->s;
		return true;
	case TYPE_IP:
		*out = arena_str(a, (struct str){ ip, ip_print(v->ip, ip) });
		return out->p != NULL;
	default:
		return true;
	}
}

bool glue_source(void *ctx, struct str field, struct arena *a, struct source_values *out)
{
	struct value v;
	struct str *texts;
	size_t i, n;

	*out = (struct source_values){ NULL, 0 };
	if (!fields_get(ctx, field, &v) || v.missing)
		return true;
	switch ((enum type)v.type) {
	case TYPE_ARRAY_BOOL:
	case TYPE_ARRAY_INT:
	case TYPE_ARRAY_BYTES:
	case TYPE_ARRAY_IP:
		n = v.a->n;
		break;
	default:
		n = 1;
	}
	if ((texts = arena_array(a, n, sizeof(*texts))) == NULL)
		return false;
	for (i = 0; i < n; i++)
		if (!text_of(v.type == TYPE_BOOL || v.type == TYPE_INT || v.type == TYPE_BYTES || v.type == TYPE_IP ?
				     &v : &v.a->v[i], a, &texts[i]))
			return false;
	if (n == 1 && texts[0].n == 0)
		n = 0;
	*out = (struct source_values){ texts, n };
	return true;
}

static enum fault fault_of_rc(int rc)
{
	return rc == 0 ? FAULT_NONE : rc == -ERR_NOMEM ? FAULT_MEMORY : FAULT_VALUE;
}

void glue_edited_trailers(struct exchange *x, bool response)
{
	struct lines *trailers = response ? &x->response.trailers : &x->request.trailers;
	size_t i;

	for (i = 0; trailers->n > 0 && i < x->edited[response].n; i++)
		lines_remove_twins(trailers, x->edited[response].v[i].name);
}

static enum fault edit_line(struct exchange *x, const struct edit *e, enum header_op op)
{
	struct lines *lines = e->response ? &x->response.lines : &x->request.lines;

	if (!lines_add(&x->edited[e->response], e->name, STR_NONE))
		return FAULT_MEMORY;
	glue_edited_trailers(x, e->response);
	return fault_of_rc(header_edit(lines, op, e->name, e->value));
}

static enum fault edit_target(struct exchange *x, const struct edit *e)
{
	struct target *t = &x->request.target;

	if (e->kind == EDIT_PATH)
		return path_valid(e->value) ?
			       fault_of_rc(target_join(&x->arena, e->value, t->query, t->has_query, t)) : FAULT_VALUE;
	return query_valid(e->value) ? fault_of_rc(target_join(&x->arena, t->path, e->value, e->value.n > 0, t))
				     : FAULT_VALUE;
}

static enum fault edit_host(struct exchange *x, const struct edit *e)
{
	struct authority parts;

	if (!authority_split(e->value, &parts))
		return FAULT_VALUE;
	x->route.host = e->value;
	return FAULT_NONE;
}

static enum fault edit(struct exchange *x, const struct edit *e)
{
	switch (e->kind) {
	case EDIT_SET:
		return edit_line(x, e, HEADER_SET);
	case EDIT_ADD:
		return edit_line(x, e, HEADER_ADD);
	case EDIT_REMOVE:
		return edit_line(x, e, HEADER_REMOVE);
	case EDIT_PATH:
	case EDIT_QUERY:
		x->rewritten = true;
		return edit_target(x, e);
	case EDIT_ORIGIN:
		return route_origin(x, e->value);
	case EDIT_POOL:
		return route_pool(x, e->value);
	case EDIT_HOST_HEADER:
		return edit_host(x, e);
	case EDIT_SNI:
		x->route.sni = e->value;
		return FAULT_NONE;
	case EDIT_CONFIG:
		return route_config(x, e->name, e->value);
	}
	return FAULT_VALUE;
}

enum fault glue_edits(struct exchange *x)
{
	const struct edit *e;
	enum fault f;

	for (e = x->verdict.edits; e != NULL; e = e->next)
		if ((f = edit(x, e)) != FAULT_NONE) {
			x->fault_detail = e->by->name;
			return f;
		}
	x->verdict.edits = x->verdict.last_edit = NULL;
	return FAULT_NONE;
}
