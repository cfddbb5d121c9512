/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner's view of an expression: is a run of characters a field, a literal, an operator glued to what
 * follows, or something people write by habit from other languages? The last is told with what to write
 * instead, and read as it was meant, so that the rest of the text is checked as well.
 */
#include "grammar/lex.h"

/* In the order in which they are tried as prefixes; no one is the beginning of another. */
static const struct operator_word {
	struct str text;
	int token;
	enum ast_op op;
	int state; /* what comes next */
} operator_words[] = {
#define OPERATOR_WORD(text, token, op, state) { { text, sizeof(text) - 1 }, token, op, state },
	OPERATOR_WORD("in", IN, AST_IN, LEX_RIGHT)
	OPERATOR_WORD("eq", COMPARE, AST_EQ, LEX_RIGHT)
	OPERATOR_WORD("ne", COMPARE, AST_NE, LEX_RIGHT)
	OPERATOR_WORD("ge", COMPARE, AST_GE, LEX_RIGHT)
	OPERATOR_WORD("le", COMPARE, AST_LE, LEX_RIGHT)
	OPERATOR_WORD("gt", COMPARE, AST_GT, LEX_RIGHT)
	OPERATOR_WORD("lt", COMPARE, AST_LT, LEX_RIGHT)
	OPERATOR_WORD("bitwise_and", LITERAL_OP, AST_BIT_AND, LEX_RIGHT)
	OPERATOR_WORD("contains", LITERAL_OP, AST_CONTAINS, LEX_RIGHT)
	OPERATOR_WORD("matches", LITERAL_OP, AST_MATCHES, LEX_PATTERN)
	OPERATOR_WORD("wildcard", LITERAL_OP, AST_WILDCARD, LEX_RIGHT)
	OPERATOR_WORD("and", AND, AST_AND, LEX_OPERAND)
	OPERATOR_WORD("xor", XOR, AST_XOR, LEX_OPERAND)
	OPERATOR_WORD("or", OR, AST_OR, LEX_OPERAND)
#undef OPERATOR_WORD
};

/* What other languages call them. */
static const struct foreign_word {
	const char *theirs, *ours;
} foreign_words[] = {
	{ "equals", "eq" }, { "equal", "eq" }, { "is", "eq" }, { "neq", "ne" }, { "gte", "ge" }, { "lte", "le" },
	{ "match", "matches" }, { "regex", "matches" }, { "like", "wildcard" }, { "has", "contains" },
};

static const struct operator_symbol {
	const char *text;
	int token;
	enum ast_op op;
	int state;
	const char *instead; /* not an operator of this language: what is */
} operator_symbols[] = {
	{ "==", COMPARE, AST_EQ, LEX_RIGHT, NULL }, { "!=", COMPARE, AST_NE, LEX_RIGHT, NULL },
	{ ">=", COMPARE, AST_GE, LEX_RIGHT, NULL }, { "<=", COMPARE, AST_LE, LEX_RIGHT, NULL },
	{ ">", COMPARE, AST_GT, LEX_RIGHT, NULL }, { "<", COMPARE, AST_LT, LEX_RIGHT, NULL },
	{ "&", LITERAL_OP, AST_BIT_AND, LEX_RIGHT, NULL }, { "~", LITERAL_OP, AST_MATCHES, LEX_PATTERN, NULL },
	{ "&&", AND, AST_AND, LEX_OPERAND, NULL }, { "||", OR, AST_OR, LEX_OPERAND, NULL },
	{ "^^", XOR, AST_XOR, LEX_OPERAND, NULL }, { "=", COMPARE, AST_EQ, LEX_RIGHT, "`eq` or `==`" },
	{ "=~", LITERAL_OP, AST_MATCHES, LEX_PATTERN, "`matches` or `~`" },
	{ "!~", LITERAL_OP, AST_MATCHES, LEX_PATTERN, "`not FIELD matches PATTERN`" },
	{ "<>", COMPARE, AST_NE, LEX_RIGHT, "`ne` or `!=`" },
	{ "|", OR, AST_OR, LEX_OPERAND, "`or` or `||`" },
	{ "^", XOR, AST_XOR, LEX_OPERAND, "`xor` or `^^`" },
};

