/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Names and types: a syntax tree becomes a typed expression, or its errors are queued. Calls are in
 * check_call.c, comparisons and literals in check_compare.c.
 */
#include "engine/compile.h"

#include "engine/field_get.h"

#include "base/limits.h"
#include "engine/names.h"
#include "grammar/literal.h"

struct expr *expr_new(struct compiler *c, enum expr_kind kind, enum type type, struct span span)
{
	struct expr *e = ARENA_NEW(c->scratch, struct expr);

	if (e == NULL) {
		c->no_memory = true;
		return NULL;
	}
	e->kind = kind;
	e->type = type;
	e->span = span;
	return e;
}

struct expr *expr_parent(struct compiler *c, enum expr_kind kind, enum type type, struct span span,
                         const struct expr *const *kids, size_t n)
{
	struct expr *e = expr_new(c, kind, type, span);

	if (e == NULL)
		return NULL;
	if ((e->kids = arena_array(c->scratch, n, sizeof(*e->kids))) == NULL) {
		c->no_memory = true;
		return NULL;
	}
	e->n = n;
	for (size_t i = 0; i < n; i++) {
		e->kids[i] = kids[i];
		e->scopes |= kids[i]->scopes;
	}
	return e;
}

struct expr *expr_value(struct compiler *c, const struct value *v, struct span span)
{
	struct expr *e = expr_new(c, EX_CONST, v->type, span);

	if (e != NULL)
		e->value = *v;
	return e;
}

struct str seal_str(struct compiler *c, struct str s)
{
	struct str copy = arena_str(c->sealed, s);

	if (copy.p == NULL)
		c->no_memory = true;
	return copy;
}

bool seal_value(struct compiler *c, struct value *v)
{
	struct ip *ip;

	if (v->missing || (v->type != TYPE_BYTES && v->type != TYPE_IP))
		return true;
	if (v->type == TYPE_BYTES)
		return (v->s = seal_str(c, v->s)).p != NULL;
	if ((ip = ARENA_NEW(c->sealed, struct ip)) == NULL) {
		c->no_memory = true;
		return false;
	}
	*ip = *v->ip;
	v->ip = ip;
	return true;
}

struct str ast_words(const struct ast *ast)
{
	struct str s =
	    ast->span.src == NULL ? ast->text : str_sub(ast->span.src->text, ast->span.from, ast->span.to);

	return s.n > 60 ? str_sub(s, 0, 60) : s;
}

const char *ast_literal_kind(const struct ast *ast)
{
	return ast->kind == AST_STRING ? "String" : literal_kind(ast->text);
}

static struct expr *foreign_field(struct compiler *c, const struct ast *ast, const struct foreign *f)
{
	struct diag *g;
	struct value v;

	if (!c->foreign_default) {
		g = diag_add(c->d, U1009, ast->span, "%s has no meaning here: %s", f->name, f->reason);
		diag_help(c->d, g,
		          "server { foreign_fields default } gives such fields their documented defaults");
		return NULL;
	}
	diag_add(c->d, U1012, ast->span, "%s always has its default here: %s", f->name, f->reason);
	v = foreign_default(f);
	return expr_value(c, &v, ast->span);
}

static void unknown_field(struct compiler *c, const struct ast *ast)
{
	struct str near = nearest_field(ast->text);
	const char *whose = foreign_family(ast->text);
	struct diag *g;

	if (whose != NULL)
		g = diag_add(c->d, U1009, ast->span, "%.*s has no meaning here: %s", STR_FMT(ast->text), whose);
	else
		g = diag_add(c->d, U1001, ast->span, "there is no field %.*s", STR_FMT(ast->text));

	if (near.n > 0 && (!c->value_place || str_find(ast->text, '.') >= 0))
		diag_help(c->d, g, "did you mean %.*s?", STR_FMT(near));
	else if (function_find(ast->text) != NULL || str_eq(ast->text, STR("any")) ||
	         str_eq(ast->text, STR("all")))
		diag_help(c->d, g, "%.*s is a function: its arguments follow in ( )", STR_FMT(ast->text));
	else if (c->value_place)
		diag_help(c->d, g, "if a string is meant, it needs quotes: \"%.*s\"", STR_FMT(ast->text));
	else
		diag_help(c->d, g, "usher help fields lists what there is");
}

