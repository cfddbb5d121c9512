/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the three spellings of a string (quoted, raw, after matches) and counts what the decoder skipped. */
#include "engine/spelling.h"

/* Length of one decoded byte's spelling at s, in a quoted string or in a pattern after matches. */
static size_t spelled(struct str s, enum ast_form form, bool *in_class)
{
	if (form == AST_FORM_REGEX) {
		if (s.p[0] == '\\' && s.n > 1 && s.p[1] == '"' && !*in_class)
			return 2;
		if (s.p[0] == '[')
			*in_class = true;
		else if (s.p[0] == ']')
			*in_class = false;
		return 1;
	}
	if (form != AST_FORM_QUOTED || s.p[0] != '\\' || s.n < 2)
		return 1;
	return s.p[1] == 'x' || ascii_digit(s.p[1]) ? 4 : 2;
}

/* Offset in the source text of decoded byte at. */
static size_t place(const struct ast *literal, struct str text, size_t at)
{
	size_t open = literal->form == AST_FORM_RAW ? 2u + literal->hashes : 1;
	size_t close = literal->form == AST_FORM_RAW ? 1u + literal->hashes : 1, i = open;
	bool in_class = false;

	if (text.n < open + close)
		return 0;
	for (; at > 0 && i < text.n - close; at--) {
		/* an escaped character of a pattern is two decoded bytes: neither opens nor closes a class */
		if (literal->form == AST_FORM_REGEX && text.p[i] == '\\' &&
		    !(i + 1 < text.n && text.p[i + 1] == '"')) {
			i++;
			if (--at == 0 || i >= text.n - close)
				break;
			i++;
			continue;
		}
		i += spelled(str_sub(text, i, text.n), literal->form, &in_class);
	}
	return i < text.n - close ? i : text.n - close;
}

struct span spelling_span(const struct ast *literal, size_t from, size_t to)
{
	struct span s = literal->span;
	struct str text;

	if (s.src == NULL || s.to > s.src->text.n || s.from >= s.to)
		return s;
	text = str_range(s.src->text.p + s.from, s.src->text.p + s.to);
	s.to = s.from + (uint32_t)place(literal, text, to);
	s.from += (uint32_t)place(literal, text, from);
	return s;
}
