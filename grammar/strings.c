/* SPDX-License-Identifier: Apache-2.0 */
/*
 * String literals: where they end and what they mean. Quoted strings know four escapes; raw strings none;
 * and the quotes after matches hand every backslash but \" on to the pattern, in which a quote inside of [ ]
 * does not even end the string. Text that looks like something else is warned about here too.
 */
#include "grammar/internal.h"

/* ---- characters ---- */

size_t utf8_read(struct str s, uint32_t *code)
{
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	unsigned char c;
	size_t n, i;

	if (!s.n)
		return 0;
	c = (unsigned char)s.p[0];
	*code = c;
	if (c < 0x80)
		return 1;
	n = c >= 0xf0 ? 4 : c >= 0xe0 ? 3 : 2;
	if (c < 0xc2 || c > 0xf4 || s.n < n)
		return 0;
	*code = c & (0xffu >> (n + 1));
	for (i = 1; i < n; i++) {
		if (((unsigned char)s.p[i] & 0xc0) != 0x80)
			return 0;
		*code = *code << 6 | ((unsigned char)s.p[i] & 0x3f);
	}
	return *code < least[n] || *code > 0x10ffff || (*code >= 0xd800 && *code < 0xe000) ? 0 : n;
}

/* Cyrillic and Greek letters that most typefaces draw like these Latin ones. */
static const struct {
	uint32_t code;
	char latin;
} lookalikes[] = {
	{ 0x0430, 'a' }, { 0x0435, 'e' }, { 0x043e, 'o' }, { 0x0440, 'p' }, { 0x0441, 'c' }, { 0x0443, 'y' },
	{ 0x0445, 'x' }, { 0x0455, 's' }, { 0x0456, 'i' }, { 0x0458, 'j' }, { 0x04bb, 'h' }, { 0x0501, 'd' },
	{ 0x051b, 'q' }, { 0x051d, 'w' }, { 0x0410, 'A' }, { 0x0412, 'B' }, { 0x0415, 'E' }, { 0x041a, 'K' },
	{ 0x041c, 'M' }, { 0x041d, 'H' }, { 0x041e, 'O' }, { 0x0420, 'P' }, { 0x0421, 'C' }, { 0x0422, 'T' },
	{ 0x0425, 'X' }, { 0x03bf, 'o' }, { 0x03b1, 'a' }, { 0x03bd, 'v' }, { 0x03c1, 'p' }, { 0x0391, 'A' },
	{ 0x0392, 'B' }, { 0x0395, 'E' }, { 0x0397, 'H' }, { 0x0399, 'I' }, { 0x039a, 'K' }, { 0x039c, 'M' },
	{ 0x039d, 'N' }, { 0x039f, 'O' }, { 0x03a1, 'P' }, { 0x03a4, 'T' }, { 0x03a7, 'X' }, { 0x0131, 'i' },
	{ 0x0261, 'g' },
};

const char *character_name(uint32_t code, char *latin)
{
	size_t i;

	*latin = 0;
	if (code == 0)
		return "a NUL byte";
	if (code < 0x80)
		return NULL;
	if (code >= 0xff01 && code <= 0xff5e) {
		*latin = (char)(code - 0xfee0);
		if (!ascii_alpha(*latin) && !ascii_digit(*latin))
			*latin = 0;
		return "a full-width character";
	}
	if (code == 0xfeff)
		return "a byte order mark";
	if ((code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) || code == 0x200e ||
	    code == 0x200f || code == 0x061c)
		return "a control of writing direction";
	if (code == 0xad || (code >= 0x200b && code <= 0x200d) || (code >= 0x2060 && code <= 0x2064))
		return "an invisible character";
	if (code == 0xa0 || code == 0x1680 || (code >= 0x2000 && code <= 0x200a) || code == 0x2028 ||
		code == 0x2029 ||
	    code == 0x202f || code == 0x205f || code == 0x3000 || code == 0x85)
		return "a space that is none in this language";
	if ((code >= 0x2010 && code <= 0x2027) || code == 0xab || code == 0xbb || code == 0x2212)
		return "a typographic sign";
	for (i = 0; i < sizeof(lookalikes) / sizeof(*lookalikes); i++)
		if (lookalikes[i].code == code) {
			*latin = lookalikes[i].latin;
			return "a letter of another alphabet";
		}
	return NULL;
}

void text_check(struct parser *p, uint32_t from, uint32_t to)
{
	struct str text = p->src->text;
	uint32_t i, code;
	size_t n;
	char latin;

	for (i = from; i < to; i += (uint32_t)n) {
		const char *name;

		n = 1;
		if (text.p[i] && (unsigned char)text.p[i] < 0x80)
			continue;
		if (!(n = utf8_read(str_sub(text, i, to), &code))) {
			n = 1;
			continue;
		}
		/* What people write on purpose: joiners in emoji, typographic signs, spaces, letters. */
		if (code && code != 0xfeff && code != 0x200b && code != 0x200e && code != 0x200f &&
			code != 0x061c &&
		    !(code >= 0x202a && code <= 0x202e) && !(code >= 0x2060 && code <= 0x2069))
			continue;
		name = character_name(code, &latin);
		diag_add(p->diags, U0011, (struct span){ p->src, i, i + (uint32_t)n },
			"U+%04X, %s, is easily misread",
			(unsigned)code, name ? name : "a control character");
	}
}

/* ---- where strings end ---- */

