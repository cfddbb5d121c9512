/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests made from right-hand sides: sets filled, patterns compiled. Equal ones are made once per ruleset,
 * which is what lets rules share work and keeps a thousand rules with one regular expression small.
 */
#include "engine/compile.h"

#include <stdlib.h>

#include "engine/set_internal.h"
#include "grammar/literal.h"

struct test_entry {
	uint64_t hash;
	struct test *test;
	const struct ast *ast; /* TEST_IN: the set or list as written; lives as long as the compiler */
	struct test_entry *next;
};

static uint64_t hash_ast(const struct ast *ast, uint64_t h)
{
	h = str_hash(ast->text, h + ast->kind);
	for (size_t i = 0; i < ast->n; i++)
		h = hash_ast(ast->kids[i], h);
	return h;
}

static uint64_t hash_value(const struct value *v)
{
	switch (v->type) {
	case TYPE_BYTES:
		return str_hash(v->s, 1);
	case TYPE_IP:
		return str_hash(((struct str){(const char *)v->ip->bytes, sizeof(v->ip->bytes)}),
		                v->ip->family);
	default:
		return (uint64_t)v->i * 0x9e3779b97f4a7c15u;
	}
}

static bool same(const struct test_entry *e, enum test_kind kind, enum type type, const struct ast *ast,
                 const struct value *right)
{
	const struct test *t = e->test;

	if (t->kind != kind || t->type != type)
		return false;
	if (kind == TEST_IN)
		return ast_equal(e->ast, ast);
	return right != NULL ? value_eq(&t->right, right) : str_eq(t->text, ast->text);
}

static bool grow(struct compiler *c)
{
	size_t size = c->test_size ? 2 * c->test_size : 256;
	struct test_entry **table = calloc(size, sizeof(struct test_entry *)), *e, *next;

	if (table == NULL)
		return false;
	for (size_t i = 0; i < c->test_size; i++)
		for (e = c->tests[i]; e != NULL; e = next) {
			next = e->next;
			e->next = table[e->hash & (size - 1)];
			table[e->hash & (size - 1)] = e;
		}
	free(c->tests);
	c->tests = table;
	c->test_size = size;
	return true;
}

/* 08, 12ab, 9223372036854775808 or a range with such an end; not a range that is reversed, nor an address. */
static bool not_a_number(struct str text)
{
	const char *dots = memmem(text.p, text.n, "..", 2);
	struct str ends[2] = {dots != NULL ? str_range(text.p, dots) : text,
	                      dots != NULL ? str_range(dots + 2, text.p + text.n) : STR("0")};
	int64_t number;
	struct ip ip;

	return literal_ip(text, &ip) != NULL &&
	       (literal_int(ends[0], &number) != NULL || literal_int(ends[1], &number) != NULL);
}

/* 200-299: what ranges look like elsewhere. Its two ends, or false. */
static bool dash_range(struct str text, enum type type, struct str *low, struct str *high)
{
	ptrdiff_t dash = str_find(text, '-');
	int64_t number;
	struct ip ip;

	if (dash <= 0)
		return false;
	*low = str_sub(text, 0, (size_t)dash);
	*high = str_sub(text, (size_t)dash + 1, text.n);
	if (type == TYPE_IP)
		return literal_ip(*low, &ip) == NULL && literal_ip(*high, &ip) == NULL;
	return literal_int(*low, &number) == NULL && literal_int(*high, &number) == NULL;
}