static struct str span_text(struct parser *p, struct span at)
{
	return (struct str){ p->src->text.p + at.from, at.to - at.from };
}

static struct span span_first(struct span at, size_t n)
{
	return (struct span){ at.src, at.from, at.from + (uint32_t)n };
}

static const struct operator_word *operator_exact(struct str w, bool nocase)
{
	size_t i;

	for (i = 0; i < sizeof(operator_words) / sizeof(*operator_words); i++)
		if (nocase ? str_eq_nocase(w, operator_words[i].text) : str_eq(w, operator_words[i].text))
			return &operator_words[i];
	return NULL;
}

static const struct operator_word *operator_prefix(struct str w)
{
	size_t i;

	for (i = 0; i < sizeof(operator_words) / sizeof(*operator_words); i++)
		if (str_starts(w, operator_words[i].text))
			return &operator_words[i];
	return NULL;
}

/* ---- what is open ---- */

void lex_condition(struct parser *p, int state)
{
	struct scan *s = &p->scan;

	s->state = state;
	s->fresh = true;
	s->nopeners = 0;
	s->blanks = 0;
	s->too_deep = false;
	s->expr_errors = p->diags->errors;
}

int lex_give_part(struct parser *p, struct span at, int token)
{
	struct scan *s = &p->scan;

	if (s->fresh)
		s->extensions = 0;
	else
		s->extensions |= s->blanks;
	s->fresh = false;
	s->blanks = 0;
	return lex_give(p, at, token);
}

bool lex_open(struct parser *p, struct span at, bool not)
{
	struct scan *s = &p->scan;

	s->state = LEX_OPERAND;
	if (s->nopeners < LIMIT_NESTING) {
		s->openers[s->nopeners++] = (struct opener){ at.from, not };
		return true;
	}
	if (!s->too_deep)
		diag_add(p->diags, U0012, at, "the expression nests deeper than %d", LIMIT_NESTING);
	s->too_deep = true;
	return false;
}

/* An operand is complete, and with it what not stands before. */
static void nots_close(struct scan *s)
{
	while (s->nopeners && s->openers[s->nopeners - 1].not)
		s->nopeners--;
}

int lex_paren_close(struct parser *p)
{
	struct scan *s = &p->scan;

	nots_close(s);
	if (s->nopeners)
		s->nopeners--;
	s->state = LEX_OPERATOR;
	return ')';
}

bool lex_unclosed(struct parser *p)
{
	struct scan *s = &p->scan;
	bool quiet = s->told || p->diags->errors != s->expr_errors;
	const char *what = NULL;
	uint32_t at = 0;

	if (s->state > LEX_SET)
		return false;
	nots_close(s);
	if (s->nopeners) {
		at = s->openers[s->nopeners - 1].at;
		what = "(";
	}
	while (s->nframes && s->frames[s->nframes - 1].kind == FRAME_SET) {
		at = s->frames[--s->nframes].at;
		what = "{";
	}
	s->nopeners = 0;
	s->state = LEX_OPERATOR;
	if (what && !quiet)
		diag_add(p->diags, U0002, (struct span){ p->src, at, at + 1 }, "`%s` is never closed", what);
	return what != NULL;
}

int lex_unclosed_string(struct parser *p, struct span at)
{
	if (!p->scan.told)
		diag_add(p->diags, U0002, span_first(at, 1), "the %s that begins here is never closed",
			p->src->text.p[at.from] == '{' ? "block" : "string");
	p->scan.told = true;
	return GRAMMAR_error;
}

/* ---- strange characters ---- */

