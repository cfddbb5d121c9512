/* SPDX-License-Identifier: Apache-2.0 */
/* The doors of this folder: a text goes in, a tree comes out, mistakes are queued beside it. */
#include "grammar/lex.h"

static void parser_init(struct parser *p, struct arena *a, const struct source *src, struct diags *d,
	int start)
{
	memset(p, 0, sizeof(*p));
	p->arena = a;
	p->src = src;
	p->diags = d;
	p->start = start;
}

/* True if the text was read to its end; what is wrong with it is in the diagnostics. */
static bool parse(struct parser *p, bool file)
{
	bool done = scan_init(p, file) && grammar_parse(p) != 2 && !p->nomem;

	scan_fini(p);
	return done;
}

struct ast_file *parse_file(struct arena *a, const struct source *src, struct diags *d)
{
	struct parser p;

	parser_init(&p, a, src, d, START_FILE);
	if (!(p.file = ARENA_NEW(a, struct ast_file)))
		return NULL;
	p.block_end = &p.file->blocks;
	return parse(&p, true) ? p.file : NULL;
}

static struct ast *parse_text(struct arena *a, const struct source *src, struct diags *d,
	unsigned *extensions,
	int start)
{
	unsigned errors = d->errors;
	struct parser p;

	parser_init(&p, a, src, d, start);
	if (src->text.n > LIMIT_EXPRESSION_BYTES) {
		diag_add(d, U0012, (struct span){ src, 0, 1 }, "an expression longer than %d bytes",
			LIMIT_EXPRESSION_BYTES);
		return NULL;
	}
	if (!parse(&p, false) || d->errors != errors)
		return NULL;
	if (extensions)
		*extensions = p.scan.extensions | (p.scan.comments ? AST_EXT_COMMENT : 0);
	return p.root;
}

struct ast *parse_expression(struct arena *a, const struct source *src, struct diags *d, unsigned *extensions)
{
	return parse_text(a, src, d, extensions, START_EXPRESSION);
}

struct ast *parse_value(struct arena *a, const struct source *src, struct diags *d, unsigned *extensions)
{
	return parse_text(a, src, d, extensions, START_VALUE);
}
