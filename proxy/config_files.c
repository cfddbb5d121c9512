/* SPDX-License-Identifier: Apache-2.0 */
/* Rule files on disk: read, parsed, and their includes followed in name order, into one chain of blocks. */
#include <errno.h>
#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "proxy/config_build.h"

struct place { /* where we are: for loops and depth */
	const struct place *outer;
	const char *real;
	unsigned depth;
};

static bool read_one(struct build *b, const char *path, struct span from, const struct place *outer);

static bool looped(struct build *b, const char *real, struct span from, const struct place *outer)
{
	for (const struct place *p = outer; p; p = p->outer)
		if (!strcmp(p->real, real)) {
			diag_add(b->d, U8002, from, "`%s` includes itself", real);
			return true;
		}
	if (outer && outer->depth >= LIMIT_INCLUDE_DEPTH) {
		diag_add(b->d, U8002, from, "includes are nested more than %d deep", (int)LIMIT_INCLUDE_DEPTH);
		return true;
	}
	return false;
}

static bool include(struct build *b, const struct ast_block *block, const struct place *at)
{
	struct str pattern = file_path(&b->scratch, block->span.src->dir, block->include);
	glob_t found;
	bool ok = true;
	int rc;

	if (!pattern.p)
		return false;
	rc = glob(pattern.p, 0, NULL, &found);
	if (rc == GLOB_NOSPACE)
		return false;
	if (rc != 0) {
		if (strpbrk(pattern.p, "*?[")) /* an empty rules.d is how most begin */
			diag_add(b->d, U8009, block->span, "nothing is called `%s`", pattern.p);
		else
			diag_add(b->d, U8002, block->span, "cannot read `%s`: %s", pattern.p, strerror(ENOENT));
		return true;
	}
	for (size_t i = 0; ok && i < found.gl_pathc; i++)
		ok = read_one(b, found.gl_pathv[i], block->span, at);
	globfree(&found);
	return ok;
}

static bool take_blocks(struct build *b, struct ast_block *block, const struct place *at)
{
	struct ast_block *next;

	for (; block; block = next) {
		next = block->next;
		block->next = NULL;
		if (block->kind == AST_BLOCK_INCLUDE) {
			if (!include(b, block, at))
				return false;
			continue;
		}
		if (b->last)
			b->last->next = block;
		else
			b->file.blocks = block;
		b->last = block;
	}
	return true;
}

static bool read_one(struct build *b, const char *path, struct span from, const struct place *outer)
{
	struct place here = { outer, path, outer ? outer->depth + 1 : 0 };
	struct source *src = ARENA_NEW(b->arena, struct source);
	struct ast_file *file;
	char *real = NULL;
	bool ok = false;
	int rc;

	if (!src)
		return false;
	real = realpath(path, NULL);
	if (real)
		here.real = real;
	if (looped(b, here.real, from, outer)) {
		ok = true;
		goto done;
	}
	src->order = ++b->sources;
	src->name = arena_str(b->arena, str_of(path));
	src->dir = file_dir(b->arena, src->name);
	rc = src->name.p ? file_read(b->arena, path, LIMIT_FILE_BYTES, &src->text) : -ERR_NOMEM;
	if (rc == -ERR_IO) {
		diag_add(b->d, U8002, from, "cannot read `%s`: %s", path, strerror(errno));
		b->unreadable = true;
		ok = true;
	}
	if (rc < 0)
		goto done;
	file = parse_file(&b->scratch, src, b->d);
	ok = file && take_blocks(b, file->blocks, &here);
done:
	free(real);
	return ok;
}

bool files_read(struct build *b, const char *const *paths, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!read_one(b, paths[i], SPAN_NONE, NULL))
			return false;
	return true;
}
