/* SPDX-License-Identifier: Apache-2.0 */
/* Calls of functions: arguments against their row of functions.def. */
#include "engine/compile.h"

#include "engine/names.h"
#include "grammar/literal.h"

struct arguments {
	const struct ast *ast;
	const struct function *function;
	const struct expr **kids;
	struct value *values; /* of literals */
	enum type *types;
	bool mapped;
};

static unsigned param_of(const struct function *f, size_t i)
{
	size_t last = 0;

	while (last + 1 < FUNCTION_PARAMS && f->params[last + 1] != 0)
		last++;
	return f->params[i < last ? i : last];
}

static bool type_taken(unsigned param, enum type t)
{
	if (type_scalar(t))
		return param & (t == TYPE_BOOL    ? P_BOOL
		                : t == TYPE_INT   ? P_INT
		                : t == TYPE_BYTES ? P_BYTES
		                                  : P_IP);
	if (type_shape(t) == SHAPE_MAP)
		return param & P_MAP;
	return param & P_ARRAY || (param & P_ARRAY_BYTES && t == TYPE_ARRAY_BYTES);
}

static void param_types(unsigned param, char out[64])
{
	static const struct {
		unsigned bit;
		const char *name;
	} names[] = {
	    {P_BYTES, "String"}, {P_INT, "Integer"}, {P_BOOL, "Boolean"},
	    {P_IP, "IP"},        {P_ARRAY, "Array"}, {P_ARRAY_BYTES, "Array<String>"},
	    {P_MAP, "Map"},
	};
	size_t n = 0;

	out[0] = '\0';
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (param & names[i].bit && n < 48)
			n += (size_t)snprintf(out + n, 64 - n, "%s%s", n > 0 ? " or " : "", names[i].name);
}

/* A literal argument without quotes: an address, a number or a byte string, whichever is read first. */
static bool unquoted(struct compiler *c, const struct ast *ast, unsigned param, struct value *out)
{
	struct ip ip, *copy;
	int64_t number;
	struct str bytes;

	if (param & P_IP && literal_ip(ast->text, &ip) == NULL) {
		if ((copy = ARENA_NEW(c->scratch, struct ip)) == NULL)
			return false;
		*copy = ip;
		*out = VALUE_IP(copy);
	} else if (param & P_INT && literal_int(ast->text, &number) == NULL) {
		*out = VALUE_INT(number);
	} else if (param & P_BYTES && literal_bytes(c->scratch, ast->text, &bytes) == NULL) {
		*out = VALUE_STR(bytes);
	} else {
		return false;
	}
	return true;
}

static bool literal_like(struct compiler *c, const struct ast *ast, unsigned param)
{
	struct str bytes;

	return ast->kind == AST_STRING || ast->kind == AST_LITERAL ||
	       (ast->kind == AST_NAME && param & P_BYTES && field_find(ast->text) == NULL &&
	        literal_bytes(c->scratch, ast->text, &bytes) == NULL);
}

static bool argument_wrong(struct compiler *c, const struct arguments *a, size_t i, unsigned param)
{
	const struct ast *ast = a->ast->kids[i];
	const char *kind = ast_literal_kind(ast);
	char types[64];

	param_types(param, types);
	if (a->kids[i] != NULL)
		diag_add(c->d, U1005, ast->span, "argument %zu of %s is %s; it takes %s", i + 1,
		         a->function->name, type_name(a->kids[i]->type), types);
	else
		diag_add(c->d, U1005, ast->span, "argument %zu of %s takes %s; %.*s is %s", i + 1,
		         a->function->name, types, STR_FMT(ast_words(ast)), kind != NULL ? kind : "none");
	return false;
}

