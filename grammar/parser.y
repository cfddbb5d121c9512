/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tokens to trees: shape, no meaning. Every action is one constructor call (ast.c, blocks.c, actions.c). What
 * a word is in its place is decided by the scanner, so that names may be spelled like keywords. Errors inside a
 * block cost the setting, condition or action they are in.
 */
%code top {
#include "grammar/internal.h"
}

%code requires {
#include "grammar/internal.h"
}

%require "3.8"
%expect 0
%define api.pure full
%define api.prefix {grammar_}
%define api.token.prefix {}
%define api.location.type {struct span}
%define parse.error custom
%define parse.lac full
%locations
%param { struct parser *p }

%code {
#define YYLLOC_DEFAULT(at, rhs, n)                                                                         \
	((at) = (n) ? span_join(YYRHSLOC(rhs, 1), YYRHSLOC(rhs, n))                                        \
	            : (struct span){ YYRHSLOC(rhs, 0).src, YYRHSLOC(rhs, 0).to, YYRHSLOC(rhs, 0).to })

#define NO_NAME ((struct named){ STR_NONE, SPAN_NONE })

static void yyerror(const struct span *at, struct parser *p, const char *message);
}

%code provides {
int grammar_lex(GRAMMAR_STYPE *value, struct span *at, struct parser *p);
const char *grammar_token_name(int token);
}

%initial-action { @$ = (struct span){ p->src, 0, 0 }; }

%union {
	struct named named;
	struct op_token op;
	struct string_token string;
	struct ast *node;
	struct nodes nodes;
	struct words words;
	struct settings settings;
	struct ast_setting *setting;
	struct ast_block *block;
	struct ast_action *action;
	struct ast_rate_limit *rate;
	bool flag;
}

%token START_EXPRESSION START_VALUE START_FILE

%token <named> NAME ANY_ALL LITERAL LIST_NAME
%token <string> STRING
%token <op> COMPARE LITERAL_OP IN NOT AND OR XOR
%token EACH "*"
%token BAD

%token <named> KEY WORD T_LIST T_RULE T_RULESET T_TEST T_REJECT T_INCLUDE FROM
%token <named> T_EDIT T_REMOVE T_TYPE T_SKIP_ALL T_SKIP_NAMED T_SIDE T_PART T_ROUTE_TO T_POOL T_HOST_HEADER
%token <named> T_REQUESTS T_PER T_FOR
%token END RAW T_WHEN T_THEN T_BLOCK T_RESPOND T_REDIRECT T_LOG T_SKIP T_REWRITE T_ROUTE T_CONFIG
%token T_RATE_LIMIT T_HEADER T_QUIET T_PRESERVE_QUERY T_BY T_COUNTING

%left OR
%left XOR
%left AND

%type <node> expression simple comparison operand argument argument_logic argument_start quantifier
%type <node> right literal set value item when_value
%type <string> fixed
%type <nodes> arguments argument_list items by
%type <words> values
%type <settings> settings
%type <setting> setting
%type <block> block nested rule rule_items ruleset_items
%type <action> action verdict
%type <rate> rate
%type <named> name name_or_none title string status type body
%type <flag> quiet preserve

%start input

%%

input
	: START_EXPRESSION expression       { p->root = $2; }
	| START_VALUE value                 { p->root = $2; }
	| START_FILE blocks
	;

/* ---- expressions ---- */

expression
	: simple
	| expression AND expression         { $$ = ast_logic(p, $2, $1, $3, @2, @$); }
	| expression XOR expression         { $$ = ast_logic(p, $2, $1, $3, @2, @$); }
	| expression OR expression          { $$ = ast_logic(p, $2, $1, $3, @2, @$); }
	;

simple
	: comparison
	| argument_start
	;

/* What an argument may begin with to be a whole condition rather than one comparison. */
argument_start
	: '(' expression ')'                { $$ = ast_parens($2); }
	| NOT simple                        { $$ = ast_not(p, $1, $2, @1, @$); }
	| quantifier
	;

quantifier
	: ANY_ALL '(' arguments ')'         { $$ = ast_call(p, $1.text, $3, @1, @$); }
	;

comparison
	: operand
	| operand COMPARE right             { $$ = ast_compare(p, $2, $1, $3, @2, @$); }
	| operand LITERAL_OP literal        { $$ = ast_compare(p, $2, $1, $3, @2, @$); }
	| operand LITERAL_OP operand        { $$ = ast_compare_field(p, $2, $1, $3, @2, @$); }
	| operand IN set                    { $$ = ast_compare(p, $2, $1, $3, @2, @$); }
	| operand IN literal                { $$ = ast_in_bare(p, $2, $1, $3, @2, @$); }
	| operand IN operand                { $$ = ast_compare_field(p, $2, $1, $3, @2, @$); }
	| quantifier COMPARE right          { $$ = ast_compare(p, $2, $1, $3, @2, @$); }
	;

