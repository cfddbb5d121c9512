/* SPDX-License-Identifier: Apache-2.0 */
/* The settings blocks (server, log, timeouts, limits …), driven by settings.def alone. */
#include "proxy/config_build.h"

enum unit { U_NONE, U_MSEC, U_BYTES };
enum kind { KIND_INT, KIND_BOOL, KIND_STR, KIND_ENUM };

struct row {
	const char *block, *name;
	enum kind kind;
	size_t offset;
	enum unit unit;
	int64_t dflt, min, max;
	const char *text; /* default of a string; values of an enum */
};

static const struct row rows[] = {
#define SETTING_INT(block, name, member, unit, dflt, min, max, prose) \
	{ block, name, KIND_INT, offsetof(struct settings, member), unit, dflt, min, max, NULL },
#define SETTING_BOOL(block, name, member, dflt, prose) \
	{ block, name, KIND_BOOL, offsetof(struct settings, member), U_NONE, dflt, 0, 1, NULL },
#define SETTING_STR(block, name, member, dflt, prose) \
	{ block, name, KIND_STR, offsetof(struct settings, member), U_NONE, 0, 0, 0, dflt },
#define SETTING_ENUM(block, name, member, values, dflt, prose) \
	{ block, name, KIND_ENUM, offsetof(struct settings, member), U_NONE, dflt, 0, 0, values },
#include "proxy/settings.def"
#undef SETTING_INT
#undef SETTING_BOOL
#undef SETTING_STR
#undef SETTING_ENUM
};

#define ROWS (sizeof rows / sizeof rows[0])

static void *member(struct settings *s, const struct row *r)
{
	return (char *)s + r->offset;
}

bool settings_is_block(struct str keyword)
{
	for (size_t i = 0; i < ROWS; i++)
		if (str_eq(str_of(rows[i].block), keyword))
			return true;
	return false;
}

void settings_default(struct settings *s)
{
	for (size_t i = 0; i < ROWS; i++) {
		const struct row *r = &rows[i];

		switch (r->kind) {
		case KIND_INT:
			*(int64_t *)member(s, r) = r->dflt;
			break;
		case KIND_BOOL:
			*(bool *)member(s, r) = r->dflt != 0;
			break;
		case KIND_STR:
			*(struct str *)member(s, r) = str_of(r->text);
			break;
		case KIND_ENUM:
			*(int *)member(s, r) = (int)r->dflt;
			break;
		}
	}
}

static bool store(struct build *b, const struct row *r, const struct ast_word *w)
{
	void *at = member(&b->config->settings, r);

	switch (r->kind) {
	case KIND_INT:
		if (r->unit == U_MSEC)
			word_duration(b, w, r->min, r->max, at);
		else if (r->unit == U_BYTES)
			word_size(b, w, r->min, r->max, at);
		else
			word_int(b, w, r->min, r->max, at);
		return true;
	case KIND_BOOL:
		word_bool(b, w, at);
		return true;
	case KIND_ENUM:
		word_enum(b, w, r->text, at);
		return true;
	case KIND_STR:
		break;
	}
	/* quoted texts are paths, relative to the file that names them */
	*(struct str *)at = w->quoted ? word_path(b, w) : arena_str(b->arena, w->text);
	return ((struct str *)at)->p != NULL;
}

static void unknown(struct build *b, const struct ast_block *block, const struct ast_setting *s)
{
	struct str names[ROWS], near;
	size_t n = 0;
	struct diag *g;

	for (size_t i = 0; i < ROWS; i++)
		if (str_eq(str_of(rows[i].block), block->keyword))
			names[n++] = str_of(rows[i].name);
	g = diag_add(b->d, U8001, s->name_span, "`%.*s` has no setting `%.*s`", STR_FMT(block->keyword),
		     STR_FMT(s->name));
	near = nearest(s->name, names, n);
	if (near.n)
		diag_help(b->d, g, "did you mean `%.*s`?", STR_FMT(near));
}

bool settings_apply(struct build *b, const struct ast_block *block)
{
	if (block->name.n)
		diag_add(b->d, U8001, block->name_span, "a `%.*s` block has no name", STR_FMT(block->keyword));
	for (const struct ast_setting *s = block->settings; s; s = s->next) {
		const struct row *r = NULL;

		for (size_t i = 0; i < ROWS && !r; i++)
			if (str_eq(str_of(rows[i].block), block->keyword) && str_eq(str_of(rows[i].name), s->name))
				r = &rows[i];
		if (!r) {
			unknown(b, block, s);
			continue;
		}
		if (s->nwords != 1 || s->block) {
			diag_add(b->d, U8001, s->span, "`%.*s` takes one value", STR_FMT(s->name));
			continue;
		}
		for (const struct ast_setting *o = block->settings; o != s; o = o->next)
			if (str_eq(o->name, s->name)) {
				struct diag *g = diag_add(b->d, U8001, s->name_span, "`%.*s` is set twice",
							  STR_FMT(s->name));

				diag_second(b->d, g, o->name_span, "first set here");
				break;
			}
		if (!store(b, r, &s->words[0]))
			return false;
	}
	return true;
}
