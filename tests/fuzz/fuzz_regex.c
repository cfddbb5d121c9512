/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a pattern, a line feed, a subject. What PCRE2 says of our translation must be what the pattern's
 * tree means, and a subject that matches must hold one of the literals that the index relies on.
 */
#include <assert.h>

#include "engine/match.h"
#include "engine/regex_nfa.h"
#include "tests/fuzz/regex_oracle.h"

static bool holds(const struct literals *l, struct str s, struct arena *a)
{
	if (l->nocase)
		s = arena_lower(a, s);
	for (size_t i = 0; i < l->n; i++) {
		struct str v = l->v[i];

		if (l->place == LITERAL_ANYWHERE ? str_contains(s, v)
		    : l->place == LITERAL_PREFIX ? str_starts(s, v)
		    : l->place == LITERAL_SUFFIX ? str_ends(s, v)
		                                 : str_eq(s, v))
			return true;
	}
	return false;
}

/* How deep repetitions stand in each other: the oracle goes round every one as often as there are bytes. */
static unsigned rounds(const struct regex_node *node)
{
	unsigned most = 0, n;

	for (size_t i = 0; i < node->n; i++)
		most = (n = rounds(node->kids[i])) > most ? n : most;
	return most + (node->kind == REGEX_REPEAT && node->max > 1);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = {(const char *)data, size};
	ptrdiff_t end = str_find(input, '\n');
	struct str pattern = str_sub(input, 0, end < 0 ? size : (size_t)end);
	struct str subject = str_sub(input, pattern.n + 1, pattern.n + 1 + ORACLE_BYTES);
	struct arena a = ARENA_INIT;
	static struct nfa_room *room;
	struct matcher *m = NULL;
	struct nfa *nfa;
	struct match_place found[MATCH_CAPTURES];
	struct literals both[2], l;
	struct regex_tree t;
	struct regex_error err;
	bool want, large;
	int rc;

	if (room == NULL)
		room = nfa_room_new();
	if (pattern.n > 2048)
		return 0;
	if ((rc = regex_parse(&t, &a, pattern, &err)) < 0) {
		assert(rc == -ERR_RULES && (err.code == U4001 || err.code == U4002));
		assert(err.from <= err.to && err.to <= pattern.n && err.message.n > 0);
		goto done;
	}
	assert(regex_tree_literals(both, &a, &t) == 0);
	l = both[0];
	if ((rc = matcher_new(&m, &t, true, &a, &err)) < 0) {
		assert(rc == -ERR_RULES); /* too large for PCRE2 */
		goto done;
	}
	if (rounds(t.root) > 3)
		goto done;
	want = oracle_matches(&t, subject);
	nfa = nfa_new(&t, &large);
	assert(nfa != NULL || large);
	assert(nfa == NULL || nfa_match(nfa, room, subject) == want);
	nfa_free(nfa);
	rc = matcher_match(m, subject);
	assert(rc == want || (rc == -ERR_LIMIT && (large || regex_ambiguous(&t))));
	assert(!want || l.n == 0 || holds(&l, subject, &a));
	assert(!want || both[1].n == 0 || holds(&both[1], subject, &a));
	assert(want || !l.enough || !holds(&l, subject, &a));
	if (matcher_find(m, subject, found) == 1)
		for (size_t i = 0; i < MATCH_CAPTURES; i++)
			assert(found[i].from <= found[i].to && found[i].to <= subject.n);
done:
	matcher_free(m);
	arena_fini(&a);
	return 0;
}
