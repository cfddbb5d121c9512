/* SPDX-License-Identifier: Apache-2.0 */
/* Comparisons: which operator a type has, and literals read as the other side's type demands. */
#include "engine/compile.h"

#include <assert.h>

#include "engine/names.h"
#include "grammar/literal.h"

enum { ON_BYTES = 1 << TYPE_BYTES, ON_INT = 1 << TYPE_INT, ON_IP = 1 << TYPE_IP };

struct operator
{
	enum ast_op op;
	const char *word;
	unsigned types;
	bool dynamic;
	enum test_kind test;
};

static const struct operator operators[] = {
#define OP(op, word, symbol, types, dynamic, test) {op, word, types, dynamic, test},
#include "engine/ops.def"
#undef OP
};

static const struct operator* operator_of(enum ast_op op)
{
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
		if (operators[i].op == op)
			return &operators[i];
	assert(!"a comparison");
	return NULL;
}

static void wrong_literal(struct compiler *c, const struct ast *ast, enum type type, const char *what)
{
	const char *kind = ast_literal_kind(ast);
	struct diag *g = diag_add(c->d, U1003, ast->span, "%s needs %s; %.*s is %s", what, type_name(type),
	                          STR_FMT(ast_words(ast)), kind != NULL ? kind : "not");

	if (ast->kind == AST_STRING && type == TYPE_INT)
		diag_help(c->d, g, "write the number without quotes");
	else if (ast->kind == AST_STRING && type == TYPE_IP)
		diag_help(c->d, g, "write the address without quotes");
	else if (type == TYPE_BYTES)
		diag_help(c->d, g, "write \"%.*s\"", STR_FMT(ast_words(ast)));
}

static bool literal_failed(struct compiler *c, const struct ast *ast, enum type type, const char *what,
                           const char *wrong)
{
	struct cidr net;
	struct str text = ast->text;
	struct diag *g;
	int64_t number;
	struct ip ip;

	if (type == TYPE_IP && str_find(text, '/') >= 0 && literal_cidr(text, &net) == NULL) {
		g = diag_add(c->d, U0006, ast->span, "a network stands in braces after in");
		diag_help(c->d, g, "write in {%.*s}", STR_FMT(text));
	} else if (type == TYPE_INT && literal_ip(text, &ip) != NULL && str_find(text, ':') < 0) {
		diag_add(c->d, U0004, ast->span, "%.*s: %s", STR_FMT(text), wrong);
	} else if (type == TYPE_IP && literal_int(text, &number) != NULL &&
	           literal_cidr(text, &net) != NULL && str_find(text, '/') >= 0) {
		diag_add(c->d, U0007, ast->span, "%.*s: %s", STR_FMT(text), literal_cidr(text, &net));
	} else {
		wrong_literal(c, ast, type, what);
	}
	return false;
}

/* ast: AST_STRING, AST_LITERAL, or an AST_NAME that may be spelled like a byte string. Bytes are the scratch
 * arena's or the tree's. */
bool check_literal(struct compiler *c, const struct ast *ast, enum type type, const char *what,
                   struct value *out)
{
	const char *wrong = NULL;
	struct ip *ip;

	if (ast->kind == AST_STRING) {
		if (type != TYPE_BYTES) {
			wrong_literal(c, ast, type, what);
			return false;
		}
		*out = VALUE_STR(ast->text);
		return true;
	}
	switch (type) {
	case TYPE_INT:
		*out = VALUE_INT(0);
		wrong = literal_int(ast->text, &out->i);
		break;
	case TYPE_BYTES:
		*out = VALUE_STR(STR_NONE);
		wrong = literal_bytes(c->scratch, ast->text, &out->s);
		break;
	case TYPE_IP:
		if ((ip = ARENA_NEW(c->scratch, struct ip)) == NULL) {
			c->no_memory = true;
			return false;
		}
		*out = VALUE_IP(ip);
		wrong = literal_ip(ast->text, ip);
		break;
	default:
		wrong_literal(c, ast, type, what);
		return false;
	}
	return wrong == NULL || literal_failed(c, ast, type, what, wrong);
}

static struct expr *no_operator(struct compiler *c, const struct ast *ast, const struct expr *left,
                                const struct operator* op)
{
	struct str words = ast_words(ast->kids[0]);
	struct diag *g;

	if (!type_scalar(left->type) && left->type != TYPE_ARRAY_BOOL) {
		g = diag_add(c->d, U1004, ast->kids[0]->span, "%.*s is %s; %s compares single values",
		             STR_FMT(words), type_name(left->type), op->word);
		diag_help(c->d, g,
		          type_shape(left->type) == SHAPE_MAP
		              ? "take one with [\"key\"], or all with [*]"
		              : "take one with [0], or all with [*] in any(…) or all(…)");
		return NULL;
	}
	g = diag_add(c->d, U1002, ast->op_span, "%.*s is %s, which has no %s", STR_FMT(words),
	             type_name(left->type), op->word);
	if (left->type == TYPE_BOOL)
		diag_help(c->d, g, "write %.*s, or not %.*s", STR_FMT(words), STR_FMT(words));
	return NULL;
}