static bool check_literal_argument(struct compiler *c, struct arguments *a, size_t i, unsigned param)
{
	const struct ast *ast = a->ast->kids[i];
	struct value *v = &a->values[i];

	if (param & P_SOURCE) {
		diag_add(c->d, U1005, ast->span,
		         "argument %zu of %s must be a field or a call, not a literal", i + 1,
		         a->function->name);
		return false;
	}
	if (ast->kind == AST_STRING && param & P_BYTES)
		*v = VALUE_STR(ast->text);
	else if (ast->kind == AST_STRING || !unquoted(c, ast, param, v))
		return argument_wrong(c, a, i, param);
	if (!seal_value(c, v))
		return false;
	a->types[i] = v->type;
	return (a->kids[i] = expr_value(c, v, ast->span)) != NULL;
}

static unsigned bit_of(enum type t)
{
	switch (t) {
	case TYPE_BOOL:
		return P_BOOL;
	case TYPE_INT:
		return P_INT;
	case TYPE_BYTES:
		return P_BYTES;
	case TYPE_IP:
		return P_IP;
	default:
		return type_shape(t) == SHAPE_MAP ? P_MAP : P_ARRAY;
	}
}

static bool check_query(struct compiler *c, const struct arguments *a, size_t i)
{
	const struct expr *e = a->kids[i];

	if (e->kind == EX_FIELD &&
	    (field_id(e->field) == FIELD_QUERY || field_id(e->field) == FIELD_RAW_QUERY))
		return true;
	diag_add(c->d, U1005, a->ast->kids[i]->span,
	         "argument %zu of %s must be http.request.uri.query or raw.http.request.uri.query", i + 1,
	         a->function->name);
	return false;
}

static bool check_argument(struct compiler *c, struct arguments *a, size_t i)
{
	const struct ast *ast = a->ast->kids[i];
	unsigned param = param_of(a->function, i);
	enum type like = TYPE_COUNT;

	if (i > 0 && param & P_LIKE_FIRST)
		like = a->types[0];
	else if (i > 0 && param & P_ELEMENT)
		like = type_element(a->types[0]);
	if (like != TYPE_COUNT)
		param |= bit_of(like);
	a->values[i] = VALUE_MISSING(TYPE_BYTES);
	if (literal_like(c, ast, param))
		return check_literal_argument(c, a, i, param);
	if (param & P_LITERAL) {
		diag_add(c->d, U1005, ast->span, "argument %zu of %s must be a literal", i + 1,
		         a->function->name);
		return false;
	}
	c->value_place = true;
	a->kids[i] = check_expr(c, ast);
	c->value_place = false;
	if (a->kids[i] == NULL)
		return false;
	a->types[i] = a->values[i].type = a->kids[i]->type;
	if (a->kids[i]->each && i > 0) {
		diag_add(c->d, U1005, ast->span, "[*] may stand in the first argument of %s only",
		         a->function->name);
		return false;
	}
	if (i == 0)
		a->mapped = a->kids[0]->each;
	if (like != TYPE_COUNT && a->types[i] != like) {
		diag_add(c->d, U1005, ast->span, "argument %zu of %s is %s; the first asks for %s", i + 1,
		         a->function->name, type_name(a->types[i]), type_name(like));
		return false;
	}
	if (!type_taken(param, a->types[i]))
		return argument_wrong(c, a, i, param);
	if (i == 0 && param_of(a->function, 1) & P_ELEMENT && type_shape(type_element(a->types[0])) != SHAPE_SCALAR) {
		diag_add(c->d, U1005, ast->span, "argument 1 of %s is %s, which holds %s: index it first",
		         a->function->name, type_name(a->types[0]), type_name(type_element(a->types[0])));
		return false;
	}
	return !(param & P_QUERY) || check_query(c, a, i);
}

