/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A compiled regular expression and its runs: PCRE2 with JIT, under a match limit and a fixed stack for each
 * thread. A regex is sealed when made and shared by threads. A run that reaches a limit gives no answer at
 * all (-ERR_LIMIT), never a wrong one; the caller fails closed.
 */
#ifndef ENGINE_MATCH_H
#define ENGINE_MATCH_H

#include "engine/regex_tree.h"

struct matcher;

#define MATCH_CAPTURES 9 /* the whole match and ${1} to ${8} */

struct match_place {
	bool set;
	size_t from, to;
};

/* captures: match_find will be called. 0; -ERR_RULES with *err (memory from a) when PCRE2 finds it too large;
 * -ERR_NOMEM. *out is heap. */
int matcher_new(struct matcher **out, const struct regex_tree *t, bool captures, struct arena *a,
                struct regex_error *err);
void matcher_free(struct matcher *m);
size_t matcher_bytes(const struct matcher *m); /* memory it holds, JIT code included */

/* Does it match anywhere in s? 1, 0, -ERR_LIMIT or -ERR_NOMEM. */
int matcher_match(const struct matcher *m, struct str s);

/* The leftmost match and its groups. 1 with found filled, 0, -ERR_LIMIT or -ERR_NOMEM. */
int matcher_find(const struct matcher *m, struct str s, struct match_place found[MATCH_CAPTURES]);

#endif
