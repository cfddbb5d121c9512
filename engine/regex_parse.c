/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The structure of a regular expression: alternatives, sequences, repetition, groups and flags, as Rust's
 * regex crate reads them. Everything that other dialects read differently is decided here and not by PCRE2.
 * How a group begins is in regex_group.c, escapes are in regex_escape.c, classes in regex_class.c.
 */
#include <stdarg.h>

#include "base/limits.h"
#include "engine/regex_internal.h"

struct nodes {
	struct regex_node **v;
	size_t n, cap;
};

void *regex_nomem(struct regex_parser *p)
{
	if (p->rc == 0)
		p->rc = -ERR_NOMEM;
	return NULL;
}

void *regex_fail(struct regex_parser *p, enum diag_code code, size_t from, size_t to, const char *fmt, ...)
{
	char text[256];
	va_list ap;

	if (p->rc != 0)
		return NULL;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (to > p->s.n)
		to = p->s.n;
	*p->err =
	    (struct regex_error){.code = code, .from = (uint32_t)(from < to ? from : to), .to = (uint32_t)to};
	p->err->message = arena_str(p->a, str_of(text));
	p->rc = p->err->message.p != NULL ? -ERR_RULES : -ERR_NOMEM;
	return NULL;
}

void regex_help(struct regex_parser *p, const char *text)
{
	if (p->rc == -ERR_RULES)
		p->err->help = str_of(text);
}

struct regex_node *regex_node_new(struct regex_parser *p, enum regex_kind kind, size_t from)
{
	struct regex_node *node = ARENA_NEW(p->a, struct regex_node);

	if (node == NULL)
		return regex_nomem(p);
	node->kind = kind;
	node->from = (uint32_t)from;
	node->to = (uint32_t)p->at;
	return node;
}

void regex_skip_space(struct regex_parser *p)
{
	if (!p->flags.x)
		return;
	while (p->at < p->s.n) {
		char c = p->s.p[p->at];

		if (c == ' ' || (c >= '\t' && c <= '\r'))
			p->at++;
		else if (c == '#')
			while (p->at < p->s.n && p->s.p[p->at] != '\n')
				p->at++;
		else
			return;
	}
}

static bool nodes_add(struct regex_parser *p, struct nodes *l, struct regex_node *node)
{
	if (l->n == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 4;
		void *v = arena_grow(p->a, l->v, l->cap * sizeof(*l->v), cap * sizeof(*l->v));

		if (v == NULL) {
			regex_nomem(p);
			return false;
		}
		l->v = v;
		l->cap = cap;
	}
	l->v[l->n++] = node;
	return true;
}

/* One node for a list: the only kid itself, or a node of kind over all of them. */
static struct regex_node *nodes_join(struct regex_parser *p, struct nodes *l, enum regex_kind kind,
                                     size_t from)
{
	struct regex_node *node;

	if (l->n == 1)
		return l->v[0];
	if ((node = regex_node_new(p, l->n ? kind : REGEX_EMPTY, from)) == NULL)
		return NULL;
	node->kids = l->v;
	node->n = l->n;
	for (size_t i = 0; i < l->n; i++)
		if (l->v[i]->height >= node->height)
			node->height = l->v[i]->height + 1;
	return node;
}

static struct regex_node *node_over(struct regex_parser *p, enum regex_kind kind, struct regex_node *kid,
                                    size_t from)
{
	struct nodes one = {0};
	struct regex_node *node = regex_node_new(p, kind, from);

	if (node == NULL || !nodes_add(p, &one, kid))
		return NULL;
	node->kids = one.v;
	node->n = 1;
	node->height = kid->height + 1;
	if (node->height > 3 * LIMIT_REGEX_NESTING)
		return regex_fail(p, U4001, from, p->at, "nested deeper than %d levels", LIMIT_REGEX_NESTING);
	return node;
}

/* ---- repetition --------------------------------------------------------------------------------------- */

/* A decimal number of { }, white space around it allowed. false: none, or too large (recorded). */
static bool count_number(struct regex_parser *p, size_t open, uint32_t *out)
{
	uint64_t n = 0;
	size_t from;

	while (p->at < p->s.n && (p->s.p[p->at] == ' ' || (p->s.p[p->at] >= '\t' && p->s.p[p->at] <= '\r')))
		p->at++;
	for (from = p->at; p->at < p->s.n && ascii_digit(p->s.p[p->at]); p->at++)
		if (n <= LIMIT_REGEX_REPEAT)
			n = n * 10 + (uint64_t)(p->s.p[p->at] - '0');
	if (p->at == from) {
		regex_fail(p, U4001, open, p->at + 1,
		           "'{' begins a count such as {2} or {2,5}, and there is no number");
		regex_help(p, "a literal brace is written \\{");
		return false;
	}
	if (n > LIMIT_REGEX_REPEAT) {
		regex_fail(p, U4001, from, p->at, "a count over %d", LIMIT_REGEX_REPEAT);
		return false;
	}
	while (p->at < p->s.n && (p->s.p[p->at] == ' ' || (p->s.p[p->at] >= '\t' && p->s.p[p->at] <= '\r')))
		p->at++;
	*out = (uint32_t)n;
	return true;
}