static struct expr *tested(struct compiler *c, const struct ast *ast, const struct expr *left,
                           const struct test *test)
{
	struct expr *e;

	if (test == NULL)
		return NULL;
	e = expr_parent(c, EX_TEST, left->each ? TYPE_ARRAY_BOOL : TYPE_BOOL, ast->span, &left, 1);
	if (e != NULL)
		e->test = test;
	return e;
}

/* A name on the right that no field has may be a byte string such as ab.cd. */
static bool byte_string(struct compiler *c, const struct ast *ast, enum type type)
{
	struct str out;

	return ast->kind == AST_NAME && type == TYPE_BYTES && field_find(ast->text) == NULL &&
	       alias_find(ast->text) == NULL && literal_bytes(c->scratch, ast->text, &out) == NULL;
}

static struct expr *dynamic(struct compiler *c, const struct ast *ast, const struct expr *left,
                            const struct operator* op)
{
	const struct ast *at = ast->kids[1];
	const struct expr *kids[2] = {left, NULL};
	struct diag *g;
	struct expr *e;

	if (!op->dynamic) {
		g = diag_add(c->d, U1005, at->span, "%s needs a literal on its right", op->word);
		diag_help(c->d, g, "fields and calls may stand right of eq, ne, lt, le, gt and ge");
		return NULL;
	}
	if (at->kind == AST_NAME && (str_eq(at->text, STR("true")) || str_eq(at->text, STR("false")))) {
		diag_add(c->d, U1003, at->span, "%.*s is %s; %.*s is Boolean",
		         STR_FMT(ast_words(ast->kids[0])), type_name(left->type), STR_FMT(at->text));
		return NULL;
	}
	c->value_place = true;
	kids[1] = check_expr(c, at);
	c->value_place = false;
	if (kids[1] == NULL)
		return NULL;
	if (kids[1]->each) {
		diag_add(c->d, U1005, at->span, "[*] may stand on the left of a comparison only");
		return NULL;
	}
	if (kids[1]->type != left->type) {
		g = diag_add(c->d, type_scalar(kids[1]->type) ? U1003 : U1004, at->span,
		             "%.*s is %s; %.*s is %s", STR_FMT(ast_words(ast->kids[0])),
		             type_name(left->type), STR_FMT(ast_words(at)), type_name(kids[1]->type));
		diag_help(c->d, g, "both sides of %s need one type", op->word);
		return NULL;
	}
	if ((e = expr_parent(c, EX_COMPARE, left->each ? TYPE_ARRAY_BOOL : TYPE_BOOL, ast->span, kids, 2)) !=
	    NULL)
		e->op = ast->op;
	return e;
}

static struct expr *with_constant(struct compiler *c, const struct ast *ast, const struct expr *left,
                                  const struct operator* op)
{
	const struct ast *at = ast->kids[1];
	struct value right;
	char what[96];

	snprintf(what, sizeof(what), "%.*s", STR_FMT(ast_words(ast->kids[0])));
	if (op->test == TEST_MATCHES || op->test == TEST_WILDCARD || op->test == TEST_STRICT_WILDCARD) {
		if (at->kind != AST_STRING) {
			diag_add(c->d, U1003, at->span, "%s needs a pattern in quotes", op->word);
			return NULL;
		}
		return tested(c, ast, left, test_intern(c, op->test, left->type, at, NULL));
	}
	if (!check_literal(c, at, left->type, what, &right))
		return NULL;
	return tested(c, ast, left, test_intern(c, op->test, left->type, at, &right));
}

struct expr *check_compare(struct compiler *c, const struct ast *ast)
{
	const struct operator* op = operator_of(ast->op);
	const struct ast *at = ast->kids[1];
	const struct expr *left;
	struct diag *g;

	c->value_place = false;
	left = check_expr(c, ast->kids[0]);
	if (left == NULL) {
		if (at->kind == AST_CALL || at->kind == AST_INDEX)
			check_expr(c, at); /* for its own errors */
		return NULL;
	}
	if (!type_scalar(left->type) || !(op->types & 1u << left->type))
		return no_operator(c, ast, left, op);
	if (op->test == TEST_IN) {
		if (at->kind == AST_SET || at->kind == AST_LIST)
			return tested(c, ast, left, test_intern(c, TEST_IN, left->type, at, NULL));
		g = diag_add(c->d, U0006, at->span, "in needs a list in braces, or $name");
		diag_help(c->d, g, "write in {%.*s}", STR_FMT(ast_words(at)));
		return NULL;
	}
	if (at->kind == AST_SET || at->kind == AST_LIST) {
		g = diag_add(c->d, U1002, ast->op_span, "%s compares with one value; a list needs in",
		             op->word);
		diag_help(c->d, g, "write in");
		return NULL;
	}
	if (at->kind == AST_STRING || at->kind == AST_LITERAL || byte_string(c, at, left->type))
		return with_constant(c, ast, left, op);
	return dynamic(c, ast, left, op);
}