struct expr *check_field(struct compiler *c, const struct ast *ast)
{
	const struct field *field = field_find(ast->text);
	const char *now = field == NULL ? alias_find(ast->text) : NULL;
	const struct foreign *foreign;
	struct diag *g;
	struct expr *e;

	if (now != NULL) {
		g = diag_add(c->d, U1013, ast->span, "%.*s is now called %s", STR_FMT(ast->text), now);
		diag_help(c->d, g, "write %s", now);
		field = field_find(str_of(now));
	}
	if (field == NULL && (foreign = foreign_find(ast->text)) != NULL)
		return foreign_field(c, ast, foreign);
	if (field == NULL) {
		unknown_field(c, ast);
		return NULL;
	}
	if (field->get == get_jwt && c->jwts == NULL) { /* without a jwt block there is no token to speak of */
		if ((foreign = foreign_find(ast->text)) != NULL)
			return foreign_field(c, ast, foreign);
		diag_add(c->d, U1009, ast->span, "%s says nothing without a jwt block", field->name);
		return NULL;
	}
	if (SCOPE_BIT(field->scope) & SCOPES_RESPONSE && !c->response && c->place != NULL) {
		g = diag_add(c->d, U1006, ast->span, "%s: there is no response yet in phase %s", field->name,
		             c->place);
		diag_help(c->d, g,
		          "phase response_firewall or response_headers comes after the origin's answer");
		return NULL;
	}
	if (field->get == get_geography && c->no_geoip && c->reads[field_id(field)] == 0) {
		g = diag_add(c->d, U1014, ast->span, "%s is missing as long as no database is named", field->name);
		diag_help(c->d, g, "server { geoip \"FILE.mmdb\" } names one");
	}
	if ((e = expr_new(c, EX_FIELD, field->type, ast->span)) == NULL)
		return NULL;
	e->field = field;
	e->scopes = SCOPE_BIT(field->scope);
	c->scopes |= e->scopes;
	c->reads[field_id(field)] = 1;
	return e;
}

static struct expr *wrong_index(struct compiler *c, const struct ast *ast, const struct expr *of,
                                const char *help)
{
	struct diag *g = diag_add(c->d, U1004, ast->span, "%.*s is %s, which is not indexed this way",
	                          STR_FMT(ast_words(ast->kids[0])), type_name(of->type));

	if (help != NULL)
		diag_help(c->d, g, "%s", help);
	return NULL;
}

static struct expr *check_index(struct compiler *c, const struct ast *ast)
{
	const struct expr *of = check_expr(c, ast->kids[0]);
	enum shape shape;
	struct expr *e;

	if (of == NULL)
		return NULL;
	shape = type_shape(of->type);
	if (shape == SHAPE_SCALAR)
		return wrong_index(c, ast, of, "only arrays and maps have elements");
	if (ast->index == AST_INDEX_INT && shape == SHAPE_MAP)
		return wrong_index(c, ast, of, "a map is indexed by a key in quotes");
	if (ast->index == AST_INDEX_KEY && shape == SHAPE_ARRAY)
		return wrong_index(c, ast, of, "an array is indexed by a number from 0, or by *");
	e = expr_parent(c,
	                ast->index == AST_INDEX_INT   ? EX_INDEX
	                : ast->index == AST_INDEX_KEY ? EX_KEY
	                                              : EX_EACH,
	                type_element(of->type), ast->span, &of, 1);
	if (e == NULL)
		return NULL;
	e->each = of->each || ast->index == AST_INDEX_EACH;
	e->number = ast->number;
	if (ast->index == AST_INDEX_KEY)
		e->text = seal_str(c, ast->text);
	return e;
}

