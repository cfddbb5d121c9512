/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A second way to run a pattern: all its states at once, one pass over the subject, no choice ever taken
 * back. Slower than PCRE2's code where that is fast, and never slow. It says whether there is a match and
 * nothing else.
 */
#ifndef ENGINE_REGEX_NFA_H
#define ENGINE_REGEX_NFA_H

#include "engine/regex_tree.h"

struct nfa;
struct nfa_room; /* working memory of one thread */

/* NULL when out of memory, or (*large set) when the pattern has too many states for this. Heap. */
struct nfa *nfa_new(const struct regex_tree *t, bool *large);
void nfa_free(struct nfa *n);
size_t nfa_bytes(const struct nfa *n);

struct nfa_room *nfa_room_new(void);
void nfa_room_free(struct nfa_room *r);

/* 1, 0, or -ERR_LIMIT after LIMIT_REGEX_STATES_RUN steps and a few for each byte. */
int nfa_match(const struct nfa *n, struct nfa_room *r, struct str s);

/* Is there a repetition whose rounds can share out the same text in many ways, as in (a+)+ or (a|aa)*? */
bool regex_ambiguous(const struct regex_tree *t);

#endif
