/* SPDX-License-Identifier: Apache-2.0 */
/* Files by pattern: a path, a directory (every file in it) or a glob, and whether anything behind one has
 * changed. */
#ifndef PROXY_PATHS_H
#define PROXY_PATHS_H

#include "base/arena.h"

struct paths {
	struct str *v; /* NUL-terminated, in name order */
	size_t n;
};

/* What pattern (NUL-terminated) stands for. A directory: all it holds but names that begin with a dot and
 * other directories. A glob that nothing matches: none. A plain path: itself, there or not. 0 or -ERR_NOMEM.
 */
int paths_find(struct arena *a, struct str pattern, struct paths *out);

/* A digest of the names behind pattern and of each file's time, size and inode. Another one: look again. */
uint64_t paths_stamp(struct str pattern);

#endif
