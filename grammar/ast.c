/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Nodes of expressions. A constructor that finds no memory says so in the parser and gives a stand-in, so
 * that the grammar's actions need no branches; the whole parse fails in the end. Mistakes that only make sense
 * once a node's parts are known (an index that is no number, `in` without braces) are told here.
 */
#include "grammar/internal.h"
#include "grammar/literal.h"

void nomem(struct parser *p)
{
	p->nomem = true;
}

static struct ast *node(struct parser *p, enum ast_kind kind, struct span at)
{
	struct ast *n = ARENA_NEW(p->arena, struct ast);

	if (!n) {
		nomem(p);
		n = &p->none;
		*n = (struct ast){ 0 };
	}
	n->kind = kind;
	n->span = at;
	n->op_span = (struct span){ at.src, 0, 0 };
	return n;
}

/* Room for one more pointer in an array that holds n: it was made for a power of two, at least four. */
static struct ast **room(struct parser *p, struct ast **v, size_t n)
{
	size_t more = n < 4 ? 4 : 2 * n;

	if (n && (n < 4 || n & (n - 1)))
		return v;
	v = arena_grow(p->arena, v, n * sizeof(*v), more * sizeof(*v));
	if (!v)
		nomem(p);
	return v;
}

void nodes_add(struct parser *p, struct nodes *list, struct ast *n)
{
	struct ast **v = room(p, list->v, list->n);

	if (!v)
		return;
	list->v = v;
	list->v[list->n++] = n;
}

static void kids_add(struct parser *p, struct ast *n, struct ast *kid)
{
	struct nodes list = { n->kids, n->n };

	nodes_add(p, &list, kid);
	n->kids = list.v;
	n->n = list.n;
}

/* A node that will hold one or two. */
static void kids_set(struct parser *p, struct ast *n, struct ast *first, struct ast *second)
{
	n->kids = arena_array(p->arena, second ? 2 : 1, sizeof(*n->kids));
	if (!n->kids) {
		nomem(p);
		return;
	}
	n->kids[n->n++] = first;
	if (second)
		n->kids[n->n++] = second;
}

struct ast *ast_name(struct parser *p, struct str text, struct span at)
{
	struct ast *n = node(p, AST_NAME, at);

	n->text = text;
	return n;
}

struct ast *ast_literal(struct parser *p, struct str text, struct span at)
{
	struct ast *n = node(p, AST_LITERAL, at);

	n->text = text;
	return n;
}

struct ast *ast_string(struct parser *p, struct string_token s, struct span at)
{
	struct ast *n = node(p, AST_STRING, at);

	n->text = s.text;
	n->form = s.form;
	n->hashes = s.hashes;
	return n;
}

struct ast *ast_list(struct parser *p, struct str name, struct span at)
{
	struct ast *n = node(p, AST_LIST, at);

	n->text = name;
	return n;
}

struct ast *ast_set(struct parser *p, struct nodes items, struct span at)
{
	struct ast *n = node(p, AST_SET, at);

	n->kids = items.v;
	n->n = items.n;
	return n;
}

struct ast *ast_call(struct parser *p, struct str name, struct nodes args, struct span name_at,
	struct span at)
{
	struct ast *n = node(p, AST_CALL, at);

	n->text = name;
	n->op_span = name_at;
	n->kids = args.v;
	n->n = args.n;
	return n;
}

static struct ast *index_node(struct parser *p, struct ast *of, enum ast_index index, struct span at)
{
	const struct ast *inner = of;
	struct ast *n;
	unsigned depth = 0;

	while (inner->kind == AST_INDEX && inner->n) {
		inner = inner->kids[0];
		depth++;
	}
	if (depth >= LIMIT_INDEXES) { /* leaves this one out, so that trees stay shallow */
		if (!p->scan.too_deep)
			diag_add(p->diags, U0012, (struct span){ at.src, of->span.to, at.to },
				"more than %d indexes one after the other", LIMIT_INDEXES);
		p->scan.too_deep = true;
		of->span = at;
		return of;
	}
	n = node(p, AST_INDEX, at);
	n->index = index;
	n->op_span = (struct span){ at.src, of->span.to, at.to };
	kids_set(p, n, of, NULL);
	return n;
}

struct ast *ast_index_each(struct parser *p, struct ast *of, struct span at)
{
	return index_node(p, of, AST_INDEX_EACH, at);
}

struct ast *ast_index_int(struct parser *p, struct ast *of, struct str number, struct span number_at,
	struct span at)
{
	struct ast *n = index_node(p, of, AST_INDEX_INT, at);
	const char *wrong;
	int64_t i = 0;

