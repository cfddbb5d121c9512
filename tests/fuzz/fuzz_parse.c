/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as a condition, a value or a rule file (the first byte says which): no crash, an answer or a
 * message, and what was understood is understood again after printing.
 */
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "grammar/ast.h"

typedef struct ast *(*parse_f)(struct arena *, const struct source *, struct diags *, unsigned *);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(struct arena *a, parse_f parse, const struct ast *e)
{
	struct buf b = BUF_INIT;
	struct source src = {.name = STR("")};
	struct diags d;
	struct ast *f;

	diags_init(&d);
	if (!ast_print(&b, e))
		abort();
	src.text = buf_str(&b);
	/* What is printed may be longer than what was written (escapes), and then too long. */
	f = parse(a, &src, &d, NULL);
	if (f ? !ast_equal(e, f) : d.first->code != U0012)
		abort();
	diags_fini(&d);
	buf_fini(&b);
}

static void blocks_again(struct arena *a, const struct ast_block *b)
{
	const struct ast_action *t;

	for (; b; b = b->next) {
		if (b->when)
			again(a, parse_expression, b->when);
		for (t = b->actions; t; t = t->next)
			if (t->value)
				again(a, parse_value, t->value);
		blocks_again(a, b->rules);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena a = ARENA_INIT;
	struct source src = {.name = STR("")};
	struct diags d;
	struct buf tokens = BUF_INIT;
	char mode = size ? (char)data[0] : 0;

	diags_init(&d);
	src.text = (struct str){(const char *)data + (size > 0), size - (size > 0)};
	if (mode == 'f') {
		struct ast_file *f = parse_file(&a, &src, &d);

		if (!f)
			abort();
		if (!d.errors)
			blocks_again(&a, f->blocks);
	} else {
		parse_f parse = mode == 'v' ? parse_value : parse_expression;
		struct ast *e = parse(&a, &src, &d, NULL);

		if ((e == NULL) != (d.errors > 0))
			abort();
		if (e)
			again(&a, parse, e);
	}
	if (!tokens_dump(&tokens, &src, mode == 'f'))
		abort();
	buf_fini(&tokens);
	diags_fini(&d);
	arena_fini(&a);
	return 0;
}