size_t string_quoted_end(struct str s)
{
	size_t i;

	for (i = 1; i < s.n; i++) {
		if (s.p[i] == '"')
			return i + 1;
		if (s.p[i] == '\\')
			i++;
	}
	return 0;
}

size_t string_regex_end(struct str s)
{
	bool class = false;
	size_t i;

	for (i = 1; i < s.n; i++) {
		if (s.p[i] == '"' && !class)
			return i + 1;
		if (s.p[i] == '\\')
			i++;
		else if (s.p[i] == '[')
			class = true;
		else if (s.p[i] == ']')
			class = false;
	}
	return 0;
}

size_t string_raw_end(struct str s, size_t hashes)
{
	const char *at = s.p + hashes + 2, *end = s.p + s.n;

	while (at < end && (at = memchr(at, '"', (size_t)(end - at)))) {
		size_t n = 0;

		at++;
		while (n < hashes && at + n < end && at[n] == '#')
			n++;
		if (n == hashes)
			return (size_t)(at + n - s.p);
	}
	return 0;
}

/* ---- what they mean ---- */

static void length_check(struct parser *p, struct span at)
{
	if (at.to - at.from > LIMIT_STRING_BYTES)
		diag_add(p->diags, U0012, (struct span){ at.src, at.from, at.from + 1 },
			"a string longer than %d bytes", LIMIT_STRING_BYTES);
}

static bool octal(char c)
{
	return c >= '0' && c <= '7';
}

/* One escape at s.p, which is a backslash: its length; 0 if strings do not have it. */
static size_t escape_read(struct str s, char *out)
{
	if (s.n < 2)
		return 0;
	*out = s.p[1];
	if (s.p[1] == '"' || s.p[1] == '\\')
		return 2;
	if (s.n < 4)
		return 0;
	if (s.p[1] == 'x' && ascii_hex(s.p[2]) >= 0 && ascii_hex(s.p[3]) >= 0) {
		*out = (char)(ascii_hex(s.p[2]) << 4 | ascii_hex(s.p[3]));
		return 4;
	}
	if (octal(s.p[1]) && s.p[1] <= '3' && octal(s.p[2]) && octal(s.p[3])) {
		*out = (char)((s.p[1] - '0') << 6 | (s.p[2] - '0') << 3 | (s.p[3] - '0'));
		return 4;
	}
	return 0;
}

struct string_token string_quoted(struct parser *p, struct span at)
{
	struct str s = { p->src->text.p + at.from + 1, at.to - at.from - 2 };
	struct string_token t = { s, AST_FORM_QUOTED, 0 };
	size_t i, n;
	char *out;

	length_check(p, at);
	text_check(p, at.from, at.to);
	if (str_find(s, '\\') < 0)
		return t;
	if (!(out = arena_alloc(p->arena, s.n))) {
		nomem(p);
		return t;
	}
	t.text = (struct str){ out, 0 };
	for (i = 0; i < s.n; i += n) {
		char c = s.p[i];

		n = 1;
		if (c == '\\' && !(n = escape_read(str_sub(s, i, s.n), &c))) {
			struct diag *g;
			uint32_t from = at.from + 1 + (uint32_t)i;

			c = '\\';
			n = 1;
			g = diag_add(p->diags, U0003, (struct span){ p->src, from,
				from + (i + 1 < s.n ? 2 : 1) },
				"strings know \\\" \\\\ \\xHH and \\OOO only");
			diag_help(p->diags, g, "a raw string keeps backslashes: r\"…\"");
		}
		out[t.text.n++] = c;
	}
	return t;
}

struct string_token string_regex(struct parser *p, struct span at)
{
	struct str s = { p->src->text.p + at.from + 1, at.to - at.from - 2 };
	struct string_token t = { s, AST_FORM_REGEX, 0 };
	bool class = false;
	char *out;
	size_t i;

	length_check(p, at);
	text_check(p, at.from, at.to);
	if (str_find(s, '\\') < 0)
		return t;
	if (!(out = arena_alloc(p->arena, s.n))) {
		nomem(p);
		return t;
	}
	t.text = (struct str){ out, 0 };
	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '\\') {
			if (class || s.p[i + 1] != '"')
				out[t.text.n++] = '\\';
			i++; /* there is one: a backslash before the closing quote would have escaped it */
		} else if (s.p[i] == '[') {
			class = true;
		} else if (s.p[i] == ']') {
			class = false;
		}
		out[t.text.n++] = s.p[i];
	}
	return t;
}

bool string_regex_spelling(struct str s)
{
	bool class = false;
	size_t i;

	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '\\') {
			if (i + 1 == s.n || (!class && s.p[i + 1] == '"'))
				return false;
			i++;
		} else if (s.p[i] == '[') {
			class = true;
		} else if (s.p[i] == ']') {
			class = false;
		}
	}
	return !class;
}

struct string_token string_raw(struct parser *p, struct span at, size_t hashes)
{
	struct str s = { p->src->text.p + at.from, at.to - at.from };

	length_check(p, at);
	text_check(p, at.from, at.to);
	if (hashes > 255)
		diag_add(p->diags, U0012, (struct span){ at.src, at.from, at.from + 1 },
			"a raw string has at most 255 #");
	return (struct string_token){ str_sub(s, hashes + 2, s.n - hashes - 1), AST_FORM_RAW,
		(unsigned char)(hashes > 255 ? 255 : hashes) };
}
