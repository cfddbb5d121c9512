/* SPDX-License-Identifier: Apache-2.0 */
/* is_jwt_valid("x") is jwt.result["x"] eq "ok", is_jwt_present("x") is jwt.result["x"] ne "absent". */
#include "engine/compile.h"

#include "engine/jwt.h"
#include "engine/names.h"

static struct ast *node(struct compiler *c, enum ast_kind kind, const struct ast *call, struct str text,
                        size_t kids)
{
	struct ast *n = ARENA_NEW(c->scratch, struct ast);

	if (n == NULL || (n->kids = arena_array(c->scratch, kids + 1, sizeof(struct ast *))) == NULL) {
		c->no_memory = true;
		return NULL;
	}
	n->kind = kind;
	n->span = n->op_span = call->span;
	n->text = text;
	n->n = kids;
	return n;
}

static bool name_known(struct compiler *c, const struct ast *name)
{
	struct nearest near = {.name = name->text};
	struct diag *g;

	if (jwt_find(c->jwts, name->text) != NULL)
		return true;
	for (const struct jwt_block *b = c->jwts; b != NULL; b = b->next)
		nearest_offer(&near, b->name);
	g = diag_add(c->d, U1001, name->span, "there is no jwt block %.*s", STR_FMT(name->text));
	if (near.best.n > 0)
		diag_help(c->d, g, "did you mean %.*s?", STR_FMT(near.best));
	return false;
}

struct expr *check_jwt(struct compiler *c, const struct ast *call, bool valid)
{
	const struct ast *name = call->n == 1 ? call->kids[0] : NULL;
	struct ast *field, *index, *word, *compare;

	if (name == NULL || name->kind != AST_STRING) {
		diag_add(c->d, U1005, call->span, "%.*s takes the name of a jwt block in quotes",
		         STR_FMT(call->text));
		return NULL;
	}
	if (!name_known(c, name))
		return NULL;
	field = node(c, AST_NAME, call, STR("jwt.result"), 0);
	index = node(c, AST_INDEX, call, name->text, 1);
	word = node(c, AST_STRING, call, valid ? STR("ok") : STR("absent"), 0);
	compare = node(c, AST_COMPARE, call, STR(""), 2);
	if (field == NULL || index == NULL || word == NULL || compare == NULL)
		return NULL;
	index->index = AST_INDEX_KEY;
	index->kids[0] = field;
	compare->op = valid ? AST_EQ : AST_NE;
	compare->kids[0] = index;
	compare->kids[1] = word;
	return check_expr(c, compare);
}
