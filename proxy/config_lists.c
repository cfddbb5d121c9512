/* SPDX-License-Identifier: Apache-2.0 */
/* What expressions outside rules need of a rule file: its lists, and what `server` says about fields. Certificates and
 * rules are not looked at. */
#include "base/err.h"
#include "engine/geoip.h"
#include "proxy/config_build.h"

int config_lists(struct ruleset **out, const char *const *paths, size_t n, struct diags *d)
{
	struct ruleset_options o = { 0 };
	struct config config = { .arena = ARENA_INIT };
	struct build b = { .config = &config, .arena = &config.arena, .scratch = ARENA_INIT, .d = d };
	struct ast_block **at = &b.file.blocks;
	unsigned before = d->errors;
	int rc = -ERR_NOMEM;

	*out = NULL;
	settings_default(&config.settings);
	if (!files_read(&b, paths, n))
		goto done;
	while (*at != NULL) {
		struct ast_block *block = *at;

		if (str_eq(block->keyword, STR("server")) && !settings_apply(&b, block))
			goto done;
		if (block->kind == AST_BLOCK_LIST)
			at = &block->next;
		else
			*at = block->next;
	}
	rc = b.unreadable ? -ERR_IO : -ERR_RULES;
	if (d->errors > before)
		goto done;
	o.foreign_fields_default = config.settings.foreign_fields_default;
	rc = ruleset_compile(out, &b.file, &o, d);
done:
	arena_fini(&b.scratch);
	arena_fini(&config.arena);
	return rc;
}
