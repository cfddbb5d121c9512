/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The shape of what an operator wrote, before any name is looked up or any type known. Nodes live in the
 * arena given to the parser, every node knows its span, and nothing in a tree is ever changed after parsing.
 */
#ifndef GRAMMAR_AST_H
#define GRAMMAR_AST_H

#include "base/arena.h"
#include "base/diag.h"
#include "base/str.h"

/* ---- expressions -------------------------------------------------------------------------------------- */

enum ast_kind {
	AST_NAME,    /* text: a field, e.g. http.host; true and false too. A right side such as ab.cd may turn out
	                to be a byte string: the checker decides, src holds the spelling */
	AST_CALL,    /* text: function; kids: arguments. any and all are calls here */
	AST_INDEX,   /* kids[0]: what is indexed; index says how */
	AST_COMPARE, /* op; kids[0] op kids[1] */
	AST_NOT,     /* kids[0] */
	AST_LOGIC,   /* op AND, OR or XOR; kids: two or more operands in order (chains of one operator are flat) */
	AST_STRING,  /* text: decoded bytes; raw, quoted and regex spelling in form */
	AST_LITERAL, /* text: an unquoted literal as written: integer, address, network, range or byte string.
	                Its type follows from the other side, so the checker reads it (see literal_* below) */
	AST_SET,     /* kids: the items of { … }, each AST_STRING or AST_LITERAL */
	AST_LIST,    /* text: name after $ */
};

enum ast_op {
	AST_EQ, AST_NE, AST_LT, AST_LE, AST_GT, AST_GE,
	AST_CONTAINS, AST_MATCHES, AST_WILDCARD, AST_STRICT_WILDCARD, AST_IN, AST_BIT_AND,
	AST_AND, AST_OR, AST_XOR,
};

enum ast_index { AST_INDEX_INT, AST_INDEX_KEY, AST_INDEX_EACH }; /* [3]  ["key"]  [*] */

enum ast_form { AST_FORM_QUOTED, AST_FORM_RAW, AST_FORM_REGEX /* quoted after matches: section 3.5 */ };

/* What an expression uses that Cloudflare's language does not have: noted for portability checks. */
enum ast_extension { AST_EXT_TAB = 1, AST_EXT_COMMENT = 2 };

struct ast {
	enum ast_kind kind;
	struct span span;
	struct span op_span;      /* of the operator, where there is one */
	enum ast_op op;
	enum ast_index index;
	enum ast_form form;
	bool symbol;              /* the operator was written as ==, &&, … */
	bool parens;              /* was written inside ( ): matters for any(…) arguments and for printing */
	unsigned char hashes;     /* of a raw string */
	uint32_t number;          /* AST_INDEX_INT */
	struct str text;          /* decoded; see kind. AST_INDEX_KEY: the key */
	struct ast **kids;
	size_t n;
};

/* ---- the rule file ------------------------------------------------------------------------------------ */

struct ast_word {             /* one value of a setting */
	struct span span;
	struct str text;
	bool quoted;
	bool comma;               /* a comma followed it */
};

struct ast_setting {          /* NAME WORD… or NAME WORD… { settings } */
	struct span span, name_span;
	struct str name;
	struct ast_word *words;
	size_t nwords;
	struct ast_block *block;  /* NULL if none */
	struct ast_setting *next;
};

enum ast_action_kind {
	AST_BLOCK, AST_RESPOND, AST_REDIRECT, AST_LOG, AST_SKIP, AST_HEADER, AST_REWRITE, AST_ROUTE, AST_CONFIG,
	AST_RATE_LIMIT,
};

struct ast_rate_limit {
	struct ast **by;          /* characteristics: value expressions */
	size_t nby;
	struct ast_word requests, per, duration; /* text empty: not given; per and duration carry the unit */
	struct ast *counting;     /* NULL: the rule's own condition */
	struct span span;         /* the whole action */
	bool broken;              /* a syntax error inside was told already: whatever is missing may be its fault */
	struct ast_action *action; /* block …; NULL: default */
	struct ast_word *score;   /* reserved for score-based limits: NULL */
};

