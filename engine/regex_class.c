/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Character classes: [a-z], [^…], POSIX names, nested classes and the set operations && -- ~~, worked out to
 * plain sets. PCRE2 reads the operations as literals, so none of this may reach it.
 */
#include <stdlib.h>

#include "base/limits.h"
#include "engine/regex_internal.h"

unsigned byte_set_count(const struct byte_set *s)
{
	unsigned n = 0;

	for (int i = 0; i < 4; i++)
		n += (unsigned)__builtin_popcountll(s->bits[i]);
	return n;
}

/* ---- sets --------------------------------------------------------------------------------------------- */

bool cset_add(struct regex_parser *p, struct cset *s, uint32_t low, uint32_t high)
{
	if (s->n == s->cap) {
		size_t cap = s->cap ? 2 * s->cap : 8;
		void *v = arena_grow(p->a, s->v, s->cap * sizeof(*s->v), cap * sizeof(*s->v));

		if (v == NULL) {
			regex_nomem(p);
			return false;
		}
		s->v = v;
		s->cap = cap;
	}
	s->v[s->n++] = (struct cset_range){low, high};
	return true;
}

static int range_order(const void *a, const void *b)
{
	const struct cset_range *x = a, *y = b;

	return x->low < y->low ? -1 : x->low > y->low;
}

void cset_normal(struct cset *s)
{
	size_t n = 0;

	if (s->n == 0)
		return;
	qsort(s->v, s->n, sizeof(*s->v), range_order);
	for (size_t i = 1; i < s->n; i++) {
		if (s->v[i].low <= s->v[n].high || s->v[i].low == s->v[n].high + 1) {
			if (s->v[i].high > s->v[n].high)
				s->v[n].high = s->v[i].high;
		} else {
			s->v[++n] = s->v[i];
		}
	}
	s->n = n + 1;
}

bool cset_negate(struct regex_parser *p, struct cset *s)
{
	uint32_t top = p->flags.u ? 0x10FFFF : 0xFF, next = 0;
	struct cset out = {0};

	for (size_t i = 0; i < s->n; i++) {
		if (s->v[i].low > next && !cset_add(p, &out, next, s->v[i].low - 1))
			return false;
		next = s->v[i].high + 1;
	}
	if (next <= top && !cset_add(p, &out, next, top))
		return false;
	*s = out;
	return true;
}

bool cset_union(struct regex_parser *p, struct cset *s, const struct cset *other)
{
	for (size_t i = 0; i < other->n; i++)
		if (!cset_add(p, s, other->v[i].low, other->v[i].high))
			return false;
	cset_normal(s);
	return true;
}

static bool cset_intersect(struct regex_parser *p, struct cset *s, const struct cset *other)
{
	struct cset out = {0};

	for (size_t i = 0, j = 0; i < s->n && j < other->n;) {
		uint32_t low = s->v[i].low > other->v[j].low ? s->v[i].low : other->v[j].low;
		uint32_t high = s->v[i].high < other->v[j].high ? s->v[i].high : other->v[j].high;

		if (low <= high && !cset_add(p, &out, low, high))
			return false;
		if (s->v[i].high < other->v[j].high)
			i++;
		else
			j++;
	}
	*s = out;
	return true;
}

bool cset_fold(struct regex_parser *p, struct cset *s)
{
	size_t n = s->n;

	if (!p->flags.i)
		return true;
	if (p->flags.u && n > 0 && s->v[n - 1].high > 0x7F)
		return cset_unicode_fold(p, s);
	for (size_t i = 0; i < n; i++) {
		struct cset_range r = s->v[i];
		uint32_t low = r.low > 'A' ? r.low : 'A', high = r.high < 'Z' ? r.high : 'Z';

		if (low <= high && !cset_add(p, s, low + 32, high + 32))
			return false;
		low = r.low > 'a' ? r.low : 'a';
		high = r.high < 'z' ? r.high : 'z';
		if (low <= high && !cset_add(p, s, low - 32, high - 32))
			return false;
		if (!p->flags.u)
			continue;
		if (((r.low <= 'k' && r.high >= 'k') || (r.low <= 'K' && r.high >= 'K')) &&
		    !cset_add(p, s, 0x212A, 0x212A))
			return false;
		if (((r.low <= 's' && r.high >= 's') || (r.low <= 'S' && r.high >= 'S')) &&
		    !cset_add(p, s, 0x17F, 0x17F))
			return false;
	}
	cset_normal(s);
	return true;
}

