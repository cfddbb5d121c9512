/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a pattern's tree means, without PCRE2: all places a node can end, given all places it can begin, as
 * bits of one word. Exact for subjects of up to 63 bytes, and slow in no case, so that it can judge what the
 * translation does.
 */
#ifndef TESTS_FUZZ_REGEX_ORACLE_H
#define TESTS_FUZZ_REGEX_ORACLE_H

#include "engine/regex_tree.h"

enum { ORACLE_BYTES = 63 };

static bool oracle_word(struct str s, size_t i)
{
	return i < s.n && (ascii_alpha(s.p[i]) || ascii_digit(s.p[i]) || s.p[i] == '_');
}

static bool oracle_assert(enum regex_assert which, struct str s, size_t i)
{
	bool before = i > 0 && oracle_word(s, i - 1), after = oracle_word(s, i);
	char last = i > 0 ? s.p[i - 1] : '\0', next = i < s.n ? s.p[i] : '\0';

	switch (which) {
	case REGEX_BEGIN_TEXT:
		return i == 0;
	case REGEX_END_TEXT:
		return i == s.n;
	case REGEX_BEGIN_LINE:
		return i == 0 || last == '\n';
	case REGEX_END_LINE:
		return i == s.n || next == '\n';
	case REGEX_BEGIN_LINE_CRLF:
		return i == 0 || last == '\n' || (last == '\r' && next != '\n');
	case REGEX_END_LINE_CRLF:
		return i == s.n || next == '\r' || (next == '\n' && last != '\r');
	case REGEX_WORD:
		return before != after;
	case REGEX_NOT_WORD:
		return before == after;
	case REGEX_WORD_START:
		return !before && after;
	case REGEX_WORD_END:
		return before && !after;
	case REGEX_WORD_START_HALF:
		return !before;
	case REGEX_WORD_END_HALF:
		return !after;
	}
	return false;
}

static uint64_t oracle_ends(const struct regex_node *node, struct str s, uint64_t begins)
{
	uint64_t ends = 0, last;

	switch (node->kind) {
	case REGEX_EMPTY:
		return begins;
	case REGEX_BYTE:
	case REGEX_CLASS:
		for (size_t i = 0; i < s.n; i++) {
			unsigned char c = (unsigned char)s.p[i];
			bool has = node->kind == REGEX_CLASS ? byte_set_has(node->set, c)
			           : node->nocase            ? ascii_lower((char)c) == (char)node->byte
			                                     : c == node->byte;

			ends |= begins >> i & 1 && has ? 2ull << i : 0;
		}
		return ends;
	case REGEX_ASSERT:
		for (size_t i = 0; i <= s.n; i++)
			ends |= begins >> i & 1 && oracle_assert(node->assert, s, i) ? 1ull << i : 0;
		return ends;
	case REGEX_CAT:
		for (size_t i = 0; i < node->n; i++)
			begins = oracle_ends(node->kids[i], s, begins);
		return begins;
	case REGEX_ALT:
		for (size_t i = 0; i < node->n; i++)
			ends |= oracle_ends(node->kids[i], s, begins);
		return ends;
	case REGEX_GROUP:
		return oracle_ends(node->kids[0], s, begins);
	case REGEX_REPEAT:
		/* after as many rounds as there are places nothing new can happen */
		for (uint32_t i = 0; i < node->min && i <= s.n + 1; i++)
			begins = oracle_ends(node->kids[0], s, begins);
		ends = last = begins;
		for (uint32_t i = node->min; i < node->max && i - node->min <= s.n && last != 0; i++) {
			last = oracle_ends(node->kids[0], s, last);
			if ((last & ~ends) == 0)
				break;
			ends |= last;
		}
		return ends;
	}
	return 0;
}

/* Does it match anywhere in s? s.n <= ORACLE_BYTES. */
static bool oracle_matches(const struct regex_tree *t, struct str s)
{
	return oracle_ends(t->root, s, s.n == ORACLE_BYTES ? ~0ull : (1ull << (s.n + 1)) - 1) != 0;
}

#endif
