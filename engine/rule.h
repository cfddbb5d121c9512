/* SPDX-License-Identifier: Apache-2.0 */
/* Compiled rules: what a rule block becomes. Sealed with the ruleset. */
#ifndef ENGINE_RULE_H
#define ENGINE_RULE_H

#include "engine/compile.h"

enum action_id {
#define ACTION(id, kind, target, name, phase, phases, ends, prose) id,
#include "engine/actions.def"
#undef ACTION
	ACTION_COUNT
};

struct action_row {
	enum ast_action_kind kind;
	const char *target, *name;
	enum phase phase;
	unsigned phases;
	bool ends;
};

extern const struct action_row action_table[ACTION_COUNT];

enum skip_kind { SKIP_RULES, SKIP_BITS };

/* A value that an action computes: a constant, checked when the rule was compiled, or a program. */
struct computed {
	bool fixed;
	struct str text;
	struct program program;
	const struct expr *expr; /* until it is lowered */
};

struct limiter;

struct action {
	enum action_id id;
	/* block, respond, redirect */
	int status;
	struct str media_type, body;
	bool preserve_query;
	/* log */
	struct str text;
	/* skip */
	enum skip_kind skip;
	unsigned bit; /* of verdict.skipped */
	bool quiet;
	/* edits */
	enum edit_kind edit;
	bool response;
	struct str name;
	struct computed value;   /* of redirect too */
	struct limiter *limiter; /* rate_limit */
};

struct rule {
	struct rule_info info;
	enum phase phase;
	unsigned ruleset; /* 0: none; else from 1, its bit is SKIP_BIT_RULESETS + this */
	bool dry_run;
	bool fails_closed; /* its only answer to no answer is to act: block, rate_limit */
	bool counts;       /* a rate limit that counts what its condition does not select */
	struct program when;
	const struct expr *expr; /* until sealed: what the index looks at */
	/* the condition in two parts, if one is the same for every request of a connection (guards.c) */
	uint32_t guard;      /* that part, from 1; 0: there is none */
	bool guard_only;     /* and it is the whole */
	struct program rest; /* the other part */
	struct action *actions;
	size_t n;
	struct rule *next; /* of the phase, in order, while compiling */
};

/* verdict.skipped: phases first, then rulesets. */
enum { SKIP_BIT_RULESETS = 16, SKIP_BITS_ALL = 256 };

struct group { /* a ruleset block, or (index 0) what stands outside */
	struct str name;
	struct span span;
	bool dry_run, enabled;
	const struct ast_block *block;
	const struct expr *scope; /* zone condition; NULL: everywhere */
};

struct rules { /* of one compilation */
	struct compiler *c;
	const struct ruleset_options *o;
	struct group *groups;
	size_t ngroups;
	struct rule *first[PHASE_COUNT], *last[PHASE_COUNT];
	size_t n; /* enabled rules */
};

/* Checks one rule block and adds it to its phase, unless it is disabled or has errors (queued). */
void rule_check(struct rules *r, const struct ast_block *block, unsigned group);
/* `zones a, b` as a condition on zone.name; NULL after an error, or without such a setting. */
const struct expr *zones_check(struct rules *r, const struct ast_block *block);
bool setting_switch(struct compiler *c, const struct ast_setting *s,
                    bool *out);  /* yes, no, on, off, true, false */
int phase_find(struct str name); /* enum phase, or -1 */

/* group.c */
void group_check(struct rules *r, const struct ast_block *block, struct group *out);
void names_check(struct rules *r,
                 const struct ast_file *file); /* rules and rulesets have names of their own */

/* action.c. phase: where the rule runs. false after an error. */
bool action_check(struct rules *r, const struct ast_block *rule, const struct ast_action *ast,
                  enum phase phase, struct action *out);
enum action_id action_of(const struct ast_action *ast);
bool location_valid(
    struct str s); /* can be a Location: not empty, no space, no control character (verdict.c) */

#endif
