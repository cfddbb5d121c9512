/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Equal expressions of a ruleset become one node. What has several parents is worked out once per request
 * (lower.c gives it a slot), and the index sees a thousand rules asking one thing as one question.
 */
#include "engine/compile.h"

#include <stdlib.h>

static uint64_t mix(uint64_t h, uint64_t x)
{
	h ^= x;
	h *= 0x9e3779b97f4a7c15u;
	return h ^ h >> 29;
}

static uint64_t hash_value(const struct value *v)
{
	if (v->missing)
		return 1;
	switch (v->type) {
	case TYPE_BOOL:
		return v->b ? 3 : 2;
	case TYPE_INT:
		return (uint64_t)v->i;
	case TYPE_BYTES:
		return str_hash(v->s, 0);
	case TYPE_IP:
		return str_hash(((struct str){(const char *)v->ip->bytes, sizeof(v->ip->bytes)}), 0);
	default:
		return v->type;
	}
}

static uint64_t hash(const struct expr *e)
{
	uint64_t h = mix(mix(e->kind, e->type), (uint64_t)e->each << 32 | e->number);

	h = mix(h, (uintptr_t)e->field);
	h = mix(h, (uintptr_t)e->function);
	h = mix(h, (uintptr_t)e->test);
	h = mix(h, e->op);
	if (e->kind == EX_KEY)
		h = mix(h, str_hash(e->text, 0));
	if (e->kind == EX_CONST)
		h = mix(h, hash_value(&e->value));
	for (size_t i = 0; i < e->n; i++)
		h = mix(h, (uintptr_t)e->kids[i]);
	return h;
}

static bool same(const struct expr *a, const struct expr *b)
{
	if (a->kind != b->kind || a->type != b->type || a->each != b->each || a->number != b->number ||
	    a->field != b->field || a->function != b->function || a->test != b->test || a->op != b->op ||
	    a->n != b->n || !str_eq(a->text, b->text))
		return false;
	if (a->kind == EX_CONST && !value_eq(&a->value, &b->value))
		return false;
	return a->n == 0 || memcmp(a->kids, b->kids, a->n * sizeof(*a->kids)) == 0;
}

static bool grow(struct compiler *c)
{
	size_t size = c->node_size ? 2 * c->node_size : 1024;
	struct expr **table = calloc(size, sizeof(struct expr *)), *e, *next;

	if (table == NULL)
		return false;
	for (size_t i = 0; i < c->node_size; i++)
		for (e = c->nodes[i]; e != NULL; e = next) {
			next = e->next;
			e->next = table[e->hash & (size - 1)];
			table[e->hash & (size - 1)] = e;
		}
	free(c->nodes);
	c->nodes = table;
	c->node_size = size;
	return true;
}

static struct expr *node(struct compiler *c, const struct expr *like, const struct expr **kids)
{
	struct expr key = *like, *e;

	key.kids = kids;
	key.hash = hash(&key);
	if (c->node_size > 0)
		for (e = c->nodes[key.hash & (c->node_size - 1)]; e != NULL; e = e->next)
			if (e->hash == key.hash && same(e, &key))
				return e;
	if ((c->node_count >= c->node_size && !grow(c)) ||
	    (e = expr_new(c, like->kind, like->type, like->span)) == NULL) {
		c->no_memory = true;
		return NULL;
	}
	*e = key;
	e->uses = 0;
	e->slot = 0;
	e->id = (uint32_t)++c->node_count;
	e->next = c->nodes[e->hash & (c->node_size - 1)];
	c->nodes[e->hash & (c->node_size - 1)] = e;
	for (size_t i = 0; i < e->n; i++)
		((struct expr *)kids[i])->uses++; /* nodes are this file's own */
	return e;
}

static struct expr *unique(struct compiler *c, const struct expr *e)
{
	const struct expr **kids = NULL;

	if (e->n > 0) {
		if ((kids = arena_array(c->scratch, e->n, sizeof(*kids))) == NULL) {
			c->no_memory = true;
			return NULL;
		}
		for (size_t i = 0; i < e->n; i++)
			if ((kids[i] = unique(c, e->kids[i])) == NULL)
				return NULL;
	}
	return node(c, e, kids);
}

const struct expr *cons(struct compiler *c, const struct expr *e)
{
	struct expr *root = unique(c, e);

	if (root != NULL)
		root->uses++;
	return root;
}
