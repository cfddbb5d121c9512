/* SPDX-License-Identifier: Apache-2.0 */
/* usher lint --dump=STAGE FILE…: a stage of compilation as text, for those who want to see what usher understood. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "cli/cli.h"
#include "engine/dump.h"

typedef bool stage_f(struct buf *out, struct arena *a, const struct source *src, struct diags *d);

static bool tokens(struct buf *out, struct arena *a, const struct source *src, struct diags *d)
{
	(void)a;
	(void)d;
	return tokens_dump(out, src, true);
}

static bool tree(struct buf *out, struct arena *a, const struct source *src, struct diags *d)
{
	struct ast_file *file = parse_file(a, src, d);

	return file && file_dump(out, file);
}

static bool compiled(struct buf *out, struct arena *a, const struct source *src, struct diags *d, enum dump_stage stage)
{
	struct ast_file *file = parse_file(a, src, d);

	return file && ruleset_dump(out, file, stage, d) != -ERR_NOMEM;
}

static bool typed(struct buf *out, struct arena *a, const struct source *src, struct diags *d)
{
	return compiled(out, a, src, d, DUMP_TYPED);
}

static bool folded(struct buf *out, struct arena *a, const struct source *src, struct diags *d)
{
	return compiled(out, a, src, d, DUMP_FOLDED);
}

static bool program(struct buf *out, struct arena *a, const struct source *src, struct diags *d)
{
	return compiled(out, a, src, d, DUMP_PROGRAM);
}

static bool index_of_rules(struct buf *out, struct arena *a, const struct source *src, struct diags *d)
{
	return compiled(out, a, src, d, DUMP_INDEX);
}

static const struct {
	const char *name;
	stage_f *run;
} stages[] = {
	{ "tokens", tokens },
	{ "ast", tree },
	{ "typed", typed },
	{ "folded", folded },
	{ "program", program },
	{ "index", index_of_rules },
};

static int one(const char *path, stage_f *stage, struct diags *d)
{
	struct arena a = ARENA_INIT;
	struct source src = { .name = str_of(path) };
	struct buf out = BUF_INIT;
	int code = EXIT_USAGE;

	src.dir = file_dir(&a, src.name);
	if (file_read(&a, path, LIMIT_FILE_BYTES, &src.text) < 0) {
		perror(path);
	} else if (!stage(&out, &a, &src, d)) {
		fputs("usher lint: out of memory\n", stderr);
	} else {
		fwrite(out.p ? out.p + out.off : "", 1, out.n, stdout);
		diags_print(d, stderr, use_color(STDERR_FILENO));
		code = d->errors ? EXIT_NO : EXIT_YES;
	}
	buf_fini(&out);
	arena_fini(&a);
	return code;
}

int dump_files(const char *stage, int n, char **paths)
{
	stage_f *run = NULL;
	struct diags d;
	int code = EXIT_YES;

	for (size_t i = 0; i < sizeof(stages) / sizeof(stages[0]); i++)
		if (!strcmp(stages[i].name, stage))
			run = stages[i].run;
	if (!run)
		return usage("lint", "there is no stage '%s'", stage);
	for (int i = 0; i < n && code != EXIT_USAGE; i++) {
		int rc;

		diags_init(&d);
		rc = one(paths[i], run, &d);
		code = rc > code ? rc : code;
		diags_fini(&d);
	}
	return code;
}
