/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner's view of a rule file: which block it is in, whether a word is a keyword there, and what comes
 * next. It keeps a stack of open braces, so that after a mistake it still knows where it is.
 */
#include "grammar/lex.h"

/* Where the scanner goes after a keyword. */
enum go {
	GO_REPLY, GO_TAIL, GO_SKIP, GO_EDIT, GO_REWRITE, GO_ROUTE, GO_RATE, GO_STATUS, GO_NAME, GO_NAME_VALUE,
	GO_VALUE, GO_CONDITION, GO_BRACE, GO_LIST, GO_RULE, GO_RULESET, GO_TEST, GO_REJECT, GO_INCLUDE,
};

static const struct keyword {
	struct str text;
	unsigned places;
	int token;
	enum go go;
} keywords[] = {
#define WORD(text, places, token, go) { { text, sizeof(text) - 1 }, places, token, go },
#include "grammar/words.def"
#undef WORD
};

/* Settings of a rule, of a test: they end the setting before them even on the same line. */
static const struct str rule_settings[] = {
	{ "phase", 5 }, { "enabled", 7 }, { "tags", 4 }, { "description", 11 }, { "zones", 5 },
};
static const struct str test_settings[] = {
	{ "request", 7 }, { "client", 6 }, { "expect", 6 }, { "facts", 5 }, { "says", 4 },
};

static bool word_among(struct str w, const struct str *list, size_t n)
{
	while (n--)
		if (str_eq(w, list[n]))
			return true;
	return false;
}

#define AMONG(w, list) word_among((w), (list), sizeof(list) / sizeof(*(list)))

static const struct keyword *keyword_find(struct str w, unsigned places)
{
	size_t i;

	for (i = 0; i < sizeof(keywords) / sizeof(*keywords); i++)
		if (keywords[i].places & places && str_eq(keywords[i].text, w))
			return &keywords[i];
	return NULL;
}

static void place_set(struct scan *s, enum word_place place)
{
	s->state = LEX_WORDS;
	s->place = place;
}

void lex_value(struct parser *p)
{
	p->scan.place = PLACE_TAIL;
	lex_condition(p, LEX_RIGHT);
}

static int keyword_go(struct parser *p, const struct keyword *k)
{
	struct scan *s = &p->scan;

	switch (k->go) {
	case GO_REPLY:
		place_set(s, PLACE_REPLY);
		break;
	case GO_TAIL:
		place_set(s, PLACE_TAIL);
		break;
	case GO_SKIP:
		place_set(s, PLACE_SKIP);
		break;
	case GO_EDIT:
		place_set(s, PLACE_EDIT);
		break;
	case GO_REWRITE:
		place_set(s, PLACE_REWRITE);
		break;
	case GO_ROUTE:
		place_set(s, PLACE_ROUTE);
		break;
	case GO_RATE:
		place_set(s, PLACE_RATE);
		break;
	case GO_BRACE:
		place_set(s, PLACE_TAIL);
		s->pending = FRAME_RATE;
		break;
	case GO_STATUS:
		s->state = LEX_STATUS;
		break;
	case GO_NAME:
		s->state = LEX_NAMED;
		s->after = LEX_WORDS;
		break;
	case GO_NAME_VALUE:
		s->state = LEX_NAMED;
		s->after = LEX_NAMED;
		break;
	case GO_VALUE:
		lex_value(p);
		break;
	case GO_CONDITION:
		s->place = 0;
		lex_condition(p, LEX_OPERAND);
		break;
	case GO_LIST:
		s->pending = FRAME_LIST;
		break;
	case GO_RULE:
		s->pending = FRAME_RULE;
		break;
	case GO_RULESET:
		s->pending = FRAME_RULESET;
		break;
	case GO_TEST:
		s->pending = FRAME_TEST;
		break;
	case GO_REJECT:
		s->pending = PENDING_REJECT;
		break;
	case GO_INCLUDE:
		s->pending = PENDING_INCLUDE;
		break;
	}
	return k->token;
}

void lex_named(struct parser *p)
{
	if (p->scan.after == LEX_NAMED)
		p->scan.after = LEX_WORDS;
	else
		place_set(&p->scan, PLACE_TAIL);
}

bool lex_digits(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (!ascii_digit(s.p[i]))
			return false;
	return s.n > 0;
}

/* ---- blocks ---- */

