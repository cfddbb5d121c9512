/* SPDX-License-Identifier: Apache-2.0 */
/* Stages made visible: the tokens of a text, trees with one node a line. For people; nothing reads it back. */
#include "base/buf.h"
#include "grammar/lex.h"

static const char *const kind_names[] = {
	[AST_NAME] = "name", [AST_CALL] = "call", [AST_INDEX] = "index", [AST_COMPARE] = "compare",
		[AST_NOT] = "not",
	[AST_LOGIC] = "logic", [AST_STRING] = "string", [AST_LITERAL] = "literal", [AST_SET] = "set",
	[AST_LIST] = "list",
};
static const char *const op_names[] = {
	[AST_EQ] = "eq", [AST_NE] = "ne", [AST_LT] = "lt", [AST_LE] = "le", [AST_GT] = "gt", [AST_GE] = "ge",
	[AST_CONTAINS] = "contains", [AST_MATCHES] = "matches", [AST_WILDCARD] = "wildcard",
	[AST_STRICT_WILDCARD] = "strict wildcard", [AST_IN] = "in", [AST_BIT_AND] = "bitwise_and",
	[AST_AND] = "and", [AST_OR] = "or", [AST_XOR] = "xor",
};
static const char *const form_names[] = { "", " raw", " pattern" };

void dump_node(struct buf *out, const struct ast *e, int depth)
{
	unsigned line = 0, column = 0;
	size_t i;

	if (e->span.src)
		span_place(e->span, &line, &column);
	buf_printf(out, "%*s%s", 2 * depth, "", kind_names[e->kind]);
	switch (e->kind) {
	case AST_COMPARE:
	case AST_LOGIC:
		buf_printf(out, " %s", op_names[e->op]);
		break;
	case AST_STRING:
		buf_addc(out, ' ');
		buf_json(out, e->text);
		buf_add(out, str_of(form_names[e->form]));
		break;
	case AST_INDEX:
		if (e->index == AST_INDEX_EACH) {
			buf_add(out, STR(" each"));
		} else if (e->index == AST_INDEX_INT) {
			buf_printf(out, " %u", (unsigned)e->number);
		} else {
			buf_addc(out, ' ');
			buf_json(out, e->text);
		}
		break;
	case AST_NAME:
	case AST_CALL:
	case AST_LITERAL:
	case AST_LIST:
		buf_addc(out, ' ');
		buf_add(out, e->text);
		break;
	case AST_SET:
	case AST_NOT:
		break;
	}
	buf_printf(out, "%s @%u:%u\n", e->parens ? " ( )" : "", line, column);
	for (i = 0; i < e->n; i++)
		dump_node(out, e->kids[i], depth + 1);
}

bool ast_dump(struct buf *out, const struct ast *e)
{
	dump_node(out, e, 0);
	return !out->failed;
}

/* A place in a text that only moves forward. */
struct cursor {
	uint32_t at;
	unsigned line, column;
};

static void cursor_move(struct cursor *c, struct str text, uint32_t to)
{
	for (; c->at < to; c->at++) {
		c->column++;
		if (text.p[c->at] == '\n') {
			c->line++;
			c->column = 1;
		}
	}
}

/* T_WHEN is `when`, COMPARE is `compare`. */
static void kind_print(struct buf *out, const char *name)
{
	for (name += strncmp(name, "T_", 2) ? 0 : 2; *name; name++)
		buf_addc(out, ascii_lower(*name));
	buf_addc(out, ' ');
}

bool tokens_dump(struct buf *out, const struct source *src, bool file)
{
	struct arena arena = ARENA_INIT;
	struct diags unheard;
	struct parser p = { .arena = &arena, .src = src, .diags = &unheard,
		.start = file ? START_FILE : START_EXPRESSION };
	struct cursor c = { 0, 1, 1 };
	GRAMMAR_STYPE value;
	struct span at;
	int token;
	bool done;

	diags_init(&unheard);
	if ((done = scan_init(&p, file))) {
		grammar_lex(&value, &at, &p); /* the one that chooses the start symbol */
		while ((token = grammar_lex(&value, &at, &p)) != GRAMMAR_EOF) {
			cursor_move(&c, src->text, at.from);
			buf_printf(out, "%u:%u ", c.line, c.column);
			kind_print(out, grammar_token_name(token));
			buf_json(out, str_sub(src->text, at.from, at.to));
			buf_addc(out, '\n');
		}
	}
	scan_fini(&p);
	diags_fini(&unheard);
	arena_fini(&arena);
	return done && !out->failed;
}