	if ((wrong = literal_int(number, &i)))
		diag_add(p->diags, U0004, number_at, "%s", wrong);
	else if (i < 0 || i > UINT32_MAX)
		diag_add(p->diags, U0004, number_at, "an index is a number from 0 to %u", UINT32_MAX);
	else
		n->number = (uint32_t)i;
	return n;
}

struct ast *ast_index_key(struct parser *p, struct ast *of, struct string_token key, struct span key_at,
	struct span at)
{
	struct ast *n = index_node(p, of, AST_INDEX_KEY, at);
	uint32_t code;
	size_t i, len;

	n->text = key.text;
	if (key.form == AST_FORM_RAW)
		diag_add(p->diags, U0001, key_at,
			"the key of a map is a string in plain quotes, not a raw one");
	for (i = 0; i < key.text.n; i += len) {
		if ((len = utf8_read(str_sub(key.text, i, key.text.n), &code)))
			continue;
		diag_add(p->diags, U0001, key_at, "the key of a map is UTF-8");
		break;
	}
	return n;
}

struct ast *ast_compare(struct parser *p, struct op_token op, struct ast *left, struct ast *right,
	struct span op_at, struct span at)
{
	struct ast *n = node(p, AST_COMPARE, at);

	n->op = op.op;
	n->symbol = op.symbol;
	n->op_span = op_at;
	kids_set(p, n, left, right);
	return n;
}

struct ast *ast_compare_field(struct parser *p, struct op_token op, struct ast *left, struct ast *right,
	struct span op_at, struct span at)
{
	struct diag *g;
	struct str bytes;

	if (right->kind == AST_NAME && op.op != AST_IN && !literal_bytes(p->arena, right->text, &bytes)) {
		right->kind = AST_LITERAL; /* ab.cd has a name's shape */
		return ast_compare(p, op, left, right, op_at, at);
	}
	if (op.op == AST_IN) {
		g = diag_add(p->diags, U0006, right->span, "in takes a set in braces or a named list");
		diag_help(p->diags, g, "write { … } or $name");
	} else {
		g = diag_add(p->diags, U0001, right->span,
			"the right side of this operator is a literal, not a field or call");
		diag_help(p->diags, g, "eq, ne, lt, le, gt and ge take fields; strings need quotes");
	}
	return ast_compare(p, op, left, right, op_at, at);
}

struct ast *ast_in_bare(struct parser *p, struct op_token op, struct ast *left, struct ast *item,
	struct span op_at, struct span at)
{
	struct diag *g = diag_add(p->diags, U0006, item->span, "in takes a set in braces or a named list");
	struct str text = str_sub(p->src->text, item->span.from, item->span.to);
	struct nodes items = { 0 };

	diag_help(p->diags, g, "write {%.*s}", STR_FMT(text));
	nodes_add(p, &items, item);
	return ast_compare(p, op, left, ast_set(p, items, item->span), op_at, at);
}

struct ast *ast_not(struct parser *p, struct op_token op, struct ast *of, struct span op_at, struct span at)
{
	struct ast *n = node(p, AST_NOT, at);

	n->symbol = op.symbol;
	n->op_span = op_at;
	kids_set(p, n, of, NULL);
	return n;
}

struct ast *ast_logic(struct parser *p, struct op_token op, struct ast *left, struct ast *right,
	struct span op_at, struct span at)
{
	struct ast *n;

	if (left->kind == AST_LOGIC && left->op == op.op && !left->parens) {
		kids_add(p, left, right);
		left->span = at;
		left->symbol |= op.symbol;
		return left;
	}
	n = node(p, AST_LOGIC, at);
	n->op = op.op;
	n->symbol = op.symbol;
	n->op_span = op_at;
	kids_add(p, n, left);
	kids_add(p, n, right);
	return n;
}

struct ast *ast_logic_bare(struct parser *p, struct op_token op, struct ast *left, struct ast *right,
	struct span op_at, struct span at)
{
	struct diag *g = diag_add(p->diags, U0010, op_at,
		"an argument that begins with a comparison ends with it");

	diag_help(p->diags, g, "put parentheses around each side: (… eq …) and (… eq …)");
	return ast_logic(p, op, left, right, op_at, at);
}

struct ast *ast_parens(struct ast *of)
{
	of->parens = true;
	return of;
}

bool ast_equal(const struct ast *a, const struct ast *b)
{
	size_t i;

	if (a->kind != b->kind || a->n != b->n || !str_eq(a->text, b->text))
		return false;
	if ((a->kind == AST_COMPARE || a->kind == AST_LOGIC) && a->op != b->op)
		return false;
	if (a->kind == AST_INDEX && (a->index != b->index || a->number != b->number))
		return false;
	for (i = 0; i < a->n; i++)
		if (!ast_equal(a->kids[i], b->kids[i]))
			return false;
	return true;
}