/* As a condition, where a missing result is false, starts_with and ends_with are tests like any other. */
static struct expr *as_test(struct compiler *c, struct expr *e)
{
	bool prefix = e->kind == EX_CALL && e->function == &function_table[FN_STARTS_WITH];
	bool suffix = e->kind == EX_CALL && e->function == &function_table[FN_ENDS_WITH];
	struct expr *test;

	if ((!prefix && !suffix) || !expr_const(e->kids[1]))
		return e;
	if ((test = expr_parent(c, EX_TEST, e->type, e->span, e->kids, 1)) != NULL)
		test->test =
		    test_intern(c, prefix ? TEST_PREFIX : TEST_SUFFIX, TYPE_BYTES, NULL, &e->kids[1]->value);
	return test != NULL && test->test != NULL ? test : NULL;
}

/* As an operand of not, and, or, xor, any, all: a list of Booleans after [*] is an Array<Boolean>. */
static struct expr *check_operand(struct compiler *c, const struct ast *ast, const char *word)
{
	struct expr *e = check_expr(c, ast), *copy;
	struct diag *g;

	if (e == NULL || e->type == TYPE_ARRAY_BOOL || (e->type == TYPE_BOOL && !e->each))
		return e == NULL ? NULL : as_test(c, e);
	if (e->type == TYPE_BOOL) {
		if ((copy = expr_new(c, e->kind, e->type, e->span)) == NULL)
			return NULL;
		*copy = *e;
		copy->type = TYPE_ARRAY_BOOL;
		copy->each = false;
		return copy;
	}
	g = diag_add(c->d, type_scalar(e->type) ? U1002 : U1004, ast->span, "%s needs a Boolean; %.*s is %s",
	             word, STR_FMT(ast_words(ast)), type_name(e->type));
	diag_help(c->d, g,
	          type_scalar(e->type) ? "compare it: eq, in, contains …" : "index it, then compare it");
	return NULL;
}

static struct expr *check_not(struct compiler *c, const struct ast *ast)
{
	const struct expr *of = check_operand(c, ast->kids[0], ast->symbol ? "!" : "not");

	return of == NULL ? NULL : expr_parent(c, EX_NOT, of->type, ast->span, &of, 1);
}

static struct expr *check_logic(struct compiler *c, const struct ast *ast)
{
	enum expr_kind kind = ast->op == AST_AND ? EX_AND : ast->op == AST_OR ? EX_OR : EX_XOR;
	const char *word = ast->op == AST_AND ? "and" : ast->op == AST_OR ? "or" : "xor";
	const struct expr **kids = arena_array(c->scratch, ast->n, sizeof(*kids));
	struct diag *g;
	bool good = true;

	if (kids == NULL) {
		c->no_memory = true;
		return NULL;
	}
	for (size_t i = 0; i < ast->n; i++) {
		kids[i] = check_operand(c, ast->kids[i], word);
		good = good && kids[i] != NULL;
	}
	if (!good)
		return NULL;
	for (size_t i = 1; i < ast->n; i++) {
		if (kids[i]->type == kids[0]->type)
			continue;
		g = diag_add(c->d, U1004, ast->kids[i]->span, "%s joins %s on the left with %s on the right",
		             word, type_name(kids[0]->type), type_name(kids[i]->type));
		diag_second(c->d, g, ast->kids[0]->span, "this is %s", type_name(kids[0]->type));
		diag_help(c->d, g, "any(…) or all(…) makes one Boolean of an Array<Boolean>");
		return NULL;
	}
	return expr_parent(c, kind, kids[0]->type, ast->span, kids, ast->n);
}

static struct expr *check_quantifier(struct compiler *c, const struct ast *ast)
{
	bool any = str_eq(ast->text, STR("any"));
	const struct expr *of;
	struct diag *g;

