/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the scanner, the parser and the constructors of this folder share: the state of one parse. It lives on
 * the caller's stack for the length of one call; whatever ends up in the tree is in the caller's arena.
 */
#ifndef GRAMMAR_INTERNAL_H
#define GRAMMAR_INTERNAL_H

#include <stdalign.h>

#include "base/limits.h"
#include "grammar/ast.h"

/* What a `{` opened. */
enum frame_kind {
	FRAME_SETTINGS, /* name value… lines */
	FRAME_TEST,     /* the same, and its keywords end a setting too */
	FRAME_PAIRS,    /* inside a test: one value each, so that several fit on a line */
	FRAME_RULE,
	FRAME_RULESET,
	FRAME_RATE,     /* then rate_limit { … } */
	FRAME_LIST,     /* the items of a list block */
	FRAME_SET,      /* the items of a set inside an expression */
};

struct frame {
	enum frame_kind kind;
	uint32_t at; /* of its brace */
};

/* A `(` or a `not` whose operand is still going on; both count towards LIMIT_NESTING. */
struct opener {
	uint32_t at;
	bool not;
};

/* Where in a rule the scanner is, which says what a word means there: see words.def. */
enum word_place {
	PLACE_VERB = 1,      /* after then */
	PLACE_REPLY = 2,     /* after block, respond */
	PLACE_SKIP = 4,
	PLACE_EDIT = 8,      /* after set, add, remove */
	PLACE_REWRITE = 16,
	PLACE_ROUTE = 32,
	PLACE_TAIL = 64,     /* what may end an action */
	PLACE_RATE = 128,    /* inside rate_limit { } */
	PLACE_TOP = 256,     /* between blocks */
};

struct scan {
	char *text;             /* a copy of the source that flex may scribble on */
	bool file;              /* a rule file, not one expression */
	int state;              /* flex's start condition */
	int last;               /* kind of the token before */
	uint32_t last_to;       /* where it ended */
	uint32_t before_to;     /* where the one before it ended */
	struct span long_string; /* the last string with a line's end in it */
	struct frame frames[LIMIT_BRACES];
	unsigned nframes;
	unsigned closing;       /* frames to close before the text goes on outside of them */
	struct opener openers[LIMIT_NESTING];
	unsigned nopeners;
	bool start;             /* a setting or block begins with the next word */
	bool value;             /* inside a pair: its value has been seen */
	int pending;            /* enum frame_kind or PENDING_…: what the next brace or string belongs to */
	int after;              /* the state after one bare word */
	enum word_place place;
	bool fresh;             /* the next token of an expression is its first */
	unsigned extensions;    /* of the expression so far */
	unsigned blanks;        /* extensions seen since its last token */
	bool comments;          /* anywhere in a text that is one expression */
	unsigned expr_errors;   /* how many errors there were when it began */
	bool told;              /* that something is never closed has been said */
	bool comma_told;        /* that this list has commas has been said */
	uint32_t bracket;       /* where the last [ was */
	bool too_deep;          /* that this expression nests too deep has been said */
};

struct parser {
	struct arena *arena;
	const struct source *src;
	struct diags *diags;
	int start;              /* the token that chooses the start symbol */
	bool nomem;
	struct ast *root;       /* an expression's result */
	struct ast_file *file;
	struct ast_block **block_end;
	unsigned extensions;
	struct ast none;        /* stands for nodes there was no memory for */
	struct ast_block no_block;
	struct ast_action no_action;
	struct ast_rate_limit no_rate;
	struct scan scan;
	void *flex;             /* the generated scanner's own state */
	alignas(max_align_t) char flex_room[1024]; /* all that flex allocates; it must not fail half-way */
	size_t flex_used;
};

/* Growing arrays of nodes and words: room is for the next power of two, at least four. */
struct nodes {
	struct ast **v;
	size_t n;
};

struct words {
	struct ast_word *v;
	size_t n;
	bool continued; /* over a line's end, after a comma */
};

struct settings {
	struct ast_setting *first, *last;
};

struct op_token {
	enum ast_op op;
	bool symbol;
};

struct string_token {
	struct str text;
	enum ast_form form;
	unsigned char hashes;
};

/* ---- lexer.l ---------------------------------------------------------------------------------------------- */

/* Makes p ready to give tokens, the first being p->start. False: out of memory. scan_fini is due in any case. */
bool scan_init(struct parser *p, bool file);
void scan_fini(struct parser *p);

/* ---- strings.c: string literals ------------------------------------------------------------------------ */

/* s begins with the opening quote (or r); the length through the closing quote, 0 if there is none. */
size_t string_quoted_end(struct str s);
size_t string_regex_end(struct str s);
size_t string_raw_end(struct str s, size_t hashes);

/* Values of literals that end where the above said; errors are told, the rest is decoded all the same. */
struct string_token string_quoted(struct parser *p, struct span at);
struct string_token string_regex(struct parser *p, struct span at);
struct string_token string_raw(struct parser *p, struct span at, size_t hashes);
/* The value that s would have after matches in quotes; false if s is not what quotes can spell. */
bool string_regex_spelling(struct str s);

/* Warns of characters that are easily misread: bidirectional controls and invisible ones. */
void text_check(struct parser *p, uint32_t from, uint32_t to);
/* The character at s.p: its length, 0 if it is not UTF-8. */
size_t utf8_read(struct str s, uint32_t *code);
/* A name for one that should not be there, or NULL; *latin is what a letter looks like, or 0. */
const char *character_name(uint32_t code, char *latin);

/* ---- ast.c: expressions --------------------------------------------------------------------------------- */

void nomem(struct parser *p);
void nodes_add(struct parser *p, struct nodes *list, struct ast *node);

