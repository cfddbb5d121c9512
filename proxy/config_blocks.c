/* SPDX-License-Identifier: Apache-2.0 */
/* The lines of listener, zone and pool blocks: looked up in block_settings.def, counted, handed to their function. */
#include "proxy/config_build.h"

struct row {
	const char *block, *name;
	size_t min, max;
	bool repeat;
	apply_f *apply;
	const char *form;
};

static const struct row rows[] = {
#define BLOCK_SETTING(block, name, min, max, repeat, apply, form, prose) { #block, name, min, max, repeat, apply, form },
#include "proxy/block_settings.def"
#undef BLOCK_SETTING
};

#define ROWS (sizeof rows / sizeof rows[0])

static const struct row *find(const char *block, struct str name)
{
	for (size_t i = 0; i < ROWS; i++)
		if (!strcmp(rows[i].block, block) && str_eq(str_of(rows[i].name), name))
			return &rows[i];
	return NULL;
}

static void unknown(struct build *b, const char *block, const struct ast_setting *s)
{
	struct str names[ROWS], near;
	size_t n = 0;
	struct diag *g = diag_add(b->d, U8001, s->name_span, "a %s has no setting `%.*s`", block, STR_FMT(s->name));

	for (size_t i = 0; i < ROWS; i++)
		if (!strcmp(rows[i].block, block))
			names[n++] = str_of(rows[i].name);
	near = nearest(s->name, names, n);
	if (near.n)
		diag_help(b->d, g, "did you mean `%.*s`?", STR_FMT(near));
}

static bool given_before(struct build *b, const struct ast_block *ast, const struct ast_setting *s)
{
	for (const struct ast_setting *o = ast->settings; o != s; o = o->next)
		if (str_eq(o->name, s->name)) {
			struct diag *g =
				diag_add(b->d, U8001, s->name_span, "`%.*s` is set twice", STR_FMT(s->name));

			diag_second(b->d, g, o->name_span, "first set here");
			return true;
		}
	return false;
}

bool block_apply(struct build *b, const char *block, void *object, const struct ast_block *ast)
{
	for (const struct ast_setting *s = ast->settings; s; s = s->next) {
		const struct row *r = find(block, s->name);

		if (!r) {
			unknown(b, block, s);
			continue;
		}
		if (s->block || s->nwords < r->min || (r->max && s->nwords > r->max)) {
			struct diag *g = diag_add(b->d, U8001, s->span, "`%.*s` is not written like this",
						  STR_FMT(s->name));

			diag_help(b->d, g, "write %s %s", r->name, r->form);
			continue;
		}
		if (!r->repeat && given_before(b, ast, s))
			continue;
		if (!r->apply(b, object, s))
			return false;
	}
	return true;
}
