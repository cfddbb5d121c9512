/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the stages of compilation share: check → fold → cons → lower. One struct compiler per ruleset or
 * single expression; it dies when the result is sealed.
 */
#ifndef ENGINE_COMPILE_H
#define ENGINE_COMPILE_H

#include "engine/expr.h"
#include "engine/program.h"

struct named_list {
	struct str name;
	struct span span;
	enum set_type type;
	struct set *set; /* counted; NULL after an error in the list */
	struct named_list *next;
};

struct lists { /* of a rule file, in order */
	struct named_list *first, *last;
};

struct compiler {
	struct arena *scratch; /* trees */
	struct arena *sealed;  /* what programs keep */
	struct owner *owner;
	struct diags *d;
	const struct lists *lists;
	const struct jwt_block *jwts; /* of the rule file */
	bool foreign_default, no_fold;
	bool no_geoip; /* no database says where an address is: what asks for it is told */
	/* of the expression at hand */
	bool response;     /* response fields exist */
	const char *place; /* phase name for messages; NULL: none */
	unsigned once;     /* replacement calls so far */
	unsigned depth;
	bool value_place; /* where a string could stand as well as a field */
	/* of the whole ruleset */
	unsigned scopes;            /* of every field that is read */
	uint8_t reads[FIELD_COUNT]; /* by field: 1 if any expression reads it */
	struct test_entry **tests;  /* interned tests */
	size_t test_size, test_count;
	struct expr **nodes; /* interned expressions */
	size_t node_size, node_count;
	struct slots slots; /* of results that programs share */
	bool no_memory;
};

void compiler_init(struct compiler *c, struct arena *scratch, struct arena *sealed, struct owner *owner,
                   struct diags *d);
void compiler_fini(struct compiler *c);

/* list.c: the named lists of a rule file */
const struct named_list *lists_find(const struct lists *l, struct str name);
struct str lists_nearest(const struct lists *l, struct str name); /* for "did you mean"; or empty */
void lists_load(struct compiler *c, struct lists *l, const struct ast_file *file); /* errors are queued */
void lists_fini(struct lists *l);

/* check.c: NULL after an error, which is queued. A condition is a Boolean; a value is a scalar. */
struct expr *check_condition(struct compiler *c, const struct ast *ast);
struct expr *check_value(struct compiler *c, const struct ast *ast);
struct expr *check_any(struct compiler *c, const struct ast *ast); /* either */
/* between the checker's files */
struct expr *check_expr(struct compiler *c, const struct ast *ast);
struct expr *check_field(struct compiler *c, const struct ast *ast);
struct expr *check_call(struct compiler *c, const struct ast *ast);
struct expr *check_jwt(struct compiler *c, const struct ast *call, bool valid); /* is_jwt_valid, is_jwt_present */
struct expr *check_compare(struct compiler *c, const struct ast *ast);
bool check_literal(struct compiler *c, const struct ast *ast, enum type type, const char *what,
                   struct value *out);
struct expr *expr_new(struct compiler *c, enum expr_kind kind, enum type type, struct span span);
struct expr *expr_parent(struct compiler *c, enum expr_kind kind, enum type type, struct span span,
                         const struct expr *const *kids, size_t n);
struct expr *expr_value(struct compiler *c, const struct value *v, struct span span);
struct str ast_words(const struct ast *ast);           /* as written, cut short, for messages */
const char *ast_literal_kind(const struct ast *ast);   /* a literal's type, for messages; NULL: none */
struct str seal_str(struct compiler *c, struct str s); /* a copy that lives as long as the ruleset */
bool seal_value(struct compiler *c, struct value *v);  /* the same for a scalar */

/* tests.c: the one test of the ruleset that says this. ast: the right side as written. NULL after an error.
 */
const struct test *test_intern(struct compiler *c, enum test_kind kind, enum type type, const struct ast *ast,
                               const struct value *right);

struct set *set_of_items(struct compiler *c, enum set_type kind,
                         const struct ast *items); /* NULL after an error */

/* fold.c: an equal expression with constants folded; e itself if nothing can be. */
const struct expr *fold(struct compiler *c, const struct expr *e);

/* cons.c: the one node of the ruleset that equals e; counts uses below it. */
const struct expr *cons(struct compiler *c, const struct expr *e);

/* lower.c: verified programs in the sealed arena; false when out of memory or too deep (told in d). e is a
 * node of cons.c; slots grow as results turn out to be shared. */
bool lower_condition(struct compiler *c, const struct expr *e, struct program *out);
bool lower_value(struct compiler *c, const struct expr *e, struct program *out);

#endif