struct ast *ast_name(struct parser *p, struct str text, struct span at);
struct ast *ast_literal(struct parser *p, struct str text, struct span at);
struct ast *ast_string(struct parser *p, struct string_token s, struct span at);
struct ast *ast_list(struct parser *p, struct str name, struct span at);
struct ast *ast_set(struct parser *p, struct nodes items, struct span at);
struct ast *ast_call(struct parser *p, struct str name, struct nodes args, struct span name_at,
	struct span at);
struct ast *ast_index_each(struct parser *p, struct ast *of, struct span at);
struct ast *ast_index_int(struct parser *p, struct ast *of, struct str number, struct span number_at,
	struct span at);
struct ast *ast_index_key(struct parser *p, struct ast *of, struct string_token key, struct span key_at,
	struct span at);
struct ast *ast_compare(struct parser *p, struct op_token op, struct ast *left, struct ast *right,
	struct span op_at, struct span at);
/* The same where the right side must be a literal, and is a field or call: tells so. */
struct ast *ast_compare_field(struct parser *p, struct op_token op, struct ast *left, struct ast *right,
	struct span op_at, struct span at);
/* in without braces: tells so and goes on as if they were there. */
struct ast *ast_in_bare(struct parser *p, struct op_token op, struct ast *left, struct ast *item,
	struct span op_at, struct span at);
struct ast *ast_not(struct parser *p, struct op_token op, struct ast *of, struct span op_at, struct span at);
struct ast *ast_logic(struct parser *p, struct op_token op, struct ast *left, struct ast *right,
	struct span op_at, struct span at);
/* The same in an argument that begins with a comparison, where it is not allowed: tells so. */
struct ast *ast_logic_bare(struct parser *p, struct op_token op, struct ast *left, struct ast *right,
	struct span op_at, struct span at);
struct ast *ast_parens(struct ast *of);

/* ---- blocks.c: the rule file ---------------------------------------------------------------------------- */

struct named {
	struct str text;
	struct span at;
};

void words_add(struct parser *p, struct words *w, struct str text, bool quoted, struct span at);
void words_comma(struct parser *p, struct words *w, struct span at);
struct ast_setting *setting_new(struct parser *p, struct named name, struct words words,
	struct ast_block *block, struct span at);
void settings_add(struct settings *list, struct ast_setting *s);

struct ast_block *block_settings(struct parser *p, struct named keyword, struct named name, struct settings s,
	struct span at);
struct ast_block *block_nested(struct parser *p, struct settings s, struct span at);
struct ast_block *block_test(struct parser *p, struct named keyword, struct named name, struct settings s,
	struct span at);
struct ast_block *block_reject(struct parser *p, struct named keyword, struct named name, struct span raw,
	struct span at);
struct ast_block *block_list(struct parser *p, struct named keyword, struct named name, struct named type,
	struct nodes items, struct span items_at, struct span at);
struct ast_block *block_list_from(struct parser *p, struct named keyword, struct named name,
	struct named type,
	struct named from, struct span at);
struct ast_block *block_include(struct parser *p, struct named keyword, struct str glob, struct span at);
void file_add(struct parser *p, struct ast_block *b);

/* Rules and rule sets are begun empty and filled item by item, so that an error inside costs one item. */
struct ast_block *block_begin(struct parser *p, enum ast_block_kind kind);
struct ast_block *block_end(struct parser *p, struct ast_block *b, struct named keyword, struct named name,
	struct span at);
void block_broken(struct ast_block *b);
void block_setting(struct parser *p, struct ast_block *b, struct ast_setting *s);
void rule_when(struct parser *p, struct ast_block *rule, struct ast *when, struct span at);
void rule_then(struct parser *p, struct ast_block *rule, struct ast_action *action);
void ruleset_rule(struct parser *p, struct ast_block *set, struct ast_block *rule);

struct ast_action *action_new(struct parser *p, enum ast_action_kind kind, struct span at);
struct ast_action *action_reply(struct parser *p, enum ast_action_kind kind, struct named status,
	struct named type,
	struct named body, struct span at);
struct ast_action *action_redirect(struct parser *p, struct named status, struct ast *value, bool preserve,
	struct span at);
struct ast_action *action_log(struct parser *p, struct named text, struct span at);
struct ast_action *action_skip(struct parser *p, struct named what, struct named name, bool quiet,
	struct span at);
struct ast_action *action_header(struct parser *p, struct named verb, struct named side, struct named name,
	struct ast *value, struct span at);
struct ast_action *action_value(struct parser *p, enum ast_action_kind kind, struct named verb,
	struct ast *value, struct span at);
struct ast_action *action_pool(struct parser *p, struct named verb, struct named name, struct span at);
struct ast_action *action_rate(struct parser *p, struct ast_rate_limit *rate, struct span at);

struct ast_rate_limit *rate_begin(struct parser *p);
void rate_by(struct parser *p, struct ast_rate_limit *r, struct nodes by, struct span at);
void rate_word(struct parser *p, struct ast_word *slot, struct named key, struct named value);
void rate_counting(struct parser *p, struct ast_rate_limit *r, struct ast *counting, struct span at);
void rate_action(struct parser *p, struct ast_rate_limit *r, struct ast_action *action);

/* ---- dump.c ------------------------------------------------------------------------------------------------ */

struct buf;
void dump_node(struct buf *out, const struct ast *e, int depth);

/* ---- syntax.c: what a person is told about a token that does not fit ------------------------------------- */

/* found and expected are the grammar's own names of tokens. */
void syntax_error(struct parser *p, const char *found, struct span at, const char *const *expected, size_t n);

#endif