size_t lex_bad_length(struct str rest)
{
	uint32_t code;
	size_t n = utf8_read(rest, &code);

	return n ? n : 1;
}

void lex_bad(struct parser *p, struct span at)
{
	struct str w = span_text(p, at);
	const char *name;
	uint32_t code;
	char latin;

	if (utf8_read(w, &code) && (name = character_name(code, &latin)))
		diag_add(p->diags, U0011, at, "U+%04X, %s, is easily misread", (unsigned)code, name);
}

/* Letters of other alphabets that look like ours. */
static void lookalikes_tell(struct parser *p, struct span at)
{
	struct str w = span_text(p, at);
	size_t i, n;
	uint32_t code;
	char latin;

	for (i = 0; i < w.n; i += n) {
		if (!(n = utf8_read(str_sub(w, i, w.n), &code)))
			n = 1;
		else if (code >= 0x80 && character_name(code, &latin) && latin)
			diag_add(p->diags, U0011,
				(struct span){ at.src, at.from + (uint32_t)i, at.from + (uint32_t)(i + n) },
				"U+%04X looks like `%c` and is another letter", (unsigned)code, latin);
	}
}

static bool curly(uint32_t code)
{
	return code == 0x201c || code == 0x201d || code == 0x201e || code == 0x2018 || code == 0x2019 ||
		code == 0xab || code == 0xbb;
}

/* Not a part of any word; but quotes are often bent on their way through a word processor. */
struct lex_token lex_strange(struct parser *p, struct span at)
{
	struct str rest = { p->src->text.p + at.from, p->src->text.n - at.from };
	struct lex_token t = { .kind = BAD, .length = lex_bad_length(rest), .part = true };
	uint32_t code;
	size_t i, n;

	if (utf8_read(rest, &code) && curly(code)) {
		for (i = t.length; i < rest.n && rest.p[i] != '\n'; i += n) {
			if (!(n = utf8_read(str_sub(rest, i, rest.n), &code)))
				break;
			if (!curly(code))
				continue;
			diag_add(p->diags, U0008, span_first(at, i + n), "strings take plain quotes: \"%.*s\"",
				(int)(i - t.length), rest.p + t.length);
			p->scan.state = LEX_OPERATOR;
			return (struct lex_token){ .kind = STRING, .length = i + n, .part = true,
				.text = str_sub(rest, t.length, i) };
		}
	}
	lex_bad(p, span_first(at, t.length));
	return t;
}

/* ---- operands ---- */

static bool separator(char c)
{
	return c == '.' || c == ':' || c == '-' || c == '/';
}

/* No name begins with one of these. */
static bool literal_begins(char c)
{
	return ascii_digit(c) || c == '-' || c == ':' || c == '.';
}

/* The part of w that a number or address may be made of; all of it, unless or, xor are glued to its end. */
static size_t literal_length(struct str w)
{
	size_t i = 0;

	while (i < w.n && (ascii_hex(w.p[i]) >= 0 || separator(w.p[i]) ||
			(w.p[i] == 'x' && i > 0 && w.p[i - 1] == '0' && (i == 1 || w.p[i - 2] == '.'))))
		i++;
	if (i > 0 && (str_starts(str_sub(w, i, w.n), STR("or")) || str_starts(str_sub(w, i, w.n),
		STR("xor"))))
		return i;
	return w.n;
}

/* Other than or and xor, and cannot follow a number without a blank: its a is a digit. 0, or where it begins. */
static size_t glued_and(struct str w)
{
	size_t i = 0;

	while (i < w.n && (ascii_hex(w.p[i]) >= 0 || separator(w.p[i])))
		i++;
	return i > 1 && str_starts(str_sub(w, i - 1, w.n), STR("and")) ? i - 1 : 0;
}

