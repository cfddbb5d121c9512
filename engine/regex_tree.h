/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Regular expressions as the language documents them: the syntax of Rust's regex crate in byte mode
 * (reference 3.5). regex_parse is the front end: it reads that dialect, refuses by name what the dialect
 * leaves out, and gives a tree in which every flag is already resolved, every class is a set of bytes and
 * every node knows where it was written. From the tree come the PCRE2 pattern (regex_translate), the literals
 * any match must contain (regex_tree_literals) and the linter's advice. engine/match.h runs it.
 */
#ifndef ENGINE_REGEX_TREE_H
#define ENGINE_REGEX_TREE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/diag.h"
#include "base/err.h"
#include "engine/pattern.h"

enum regex_kind {
	REGEX_EMPTY,  /* matches the empty string */
	REGEX_BYTE,   /* one byte; nocase: an ASCII letter (stored in lower case) in either case */
	REGEX_CLASS,  /* one byte of set; an empty set never matches */
	REGEX_ASSERT, /* a place, not a byte */
	REGEX_CAT,    /* kids one after the other */
	REGEX_ALT,    /* one of kids, the first that leads to a match */
	REGEX_REPEAT, /* kids[0], min to max times */
	REGEX_GROUP,  /* kids[0] in parentheses; capture > 0: numbered */
};

enum regex_assert {
	REGEX_BEGIN_TEXT,
	REGEX_END_TEXT,
	REGEX_BEGIN_LINE,
	REGEX_END_LINE,
	REGEX_BEGIN_LINE_CRLF,
	REGEX_END_LINE_CRLF,
	REGEX_WORD,
	REGEX_NOT_WORD,
	REGEX_WORD_START,
	REGEX_WORD_END,
	REGEX_WORD_START_HALF,
	REGEX_WORD_END_HALF,
};

#define REGEX_UNLIMITED UINT32_MAX

struct byte_set {
	uint64_t bits[4];
};

struct regex_node {
	enum regex_kind kind;
	uint32_t from, to;      /* where in the pattern */
	bool nocase, dot, lazy; /* dot: the class was written as an unescaped . */
	unsigned char byte;
	enum regex_assert assert;
	uint32_t min, max; /* max may be REGEX_UNLIMITED */
	uint32_t capture;  /* 0: does not capture */
	uint32_t height;   /* levels of nodes below this one: what recursion over the tree costs */
	uint32_t unit;     /* a set of characters, written as its bytes: equal ones have one number from 1; 0: none */
	const struct byte_set *set;
	struct regex_node **kids;
	size_t n;
};

struct regex_tree {
	struct str pattern;
	struct regex_node *root;
	unsigned captures; /* numbered groups, without the whole match */
	unsigned units;    /* different sets of characters */
};

/* What is wrong with a pattern; message and help live in the arena given to regex_parse. */
struct regex_error {
	enum diag_code code; /* U4001, or U4002 for a construct that the dialect leaves out */
	uint32_t from, to;   /* bytes of the pattern */
	struct str message, help;
};

/* 0; -ERR_RULES with *err filled; -ERR_NOMEM. The tree lives in a. */
int regex_parse(struct regex_tree *out, struct arena *a, struct str pattern, struct regex_error *err);

/* The same pattern in PCRE2's syntax (non-UTF, newline is LF). captures: keep the numbered groups. false: no
 * memory. */
bool regex_translate(struct buf *out, const struct regex_tree *t, bool captures);

/* What any matching subject must hold: the best condition, and the next best (n 0 if there is none). 0 or
 * -ERR_NOMEM. Memory from a. */
int regex_tree_literals(struct literals out[2], struct arena *a, const struct regex_tree *t);

static inline bool byte_set_has(const struct byte_set *s, unsigned char c)
{
	return s->bits[c >> 6] >> (c & 63) & 1;
}

unsigned byte_set_count(const struct byte_set *s);

#endif