static bool wrong_item(struct compiler *c, const struct ast *item, enum type type, const char *wrong)
{
	const char *kind = ast_literal_kind(item);
	struct str low, high;
	struct diag *g;
	bool host_bits;
	struct cidr net;

	if (item->kind == AST_STRING && type != TYPE_BYTES) {
		g = diag_add(c->d, U1003, item->span, "the list holds %s; \"%.*s\" is String",
		             type_name(type), STR_FMT(item->text));
		diag_help(c->d, g, "write it without quotes");
	} else if (type == TYPE_IP && str_find(item->text, '/') > 0 &&
	           !cidr_parse(item->text, &net, &host_bits) &&
	           ip_parse(str_sub(item->text, 0, (size_t)str_find(item->text, '/')), &net.base)) {
		diag_add(c->d, U0007, item->span, "%.*s: %s", STR_FMT(item->text), wrong);
	} else if (type == TYPE_BYTES) {
		g = diag_add(c->d, U1003, item->span, "the list holds String; %.*s is %s",
		             STR_FMT(item->text), kind != NULL ? kind : "not");
		diag_help(c->d, g, "write \"%.*s\"", STR_FMT(item->text));
	} else if (kind != NULL) {
		diag_add(c->d, U1003, item->span, "the list holds %s; %.*s is %s", type_name(type),
		         STR_FMT(item->text), kind);
	} else {
		g = diag_add(c->d, type == TYPE_INT && not_a_number(item->text) ? U0004 : U1003, item->span,
		             "the list holds %s; %.*s: %s", type_name(type), STR_FMT(item->text), wrong);
		if (dash_range(item->text, type, &low, &high))
			diag_help(c->d, g, "a range is written %.*s..%.*s", STR_FMT(low), STR_FMT(high));
	}
	return false;
}

static bool add_item(struct compiler *c, struct set *set, enum type type, const struct ast *item)
{
	const char *wrong = NULL;
	int64_t low, high;
	struct ip from, to;
	struct str bytes = item->text;
	bool added = false;

	if (item->kind == AST_STRING && type != TYPE_BYTES)
		return wrong_item(c, item, type, "");
	switch (type) {
	case TYPE_INT:
		if ((wrong = literal_int_range(item->text, &low, &high)) == NULL)
			added = set_add_int(set, low, high);
		break;
	case TYPE_IP:
		if ((wrong = literal_ip_range(item->text, &from, &to)) == NULL)
			added = set_add_ip(set, &from, &to);
		break;
	default:
		if (item->kind != AST_STRING)
			wrong = literal_bytes(c->scratch, item->text, &bytes);
		if (wrong == NULL && set_type(set) == SET_HOST && !host_item_valid(bytes)) {
			diag_add(c->d, U1003, item->span,
			         "the list holds hosts; this is none that a request can have, nor *. and a name");
			return false;
		}
		if (wrong == NULL)
			added = set_add_string(set, bytes);
	}
	if (wrong != NULL)
		return wrong_item(c, item, type, wrong);
	c->no_memory = c->no_memory || !added;
	return added;
}

struct set *set_of_items(struct compiler *c, enum set_type kind, const struct ast *items)
{
	enum type type = kind == SET_INT ? TYPE_INT : kind == SET_IP ? TYPE_IP : TYPE_BYTES;
	struct set *set = set_new(kind);
	bool good = set != NULL;

	if (set == NULL) {
		c->no_memory = true;
		return NULL;
	}
	for (size_t i = 0; i < items->n; i++)
		good = add_item(c, set, type, items->kids[i]) && good;
	if (good && !set_seal(set)) {
		c->no_memory = true;
		good = false;
	}
	if (good)
		return set;
	set_unref(set);
	return NULL;
}

