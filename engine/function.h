/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a built-in function is: a row of functions.def. Every function is pure (its result depends on its
 * arguments alone), so calls with constant arguments are folded and equal calls are made once. The checker
 * sees to counts, types, literals and the mapping over [*]; a function sees only values of the types its row
 * names.
 */
#ifndef ENGINE_FUNCTION_H
#define ENGINE_FUNCTION_H

#include "base/arena.h"
#include "base/diag.h"
#include "engine/owner.h"
#include "engine/value.h"
#include "grammar/ast.h"

/* What a parameter takes: types, or'ed, and how it may be written. */
enum param {
	P_BOOL = 1 << 0,
	P_INT = 1 << 1,
	P_BYTES = 1 << 2,
	P_IP = 1 << 3,
	P_ARRAY = 1 << 4,       /* any Array<T> */
	P_MAP = 1 << 5,         /* any Map<T> */
	P_ARRAY_BYTES = 1 << 6, /* Array<String> only */
	P_SCALAR = P_BOOL | P_INT | P_BYTES | P_IP,
	P_ANY = P_SCALAR | P_ARRAY | P_MAP,
	P_LITERAL = 1 << 8,     /* must be written as a literal: prepare sees its value */
	P_SOURCE = 1 << 9,      /* must not be a literal: a field or a call */
	P_LIKE_FIRST = 1 << 10, /* same type as the first argument */
	P_ELEMENT = 1 << 11,    /* the type of the first argument's elements (arrays and maps) */
	P_QUERY = 1 << 12,      /* must be http.request.uri.query or raw.http.request.uri.query */
};

enum function_result {
	R_BOOL,
	R_INT,
	R_BYTES,
	R_IP,
	R_ARRAY_BYTES,
	R_FIRST, /* the type of the first argument */
};

enum function_flag {
	FN_NIL = 1 << 0,  /* is called with missing arguments too; else one missing argument gives missing */
	FN_ONCE = 1 << 1, /* at most one call of the FN_ONCE functions in an expression (replacements) */
	FN_REFUSED = 1 << 2, /* known, has no meaning here: U1009 with the prose as reason */
};

#define FUNCTION_PARAMS 6 /* longest row of parameters; the last one repeats up to max arguments */
#define FUNCTION_ARGS 132 /* most arguments any row allows */

/* One call at work. */
struct call {
	struct arena *arena;  /* results that borrow neither from arguments nor constants are made here */
	const void *prepared; /* what prepare made, sealed and shared by threads; NULL without */
	int error;            /* 0; -ERR_NOMEM or -ERR_LIMIT: the expression has no answer (fail closed) */
};

/* args[i].type is set, .missing only with FN_NIL. out is a missing value of the declared type on entry: set
 * its member and missing = 0 for an answer, leave it for none. */
typedef void function_f(struct call *c, const struct value *args, size_t n, struct value *out);

/* One call at check time: compile patterns, check flags and replacements. */
struct prepare {
	struct arena *arena; /* the ruleset's: sealed when compilation ends, lives as long as the call */
	struct owner *owner; /* takes objects that need a free of their own */
	struct diags *d;
	size_t n;
	const struct ast *const *ast; /* the arguments as written, for spans and forms */
	const struct value *args;     /* of literal arguments the value; missing for all others */
	const enum type *types;       /* of every argument, after [*] mapping */
	struct span span;             /* of the whole call */
	void *out;                    /* becomes call.prepared */
};

typedef bool prepare_f(struct prepare *p); /* false after an error, queued in d */

struct function {
	const char *name;
	enum function_result result;
	uint16_t params[FUNCTION_PARAMS];
	uint8_t min, max, flags;
	prepare_f *prepare; /* may be NULL */
	function_f *run;    /* NULL only with FN_REFUSED */
	const char
	    *where; /* where Cloudflare has it, for portability checks: letters of the reference, section 4 */
	const char *prose;
};

enum function_id {
#define FUNCTION(id, name, result, params, min, max, flags, prepare, run, where, prose) id,
#include "engine/functions.def"
#undef FUNCTION
	FUNCTION_COUNT
};

extern const struct function function_table[FUNCTION_COUNT];

/* By name; NULL if there is none. any and all are quantifiers of the language, no rows. */
const struct function *function_find(struct str name);

#endif