static bool count_braces(struct regex_parser *p, uint32_t *min, uint32_t *max)
{
	size_t open = p->at++;

	if (!count_number(p, open, min))
		return false;
	*max = *min;
	if (regex_at(p, 0, ',')) {
		p->at++;
		regex_skip_space(p);
		if (regex_at(p, 0, '}'))
			*max = REGEX_UNLIMITED;
		else if (!count_number(p, open, max))
			return false;
	}
	if (!regex_at(p, 0, '}')) {
		regex_fail(p, U4001, open, p->at, "the count that begins here is never closed");
		return false;
	}
	p->at++;
	if (*max < *min) {
		regex_fail(p, U4001, open, p->at, "a count that ends below its beginning: {%u,%u}", *min,
		           *max);
		return false;
	}
	return true;
}

/* p->at is on * + ? or {; repeats *last. */
static bool repeat(struct regex_parser *p, struct regex_node **last)
{
	size_t op = p->at;
	uint32_t min = 0, max = REGEX_UNLIMITED;
	struct regex_node *node;
	char c = p->s.p[op];

	if (*last == NULL) {
		regex_fail(p, U4001, op, op + 1, "'%c' has nothing to repeat", c);
		if (c == '{')
			regex_help(p, "a literal brace is written \\{");
		return false;
	}
	if (c == '{') {
		if (!count_braces(p, &min, &max))
			return false;
	} else {
		min = c == '+';
		max = c == '?' ? 1 : REGEX_UNLIMITED;
		p->at++;
	}
	if ((node = node_over(p, REGEX_REPEAT, *last, (*last)->from)) == NULL)
		return false;
	node->lazy = p->flags.U;
	if (regex_at(p, 0, '?')) {
		node->lazy = !node->lazy;
		p->at++;
	}
	node->to = (uint32_t)p->at;
	node->min = min;
	node->max = max;
	*last = node;
	return true;
}

/* ---- groups ------------------------------------------------------------------------------------------- */

static struct regex_node *alternatives(struct regex_parser *p);

/* p->at is on '('. Sets *out to the group, or to NULL after flags for the rest of the enclosing group. */
static bool group(struct regex_parser *p, struct regex_node **out)
{
	size_t open = p->at++;
	struct regex_flags outer = p->flags;
	struct regex_node *body, *node;
	uint32_t capture;
	bool flags_only;

	*out = NULL;
	if (!regex_group_open(p, open, &capture, &flags_only))
		return false;
	if (flags_only)
		return true;
	if (++p->depth > LIMIT_REGEX_NESTING) {
		regex_fail(p, U4001, open, open + 1, "nested deeper than %d levels", LIMIT_REGEX_NESTING);
		return false;
	}
	if ((body = alternatives(p)) == NULL)
		return false;
	p->depth--;
	if (!regex_at(p, 0, ')')) {
		regex_fail(p, U4001, open, open + 1, "'(' is never closed");
		return false;
	}
	p->at++;
	p->flags = outer;
	if ((node = node_over(p, REGEX_GROUP, body, open)) == NULL)
		return false;
	node->capture = capture;
	*out = node;
	return true;
}

/* ---- sequences ---------------------------------------------------------------------------------------- */

static struct regex_node *assertion(struct regex_parser *p, enum regex_assert which, size_t from)
{
	struct regex_node *node = regex_node_new(p, REGEX_ASSERT, from);

	if (node != NULL)
		node->assert = which;
	return node;
}

static struct regex_node *dot(struct regex_parser *p)
{
	size_t from = p->at++;
	struct cset set = {0};
	uint32_t top = p->flags.u ? 0x10FFFF : 0xFF;
	struct regex_node *node;
	bool ok;

	if (p->flags.s)
		ok = cset_add(p, &set, 0, top);
	else if (p->flags.R)
		ok = cset_add(p, &set, 0, '\n' - 1) && cset_add(p, &set, '\n' + 1, '\r' - 1) &&
		     cset_add(p, &set, '\r' + 1, top);
	else
		ok = cset_add(p, &set, 0, '\n' - 1) && cset_add(p, &set, '\n' + 1, top);
	if (!ok || (node = regex_set_node(p, &set, from)) == NULL)
		return NULL;
	node->dot = true;
	return node;
}

