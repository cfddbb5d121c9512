/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A glob is the pieces between its stars. The first piece stands at the beginning, the last at the end, and
 * each one between at the first place after its predecessor: no choice is ever taken back. Where case is
 * ignored the search is Knuth, Morris and Pratt's, so that no pattern and value together cost more than their
 * lengths.
 */
#include <assert.h>
#include <stdlib.h>

#include "engine/spelling.h"
#include "engine/wildcard.h"

struct piece {
	struct str text; /* lower case unless strict */
	uint32_t *next; /* of inner pieces where case is ignored: length of the longest border at each byte */
};

struct wildcard {
	bool strict;
	unsigned n; /* pieces; stars are one less */
	struct piece v[];
};

static bool same(const struct wildcard *w, struct str s, struct str piece)
{
	return w->strict ? str_eq(s, piece) : str_eq_nocase(s, piece);
}

/* First place of piece in s, or -1. */
static ptrdiff_t search(const struct wildcard *w, struct str s, const struct piece *piece)
{
	const char *hit;
	size_t have = 0;

	if (s.n < piece->text.n)
		return -1;
	if (w->strict) {
		hit = memmem(s.p, s.n, piece->text.p, piece->text.n);
		return hit != NULL ? hit - s.p : -1;
	}
	for (size_t i = 0; i < s.n; i++) {
		char c = ascii_lower(s.p[i]);

		while (have > 0 && piece->text.p[have] != c)
			have = piece->next[have - 1];
		if (piece->text.p[have] == c && ++have == piece->text.n)
			return (ptrdiff_t)(i + 1 - have);
	}
	return -1;
}

bool wildcard_find(const struct wildcard *w, struct str s, struct match_place *stars, size_t n)
{
	struct str head = w->v[0].text, tail = w->v[w->n - 1].text;
	size_t at = head.n, end;

	if (w->n == 1)
		return same(w, s, head);
	if (s.n < head.n + tail.n || !same(w, str_sub(s, 0, head.n), head) ||
	    !same(w, str_sub(s, s.n - tail.n, s.n), tail))
		return false;
	end = s.n - tail.n;
	for (unsigned i = 1; i < w->n; i++) {
		ptrdiff_t skip =
		    i + 1 < w->n ? search(w, str_sub(s, at, end), &w->v[i]) : (ptrdiff_t)(end - at);

		if (skip < 0)
			return false;
		if (i - 1 < n)
			stars[i - 1] = (struct match_place){true, at, at + (size_t)skip};
		at += (size_t)skip + w->v[i].text.n;
	}
	return true;
}

bool wildcard_match(const struct wildcard *w, struct str s)
{
	return wildcard_find(w, s, NULL, 0);
}

unsigned wildcard_stars(const struct wildcard *w)
{
	return w->n - 1;
}

static struct literals literal(const struct wildcard *w, const struct piece *piece, enum literal_place place)
{
	return (struct literals){.v = &piece->text, .n = 1, .nocase = !w->strict, .place = place};
}

size_t wildcard_literals(const struct wildcard *w, struct literals out[3])
{
	const struct piece *head = &w->v[0], *tail = &w->v[w->n - 1], *inner = NULL;
	size_t n = 0;

	if (w->n == 1 && head->text.n > 0) {
		out[n++] = literal(w, head, LITERAL_WHOLE);
		out[0].enough = true;
	}
	if (w->n == 1)
		return n;
	for (unsigned i = 1; i + 1 < w->n; i++)
		if (inner == NULL || w->v[i].text.n > inner->text.n)
			inner = &w->v[i];
	if (head->text.n > 0)
		out[n++] = literal(w, head, LITERAL_PREFIX);
	if (tail->text.n > 0)
		out[n++] = literal(w, tail, LITERAL_SUFFIX);
	if (inner != NULL)
		out[n++] = literal(w, inner, LITERAL_ANYWHERE);
	if (n == 1)
		out[0].enough = w->n == 2 || (w->n == 3 && inner != NULL);
	return n;
}

void wildcard_free(void *object)
{
	struct wildcard *w = object;

	for (unsigned i = 0; w != NULL && i < w->n; i++) {
		free((char *)w->v[i].text.p);
		free(w->v[i].next);
	}
	free(w);
}

/* Checks the text; how many pieces it has, or 0 after an error. */
static unsigned pieces_count(const struct ast *literal, struct diags *d)
{
	struct str s = literal->text;
	unsigned n = 1;
	struct diag *g;

	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '*') {
			n++;
			if (i + 1 < s.n && s.p[i + 1] == '*') {
				g = diag_add(d, U0009, spelling_span(literal, i, i + 2),
				             "'**' is not allowed in a wildcard pattern");
				diag_help(d, g, "one * already matches any bytes, slashes too");
				return 0;
			}
		} else if (s.p[i] == '\\') {
			if (i + 1 == s.n || (s.p[i + 1] != '*' && s.p[i + 1] != '\\')) {
				g = diag_add(d, U0009, spelling_span(literal, i, i + 1 < s.n ? i + 2 : i + 1),
				             "a backslash in a wildcard pattern stands before * or another "
				             "backslash only");
				diag_help(
				    d, g,
				    literal->form == AST_FORM_RAW
				        ? "a literal backslash is written \\\\"
				        : "in a quoted string a literal * is written \\\\*, or use r\"\\*\"");
				return 0;
			}
			i++;
		}
	}
	return n;
}

/* The piece that begins at *at, unescaped; *at moves behind the star that ends it. */
static bool piece_read(struct piece *out, struct str s, size_t *at, bool strict)
{
	char *p = malloc(s.n - *at + 1);
	size_t n = 0;

	if (p == NULL)
		return false;
	for (; *at < s.n && s.p[*at] != '*'; (*at)++) {
		*at += s.p[*at] == '\\';
		p[n++] = strict ? s.p[*at] : ascii_lower(s.p[*at]);
	}
	(*at)++;
	out->text = (struct str){p, n};
	if ((p = realloc(p, n + 1)) != NULL)
		out->text.p = p;
	return true;
}

static bool piece_prepare(struct piece *piece)
{
	struct str s = piece->text;
	uint32_t *next = calloc(s.n + 1, sizeof(*next));

	if (next == NULL)
		return false;
	for (size_t i = 1; i < s.n; i++) {
		uint32_t k = next[i - 1];

		while (k > 0 && s.p[k] != s.p[i])
			k = next[k - 1];
		next[i] = k + (s.p[k] == s.p[i]);
	}
	piece->next = next;
	return true;
}

struct wildcard *wildcard_compile(const struct ast *literal, bool strict, struct diags *d)
{
	unsigned n = pieces_count(literal, d);
	struct wildcard *w = n > 0 ? calloc(1, sizeof(*w) + n * sizeof(*w->v)) : NULL;
	size_t at = 0;

	if (w == NULL)
		return NULL;
	w->strict = strict;
	while (w->n < n) {
		struct piece *piece = &w->v[w->n];
		bool inner = w->n > 0 && w->n + 1 < n;

		if (!piece_read(piece, literal->text, &at, strict))
			goto failed;
		w->n++;
		if (inner && !strict && !piece_prepare(piece))
			goto failed;
	}
	return w;
failed:
	wildcard_free(w);
	return NULL;
}