static const struct set *named_set(struct compiler *c, enum type type, const struct ast *ast)
{
	static const char *const names[] = {
	    [SET_STRING] = "string", [SET_INT] = "int", [SET_IP] = "ip", [SET_HOST] = "host"};
	const struct named_list *l = c->lists != NULL ? lists_find(c->lists, ast->text) : NULL;
	struct diag *g;
	enum type holds;

	if (l == NULL) {
		struct str near = c->lists != NULL ? lists_nearest(c->lists, ast->text) : STR("");

		g = diag_add(c->d, U1001, ast->span, "there is no list $%.*s", STR_FMT(ast->text));
		if (near.n > 0)
			diag_help(c->d, g, "did you mean $%.*s?", STR_FMT(near));
		else if (str_starts(ast->text, STR("cf.")))
			diag_help(c->d, g, "the service keeps that list itself; here it is yours: list %.*s : ip { … }",
			          STR_FMT(ast->text));
		return NULL;
	}
	if (l->set == NULL)
		return NULL; /* its errors are told already */
	holds = l->type == SET_INT ? TYPE_INT : l->type == SET_IP ? TYPE_IP : TYPE_BYTES;
	if (holds != type) {
		g = diag_add(c->d, U1007, ast->span, "$%.*s is a list of type %s; the left side is %s",
		             STR_FMT(ast->text), names[l->type], type_name(type));
		diag_second(c->d, g, l->span, "defined here");
		return NULL;
	}
	if (!owner_take(c->owner, set_ref(l->set), set_unref)) {
		c->no_memory = true;
		return NULL;
	}
	return l->set;
}

static const struct set *inline_set(struct compiler *c, enum type type, const struct ast *ast)
{
	struct set *set = set_of_items(c,
	                               type == TYPE_INT  ? SET_INT
	                               : type == TYPE_IP ? SET_IP
	                                                 : SET_STRING,
	                               ast);

	if (set == NULL)
		return NULL;
	if (owner_take(c->owner, set, set_unref))
		return set;
	c->no_memory = true;
	return NULL;
}

static bool fill(struct compiler *c, struct test *t, const struct ast *ast, const struct value *right)
{
	struct regex *regex;
	struct wildcard *wildcard;

	switch (t->kind) {
	case TEST_IN:
		if (ast->kind == AST_LIST)
			t->text = seal_str(c, ast->text);
		t->set = ast->kind == AST_LIST ? named_set(c, t->type, ast) : inline_set(c, t->type, ast);
		return t->set != NULL;
	case TEST_MATCHES:
		t->text = seal_str(c, ast->text);
		if ((regex = regex_compile(ast, c->d)) == NULL || !owner_take(c->owner, regex, regex_free))
			return false;
		t->regex = regex;
		return true;
	case TEST_WILDCARD:
	case TEST_STRICT_WILDCARD:
		t->text = seal_str(c, ast->text);
		wildcard = wildcard_compile(ast, t->kind == TEST_STRICT_WILDCARD, c->d);
		if (wildcard == NULL || !owner_take(c->owner, wildcard, wildcard_free))
			return false;
		t->wildcard = wildcard;
		return true;
	default:
		t->right = *right;
		return seal_value(c, &t->right);
	}
}

const struct test *test_intern(struct compiler *c, enum test_kind kind, enum type type, const struct ast *ast,
                               const struct value *right)
{
	uint64_t hash = (kind == TEST_IN ? hash_ast(ast, 7)
	                 : right != NULL ? hash_value(right)
	                                 : str_hash(ast->text, 3)) +
	                kind * 0x51ed270b1u + type;
	struct test_entry *e;

	if (c->test_size > 0)
		for (e = c->tests[hash & (c->test_size - 1)]; e != NULL; e = e->next)
			if (e->hash == hash && same(e, kind, type, ast, right))
				return e->test;
	if (c->test_count >= c->test_size && !grow(c)) {
		c->no_memory = true;
		return NULL;
	}
	e = ARENA_NEW(c->scratch, struct test_entry);
	if (e == NULL || (e->test = ARENA_NEW(c->sealed, struct test)) == NULL) {
		c->no_memory = true;
		return NULL;
	}
	e->hash = hash;
	e->ast = ast;
	e->test->kind = kind;
	e->test->type = type;
	if (!fill(c, e->test, ast, right))
		return NULL;
	e->next = c->tests[hash & (c->test_size - 1)];
	c->tests[hash & (c->test_size - 1)] = e;
	c->test_count++;
	return e->test;
}
