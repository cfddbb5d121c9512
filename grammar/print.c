/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Expressions as canonical text: English operators, one space where one is due, strings in the form they were
 * written in. Parsing the text gives an equal tree; parentheses are kept, and added where a tree needs them.
 */
#include "base/buf.h"
#include "grammar/internal.h"

static const char *const op_words[] = {
	[AST_EQ] = "eq", [AST_NE] = "ne", [AST_LT] = "lt", [AST_LE] = "le", [AST_GT] = "gt", [AST_GE] = "ge",
	[AST_CONTAINS] = "contains", [AST_MATCHES] = "matches", [AST_WILDCARD] = "wildcard",
	[AST_STRICT_WILDCARD] = "strict wildcard", [AST_IN] = "in", [AST_BIT_AND] = "bitwise_and",
	[AST_AND] = "and", [AST_OR] = "or", [AST_XOR] = "xor",
};

static bool print_quoted(struct buf *out, struct str s)
{
	size_t i, n;
	uint32_t code;

	buf_addc(out, '"');
	for (i = 0; i < s.n; i += n) {
		n = utf8_read(str_sub(s, i, s.n), &code);
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_printf(out, "\\%c", s.p[i]);
		else if (!n || code < 0x20 || (code >= 0x7f && code < 0xa0))
			buf_printf(out, "\\x%02x", (unsigned char)s.p[i]), n = 1;
		else
			buf_add(out, str_sub(s, i, i + n));
		n = n ? n : 1;
	}
	return buf_addc(out, '"');
}

/* Raw strings cannot spell bytes that are not UTF-8; such a string came from quotes. */
static bool print_raw(struct buf *out, struct str s)
{
	size_t hashes = 0, run, i, j;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] != '"')
			continue;
		for (run = 1, j = i + 1; j < s.n && s.p[j] == '#'; j++)
			run++;
		if (run > hashes)
			hashes = run;
	}
	buf_addc(out, 'r');
	for (i = 0; i < hashes; i++)
		buf_addc(out, '#');
	buf_addc(out, '"');
	buf_add(out, s);
	buf_addc(out, '"');
	for (i = 0; i < hashes; i++)
		buf_addc(out, '#');
	return !out->failed;
}

/* The value of a pattern in its own quotes, where only a quote outside of [ ] is escaped. */
static bool print_regex(struct buf *out, struct str s)
{
	bool class = false;
	size_t i;

	buf_addc(out, '"');
	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '\\' && i + 1 < s.n)
			buf_addc(out, s.p[i++]);
		else if (s.p[i] == '"' && !class)
			buf_addc(out, '\\');
		else if (s.p[i] == '[')
			class = true;
		else if (s.p[i] == ']')
			class = false;
		buf_addc(out, s.p[i]);
	}
	return buf_addc(out, '"');
}

static bool print_string(struct buf *out, const struct ast *e, bool pattern)
{
	if (pattern && e->form != AST_FORM_RAW && string_regex_spelling(e->text))
		return print_regex(out, e->text);
	if (pattern || e->form == AST_FORM_RAW)
		return print_raw(out, e->text);
	return print_quoted(out, e->text);
}

/* An argument that begins with a comparison is that comparison: a longer condition needs parentheses. */
static bool argument_bare(const struct ast *e)
{
	if (e->kind != AST_LOGIC || e->parens)
		return false;
	while (e->kind == AST_LOGIC && !e->parens && e->n)
		e = e->kids[0];
	return !e->parens && e->kind != AST_NOT &&
		!(e->kind == AST_CALL && (str_eq(e->text, STR("any")) || str_eq(e->text, STR("all"))));
}

static bool print(struct buf *out, const struct ast *e, bool parens);

static bool print_list(struct buf *out, const struct ast *e, const char *between)
{
	size_t i;

	for (i = 0; i < e->n; i++) {
		if (i)
			buf_add(out, str_of(between));
		print(out, e->kids[i], argument_bare(e->kids[i]));
	}
	return !out->failed;
}

/* and binds tighter than xor, xor tighter than or. */
static int binding(const struct ast *e)
{
	if (e->kind != AST_LOGIC)
		return 4;
	return e->op == AST_AND ? 3 : e->op == AST_XOR ? 2 : 1;
}

static bool print_node(struct buf *out, const struct ast *e)
{
	size_t i;

	switch (e->kind) {
	case AST_NAME:
	case AST_LITERAL:
		return buf_add(out, e->text);
	case AST_LIST:
		return buf_addc(out, '$') && buf_add(out, e->text);
	case AST_STRING:
		return print_string(out, e, false);
	case AST_SET:
		buf_addc(out, '{');
		print_list(out, e, " ");
		return buf_addc(out, '}');
	case AST_CALL:
		buf_add(out, e->text);
		buf_addc(out, '(');
		print_list(out, e, ", ");
		return buf_addc(out, ')');
	case AST_INDEX:
		print(out, e->kids[0], false);
		if (e->index == AST_INDEX_EACH)
			return buf_add(out, STR("[*]"));
		if (e->index == AST_INDEX_INT)
			return buf_printf(out, "[%u]", (unsigned)e->number);
		buf_addc(out, '[');
		print_quoted(out, e->text);
		return buf_addc(out, ']');
	case AST_COMPARE:
		print(out, e->kids[0], false);
		buf_printf(out, " %s ", op_words[e->op]);
		if (e->op == AST_MATCHES && e->kids[1]->kind == AST_STRING)
			return print_string(out, e->kids[1], true);
		return print(out, e->kids[1], false);
	case AST_NOT:
		buf_add(out, STR("not "));
		return print(out, e->kids[0], e->kids[0]->kind == AST_LOGIC);
	case AST_LOGIC:
		for (i = 0; i < e->n; i++) {
			if (i)
				buf_printf(out, " %s ", op_words[e->op]);
			print(out, e->kids[i], binding(e->kids[i]) <= binding(e));
		}
		return !out->failed;
	}
	return false;
}

static bool print(struct buf *out, const struct ast *e, bool parens)
{
	parens |= e->parens;
	if (parens)
		buf_addc(out, '(');
	print_node(out, e);
	if (parens)
		buf_addc(out, ')');
	return !out->failed;
}

bool ast_print(struct buf *out, const struct ast *e)
{
	return print(out, e, false);
}
