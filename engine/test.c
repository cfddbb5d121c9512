/* SPDX-License-Identifier: Apache-2.0 */
/* Running one test on one value. */
#include "engine/test.h"

#include <assert.h>

static const char *const names[TEST_KINDS] = {
    [TEST_EQ] = "eq",
    [TEST_NE] = "ne",
    [TEST_LT] = "lt",
    [TEST_LE] = "le",
    [TEST_GT] = "gt",
    [TEST_GE] = "ge",
    [TEST_CONTAINS] = "contains",
    [TEST_MATCHES] = "matches",
    [TEST_WILDCARD] = "wildcard",
    [TEST_STRICT_WILDCARD] = "strict wildcard",
    [TEST_IN] = "in",
    [TEST_BIT_AND] = "bitwise_and",
    [TEST_PREFIX] = "starts_with",
    [TEST_SUFFIX] = "ends_with",
};

const char *test_name(enum test_kind k)
{
	assert(k < TEST_KINDS);
	return names[k];
}

static enum truth of_bool(bool b)
{
	return b ? TRUE : FALSE;
}

/* eq … ge. Addresses of two families are different and in no order. */
static bool ordered(enum test_kind kind, const struct value *a, const struct value *b)
{
	int c;

	if (a->type == TYPE_BYTES && kind <= TEST_NE)
		return str_eq(a->s, b->s) == (kind == TEST_EQ);
	if (a->type == TYPE_IP && a->ip->family != b->ip->family)
		return kind == TEST_NE;
	c = value_cmp(a, b);
	switch (kind) {
	case TEST_EQ:
		return c == 0;
	case TEST_NE:
		return c != 0;
	case TEST_LT:
		return c < 0;
	case TEST_LE:
		return c <= 0;
	case TEST_GT:
		return c > 0;
	case TEST_GE:
		return c >= 0;
	default:
		assert(!"an order");
		return false;
	}
}

bool test_compare(enum test_kind kind, const struct value *a, const struct value *b)
{
	return ordered(kind, a, b);
}

bool literal_in(struct str s, struct str literal, bool nocase)
{
	if (!nocase)
		return str_contains(s, literal);
	for (size_t i = 0; i + literal.n <= s.n; i++)
		if (ascii_lower(s.p[i]) == literal.p[0] &&
		    str_eq_nocase(str_sub(s, i, i + literal.n), literal))
			return true;
	return false;
}

/* What every match must hold is looked for first. It saves most runs, and it is part of what `matches` means:
 * a string without it does not match, whatever limit the pattern would have hit, with the index and without.
 */
static bool literals_allow(const struct literals *l, struct str s)
{
	for (size_t i = 0; i < l->n; i++)
		if (literal_in(s, l->v[i], l->nocase))
			return true;
	return l->n == 0;
}

static enum truth matches(const struct test *t, struct str s, int *error)
{
	int rc;

	if (!literals_allow(regex_literals(t->regex), s) ||
	    !literals_allow(regex_other_literals(t->regex), s))
		return FALSE;
	rc = regex_match(t->regex, s);
	if (rc < 0) {
		*error = rc;
		return UNKNOWN;
	}
	return of_bool(rc > 0);
}

enum truth test_run(const struct test *t, const struct value *v, int *error)
{
	if (v->missing)
		return v->missing == NO_ANSWER ? UNKNOWN : FALSE;
	assert(v->type == t->type);
	switch (t->kind) {
	case TEST_EQ:
	case TEST_NE:
	case TEST_LT:
	case TEST_LE:
	case TEST_GT:
	case TEST_GE:
		return of_bool(ordered(t->kind, v, &t->right));
	case TEST_CONTAINS:
		return of_bool(str_contains(v->s, t->right.s));
	case TEST_PREFIX:
		return of_bool(str_starts(v->s, t->right.s));
	case TEST_SUFFIX:
		return of_bool(str_ends(v->s, t->right.s));
	case TEST_MATCHES:
		return matches(t, v->s, error);
	case TEST_WILDCARD:
	case TEST_STRICT_WILDCARD:
		return of_bool(wildcard_match(t->wildcard, v->s));
	case TEST_IN:
		return of_bool(set_has(t->set, v));
	case TEST_BIT_AND:
		return of_bool((v->i & t->right.i) != 0);
	case TEST_KINDS:
		break;
	}
	assert(!"a test");
	return UNKNOWN;
}
