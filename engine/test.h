/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A test: one comparison against something known at compile time, such as eq "a", in $offices, matches "^/x".
 * Sealed; equal tests of a ruleset are one object. Truth has three values: a match limit leaves no answer.
 */
#ifndef ENGINE_TEST_H
#define ENGINE_TEST_H

#include "engine/regex.h"
#include "engine/set.h"
#include "engine/value.h"
#include "engine/wildcard.h"

enum truth { FALSE, UNKNOWN, TRUE }; /* in this order: and is the least, or the greatest, not is TRUE - x */

enum test_kind {
	TEST_EQ,
	TEST_NE,
	TEST_LT,
	TEST_LE,
	TEST_GT,
	TEST_GE,
	TEST_CONTAINS,
	TEST_MATCHES,
	TEST_WILDCARD,
	TEST_STRICT_WILDCARD,
	TEST_IN,
	TEST_BIT_AND,
	TEST_PREFIX,
	TEST_SUFFIX, /* starts_with and ends_with with a literal */
	TEST_KINDS
};

struct test {
	enum test_kind kind;
	enum type type;        /* of the left side */
	struct value right;    /* EQ … GE, BIT_AND, CONTAINS, PREFIX, SUFFIX; bytes are the ruleset's */
	const struct set *set; /* IN */
	const struct regex *regex;
	const struct wildcard *wildcard;
	struct str text; /* pattern or list name, for dumps */
};

const char *test_name(enum test_kind k); /* "eq", …, "starts_with" */

/* v has the test's type. A missing v is FALSE, NO_ANSWER is UNKNOWN. *error is set beside UNKNOWN. */
enum truth test_run(const struct test *t, const struct value *v, int *error);

/* eq, ne, lt … of two present values of one scalar type. */
bool test_compare(enum test_kind kind, const struct value *a, const struct value *b);
/* Whether s holds literal (lower case if nocase, not empty). */
bool literal_in(struct str s, struct str literal, bool nocase);

#endif