/* ---- named classes ------------------------------------------------------------------------------------ */

static const struct {
	const char *name;
	const char *ranges; /* pairs low, high */
} posix[] = {
    {"alnum", "09AZaz"}, {"alpha", "AZaz"}, {"ascii", NULL},      {"blank", "\t\t  "},  {"cntrl", NULL},
    {"digit", "09"},     {"graph", "!~"},   {"lower", "az"},      {"print", " ~"},      {"punct", "!/:@[`{~"},
    {"space", "\t\r  "}, {"upper", "AZ"},   {"word", "09AZaz__"}, {"xdigit", "09AFaf"},
};

static bool ranges_add(struct regex_parser *p, struct cset *s, const char *ranges)
{
	for (; ranges[0] != '\0'; ranges += 2)
		if (!cset_add(p, s, (unsigned char)ranges[0], (unsigned char)ranges[1]))
			return false;
	return true;
}

/* [:name:] or [:^name:] at p->at; leaves p->at alone and *found false if it is not one. */
static bool posix_class(struct regex_parser *p, struct cset *s, bool *found)
{
	struct str rest = str_sub(p->s, p->at, p->s.n);
	bool negated = rest.n > 2 && rest.p[2] == '^';
	struct cset own = {0};

	*found = false;
	if (!str_starts(rest, STR("[:")))
		return true;
	rest = str_sub(rest, negated ? 3 : 2, rest.n);
	for (size_t i = 0; i < sizeof(posix) / sizeof(*posix); i++) {
		struct str name = str_of(posix[i].name);

		if (!str_starts(rest, name) || !str_starts(str_sub(rest, name.n, rest.n), STR(":]")))
			continue;
		*found = true;
		p->at += (negated ? 3 : 2) + name.n + 2;
		if (name.p[0] == 'a' && name.p[1] == 's' ? !cset_add(p, &own, 0, 0x7F)
		    : name.p[0] == 'c' ? !cset_add(p, &own, 0, 0x1F) || !cset_add(p, &own, 0x7F, 0x7F)
		                       : !ranges_add(p, &own, posix[i].ranges))
			return false;
		cset_normal(&own);
		return (!negated || cset_negate(p, &own)) && cset_union(p, s, &own);
	}
	return true;
}

bool cset_perl(struct regex_parser *p, struct cset *s, char which)
{
	struct cset own = {0};
	char kind = ascii_lower(which);

	if (p->flags.u ? !cset_unicode_perl(p, &own, kind)
	               : !ranges_add(p, &own, kind == 'd' ? "09" : kind == 's' ? "\t\r  " : "09AZaz__"))
		return false;
	cset_normal(&own);
	if (which != kind && !cset_negate(p, &own))
		return false;
	return cset_union(p, s, &own);
}

/* ---- brackets ----------------------------------------------------------------------------------------- */

/* One item that may be an end of a range: sets *c, or adds a class such as \d to s and sets *single false. */
static bool item(struct regex_parser *p, struct cset *s, uint32_t *c, bool *single)
{
	struct regex_escaped e;
	size_t from = p->at, n;

	*single = true;
	if (p->s.p[p->at] == '\\') {
		if (!regex_escape(p, &e, true))
			return false;
		if (e.kind == ESCAPE_PERL) {
			*single = false;
			return cset_perl(p, s, e.perl);
		}
		if (e.kind == ESCAPE_PROPERTY) {
			*single = false;
			return cset_property(p, s, e.perl, from);
		}
		*c = e.c;
		if (e.raw)
			return true;
	} else {
		if (!regex_char(p, c, &n))
			return false;
		p->at += n;
	}
	if (*c > 0x7F && !p->flags.u) {
		regex_fail(p, U4001, from, p->at, "a class of bytes cannot hold a character beyond ASCII");
		regex_help(p, "write its bytes as an alternative, (?:é|è), or turn Unicode on with (?u)");
		return false;
	}
	return true;
}