struct ast_action {
	enum ast_action_kind kind;
	struct span span;
	struct str verb;          /* header: "set" "add" "remove"; rewrite: "path" "query"; route: "origin" "pool"
	                             "host_header" "sni"; skip: "rules" "ruleset" "phase" "rate_limits";
	                             config: the setting's name */
	struct span verb_span;
	struct str target;        /* header: "request" or "response"; skip/route pool: the name */
	struct span target_span;
	struct str name;          /* header name */
	struct span name_span;
	struct ast_word status;   /* block, respond, redirect: text empty if not given */
	struct str body_type;     /* "text" "html" "json" "xml", or empty */
	struct str body;          /* also log's text */
	struct span body_span;
	bool has_body, quiet, preserve_query;
	struct ast *value;        /* redirect, header, rewrite, route, config: AST_STRING or an expression */
	struct ast_rate_limit *rate;
	struct ast_action *next;
};

enum ast_block_kind {
	AST_BLOCK_SETTINGS,       /* listener, zone, pool, limits, timeouts, log, admin, server …: any name { settings } */
	AST_BLOCK_LIST,           /* list NAME : TYPE { items } | from "file" */
	AST_BLOCK_RULE,
	AST_BLOCK_RULESET,        /* kids are rules; settings: mode, zones, phase, enabled … */
	AST_BLOCK_TEST,           /* test: a tree of settings for the rule tester; reject: raw */
	AST_BLOCK_INCLUDE,        /* text: the glob */
};

struct ast_block {
	enum ast_block_kind kind;
	struct span span, keyword_span, name_span;
	struct str keyword;       /* "listener", "zone", … */
	struct str name;          /* empty if none */
	struct ast_setting *settings; /* also of rules: phase, enabled, tags, description, zones */
	/* list */
	struct str list_type;
	struct span list_type_span;
	struct ast *items;        /* AST_SET, or NULL */
	struct ast_word from;     /* text empty: inline */
	/* rule */
	struct ast *when;         /* NULL after a syntax error inside: skip the rule, the error is told already */
	unsigned extensions;      /* enum ast_extension of when */
	bool broken;              /* a syntax error inside was told already: whatever is missing may be its fault */
	struct ast_action *actions;
	/* ruleset */
	struct ast_block *rules;  /* first rule */
	struct str include;       /* AST_BLOCK_INCLUDE */
	struct span raw;          /* of reject "…" { … }: the text between the braces, not parsed */
	struct ast_block *next;   /* in file order */
};

struct ast_file {             /* after includes are resolved all blocks of all files hang here, in order */
	struct ast_block *blocks;
};

/* ---- parsing ------------------------------------------------------------------------------------------ */

/* All blocks of one source text. Errors are queued in d and parsing resumes at the next setting or block; the
 * tree holds what could be understood. NULL only when out of memory. src must live as long as the tree. */
struct ast_file *parse_file(struct arena *a, const struct source *src, struct diags *d);

/* One boolean expression, or one value expression (a literal, field, call, with indexes), and nothing after it.
 * NULL after an error (queued). extensions may be NULL. */
struct ast *parse_expression(struct arena *a, const struct source *src, struct diags *d, unsigned *extensions);
struct ast *parse_value(struct arena *a, const struct source *src, struct diags *d, unsigned *extensions);

/* Canonical text, such that parsing it again gives an equal tree. */
struct buf;
bool ast_print(struct buf *out, const struct ast *e);
bool ast_equal(const struct ast *a, const struct ast *b); /* ignoring spans and spelling (form, symbol, parens) */
bool ast_dump(struct buf *out, const struct ast *e);      /* an indented tree for --dump=ast */
bool file_dump(struct buf *out, const struct ast_file *f); /* the same for a rule file */
bool tokens_dump(struct buf *out, const struct source *src, bool file); /* --dump=tokens: line:col kind text */

#endif
