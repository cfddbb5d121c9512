/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a person is told about a token that does not fit: what stands there, what could have, and, where the
 * mistake is a common one, what to write instead. The parser knows tokens by their names in the grammar; here
 * they become words.
 */
#include "base/buf.h"
#include "grammar/internal.h"

/* Tokens that are no word of the language themselves; an empty phrase leaves one out of the list. */
static const struct phrase {
	const char *token, *text;
} phrases[] = {
	{ "end of file", "" },
	{ "NAME", "a field or function" },
	{ "ANY_ALL", "" },
	{ "LITERAL", "a number or address" },
	{ "LIST_NAME", "a list ($name)" },
	{ "STRING", "a string in quotes" },
	{ "COMPARE", "an operator" },
	{ "LITERAL_OP", "an operator" },
	{ "IN", "an operator" },
	{ "NOT", "not" },
	{ "AND", "and" },
	{ "OR", "or" },
	{ "XOR", "" },
	{ "*", "`*`" },
	{ "KEY", "a setting" },
	{ "WORD", "a word or number" },
	{ "FROM", "from" },
	{ "END", "" },
	{ "RAW", "`{`" },
	{ "T_WHEN", "when" },
	{ "T_THEN", "then" },
	{ "'('", "" },
	{ "'['", "" },
	{ "')'", "`)`" },
	{ "']'", "`]`" },
	{ "'{'", "`{`" },
	{ "'}'", "`}`" },
	{ "','", "`,`" },
	{ "':'", "`:`" },
	{ "'='", "`=`" },
};

static const struct word {
	const char *text, *token;
} words[] = {
#define WORD(text, places, token, go) { text, #token },
#include "grammar/words.def"
#undef WORD
};

/* What other systems, and habit, call the actions. */
static const struct habit {
	const char *theirs, *ours;
} habits[] = {
	{ "deny", "block" }, { "reject", "block" }, { "drop", "block" }, { "forbid", "block" },
	{ "allow", "skip rules" }, { "accept", "skip rules" }, { "pass", "skip rules" }, { "bypass", "skip rules" },
	{ "return", "respond" }, { "serve_error", "respond" }, { "append", "add" }, { "delete", "remove" },
	{ "unset", "remove" }, { "set_config", "config" }, { "ratelimit", "rate_limit" },
	{ "challenge", "block: there are no challenges here" },
	{ "js_challenge", "block: there are no challenges here" },
	{ "managed_challenge", "block: there are no challenges here" },
};

/* Functions that are shown, or spoken of, as if they were operators. */
static const struct habit infixes[] = {
	{ "starts_with", "starts_with(FIELD, \"…\")" }, { "ends_with", "ends_with(FIELD, \"…\")" },
	{ "starts", "starts_with(FIELD, \"…\")" }, { "ends", "ends_with(FIELD, \"…\")" },
	{ "begins", "starts_with(FIELD, \"…\")" }, { "does", "not FIELD contains \"…\"" },
	{ "includes", "FIELD contains \"…\"" },
};

static const bool verbs[] = {
#define WORD(text, places, token, go) ((places) & PLACE_VERB) != 0,
#include "grammar/words.def"
#undef WORD
};

enum { MOST = 32 };

struct choices {
	const char *v[MOST];
	size_t n;
};

static void choices_add(struct choices *c, const char *text)
{
	size_t i;

	for (i = 0; i < c->n; i++)
		if (!strcmp(c->v[i], text))
			return;
	if (*text && c->n < MOST)
		c->v[c->n++] = text;
}

static bool among(const char *token, const char *const *list, size_t n)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (!strcmp(token, list[i]))
			return true;
	return false;
}

/* The tokens an operand can begin with become one phrase. */
static bool operand_token(const char *token)
{
	static const char *const list[] = { "NAME", "ANY_ALL", "LITERAL", "STRING", "NOT", "'('" };

	return among(token, list, sizeof(list) / sizeof(*list));
}

static struct choices choices_of(const char *const *expected, size_t n)
{
	struct choices c = { .n = 0 };
	bool operand = among("NAME", expected, n);
	size_t i, j;

	if (operand)
		choices_add(&c, among("NOT", expected, n) ? "a condition" : "a value");
	for (i = 0; i < n; i++) {
		if ((operand && operand_token(expected[i])) ||
		    (!strcmp(expected[i], "FROM") && among("WORD", expected, n)))
			continue;
		for (j = 0; j < sizeof(phrases) / sizeof(*phrases); j++)
			if (!strcmp(phrases[j].token, expected[i]))
				choices_add(&c, phrases[j].text);
	}
	for (j = 0; j < sizeof(words) / sizeof(*words); j++)
		if (among(words[j].token, expected, n))
			choices_add(&c, words[j].text);
	if (among("end of file", expected, n))
		choices_add(&c, "the end");
	return c;
}

/* The word of an expected keyword that is nearest to what stands there. */
static const char *nearest(struct str found, const struct choices *c)
{
	const char *best = NULL;
	size_t least = found.n > 5 ? 3 : found.n > 3 ? 2 : 1, i, d;

	for (i = 0; i < c->n; i++) {
		if (strchr(c->v[i], ' ') || strchr(c->v[i], '`'))
			continue;
		d = str_distance(found, str_of(c->v[i]), least);
		if (!d)
			return NULL;
		if (d < least || (d == least && !best && d < found.n)) {
			least = d;
			best = c->v[i];
		}
	}
	return best;
}