/* The scanner is now in the block whose frame is on top, between two of its items. */
static void frame_resume(struct parser *p)
{
	struct scan *s = &p->scan;

	s->start = true;
	s->value = false;
	s->pending = FRAME_SETTINGS;
	if (!s->nframes) {
		s->state = LEX_TOP;
		return;
	}
	switch (s->frames[s->nframes - 1].kind) {
	case FRAME_SETTINGS:
	case FRAME_TEST:
	case FRAME_PAIRS:
	case FRAME_RULE:
	case FRAME_RULESET:
		s->state = LEX_LINES;
		break;
	case FRAME_RATE:
		place_set(s, PLACE_RATE);
		break;
	case FRAME_LIST:
		s->state = LEX_ITEMS;
		break;
	case FRAME_SET:
		s->state = LEX_SET;
		break;
	}
}

int lex_string(struct parser *p, struct span at)
{
	struct scan *s = &p->scan;

	if (memchr(p->src->text.p + at.from, '\n', at.to - at.from))
		s->long_string = at;
	switch (s->state) {
	case LEX_STATUS:
		lex_value(p);
		s->state = LEX_OPERATOR;
		break;
	case LEX_OPERAND:
	case LEX_RIGHT:
	case LEX_PATTERN:
		s->state = LEX_OPERATOR;
		break;
	case LEX_TOP:
		if (s->pending == PENDING_INCLUDE || s->last == FROM)
			frame_resume(p);
		break;
	case LEX_LINES:
		s->start = false;
		s->value = true;
		break;
	case LEX_NAMED:
		lex_named(p);
		break;
	default:
		break;
	}
	return STRING;
}

int lex_close(struct parser *p)
{
	struct scan *s = &p->scan;

	if (!s->nframes)
		return '}';
	if (s->frames[--s->nframes].kind == FRAME_SET)
		s->state = LEX_OPERATOR;
	else
		frame_resume(p);
	return '}';
}

int lex_brace(struct parser *p, struct span at)
{
	struct scan *s = &p->scan;
	enum frame_kind kind;

	switch (s->state) {
	case LEX_TOP:
		kind = (enum frame_kind)s->pending;
		if (s->pending == PENDING_INCLUDE)
			kind = FRAME_SETTINGS;
		break;
	case LEX_LINES:
		kind = (enum frame_kind)s->pending;
		if (kind == FRAME_SETTINGS && (s->frames[s->nframes - 1].kind == FRAME_TEST ||
				s->frames[s->nframes - 1].kind == FRAME_PAIRS))
			kind = FRAME_PAIRS;
		break;
	case LEX_WORDS:
		kind = s->last == T_RATE_LIMIT ? FRAME_RATE : FRAME_SETTINGS;
		break;
	default:
		kind = FRAME_SET;
	}
	if (s->nframes == LIMIT_BRACES) {
		diag_add(p->diags, U0012, at, "braces nest deeper than %d", LIMIT_BRACES);
		return GRAMMAR_error;
	}
	s->frames[s->nframes++] = (struct frame){ kind, at.from };
	s->comma_told = false;
	frame_resume(p);
	return '{';
}

bool lex_line_end(struct parser *p)
{
	struct scan *s = &p->scan;

	if (s->start || s->last == ',' || s->pending == FRAME_RULE)
		return false;
	s->start = true;
	s->value = false;
	return true;
}

int lex_semicolon(struct parser *p)
{
	if (p->scan.nframes)
		frame_resume(p);
	return p->scan.file ? END : BAD;
}

/* ---- words ---- */

static bool name_char(char c)
{
	return ascii_alpha(c) || ascii_digit(c) || c == '_' || c == '-';
}

static size_t blanks_skip(struct str s, size_t i)
{
	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t'))
		i++;
	return i;
}

/* Do these words begin a block, as `zone NAME {`, `list NAME :` or `test "…"` do? */
static bool header_ahead(struct str rest)
{
	static const struct str named[] = {
		{ "listener", 8 }, { "zone", 4 }, { "pool", 4 }, { "list", 4 }, { "rule", 4 }, { "ruleset", 7 },
	};
	static const struct str quoted[] = { { "test", 4 }, { "reject", 6 }, { "include", 7 } };
	size_t i = 0, word, from;

	while (i < rest.n && name_char(rest.p[i]))
		i++;
	word = i;
	from = i = blanks_skip(rest, i);
	if (i == word || i == rest.n)
		return false;
	if (AMONG(str_sub(rest, 0, word), quoted))
		return rest.p[i] == '"';
	if (!AMONG(str_sub(rest, 0, word), named))
		return false;
	while (i < rest.n && name_char(rest.p[i]))
		i++;
	if (i == from)
		return false;
	i = blanks_skip(rest, i);
	return i < rest.n && (rest.p[i] == '{' || (rest.p[i] == ':' && str_starts(rest, STR("list"))));
}

