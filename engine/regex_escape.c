/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a backslash and a plain character stand for in a regular expression. Escapes that other dialects have
 * and this one leaves out are refused by name.
 */
#include "engine/regex_internal.h"

bool regex_char(struct regex_parser *p, uint32_t *c, size_t *n)
{
	const unsigned char *s = (const unsigned char *)p->s.p + p->at;
	size_t left = p->s.n - p->at, need = s[0] < 0x80   ? 1
	                                     : s[0] < 0xC2 ? 0
	                                     : s[0] < 0xE0 ? 2
	                                     : s[0] < 0xF0 ? 3
	                                     : s[0] < 0xF5 ? 4
	                                                   : 0;
	uint32_t value = need <= 1 ? s[0] : s[0] & (0x7Fu >> need);
	bool ok = need > 0 && need <= left;

	for (size_t i = 1; ok && i < need; i++) {
		ok = (s[i] & 0xC0) == 0x80;
		value = value << 6 | (s[i] & 0x3F);
	}
	if (ok && need > 2)
		ok = value >= (need == 3 ? 0x800u : 0x10000u) && value <= 0x10FFFF &&
		     (value < 0xD800 || value > 0xDFFF);
	if (!ok) {
		regex_fail(p, U4001, p->at, p->at + 1, "a byte that is not UTF-8 text");
		regex_help(p, "inside a pattern a byte is written \\xHH");
		return false;
	}
	*c = value;
	*n = need;
	return true;
}

static bool hex_value(struct regex_parser *p, size_t from, struct regex_escaped *out)
{
	char kind = p->s.p[p->at++];
	size_t digits = kind == 'x' ? 2 : kind == 'u' ? 4 : 8, n = 0;
	uint64_t value = 0;
	bool braces = p->at < p->s.n && p->s.p[p->at] == '{';

	p->at += braces;
	while (p->at < p->s.n && ascii_hex(p->s.p[p->at]) >= 0 && (braces || n < digits)) {
		if (value <= 0x10FFFF)
			value = value << 4 | (uint64_t)ascii_hex(p->s.p[p->at]);
		p->at++;
		n++;
	}
	if (braces ? n == 0 || p->at == p->s.n || p->s.p[p->at] != '}' : n < digits) {
		regex_fail(p, U4001, from, p->at,
		           braces ? "\\%c{…} takes hexadecimal digits up to '}'"
		                  : "\\%c takes %zu hexadecimal digits",
		           kind, digits);
		return false;
	}
	p->at += braces;
	if (value > 0x10FFFF || (value >= 0xD800 && value <= 0xDFFF)) {
		regex_fail(p, U4001, from, p->at, "no character has this number");
		return false;
	}
	*out = (struct regex_escaped){
	    .kind = ESCAPE_LITERAL, .c = (uint32_t)value, .raw = kind == 'x' && !braces};
	return true;
}

/* After \b: {start} and its relatives. Anything that is not a word in braces is left for the repetition. */
static bool word_boundary(struct regex_parser *p, struct regex_escaped *out)
{
	static const struct {
		const char *name;
		enum regex_assert assert;
	} words[] = {
	    {"{start}", REGEX_WORD_START},
	    {"{end}", REGEX_WORD_END},
	    {"{start-half}", REGEX_WORD_START_HALF},
	    {"{end-half}", REGEX_WORD_END_HALF},
	};
	struct str rest = str_sub(p->s, p->at, p->s.n);

	out->assert = REGEX_WORD;
	if (rest.n < 2 || rest.p[0] != '{' || !(ascii_alpha(rest.p[1]) || rest.p[1] == '-'))
		return true;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (str_starts(rest, str_of(words[i].name))) {
			out->assert = words[i].assert;
			p->at += strlen(words[i].name);
			return true;
		}
	regex_fail(p, U4001, p->at, p->at + 1, "no such kind of word boundary");
	regex_help(p, "there are \\b{start} \\b{end} \\b{start-half} \\b{end-half}");
	return false;
}