/* The first character at or after i that is no white space; 0 at the end. */
static char char_ahead(struct parser *p, uint32_t i)
{
	struct str text = p->src->text;

	while (i < text.n && (text.p[i] == ' ' || text.p[i] == '\t' || text.p[i] == '\n' || text.p[i] == '\r'))
		i++;
	return i < text.n ? text.p[i] : '\0';
}

static void and_tell(struct parser *p, struct span at, struct str w, size_t i)
{
	struct diag *g = diag_add(p->diags, U0004, at, "%.*s: this is not a number", STR_FMT(w));

	diag_help(p->diags, g, "put a space before `and`: %.*s %.*s", (int)i, w.p, (int)(w.n - i), w.p + i);
}

static bool hexlike(struct str w)
{
	size_t i;

	for (i = 0; i < w.n; i++)
		if (ascii_hex(w.p[i]) < 0 && !separator(w.p[i]))
			return false;
	return true;
}

static void quotes_tell(struct parser *p, struct span at, struct str w)
{
	struct diag *g = diag_add(p->diags, U0008, at, "`%.*s` is neither a name nor a number or address",
		STR_FMT(w));

	diag_help(p->diags, g, "strings need quotes: \"%.*s\"", STR_FMT(w));
}

/* w is neither keyword nor operator: a field's or function's name, or a literal. */
static struct lex_token operand_token(struct parser *p, struct span at, struct str w)
{
	struct lex_token t = { .kind = NAME, .length = w.n, .part = true, .text = w };
	size_t i, n;

	p->scan.state = LEX_OPERATOR;
	if (literal_begins(w.p[0])) {
		t.kind = LITERAL;
		i = char_ahead(p, at.to) ? glued_and(w) : 0;
		if (i)
			and_tell(p, at, w, i);
		t.length = i ? i : literal_length(w);
		return t;
	}
	for (i = 0; i < w.n && (!separator(w.p[i]) || w.p[i] == '.'); i++)
		;
	if (i < w.n) {
		n = literal_length(w);
		if (w.p[0] != '/' && w.p[i] != '/' && (n < w.n || hexlike(w))) {
			t.kind = LITERAL;
			t.length = n;
		} else {
			quotes_tell(p, span_first(at, w.n), w);
			t.kind = STRING;
		}
		return t;
	}
	lookalikes_tell(p, span_first(at, w.n));
	for (i = 0; i < w.n; i++)
		if (w.p[i] == '.' && (i + 1 == w.n || w.p[i + 1] == '.')) {
			diag_add(p->diags, U0001, (struct span){ at.src, at.from + (uint32_t)i,
				at.from + (uint32_t)i + 1 },
				"a name has something between its dots");
			break;
		}
	if ((str_eq(w, STR("any")) || str_eq(w, STR("all"))) && (char_ahead(p, at.from + (uint32_t)w.n) == '('))
		t.kind = ANY_ALL;
	return t;
}

static bool rule_word(struct str w)
{
	return str_eq(w, STR("then")) || str_eq(w, STR("when"));
}

struct lex_token lex_operand(struct parser *p, struct span at)
{
	struct scan *s = &p->scan;
	struct str w = span_text(p, at);
	struct lex_token t = { .part = true };
	const struct operator_word *o;

	if (s->file && rule_word(w)) {
		if (lex_unclosed(p)) {
			t.kind = GRAMMAR_error;
			return t;
		}
		t.length = w.n;
		t.part = false;
		if ((t.kind = lex_item_word(p, w)))
			return t;
	}
	if (!s->nopeners && (t.kind = lex_rate_word(p, w))) {
		t.length = w.n;
		t.part = false;
		return t;
	}
	if (s->state == LEX_OPERAND && (str_starts(w, STR("not")) || str_eq(w, STR("NOT")) || str_eq(w,
		STR("Not")))) {
		if (w.p[0] == 'N')
			diag_add(p->diags, U0008, span_first(at, 3),
				"operators are written in lower case: `not`");
		t.length = 3;
		t.part = true;
		t.kind = lex_open(p, span_first(at, 3), true) ? NOT : GRAMMAR_error;
		return t;
	}
	if ((o = operator_exact(w, false))) {
		s->state = o->state;
		return (struct lex_token){ o->token, w.n, true, true, o->op, w };
	}
	return operand_token(p, at, w);
}