/* Nothing stands left of at. */
static bool leftmost(const struct parser *p, struct span at)
{
	return at.from == 0 || p->src->text.p[at.from - 1] == '\n';
}

static struct str text_from(const struct parser *p, uint32_t from)
{
	return (struct str){ p->src->text.p + from, p->src->text.n - from };
}

bool lex_forgotten(struct parser *p, struct span at)
{
	struct scan *s = &p->scan;
	struct frame *f;
	bool inside;

	if (!s->nframes || !leftmost(p, at) || !header_ahead(text_from(p, at.from)))
		return false;
	f = &s->frames[s->nframes - 1];
	inside = str_eq(str_sub(p->src->text, at.from, at.to), STR("rule")) &&
		s->frames[0].kind == FRAME_RULESET;
	if (inside && f->kind == FRAME_RULESET)
		return false;
	s->closing = s->nframes - inside; /* a rule may stand in a set of rules */
	if (!s->told)
		diag_add(p->diags, U0002, (struct span){ p->src, f->at, f->at + 1 }, "`{` is never closed");
	return true;
}

int lex_closing(struct parser *p, struct span *at)
{
	struct scan *s = &p->scan;

	at->from = at->to = s->last_to;
	s->closing--;
	return lex_give(p, *at, lex_close(p));
}

int lex_top_word(struct parser *p, struct span at)
{
	struct str w = { p->src->text.p + at.from, at.to - at.from };
	const struct keyword *k = keyword_find(w, PLACE_TOP);

	/* After a header that went wrong, a known keyword on a line of its own begins anew. */
	if (!p->scan.start && leftmost(p, at) && (k || header_ahead(text_from(p, at.from))))
		p->scan.start = true;
	if (!p->scan.start)
		return p->scan.pending == FRAME_LIST && p->scan.last == WORD && str_eq(w,
			STR("from")) ? FROM : WORD;
	p->scan.start = false;
	p->scan.pending = FRAME_SETTINGS;
	return k ? keyword_go(p, k) : KEY;
}

int lex_item_word(struct parser *p, struct str w)
{
	struct scan *s = &p->scan;
	const struct keyword *k;

	if (!s->nframes)
		return 0;
	if (s->frames[s->nframes - 1].kind == FRAME_RATE)
		return (k = keyword_find(w, PLACE_RATE)) ? keyword_go(p, k) : 0;
	if (s->frames[s->nframes - 1].kind != FRAME_RULE)
		return 0;
	if (str_eq(w, STR("when"))) {
		s->place = 0;
		lex_condition(p, LEX_OPERAND);
		return T_WHEN;
	}
	if (str_eq(w, STR("then"))) {
		place_set(s, PLACE_VERB);
		return T_THEN;
	}
	if (AMONG(w, rule_settings)) {
		s->state = LEX_LINES;
		s->start = false;
		s->pending = FRAME_SETTINGS;
		return KEY;
	}
	return 0;
}

int lex_rate_word(struct parser *p, struct str w)
{
	struct scan *s = &p->scan;

	if (!s->nframes || s->frames[s->nframes - 1].kind != FRAME_RATE || (s->last != T_BY &&
		s->last != ','))
		return 0;
	return lex_item_word(p, w);
}

int lex_tail_word(struct parser *p, struct str w)
{
	const struct keyword *k = p->scan.place == PLACE_TAIL ? keyword_find(w, PLACE_TAIL) : NULL;

	return k ? keyword_go(p, k) : 0;
}

/* Does w, in the middle of a setting, begin the next item? */
static bool item_begins(const struct scan *s, struct str w)
{
	switch (s->frames[s->nframes - 1].kind) {
	case FRAME_RULE:
		return AMONG(w, rule_settings) || str_eq(w, STR("when")) || str_eq(w, STR("then"));
	case FRAME_RULESET:
		return str_eq(w, STR("rule")) && s->pending != FRAME_RULE;
	case FRAME_TEST:
		return AMONG(w, test_settings);
	case FRAME_PAIRS:
		return s->value && s->last != ',';
	default:
		return false;
	}
}

int lex_line_word(struct parser *p, struct span at)
{
	struct scan *s = &p->scan;
	struct str w = { p->src->text.p + at.from, at.to - at.from };
	int token;

	if (!s->start && item_begins(s, w)) {
		s->start = true;
		s->value = false;
		return END;
	}
	if (!s->start) {
		s->value = true;
		return WORD;
	}
	s->start = false;
	s->pending = FRAME_SETTINGS;
	if (s->frames[s->nframes - 1].kind == FRAME_RULESET && str_eq(w, STR("rule"))) {
		s->pending = FRAME_RULE;
		return T_RULE;
	}
	if ((token = lex_item_word(p, w)))
		return token;
	return KEY;
}