static struct regex_node *escape(struct regex_parser *p)
{
	size_t from = p->at;
	struct cset set = {0};
	struct regex_escaped e;

	if (!regex_escape(p, &e, false))
		return NULL;
	switch (e.kind) {
	case ESCAPE_LITERAL:
		return regex_literal_node(p, e.c, e.raw, from);
	case ESCAPE_PERL:
		return cset_perl(p, &set, e.perl) ? regex_set_node(p, &set, from) : NULL;
	case ESCAPE_PROPERTY:
		return cset_property(p, &set, e.perl, from) && cset_fold(p, &set) ? regex_set_node(p, &set, from) : NULL;
	case ESCAPE_ASSERT:
		return assertion(p, e.assert, from);
	}
	return NULL;
}

static struct regex_node *atom(struct regex_parser *p)
{
	size_t from = p->at;
	uint32_t c;
	size_t n;

	switch (p->s.p[p->at]) {
	case '[':
		return regex_class(p);
	case '.':
		return dot(p);
	case '\\':
		return escape(p);
	case '^':
		p->at++;
		return assertion(p,
		                 !p->flags.m  ? REGEX_BEGIN_TEXT
		                 : p->flags.R ? REGEX_BEGIN_LINE_CRLF
		                              : REGEX_BEGIN_LINE,
		                 from);
	case '$':
		p->at++;
		return assertion(p,
		                 !p->flags.m  ? REGEX_END_TEXT
		                 : p->flags.R ? REGEX_END_LINE_CRLF
		                              : REGEX_END_LINE,
		                 from);
	default:
		if (!regex_char(p, &c, &n))
			return NULL;
		p->at += n;
		return regex_literal_node(p, c, false, from);
	}
}

static struct regex_node *sequence(struct regex_parser *p)
{
	size_t from = p->at;
	struct nodes l = {0};
	bool flags = false; /* the last thing was (?flags), which cannot be repeated */

	for (;;) {
		struct regex_node *node, *none = NULL;
		char c;

		regex_skip_space(p);
		if (p->at == p->s.n || p->s.p[p->at] == '|' || p->s.p[p->at] == ')')
			return nodes_join(p, &l, REGEX_CAT, from);
		c = p->s.p[p->at];
		if (c == '*' || c == '+' || c == '?' || c == '{') {
			if (!repeat(p, l.n > 0 && !flags ? &l.v[l.n - 1] : &none))
				return NULL;
			continue;
		}
		if (c == '(') {
			if (!group(p, &node))
				return NULL;
		} else if ((node = atom(p)) == NULL) {
			return NULL;
		}
		flags = node == NULL;
		if (node != NULL && !nodes_add(p, &l, node))
			return NULL;
	}
}

static struct regex_node *alternatives(struct regex_parser *p)
{
	size_t from = p->at;
	struct nodes l = {0};

	for (;;) {
		struct regex_node *node = sequence(p);

		if (node == NULL || !nodes_add(p, &l, node))
			return NULL;
		if (!regex_at(p, 0, '|'))
			return nodes_join(p, &l, REGEX_ALT, from);
		p->at++;
	}
}

/* How many places a compiled automaton would have: what a bounded engine counts. */
static double node_size(const struct regex_node *node)
{
	double size = 1;

	for (size_t i = 0; i < node->n; i++)
		size += node_size(node->kids[i]);
	if (node->kind == REGEX_REPEAT && node->max > 1)
		size *= node->max != REGEX_UNLIMITED ? node->max : node->min > 1 ? node->min : 1;
	return size;
}

int regex_parse(struct regex_tree *out, struct arena *a, struct str pattern, struct regex_error *err)
{
	struct regex_parser p = {.a = a, .s = pattern, .err = err};
	struct regex_node *root;

	*out = (struct regex_tree){.pattern = pattern};
	if (pattern.n > LIMIT_STRING_BYTES) {
		regex_fail(&p, U4001, 0, pattern.n, "a pattern of more than %d bytes", LIMIT_STRING_BYTES);
		return p.rc;
	}
	if ((root = alternatives(&p)) == NULL)
		return p.rc;
	if (p.at < p.s.n) /* only ')' stops alternatives early */
		regex_fail(&p, U4001, p.at, p.at + 1, "')' closes nothing");
	else if (node_size(root) > LIMIT_REGEX_SIZE)
		regex_fail(&p, U4001, 0, pattern.n,
		           "a pattern of more than %d states when its counts are written out",
		           LIMIT_REGEX_SIZE);
	if (p.rc != 0)
		return p.rc;
	out->root = root;
	out->captures = p.captures;
	out->units = p.nunits;
	return 0;
}