static bool assertion(struct regex_parser *p, struct regex_escaped *out, size_t from, char c, bool in_class)
{
	out->kind = ESCAPE_ASSERT;
	switch (c) {
	case 'A':
		out->assert = REGEX_BEGIN_TEXT;
		break;
	case 'z':
		out->assert = REGEX_END_TEXT;
		break;
	case 'B':
		out->assert = REGEX_NOT_WORD;
		break;
	case '<':
		out->assert = REGEX_WORD_START;
		break;
	case '>':
		out->assert = REGEX_WORD_END;
		break;
	default:
		if (!in_class && !word_boundary(p, out))
			return false;
	}
	if (in_class) {
		regex_fail(p, U4001, from, p->at, "\\%c is a place and cannot stand in a class", c);
		if (c == 'b')
			regex_help(p, "the backspace character is written \\x08");
		return false;
	}
	if (p->flags.u && c != 'A' && c != 'z') {
		regex_fail(p, U4002, from, p->at, "Unicode word boundaries (?u)\\%c are not supported", c);
		regex_help(p, "(?-u:\\b) looks at ASCII letters, digits and _");
		return false;
	}
	return true;
}

bool regex_escape(struct regex_parser *p, struct regex_escaped *out, bool in_class)
{
	static const struct {
		char c;
		const char *what;
	} others[] = {
	    {'K', "\\K (reset of the match's beginning)"},
	    {'G', "\\G (end of the last match)"},
	    {'Q', "\\Q…\\E (quoting)"},
	    {'E', "\\Q…\\E (quoting)"},
	    {'h', "\\h (horizontal space)"},
	    {'H', "\\H (not horizontal space)"},
	    {'R', "\\R (any line end)"},
	    {'X', "\\X (grapheme)"},
	    {'N', "\\N (not a line end)"},
	    {'Z', "\\Z (end or before a final line end)"},
	    {'C', "\\C (one byte)"},
	    {'V', "\\V (not vertical space)"},
	    {'e', "\\e (escape character)"},
	    {'c', "\\c (control character)"},
	    {'o', "\\o{…} (octal)"},
	    {'k', "a back-reference \\k"},
	    {'g', "a back-reference \\g"},
	};
	static const char simple[][2] = {
	    {'a', 0x07}, {'f', 0x0C}, {'t', 0x09}, {'n', 0x0A}, {'r', 0x0D}, {'v', 0x0B},
	};
	size_t from = p->at++;
	char c;

	*out = (struct regex_escaped){.kind = ESCAPE_LITERAL};
	if (p->at == p->s.n) {
		regex_fail(p, U4001, from, from + 1, "a backslash at the end of the pattern");
		return false;
	}
	c = p->s.p[p->at];
	if (c == 'x' || c == 'u' || c == 'U')
		return hex_value(p, from, out);
	p->at++;
	if (strchr("dDsSwW", c) != NULL && c != '\0') {
		out->kind = ESCAPE_PERL;
		out->perl = c;
		return true;
	}
	if (strchr("AzbB<>", c) != NULL && c != '\0')
		return assertion(p, out, from, c, in_class);
	for (size_t i = 0; i < sizeof(simple) / sizeof(*simple); i++)
		if (simple[i][0] == c) {
			out->c = (unsigned char)simple[i][1];
			return true;
		}
	if (ascii_digit(c)) {
		regex_fail(p, U4002, from, p->at, "back-references such as \\%c are not part of this dialect",
		           c);
		if (c == '0')
			regex_help(p, "a NUL byte is written \\x00");
		return false;
	}
	if (c == 'p' || c == 'P') {
		out->kind = ESCAPE_PROPERTY;
		out->perl = c;
		return true;
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (others[i].c == c) {
			regex_fail(p, U4002, from, p->at, "%s is not part of this dialect", others[i].what);
			return false;
		}
	if (ascii_alpha(c) || (unsigned char)c >= 0x80) {
		regex_fail(p, U4001, from, p->at, "no such escape");
		return false;
	}
	out->c = (unsigned char)c;
	return true;
}