int lex_word(struct parser *p, struct str w)
{
	const struct keyword *k = keyword_find(w, p->scan.place);
	int token;

	if (k)
		return keyword_go(p, k);
	if ((token = lex_item_word(p, w)))
		return token;
	return WORD;
}

/*
 * reject "…" { … } holds text that is meant to have mistakes, unbalanced ones too. When nothing follows the
 * opening brace on its line the block ends with the first line that begins with a brace, otherwise with the
 * matching one.
 */
size_t lex_raw_end(struct str s)
{
	size_t i = 1, depth = 0, n;

	while (i < s.n && (s.p[i] == ' ' || s.p[i] == '\t' || s.p[i] == '\r'))
		i++;
	if (i < s.n && s.p[i] == '\n') {
		for (; i < s.n; i++)
			if (s.p[i] == '\n' && i + 1 < s.n && s.p[i + 1] == '}')
				return i + 2;
		return 0;
	}
	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '{')
			depth++;
		else if (s.p[i] == '}' && --depth == 0)
			return i + 1;
		else if (s.p[i] == '"' && (n = string_quoted_end(str_sub(s, i, s.n))))
			i += n - 1;
		else if (s.p[i] == '#')
			while (i + 1 < s.n && s.p[i + 1] != '\n')
				i++;
	}
	return 0;
}

/* ---- beginning and end ---- */

static bool space(uint32_t code)
{
	return (code >= 0x09 && code <= 0x0d) || code == 0x20 || code == 0x85 || code == 0xa0 ||
		code == 0x1680 ||
		(code >= 0x2000 && code <= 0x200a) || code == 0x2028 || code == 0x2029 || code == 0x202f ||
		code == 0x205f || code == 0x3000;
}

/* Bytes that are not UTF-8, the first of them: everything after is read as it stands. */
static void encoding_check(struct parser *p)
{
	struct str text = p->src->text;
	struct diag *g;
	uint32_t code;
	size_t i, n;

	for (i = 0; i < text.n; i += n) {
		n = 1;
		if ((unsigned char)text.p[i] < 0x80 || (n = utf8_read(str_sub(text, i, text.n), &code)))
			continue;
		g = diag_add(p->diags, U0001, (struct span){ p->src, (uint32_t)i, (uint32_t)i + 1 },
			"the text is not UTF-8 here");
		diag_help(p->diags, g, "write other bytes as \\xHH inside of a string");
		return;
	}
}

/* Around an expression any white space of Unicode may stand; the scanner's copy gets plain spaces instead. */
static void ends_trim(struct parser *p, size_t from)
{
	struct str text = p->src->text;
	size_t to = text.n, i, n;
	uint32_t code;

	while (from < to && (n = utf8_read(str_sub(text, from, to), &code)) && space(code)) {
		memset(p->scan.text + from, ' ', n);
		from += n;
	}
	while (from < to) {
		for (i = to - 1; i > from && ((unsigned char)text.p[i] & 0xc0) == 0x80; i--)
			;
		if (!utf8_read(str_sub(text, i, to), &code) || !space(code))
			return;
		memset(p->scan.text + i, ' ', to - i);
		to = i;
	}
}

size_t lex_begin(struct parser *p, bool file)
{
	struct scan *s = &p->scan;
	size_t skip = str_starts(p->src->text, STR("\xef\xbb\xbf")) ? 3 : 0;

	s->file = file;
	if (skip)
		diag_add(p->diags, U0011, (struct span){ p->src, 0, 3 }, "a byte order mark begins the text");
	encoding_check(p);
	if (file) {
		frame_resume(p);
	} else {
		ends_trim(p, skip);
		lex_condition(p, p->start == START_VALUE ? LEX_RIGHT : LEX_OPERAND);
	}
	return skip;
}

int lex_give(struct parser *p, struct span at, int token)
{
	p->scan.last = token;
	p->scan.before_to = p->scan.last_to;
	p->scan.last_to = at.to;
	return token;
}

int lex_end(struct parser *p)
{
	struct scan *s = &p->scan;
	struct frame *f;

	if (lex_unclosed(p))
		return GRAMMAR_error;
	if (!s->nframes)
		return GRAMMAR_EOF;
	f = &s->frames[s->nframes - 1];
	if (!s->told)
		diag_add(p->diags, U0002, (struct span){ p->src, f->at, f->at + 1 }, "`{` is never closed");
	s->told = true;
	return lex_close(p);
}
