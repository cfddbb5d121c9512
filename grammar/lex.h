/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The scanner's judgement, which lexer.l's patterns ask for: what a run of characters is in its place, what a
 * brace opens and closes, and where that leaves the scanner (scan.state). lex.c is about rule files,
 * lex_expression.c about expressions.
 */
#ifndef GRAMMAR_LEX_H
#define GRAMMAR_LEX_H

#include <assert.h>
#include <stdlib.h>

#include "grammar/internal.h"
#include "grammar/parser.h"

/* The start conditions of lexer.l, in its order; flex's own INITIAL is 0. */
enum lex_state {
	LEX_OPERAND = 1, /* a field, call, literal, ( or not */
	LEX_RIGHT,       /* the same on an operator's right side, where not has no meaning */
	LEX_PATTERN,     /* after matches: strings have their own quoting */
	LEX_OPERATOR,    /* after an operand */
	LEX_INDEX,       /* inside [ ] */
	LEX_SET,         /* inside { } of an expression */
	LEX_TOP,         /* between blocks */
	LEX_LINES,       /* settings */
	LEX_WORDS,       /* an action or a rate limit */
	LEX_NAMED,       /* one name, whatever it is */
	LEX_STATUS,      /* perhaps a status, then a value */
	LEX_ITEMS,       /* inside { } of a list block */
};

/* Beside enum frame_kind: what a block's header waits for when that is no brace. */
enum { PENDING_REJECT = 100, PENDING_INCLUDE };

/* What a run of characters turned out to be: its first length bytes are a token of this kind (0: nothing). */
struct lex_token {
	int kind;
	size_t length;
	bool part;      /* of an expression */
	bool op;
	enum ast_op ast_op;
	struct str text; /* of a STRING that lacked its quotes */
};

size_t lex_begin(struct parser *p, bool file); /* sets out; how many bytes to skip (a byte order mark) */
int lex_give(struct parser *p, struct span at, int token);      /* a token of the rule file */
int lex_give_part(struct parser *p, struct span at, int token); /* a token of an expression */
int lex_end(struct parser *p);                                  /* the text is over */
/* A block begins at the very left inside of another one, whose brace was forgotten: says so, and leaves in
 * scan.closing how many braces lex_closing has to give before the text goes on. */
bool lex_forgotten(struct parser *p, struct span at);
int lex_closing(struct parser *p, struct span *at);

/* ---- rule files: lex.c */
int lex_close(struct parser *p);  /* } */
int lex_brace(struct parser *p, struct span at); /* { */
bool lex_line_end(struct parser *p);
int lex_semicolon(struct parser *p);
int lex_top_word(struct parser *p, struct span at);
int lex_line_word(struct parser *p, struct span at);
int lex_word(struct parser *p, struct str w);
int lex_item_word(struct parser *p, struct str w); /* a keyword that begins the next item of a rule; or 0 */
int lex_rate_word(struct parser *p, struct str w); /* a keyword where a value should begin; or 0 */
int lex_tail_word(struct parser *p, struct str w); /* a keyword that ends an action after its value; or 0 */
void lex_named(struct parser *p);
int lex_string(struct parser *p, struct span at);
void lex_value(struct parser *p); /* a value begins */
bool lex_digits(struct str s);
size_t lex_raw_end(struct str s); /* of the braces of reject; 0: never closed */

/* ---- expressions: lex_expression.c */
void lex_condition(struct parser *p, int state); /* an expression begins */
bool lex_open(struct parser *p, struct span at, bool not); /* false: too deep, told */
int lex_paren_close(struct parser *p);
bool lex_unclosed(struct parser *p); /* the expression ends with something open: tells so, once */
int lex_unclosed_string(struct parser *p, struct span at);
struct string_token lex_wrong_quotes(struct parser *p, struct span at, size_t quote);
int lex_list_name(struct parser *p, struct span at);
void lex_comment(struct parser *p, struct span at);
void lex_slashes(struct parser *p, struct span at);
struct lex_token lex_operand(struct parser *p, struct span at);
struct lex_token lex_strange(struct parser *p, struct span at);
struct lex_token lex_operator(struct parser *p, struct span at);
int lex_symbol(struct parser *p, struct span at, struct op_token *op);
int lex_bracket(struct parser *p, struct span at);
int lex_comma(struct parser *p);
int lex_index(struct parser *p, struct span at, struct string_token *key);
void lex_set_comma(struct parser *p, struct span at);
int lex_item(struct parser *p, struct span at, struct string_token *s);
size_t lex_bad_length(struct str rest);
void lex_bad(struct parser *p, struct span at);

#endif
