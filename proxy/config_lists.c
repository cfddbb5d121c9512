/* SPDX-License-Identifier: Apache-2.0 */
/* What expressions need of a rule file beside the rules: its lists, and what `server` says about fields. */
#include "base/err.h"
#include "base/file.h"
#include "engine/geoip.h"
#include "proxy/config_build.h"

const struct ast_setting *server_line(const struct build *b, struct str name)
{
	for (const struct ast_block *k = b->file.blocks; k != NULL; k = k->next)
		if (k->kind == AST_BLOCK_SETTINGS && str_eq(k->keyword, STR("server")))
			for (const struct ast_setting *s = k->settings; s != NULL; s = s->next)
				if (str_eq(s->name, name) && s->nwords == 1)
					return s;
	return NULL;
}

bool geoip_load(struct build *b, struct geoip **out)
{
	const struct ast_setting *s = server_line(b, STR("geoip"));
	const struct ast_word *w = s != NULL ? &s->words[0] : NULL;
	struct str path;
	const char *why;

	*out = NULL;
	if (w == NULL || w->text.n == 0)
		return true;
	path = file_path(&b->scratch, w->span.src != NULL ? w->span.src->dir : STR(""), w->text);
	if (path.p == NULL)
		return false;
	if ((*out = geoip_open(path.p, &why)) == NULL)
		diag_add(b->d, U8002, w->span, "cannot read `%s`: %s", path.p, why);
	return true;
}

int config_lists(struct ruleset **out, const char *const *paths, size_t n, struct diags *d)
{
	struct ruleset_options o = {0};
	struct config config = {.arena = ARENA_INIT};
	/* what the files say is kept beside the diagnostics that point into it */
	struct build b = {.config = &config, .arena = &d->arena, .scratch = ARENA_INIT, .d = d};
	struct ast_block **at = &b.file.blocks;
	unsigned before = d->errors;
	int rc = -ERR_NOMEM;

	*out = NULL;
	settings_default(&config.settings);
	if (!files_read(&b, paths, n) || !geoip_load(&b, &o.geoip))
		goto done;
	while (*at != NULL) {
		struct ast_block *block = *at;

		if (str_eq(block->keyword, STR("server")) && !settings_apply(&b, block))
			goto done;
		if (block->kind == AST_BLOCK_LIST || str_eq(block->keyword, STR("jwt")))
			at = &block->next;
		else
			*at = block->next;
	}
	rc = b.unreadable ? -ERR_IO : -ERR_RULES;
	if (d->errors > before)
		goto done;
	o.foreign_fields_default = config.settings.foreign_fields == 1;
	rc = ruleset_compile(out, &b.file, &o, d);
done:
	geoip_unref(o.geoip);
	arena_fini(&b.scratch);
	arena_fini(&config.arena);
	return rc;
}
