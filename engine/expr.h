/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Typed expressions: what the checker makes of a syntax tree. Names are resolved, literals read, every node
 * has a type. Trees live in the compiler's scratch arena, nodes are never changed once made, and equal nodes
 * of one ruleset become one (cons.c), so that a tree is really a graph that the whole ruleset shares.
 */
#ifndef ENGINE_EXPR_H
#define ENGINE_EXPR_H

#include "base/diag.h"
#include "engine/field.h"
#include "engine/function.h"
#include "engine/test.h"

enum expr_kind {
	EX_CONST,
	EX_FIELD,
	EX_INDEX,   /* kids[0] [number] */
	EX_KEY,     /* kids[0] ["text"] */
	EX_EACH,    /* kids[0] [*]: each is set; with each already set below, a flattening */
	EX_CALL,    /* function(kids…); mapped over kids[0] if that is each */
	EX_TEST,    /* kids[0] test: Boolean, or Array<Boolean> if kids[0] is each */
	EX_COMPARE, /* kids[0] op kids[1], right side not known at compile time */
	EX_NOT,
	EX_AND,
	EX_OR,
	EX_XOR, /* over Boolean, or element by element over Array<Boolean> */
	EX_ANY,
	EX_ALL, /* kids[0]: Array<Boolean> */
};

struct expr {
	enum expr_kind kind;
	enum type type; /* of one element where each is set */
	bool each;      /* a list of values, after [*] */
	struct span span;
	const struct field *field;
	uint32_t number;
	struct str text;
	struct value value; /* EX_CONST */
	const struct function *function;
	const void *prepared;
	const struct test *test;
	enum ast_op op;
	const struct expr **kids;
	size_t n;
	unsigned scopes; /* or'ed 1 << enum scope of every field below */
	/* cons.c */
	uint32_t uses;     /* parents within the ruleset, once it is one of its nodes */
	uint32_t id;       /* its number there, from 1; 0: not one of them */
	uint32_t slot;     /* lower.c: where its result is kept, from 1; 0: nowhere */
	struct expr *next; /* in its hash chain */
	uint64_t hash;
};

static inline bool expr_const(const struct expr *e)
{
	return e->kind == EX_CONST;
}

#endif