operand
	: NAME                              { $$ = ast_name(p, $1.text, @1); }
	| NAME '(' arguments ')'            { $$ = ast_call(p, $1.text, $3, @1, @$); }
	| operand '[' EACH ']'              { $$ = ast_index_each(p, $1, @$); }
	| operand '[' LITERAL ']'           { $$ = ast_index_int(p, $1, $3.text, @3, @$); }
	| operand '[' STRING ']'            { $$ = ast_index_key(p, $1, $3, @3, @$); }
	;

right
	: literal
	| operand
	| quantifier
	;

literal
	: LITERAL                           { $$ = ast_literal(p, $1.text, @1); }
	| STRING                            { $$ = ast_string(p, $1, @1); }
	;

set
	: '{' items '}'                     { $$ = ast_set(p, $2, @$); }
	| LIST_NAME                         { $$ = ast_list(p, $1.text, @1); }
	;

items
	: %empty                            { $$ = (struct nodes){ 0 }; }
	| items item                        { $$ = $1; nodes_add(p, &$$, $2); }
	;

item
	: literal
	;

arguments
	: %empty                            { $$ = (struct nodes){ 0 }; }
	| argument_list
	;

argument_list
	: argument                          { $$ = (struct nodes){ 0 }; nodes_add(p, &$$, $1); }
	| argument_list ',' argument        { $$ = $1; nodes_add(p, &$$, $3); }
	;

argument
	: literal
	| comparison
	| argument_logic
	;

argument_logic
	: argument_start
	| argument_logic AND expression     { $$ = ast_logic(p, $2, $1, $3, @2, @$); }
	| argument_logic XOR expression     { $$ = ast_logic(p, $2, $1, $3, @2, @$); }
	| argument_logic OR expression      { $$ = ast_logic(p, $2, $1, $3, @2, @$); }
	| comparison AND expression         { $$ = ast_logic_bare(p, $2, $1, $3, @2, @$); }
	| comparison XOR expression         { $$ = ast_logic_bare(p, $2, $1, $3, @2, @$); }
	| comparison OR expression          { $$ = ast_logic_bare(p, $2, $1, $3, @2, @$); }
	;

value
	: literal
	| operand
	| quantifier
	;

/* ---- rule files ---- */

blocks
	: %empty
	| blocks block                      { file_add(p, $2); }
	| blocks error
	;

block
	: KEY name_or_none '{' settings '}' { $$ = block_settings(p, $1, $2, $4, @$); }
	| T_LIST name ':' WORD '{' items '}'
	                                    { $$ = block_list(p, $1, $2, $4, $6, span_join(@5, @7), @$); }
	| T_LIST name ':' WORD FROM string  { $$ = block_list_from(p, $1, $2, $4, $6, @$); }
	| rule
	| T_RULESET name '{' ruleset_items '}'
	                                    { $$ = block_end(p, $4, $1, $2, @$); }
	| T_TEST title '{' settings '}'     { $$ = block_test(p, $1, $2, $4, @$); }
	| T_REJECT title RAW                { $$ = block_reject(p, $1, $2, @3, @$); }
	| T_INCLUDE string                  { $$ = block_include(p, $1, $2.text, @$); }
	;

name
	: WORD
	| FROM
	;

name_or_none
	: %empty                            { $$ = NO_NAME; }
	| name
	;

title
	: name
	| string
	;

string
	: STRING                            { $$ = (struct named){ $1.text, @1 }; }
	;

settings
	: %empty                            { $$ = (struct settings){ 0 }; }
	| settings setting                  { $$ = $1; settings_add(&$$, $2); }
	| settings END
	| settings error
	;

setting
	: KEY values                        { $$ = setting_new(p, $1, $2, NULL, @$); }
	| KEY values nested                 { $$ = setting_new(p, $1, $2, $3, @$); }
	;

nested
	: '{' settings '}'                  { $$ = block_nested(p, $2, @$); }
	;

values
	: %empty                            { $$ = (struct words){ 0 }; }
	| values WORD                       { $$ = $1; words_add(p, &$$, $2.text, false, @2); }
	| values STRING                     { $$ = $1; words_add(p, &$$, $2.text, true, @2); }
	| values ','                        { $$ = $1; words_comma(p, &$$, @2); }
	;

ruleset_items
	: %empty                            { $$ = block_begin(p, AST_BLOCK_RULESET); }
	| ruleset_items rule                { $$ = $1; ruleset_rule(p, $$, $2); }
	| ruleset_items setting             { $$ = $1; block_setting(p, $$, $2); }
	| ruleset_items END
	| ruleset_items error               { $$ = $1; block_broken($$); }
	;

rule
	: T_RULE name '{' rule_items '}'    { $$ = block_end(p, $4, $1, $2, @$); }
	;

