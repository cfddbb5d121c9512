/* SPDX-License-Identifier: Apache-2.0 */
/* Single expressions, for tools and tests: compiled the way rules are, run on their own. */
#include <stdlib.h>

#include "base/err.h"
#include "engine/sealed.h"
#include "engine/vm.h"

struct expression {
	struct arena arena;
	struct owner owner;
	struct slots slots;
	struct program program;
	enum type type;
};

void expression_free(struct expression *e)
{
	if (e == NULL)
		return;
	owner_fini(&e->owner);
	arena_fini(&e->arena);
	free(e);
}

static bool compile(struct expression *e, struct compiler *c, const struct source *src)
{
	struct ast *ast = parse_expression(c->scratch, src, c->d, NULL);
	const struct expr *typed;

	if (ast == NULL || (typed = check_any(c, ast)) == NULL || c->no_memory)
		return false;
	if ((typed = cons(c, fold(c, typed))) == NULL || !lower_value(c, typed, &e->program))
		return false;
	e->type = typed->type;
	e->slots = c->slots;
	return !c->no_memory;
}

struct expression *expression_compile(const struct source *src, const struct ruleset *lists, struct diags *d)
{
	struct expression *e = calloc(1, sizeof(*e));
	unsigned before = d->errors;
	struct arena scratch;
	struct compiler c;
	bool good;

	if (e == NULL)
		return NULL;
	arena_init(&scratch, 0);
	arena_init(&e->arena, 0);
	compiler_init(&c, &scratch, &e->arena, &e->owner, d);
	c.lists = lists != NULL ? &lists->lists : NULL;
	c.jwts = lists != NULL ? lists->jwts : NULL;
	c.foreign_default = lists != NULL && lists->foreign_default;
	good = compile(e, &c, src) && d->errors == before;
	compiler_fini(&c);
	arena_fini(&scratch);
	if (good)
		return e;
	expression_free(e);
	return NULL;
}

enum type expression_type(const struct expression *e)
{
	return e->type;
}

int expression_eval(const struct expression *e, struct fields *f, struct value *out)
{
	struct vm m = {.fields = f};

	*out = VALUE_MISSING(e->type);
	if ((m.memo = memo_for(f, e, &e->slots)) == NULL)
		return -ERR_NOMEM;
	vm_value(&m, &e->program, out);
	if (out->missing != NO_ANSWER)
		return 0;
	out->missing = MISSING;
	return m.error < 0 ? m.error : -ERR_NOMEM;
}
