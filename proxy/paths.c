/* SPDX-License-Identifier: Apache-2.0 */
/* Patterns of file names, spelled out and compared with what was there before. */
#include "proxy/paths.h"

#include <dirent.h>
#include <glob.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/err.h"
#include "base/file.h"

static int seen(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static bool is_directory(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

static int find_in_directory(struct arena *a, struct str dir, struct paths *out)
{
	struct dirent **names = NULL;
	int n = scandir(dir.p, &names, seen, alphasort), rc = 0;

	if (n > 0 && (out->v = arena_array(a, (size_t)n, sizeof(*out->v))) == NULL)
		rc = -ERR_NOMEM;
	for (int i = 0; i < n; i++) {
		struct str path = STR_NONE;

		if (rc == 0 && (path = file_path(a, dir, str_of(names[i]->d_name))).p == NULL)
			rc = -ERR_NOMEM;
		else if (rc == 0 && !is_directory(path.p))
			out->v[out->n++] = path;
		free(names[i]);
	}
	free(names);
	return rc;
}

int paths_find(struct arena *a, struct str pattern, struct paths *out)
{
	glob_t found;
	int rc;

	*out = (struct paths){NULL, 0};
	if (is_directory(pattern.p))
		return find_in_directory(a, pattern, out);
	if (strpbrk(pattern.p, "*?[") == NULL) {
		if ((out->v = arena_array(a, 1, sizeof(*out->v))) == NULL)
			return -ERR_NOMEM;
		out->v[out->n++] = pattern;
		return 0;
	}
	rc = glob(pattern.p, 0, NULL, &found);
	if (rc != 0)
		return rc == GLOB_NOSPACE ? -ERR_NOMEM : 0;
	if ((out->v = arena_array(a, found.gl_pathc, sizeof(*out->v))) == NULL)
		rc = -ERR_NOMEM;
	for (size_t i = 0; rc == 0 && i < found.gl_pathc; i++)
		if ((out->v[out->n++] = arena_str(a, str_of(found.gl_pathv[i]))).p == NULL)
			rc = -ERR_NOMEM;
	globfree(&found);
	return rc;
}

static uint64_t mix(uint64_t stamp, const void *p, size_t n)
{
	return str_hash((struct str){p, n}, stamp);
}

uint64_t paths_stamp(struct str pattern)
{
	struct arena scratch = ARENA_INIT;
	struct paths found;
	uint64_t stamp = 0;

	if (paths_find(&scratch, pattern, &found) < 0)
		found.n = 0;
	for (size_t i = 0; i < found.n; i++) {
		struct stat st;
		int64_t all[4] = {0};

		if (stat(found.v[i].p, &st) == 0) {
			all[0] = st.st_mtim.tv_sec;
			all[1] = st.st_mtim.tv_nsec;
			all[2] = st.st_size;
			all[3] = (int64_t)st.st_ino;
		}
		stamp = mix(mix(stamp, found.v[i].p, found.v[i].n), all, sizeof(all));
	}
	arena_fini(&scratch);
	return stamp;
}