rule_items
	: %empty                            { $$ = block_begin(p, AST_BLOCK_RULE); }
	| rule_items when when_value        { $$ = $1; rule_when(p, $$, $3, @3); }
	| rule_items then action            { $$ = $1; rule_then(p, $$, $3); }
	| rule_items setting                { $$ = $1; block_setting(p, $$, $2); }
	| rule_items END
	| rule_items error                  { $$ = $1; block_broken($$); }
	;

/* A new item has begun: whatever went wrong before it is over, the next mistake is told again. */
when
	: T_WHEN                            { yyerrok; }
	;

then
	: T_THEN                            { yyerrok; }
	;

when_value
	: expression
	;

action
	: verdict
	| T_RESPOND status type body        { $$ = action_reply(p, AST_RESPOND, $2, $3, $4, @$); }
	| T_REDIRECT status value preserve  { $$ = action_redirect(p, $2, $3, $4, @$); }
	| T_SKIP T_SKIP_ALL quiet           { $$ = action_skip(p, $2, NO_NAME, $3, @$); }
	| T_SKIP T_SKIP_NAMED WORD quiet    { $$ = action_skip(p, $2, $3, $4, @$); }
	| T_EDIT T_SIDE T_HEADER string '=' value
	                                    { $$ = action_header(p, $1, $2, $4, $6, @$); }
	| T_REMOVE T_SIDE T_HEADER string   { $$ = action_header(p, $1, $2, $4, NULL, @$); }
	| T_REWRITE T_PART '=' value        { $$ = action_value(p, AST_REWRITE, $2, $4, @$); }
	| T_ROUTE T_ROUTE_TO STRING         { $$ = action_value(p, AST_ROUTE, $2, ast_string(p, $3, @3), @$); }
	| T_ROUTE T_POOL WORD               { $$ = action_pool(p, $2, $3, @$); }
	| T_ROUTE T_HOST_HEADER value       { $$ = action_value(p, AST_ROUTE, $2, $3, @$); }
	| T_CONFIG WORD fixed               { $$ = action_value(p, AST_CONFIG, $2, ast_string(p, $3, @3), @$); }
	| T_RATE_LIMIT '{' rate '}'         { $$ = action_rate(p, $3, @$); }
	;

/* The value of a setting, as in a block of settings. */
fixed
	: STRING
	| WORD                              { $$ = (struct string_token){ .text = $1.text }; }
	;

verdict
	: T_BLOCK status type body          { $$ = action_reply(p, AST_BLOCK, $2, $3, $4, @$); }
	| T_LOG body                        { $$ = action_log(p, $2, @$); }
	;

status
	: %empty                            { $$ = NO_NAME; }
	| WORD
	;

type
	: %empty                            { $$ = NO_NAME; }
	| T_TYPE
	;

body
	: %empty                            { $$ = NO_NAME; }
	| string
	;

quiet
	: %empty                            { $$ = false; }
	| T_QUIET                           { $$ = true; }
	;

preserve
	: %empty                            { $$ = false; }
	| T_PRESERVE_QUERY                  { $$ = true; }
	;

rate
	: %empty                            { $$ = rate_begin(p); }
	| rate T_BY by                      { $$ = $1; rate_by(p, $$, $3, @3); }
	| rate T_REQUESTS WORD              { $$ = $1; rate_word(p, &$$->requests, $2, $3); }
	| rate T_PER WORD                   { $$ = $1; rate_word(p, &$$->per, $2, $3); }
	| rate T_FOR WORD                   { $$ = $1; rate_word(p, &$$->duration, $2, $3); }
	| rate T_COUNTING expression        { $$ = $1; rate_counting(p, $$, $3, @3); }
	| rate verdict                      { $$ = $1; rate_action(p, $$, $2); }
	| rate END
	| rate error                        { $$ = $1; $$->broken = true; }
	;

by
	: value                             { $$ = (struct nodes){ 0 }; nodes_add(p, &$$, $1); }
	| by ',' value                      { $$ = $1; nodes_add(p, &$$, $3); }
	;

%%

/* Only for what is not a syntax error: the parser's own stack has a cap, and its memory may run out. */
static void yyerror(const struct span *at, struct parser *p, const char *message)
{
	(void)at;
	(void)message;
	nomem(p);
}

static int yyreport_syntax_error(const yypcontext_t *context, struct parser *p)
{
	enum { MOST = 64 };
	yysymbol_kind_t kinds[MOST];
	const char *names[MOST];
	int n = yypcontext_expected_tokens(context, kinds, MOST);
	int i;

	if (n < 0)
		return n;
	for (i = 0; i < n; i++)
		names[i] = yysymbol_name(kinds[i]);
	syntax_error(p, yysymbol_name(yypcontext_token(context)), *yypcontext_location(context), names,
		(size_t)n);
	return 0;
}

const char *grammar_token_name(int token)
{
	return yysymbol_name(YYTRANSLATE(token));
}