static bool range(struct regex_parser *p, struct cset *s)
{
	size_t from = p->at, dash;
	uint32_t low, high;
	bool single;
	char after;

	if (!item(p, s, &low, &single))
		return false;
	regex_skip_space(p);
	if (p->at < p->s.n && p->s.p[p->at] == '-') {
		dash = p->at++;
		regex_skip_space(p);
		after = p->at < p->s.n ? p->s.p[p->at] : '\0';
		if (p->at == p->s.n)
			return true; /* the bracket will be found open */
		if (after == ']' || after == '-') {
			p->at = dash; /* a literal '-', or the operation -- */
		} else {
			bool first = single;

			if (!item(p, s, &high, &single))
				return false;
			if (!first || !single || high < low) {
				regex_fail(p, U4001, from, p->at,
				           first && single
				               ? "a range that ends below its beginning"
				               : "a range from or to something that is no single character");
				return false;
			}
			return cset_add(p, s, low, high);
		}
	}
	return !single || cset_add(p, s, low, low);
}

/* lhs := lhs op rhs, where op is one of & - ~, or 0 for the first operand. */
static bool combine(struct regex_parser *p, struct cset *lhs, char op, struct cset *rhs)
{
	struct cset both;

	cset_normal(rhs);
	if (op == 0) {
		*lhs = *rhs;
		return true;
	}
	if (!cset_fold(p, lhs) || !cset_fold(p, rhs))
		return false;
	if (op == '&')
		return cset_intersect(p, lhs, rhs);
	if (op == '-')
		return cset_negate(p, rhs) && cset_intersect(p, lhs, rhs);
	both = *lhs;
	if (!cset_intersect(p, &both, rhs) || !cset_negate(p, &both) || !cset_union(p, lhs, rhs))
		return false;
	return cset_intersect(p, lhs, &both);
}

/* p->at is on '['; the set comes out normal. */
static bool bracket(struct regex_parser *p, struct cset *out)
{
	size_t open = p->at++;
	struct cset lhs = {0}, cur = {0}, inner;
	bool negated = false, first = true, found;
	char op = 0;

	if (++p->depth > LIMIT_REGEX_NESTING) {
		regex_fail(p, U4001, open, open + 1, "nested deeper than %d levels", LIMIT_REGEX_NESTING);
		return false;
	}
	regex_skip_space(p);
	if (p->at < p->s.n && p->s.p[p->at] == '^') {
		negated = true;
		p->at++;
		regex_skip_space(p);
	}
	for (; p->at < p->s.n && p->s.p[p->at] == '-'; regex_skip_space(p)) {
		first = false;
		p->at++;
		if (!cset_add(p, &cur, '-', '-'))
			return false;
	}
	for (;; first = false) {
		char c, next;

		regex_skip_space(p);
		if (p->at >= p->s.n) {
			regex_fail(p, U4001, open, open + 1, "'[' is never closed");
			regex_help(p, "inside a class '[' opens another class; the character is written \\[");
			return false;
		}
		c = p->s.p[p->at];
		next = p->at + 1 < p->s.n ? p->s.p[p->at + 1] : '\0';
		if (c == ']' && !first) {
			p->at++;
			break;
		}
		if (c == '[') {
			if (!posix_class(p, &cur, &found))
				return false;
			if (!found) {
				inner = (struct cset){0};
				if (!bracket(p, &inner) || !cset_union(p, &cur, &inner))
					return false;
			}
		} else if ((c == '&' || c == '-' || c == '~') && next == c) {
			p->at += 2;
			if (!combine(p, &lhs, op, &cur))
				return false;
			op = c;
			cur = (struct cset){0};
		} else if (!range(p, &cur)) {
			return false;
		}
	}
	if (!combine(p, &lhs, op, &cur) || !cset_fold(p, &lhs) ||
	    (negated && !cset_negate(p, &lhs)))
		return false;
	p->depth--;
	*out = lhs;
	return true;
}

struct regex_node *regex_class(struct regex_parser *p)
{
	size_t from = p->at;
	struct cset set = {0};

	return bracket(p, &set) ? regex_set_node(p, &set, from) : NULL;
}