/* ---- operators ---- */

static struct lex_token operator_token(struct parser *p, const struct operator_word *o, size_t length)
{
	if (o->state == LEX_OPERAND)
		nots_close(&p->scan);
	p->scan.state = o->state;
	return (struct lex_token){ o->token, length, true, true, o->op, STR_NONE };
}

static const struct operator_word *foreign_tell(struct parser *p, struct span at, struct str w)
{
	const struct operator_word *o;
	size_t i;

	for (i = 0; i < sizeof(foreign_words) / sizeof(*foreign_words); i++) {
		if (!str_eq_nocase(w, str_of(foreign_words[i].theirs)))
			continue;
		diag_add(p->diags, U0008, span_first(at, w.n), "`%.*s` is written `%s`", STR_FMT(w),
			foreign_words[i].ours);
		return operator_exact(str_of(foreign_words[i].ours), false);
	}
	if (!operator_exact(w, false) && (o = operator_exact(w, true))) {
		diag_add(p->diags, U0008, span_first(at, w.n), "operators are written in lower case: `%.*s`",
			STR_FMT(o->text));
		return o;
	}
	return NULL;
}

static bool parens_open(const struct scan *s)
{
	size_t i;

	for (i = 0; i < s->nopeners; i++)
		if (!s->openers[i].not)
			return true;
	return false;
}

struct lex_token lex_operator(struct parser *p, struct span at)
{
	struct scan *s = &p->scan;
	struct str w = span_text(p, at);
	struct lex_token t = { .kind = WORD, .part = true };
	const struct operator_word *o;

	t.length = w.n;
	lookalikes_tell(p, span_first(at, w.n));
	if (literal_begins(w.p[0])) {
		t.kind = LITERAL;
		t.length = literal_length(w);
		return t;
	}
	if ((o = foreign_tell(p, at, w)))
		return operator_token(p, o, w.n);
	if ((o = operator_prefix(w)))
		return operator_token(p, o, o->text.n);
	if (s->file && (rule_word(w) || !parens_open(s))) {
		if (rule_word(w) && lex_unclosed(p)) {
			t.kind = GRAMMAR_error;
			t.length = 0;
			return t;
		}
		if ((t.kind = lex_tail_word(p, w)) || (t.kind = lex_item_word(p, w))) {
			t.part = false;
			return t;
		}
		t.kind = WORD;
	}
	if (str_eq_nocase(w, STR("not"))) {
		struct diag *g = diag_add(p->diags, U0008, span_first(at, w.n),
			"`not` comes before the comparison");

		diag_help(p->diags, g, "write `not FIELD in { … }`");
		t.kind = 0;
	} else if (str_eq(w, STR("strict"))) {
		diag_add(p->diags, U0008, span_first(at, w.n),
			"the operator is `strict wildcard`, with one space");
		t.kind = 0;
	}
	return t;
}

int lex_symbol(struct parser *p, struct span at, struct op_token *op)
{
	struct str w = span_text(p, at);
	const struct operator_symbol *o = operator_symbols;

	while (!str_eq(w, str_of(o->text)))
		o++;
	if (o->instead && p->scan.state == LEX_OPERATOR)
		diag_add(p->diags, U0008, at, "`%s` is written %s", o->text, o->instead);
	else if (o->instead)
		return BAD;
	if (o->state == LEX_OPERAND)
		nots_close(&p->scan);
	p->scan.state = o->state;
	*op = (struct op_token){ o->op, true };
	return o->token;
}