static bool verb(struct str w)
{
	size_t i;

	for (i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (verbs[i] && str_eq(w, str_of(words[i].text)))
			return true;
	return false;
}

/* What to write instead of w, which cannot stand here, if anything comes to mind. */
static void word_help(struct parser *p, struct diag *g, const char *found, struct str w,
	const char *const *expected, size_t n, const struct choices *c)
{
	const char *near;
	size_t i;

	if (among("T_BLOCK", expected, n))
		for (i = 0; i < sizeof(habits) / sizeof(*habits); i++)
			if (str_eq_nocase(w, str_of(habits[i].theirs))) {
				diag_help(p->diags, g, "write %s", habits[i].ours);
				return;
			}
	if (among("COMPARE", expected, n))
		for (i = 0; i < sizeof(infixes) / sizeof(*infixes); i++)
			if (str_eq(w, str_of(infixes[i].theirs))) {
				diag_help(p->diags, g, "write %s", infixes[i].ours);
				return;
			}
	if (among("T_PRESERVE_QUERY", expected, n) && ascii_digit(w.p[0])) {
		diag_help(p->diags, g, "the status stands before the target");
		return;
	}
	if (among("T_THEN", expected, n) && verb(w)) {
		diag_help(p->diags, g, "an action comes after then: `then %.*s`", STR_FMT(w));
		return;
	}
	if ((near = nearest(w, c))) {
		diag_help(p->diags, g, "did you mean %s?", near);
		return;
	}
	if (among("STRING", expected, n) && n == 1 && (!strcmp(found, "WORD") || !strcmp(found, "NAME"))) {
		size_t from = (size_t)(w.p - p->src->text.p), to = from + w.n;

		while (to < p->src->text.n && !strchr(" \t\r\n{};,\"#", p->src->text.p[to]))
			to++;
		diag_help(p->diags, g, "write \"%.*s\"", STR_FMT(str_sub(p->src->text, from, to)));
		return;
	}
}

static bool operator_token(const char *token)
{
	return !strcmp(token, "COMPARE") || !strcmp(token, "LITERAL_OP") || !strcmp(token, "IN");
}

static struct str choices_text(struct parser *p, const struct choices *c)
{
	struct buf b = BUF_INIT;
	struct str text;
	size_t i;

	for (i = 0; i < c->n; i++)
		buf_printf(&b, "%s%s", i == 0 ? "" : i + 1 == c->n ? " or " : ", ", c->v[i]);
	text = arena_str(&p->diags->arena, buf_str(&b));
	buf_fini(&b);
	return text;
}

/* One line's worth of what stands at a place. */
static struct str excerpt(struct parser *p, struct span at)
{
	enum { WIDTH = 40 };
	struct str s = str_sub(p->src->text, at.from, at.to);
	size_t i;

	for (i = 0; i < s.n && i < WIDTH && s.p[i] != '\n' && s.p[i] != '\r'; i++)
		;
	while (i < s.n && i > 0 && ((unsigned char)s.p[i] & 0xc0) == 0x80)
		i--;
	return str_sub(s, 0, i);
}

/* A quote that was forgotten makes a string of everything up to the next one, and nonsense of what follows. */
static void quote_tell(struct parser *p, struct diag *g, struct span at)
{
	struct span s = p->scan.long_string;

	if (s.src && (s.from == at.from || s.to == p->scan.before_to))
		diag_second(p->diags, g, (struct span){ s.src, s.from, s.from + 1 },
			"a string begins here and ends on another line: is a quote missing?");
}

void syntax_error(struct parser *p, const char *found, struct span at, const char *const *expected, size_t n)
{
	struct str text = excerpt(p, at), list;
	struct choices c;
	struct diag *g;
	uint32_t code;

	if (p->diags->errors >= p->diags->cap) { /* counted, never shown */
		diag_add(p->diags, U0001, at, "unexpected text");
		return;
	}
	c = choices_of(expected, n);
	list = choices_text(p, &c);
	if (!strcmp(found, "end of file") || !text.n || (!strcmp(found, "END") && text.p[0] != ';')) {
		diag_add(p->diags, U0001, at, "something is missing here: expected %.*s", STR_FMT(list));
		return;
	}
	if (operator_token(found) && among("AND", expected, n) && !among("COMPARE", expected, n)) {
		g = diag_add(p->diags, U0001, at, "`%.*s` cannot follow a complete condition", STR_FMT(text));
		diag_help(p->diags, g, "comparisons do not chain: join them with and, or");
		return;
	}
	if ((!strcmp(found, "')'") && among("AND", expected, n) && !among("')'", expected, n)) ||
	    (!strcmp(found, "'}'") && !among("'}'", expected, n) &&
	     (!p->scan.file || among("end of file", expected, n)))) {
		diag_add(p->diags, U0001, at, "nothing is open that `%.*s` could close", STR_FMT(text));
		return;
	}
	if (among("LIST_NAME", expected, n)) {
		g = diag_add(p->diags, U0006, at, "in takes a set in braces or a named list");
		diag_help(p->diags, g, "write { … } or $name");
		return;
	}
	if (!strcmp(found, "BAD") && utf8_read(text, &code) && (code < 0x20 || code > 0x7e)) {
		diag_add(p->diags, U0001, at, "unexpected character U+%04X: expected %.*s", (unsigned)code,
			STR_FMT(list));
		return;
	}
	g = diag_add(p->diags, U0001, at, "unexpected `%.*s`: expected %.*s", STR_FMT(text), STR_FMT(list));
	quote_tell(p, g, at);
	if (!strcmp(found, "LIST_NAME") || (!strcmp(found, "'{'") && among("LITERAL", expected, n)))
		diag_help(p->diags, g, "a set of values follows in");
	else if (text.p[0] == '\'')
		diag_help(p->diags, g, "strings take double quotes");
	else if ((!strcmp(found, "LITERAL") || !strcmp(found, "STRING")) && among("NOT", expected, n))
		diag_help(p->diags, g,
			"a comparison begins with a field; what it is compared with stands on the right");
	else
		word_help(p, g, found, text, expected, n, &c);
}