static const struct function *check_function(struct compiler *c, const struct ast *ast)
{
	const struct function *f = function_find(ast->text);
	struct diag *g;
	struct str near;

	if (f == NULL) {
		near = nearest_function(ast->text);
		g = diag_add(c->d, U1001, ast->span, "there is no function %.*s", STR_FMT(ast->text));
		if (near.n > 0)
			diag_help(c->d, g, "did you mean %.*s?", STR_FMT(near));
		else if (field_find(ast->text) != NULL)
			diag_help(c->d, g, "%.*s is a field: it has no arguments", STR_FMT(ast->text));
		return NULL;
	}
	if (f->flags & FN_REFUSED) {
		diag_add(c->d, U1009, ast->span, "%s has no meaning here: %s", f->name, f->prose);
		return NULL;
	}
	if (ast->n < f->min || ast->n > f->max) {
		if (f->min == f->max)
			diag_add(c->d, U1005, ast->span, "%s takes %u argument%s; here %s %zu", f->name,
			         f->min, f->min == 1 ? "" : "s", ast->n == 1 ? "is" : "are", ast->n);
		else
			diag_add(c->d, U1005, ast->span, "%s takes %u to %u arguments; here %s %zu", f->name,
			         f->min, f->max, ast->n == 1 ? "is" : "are", ast->n);
		return NULL;
	}
	if (f->flags & FN_ONCE && c->once++ > 0) {
		diag_add(c->d, U1005, ast->span,
		         "an expression holds one regex_replace or wildcard_replace, not more");
		return NULL;
	}
	return f;
}

static bool result_type(struct compiler *c, const struct arguments *a, enum type *out)
{
	static const enum type types[] = {
	    [R_BOOL] = TYPE_BOOL,
	    [R_INT] = TYPE_INT,
	    [R_BYTES] = TYPE_BYTES,
	    [R_IP] = TYPE_IP,
	    [R_ARRAY_BYTES] = TYPE_ARRAY_BYTES,
	};
	enum type t = a->function->result == R_FIRST ? a->types[0] : types[a->function->result];

	*out = a->mapped ? type_array(t) : t;
	if (*out != TYPE_COUNT)
		return true;
	diag_add(c->d, U1005, a->ast->span, "%s cannot be mapped over [*] here: there is no array of %s",
	         a->function->name, type_name(t));
	return false;
}

static bool prepare(struct compiler *c, struct arguments *a, const void **out)
{
	struct prepare p = {
	    .arena = c->sealed,
	    .owner = c->owner,
	    .d = c->d,
	    .n = a->ast->n,
	    .ast = (const struct ast *const *)a->ast->kids,
	    .args = a->values,
	    .types = a->types,
	    .span = a->ast->span,
	};

	if (a->function->prepare == NULL)
		return true;
	if (!a->function->prepare(&p))
		return false;
	*out = p.out;
	return true;
}

struct expr *check_call(struct compiler *c, const struct ast *ast)
{
	bool jwt = c->jwts != NULL && str_starts(ast->text, STR("is_jwt_"));
	const struct function *f = jwt ? function_find(ast->text) : check_function(c, ast);
	struct arguments a = {.ast = ast, .function = f};
	enum type type;
	struct expr *e;
	bool good;

	if (jwt && f != NULL)
		return check_jwt(c, ast, f == &function_table[FN_IS_JWT_VALID]);
	if (f == NULL)
		return NULL;
	a.kids = arena_array(c->scratch, ast->n, sizeof(*a.kids));
	a.values = arena_array(c->scratch, ast->n, sizeof(*a.values));
	a.types = arena_array(c->scratch, ast->n, sizeof(*a.types));
	if (a.kids == NULL || a.values == NULL || a.types == NULL) {
		c->no_memory = true;
		return NULL;
	}
	if (ast->n > 0 && !check_argument(c, &a, 0))
		return NULL; /* what follows may depend on it */
	good = true;
	for (size_t i = 1; i < ast->n; i++)
		good = check_argument(c, &a, i) && good;
	if (!good || !result_type(c, &a, &type))
		return NULL;
	if ((e = expr_parent(c, EX_CALL, type, ast->span, a.kids, ast->n)) == NULL)
		return NULL;
	e->function = f;
	return prepare(c, &a, &e->prepared) ? e : NULL;
}
