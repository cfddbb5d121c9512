/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a diagnostic looks on a terminal: where, what, the line with its carets, why, and what to write
 * instead. Rule files may come from strangers, so no control character of theirs is passed on.
 */
#include <stdlib.h>

#include "base/diag.h"

/* A source line longer than WIDE is shown from a little before the span. */
enum { WIDE = 160, BEFORE = 60 };

struct paint {
	const char *bold, *error, *warning, *hint, *caret, *plain;
};

static const struct paint colours = {
    "\033[1m", "\033[1;31m", "\033[1;35m", "\033[1;36m", "\033[1;32m", "\033[0m",
};
static const struct paint none = {"", "", "", "", "", ""};

static const char *severity_paint(const struct paint *p, enum severity s)
{
	switch (s) {
	case SEV_WARNING:
		return p->warning;
	case SEV_HINT:
		return p->hint;
	case SEV_ERROR:
		break;
	}
	return p->error;
}

static size_t span_start(struct span s)
{
	return s.from < s.src->text.n ? s.from : s.src->text.n;
}

static size_t line_start(struct span s)
{
	size_t at = span_start(s);

	while (at > 0 && s.src->text.p[at - 1] != '\n')
		at--;
	return at;
}

void span_place(struct span s, unsigned *line, unsigned *column)
{
	size_t i, at;

	*line = *column = 0;
	if (!s.src)
		return;
	at = span_start(s);
	*line = 1;
	for (i = 0; i < at; i++)
		*line += s.src->text.p[i] == '\n';
	*column = (unsigned)(at - line_start(s)) + 1;
}

static bool utf8_continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

/* Text of others: control characters become question marks. */
static void text_print(FILE *out, struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		putc((c < 0x20 && c != '\t') || c == 0x7f ? '?' : c, out);
	}
}

static void place_print(FILE *out, struct span s, const struct paint *p)
{
	unsigned line, column;

	if (!s.src)
		return;
	span_place(s, &line, &column);
	fputs(p->bold, out);
	text_print(out, s.src->name);
	fprintf(out, "%s%u:%u:%s ", s.src->name.n ? ":" : "", line, column, p->plain);
}

/* The line a span begins on, or the part of it around the span: [*from, *to) of the text. */
static void line_range(struct span s, size_t *from, size_t *to)
{
	struct str text = s.src->text;
	size_t start = span_start(s);

	*from = line_start(s);
	for (*to = start; *to < text.n && text.p[*to] != '\n'; (*to)++)
		;
	if (*to > *from && text.p[*to - 1] == '\r')
		(*to)--;
	if (*to - *from <= WIDE)
		return;
	if (start - *from > BEFORE)
		*from = start - BEFORE;
	while (*from < start && utf8_continues(text.p[*from]))
		(*from)++;
	if (*to - *from > WIDE)
		*to = *from + WIDE;
	while (*to > start && *to < text.n && utf8_continues(text.p[*to]))
		(*to)--;
}

/* Carets: white space of the same width up to the span, then one caret a character, at least one. */
static void carets_print(FILE *out, struct span s, size_t from, size_t to, const struct paint *p)
{
	const char *text = s.src->text.p;
	size_t i, start = span_start(s), end = s.to < to ? s.to : to;

	for (i = from; i < start; i++)
		if (!utf8_continues(text[i]))
			putc(text[i] == '\t' ? '\t' : ' ', out);
	fprintf(out, "%s^", p->caret);
	for (i = start + 1; i < end; i++)
		if (!utf8_continues(text[i]))
			putc('^', out);
	fprintf(out, "%s\n", p->plain);
}

static void quote_print(FILE *out, struct span s, const struct paint *p)
{
	size_t from, to;

	if (!s.src || !s.src->text.n)
		return;
	line_range(s, &from, &to);
	fputs("    ", out);
	text_print(out, str_sub(s.src->text, from, to));
	fputs("\n    ", out);
	carets_print(out, s, from, to, p);
}

static void diag_print(FILE *out, const struct diag *g, const struct paint *p)
{
	place_print(out, g->span, p);
	fprintf(out, "%s%s[%s]:%s ", severity_paint(p, g->severity), severity_name(g->severity),
	        diag_name(g->code), p->plain);
	text_print(out, g->message);
	putc('\n', out);
	quote_print(out, g->span, p);
	if (g->second_message.n) {
		place_print(out, g->second, p);
		fprintf(out, "%snote:%s ", p->bold, p->plain);
		text_print(out, g->second_message);
		putc('\n', out);
		quote_print(out, g->second, p);
	}
	if (g->help.n) {
		fprintf(out, "%shelp:%s ", p->bold, p->plain);
		text_print(out, g->help);
		putc('\n', out);
	}
}

void diags_print(const struct diags *d, FILE *out, bool color)
{
	const struct paint *p = color ? &colours : &none;
	const struct diag **v, *g;
	size_t n, i, kept = 0, all = (size_t)d->errors + d->warnings + d->hints;

	v = diags_sorted(d, &n);
	for (i = 0; i < n; i++)
		diag_print(out, v[i], p);
	for (g = d->first; g; g = g->next) {
		if (!v)
			diag_print(out, g, p);
		kept++;
	}
	if (all > kept)
		fprintf(out, "%zu more not shown\n", all - kept);
	free(v);
}
