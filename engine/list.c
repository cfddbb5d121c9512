/* SPDX-License-Identifier: Apache-2.0 */
/* Named lists: `list NAME : TYPE { … }` or `from "file"`, built once and shared by every rule that says
 * $NAME. */
#include "engine/compile.h"

#include <stdlib.h>

#include "engine/names.h"

static const struct {
	const char *name;
	enum set_type type;
} types[] = {{"ip", SET_IP}, {"string", SET_STRING}, {"int", SET_INT}, {"host", SET_HOST}};

const struct named_list *lists_find(const struct lists *l, struct str name)
{
	for (const struct named_list *i = l->first; i != NULL; i = i->next)
		if (str_eq(i->name, name))
			return i;
	return NULL;
}

struct str lists_nearest(const struct lists *l, struct str name)
{
	struct nearest near = {.name = name};

	for (const struct named_list *i = l->first; i != NULL; i = i->next)
		nearest_offer(&near, i->name);
	return near.best;
}

static bool type_check(struct compiler *c, const struct ast_block *b, enum set_type *out)
{
	struct nearest near = {.name = b->list_type};
	struct diag *g;

	for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
		if (str_eq(b->list_type, str_of(types[i].name))) {
			*out = types[i].type;
			return true;
		}
		nearest_offer(&near, str_of(types[i].name));
	}
	g = diag_add(c->d, U1001, b->list_type_span, "a list is of type ip, string, int or host");
	if (near.best.n > 0)
		diag_help(c->d, g, "did you mean %.*s?", STR_FMT(near.best));
	return false;
}

static void list_load(struct compiler *c, struct lists *l, const struct ast_block *b)
{
	const struct named_list *other = lists_find(l, b->name);
	struct named_list *list = ARENA_NEW(c->sealed, struct named_list);
	struct diag *g;

	if (list == NULL) {
		c->no_memory = true;
		return;
	}
	if (other != NULL) {
		g = diag_add(c->d, U1008, b->name_span, "there is a list %.*s already", STR_FMT(b->name));
		diag_second(c->d, g, other->span, "first defined here");
	}
	list->name = seal_str(c, b->name);
	list->span = b->name_span;
	if (type_check(c, b, &list->type)) {
		if (b->from.text.n > 0)
			list->set = set_load(list->type, b->from.text, b->from.span, c->d);
		else if (b->items != NULL)
			list->set = set_of_items(c, list->type, b->items);
	}
	if (l->last != NULL)
		l->last->next = list;
	else
		l->first = list;
	l->last = list;
}

void lists_load(struct compiler *c, struct lists *l, const struct ast_file *file)
{
	for (const struct ast_block *b = file->blocks; b != NULL; b = b->next)
		if (b->kind == AST_BLOCK_LIST)
			list_load(c, l, b);
}

void lists_fini(struct lists *l)
{
	for (struct named_list *i = l->first; i != NULL; i = i->next)
		if (i->set != NULL)
			set_unref(i->set);
	*l = (struct lists){NULL, NULL};
}