int lex_bracket(struct parser *p, struct span at)
{
	if (at.from != p->scan.last_to)
		diag_add(p->diags, U0001, (struct span){ at.src, p->scan.last_to, at.from },
			"no space may stand before `[`");
	p->scan.bracket = at.from;
	p->scan.state = LEX_INDEX;
	return '[';
}

int lex_comma(struct parser *p)
{
	struct scan *s = &p->scan;

	nots_close(s);
	s->state = s->nopeners || !s->nframes ||
		s->frames[s->nframes - 1].kind != FRAME_RATE ? LEX_OPERAND : LEX_RIGHT;
	return ',';
}

int lex_index(struct parser *p, struct span at, struct string_token *key)
{
	struct scan *s = &p->scan;
	struct str w = span_text(p, at);

	if (s->last != '[') {
		if (p->diags->errors == s->expr_errors)
			diag_add(p->diags, U0002, (struct span){ p->src, s->bracket, s->bracket + 1 },
				"`[` is never closed");
		s->state = LEX_OPERATOR;
		return ']';
	}
	if (ascii_digit(w.p[0]) || w.p[0] == '-')
		return LITERAL;
	*key = lex_wrong_quotes(p, at, 0);
	return STRING;
}

int lex_list_name(struct parser *p, struct span at)
{
	struct str w = span_text(p, at);
	size_t i;

	p->scan.state = LEX_OPERATOR;
	for (i = 1; i < w.n && !(w.p[i] >= 'A' && w.p[i] <= 'Z'); i++)
		;
	if (w.n == 1 || i < w.n)
		diag_add(p->diags, U0001, at,
			"the name of a list has lower-case letters, digits, _ and . only");
	else if (w.p[1] == '.' || w.p[w.n - 1] == '.')
		diag_add(p->diags, U0001, at, "the name of a list neither begins nor ends with a dot");
	return LIST_NAME;
}

struct string_token lex_wrong_quotes(struct parser *p, struct span at, size_t quote)
{
	struct str w = span_text(p, at);

	w = str_sub(w, quote, w.n - quote);
	if (quote)
		diag_add(p->diags, U0008, at, "strings take double quotes: \"%.*s\"", STR_FMT(w));
	else
		diag_add(p->diags, U0008, at, "the key of a map is a string in quotes: \"%.*s\"", STR_FMT(w));
	return (struct string_token){ w, AST_FORM_QUOTED, 0 };
}

void lex_comment(struct parser *p, struct span at)
{
	p->scan.blanks |= AST_EXT_COMMENT;
	p->scan.comments |= !p->scan.file;
	text_check(p, at.from, at.to);
}

void lex_slashes(struct parser *p, struct span at)
{
	diag_add(p->diags, U0008, span_first(at, 2), "comments begin with `#`");
}

/* ---- sets ---- */

void lex_set_comma(struct parser *p, struct span at)
{
	struct diag *g;

	if (p->scan.comma_told)
		return;
	p->scan.comma_told = true;
	g = diag_add(p->diags, U0005, at, "the items of a list are separated by spaces, not commas");
	diag_help(p->diags, g, "leave the commas out");
}

int lex_item(struct parser *p, struct span at, struct string_token *s)
{
	struct str w = span_text(p, at);

	if (((p->scan.file && rule_word(w)) || str_eq(w, STR("and")) || str_eq(w, STR("or")) || str_eq(w,
		STR("xor"))) &&
	    lex_unclosed(p))
		return GRAMMAR_error;
	if (w.n > 1 && w.p[0] == '\'' && w.p[w.n - 1] == '\'') {
		*s = lex_wrong_quotes(p, at, 1);
		return STRING;
	}
	if (literal_begins(w.p[0]) || (w.p[0] != '/' && hexlike(w)))
		return LITERAL;
	lookalikes_tell(p, at);
	quotes_tell(p, at, w);
	*s = (struct string_token){ w, AST_FORM_QUOTED, 0 };
	return STRING;
}