	if (ast->n != 1) {
		diag_add(c->d, U1005, ast->span, "%.*s takes one argument, an Array<Boolean>; here are %zu",
		         STR_FMT(ast->text), ast->n);
		return NULL;
	}
	if ((of = check_operand(c, ast->kids[0], any ? "any" : "all")) == NULL)
		return NULL;
	if (of->type != TYPE_ARRAY_BOOL) {
		g = diag_add(c->d, U1004, ast->kids[0]->span, "%.*s needs an Array<Boolean>; this is %s",
		             STR_FMT(ast->text), type_name(of->type));
		diag_help(c->d, g, "compare the elements of an array: %.*s(x[*] eq …)", STR_FMT(ast->text));
		return NULL;
	}
	return expr_parent(c, any ? EX_ANY : EX_ALL, TYPE_BOOL, ast->span, &of, 1);
}

static struct expr *misplaced(struct compiler *c, const struct ast *ast)
{
	struct diag *g = diag_add(c->d, U0001, ast->span, "%.*s stands where a field or call belongs",
	                          STR_FMT(ast_words(ast)));

	if (c->value_place && ast->kind == AST_LITERAL)
		diag_help(c->d, g, "write \"%.*s\"", STR_FMT(ast_words(ast)));
	return NULL;
}

struct expr *check_expr(struct compiler *c, const struct ast *ast)
{
	switch (ast->kind) {
	case AST_NAME:
		return check_field(c, ast);
	case AST_CALL:
		if (str_eq(ast->text, STR("any")) || str_eq(ast->text, STR("all")))
			return check_quantifier(c, ast);
		return check_call(c, ast);
	case AST_INDEX:
		return check_index(c, ast);
	case AST_COMPARE:
		return check_compare(c, ast);
	case AST_NOT:
		return check_not(c, ast);
	case AST_LOGIC:
		return check_logic(c, ast);
	case AST_STRING:
	case AST_LITERAL:
	case AST_SET:
	case AST_LIST:
		break;
	}
	return misplaced(c, ast);
}

struct expr *check_condition(struct compiler *c, const struct ast *ast)
{
	struct expr *e;
	struct diag *g;

	c->once = 0;
	if ((e = check_operand(c, ast, "a condition")) == NULL || e->type == TYPE_BOOL)
		return e;
	g = diag_add(c->d, U1004, ast->span, "a condition needs a Boolean; this is %s", type_name(e->type));
	diag_help(c->d, g, "put it in any(…) or all(…)");
	return NULL;
}

struct expr *check_value(struct compiler *c, const struct ast *ast)
{
	struct value v = VALUE_MISSING(TYPE_BYTES);
	struct expr *e;
	struct diag *g;

	c->once = 0;
	if (ast->kind == AST_STRING) {
		v = VALUE_STR(ast->text);
		return seal_value(c, &v) ? expr_value(c, &v, ast->span) : NULL;
	}
	c->value_place = true;
	e = check_expr(c, ast);
	c->value_place = false;
	if (e == NULL)
		return NULL;
	if (!e->each && e->type == TYPE_BYTES)
		return e;
	g = diag_add(c->d, e->each || !type_scalar(e->type) ? U1004 : U1003, ast->span,
	             "a value needs a String; %.*s is %s%s", STR_FMT(ast_words(ast)),
	             e->each ? "many values of type " : "", type_name(e->type));
	if (!e->each && type_scalar(e->type))
		diag_help(c->d, g, "write to_string(%.*s)", STR_FMT(ast_words(ast)));
	else if (!e->each && e->type == TYPE_ARRAY_BYTES)
		diag_help(c->d, g, "take one with [0], or all with join(…, \",\")");
	return NULL;
}

struct expr *check_any(struct compiler *c, const struct ast *ast)
{
	struct value v;
	struct expr *e;

	c->once = 0;
	if (ast->kind == AST_STRING) {
		v = VALUE_STR(ast->text);
		return seal_value(c, &v) ? expr_value(c, &v, ast->span) : NULL;
	}
	e = ast->parens ? check_condition(c, ast) : check_expr(c, ast); /* parentheses are for conditions */
	if (e == NULL || (!e->each && (e->type != TYPE_ARRAY_BOOL || ast->kind == AST_CALL)))
		return e;
	diag_add(c->d, U1004, ast->span,
	         "[*] yields many values here; any(…), all(…) or a function takes them");
	return NULL;
}
