/* SPDX-License-Identifier: Apache-2.0 */
/* Walks the rules of a file and hands each to the checks. */
#include "lint/internal.h"
#include "lint/lint.h"

static void rules(const struct ast_block *b, struct diags *d)
{
	for (; b; b = b->next) {
		if (b->kind == AST_BLOCK_RULE)
			lint_certificate(b, d);
		else if (b->kind == AST_BLOCK_RULESET)
			rules(b->rules, d);
	}
}

void lint_file(const struct ast_file *file, struct diags *d)
{
	rules(file->blocks, d);
}
