/* SPDX-License-Identifier: Apache-2.0 */
/* Input: an authority, a line feed, a target. What is accepted must normalise to something that stays as it
 * is. */
#include <assert.h>

#include "headers/request.h"

static void check_path(struct str path, enum normalize mode)
{
	if (mode == NORMALIZE_OFF)
		return;
	assert(!str_contains(path, STR("/./")) && !str_contains(path, STR("/../")));
	assert(!str_ends(path, STR("/.")) && !str_ends(path, STR("/..")));
	if (mode == NORMALIZE_CLOUDFLARE)
		assert(!str_contains(path, STR("//")) && str_find(path, '\\') < 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = {(const char *)data, size};
	ptrdiff_t end = str_find(input, '\n');
	struct str authority = str_sub(input, 0, end < 0 ? size : (size_t)end);
	struct str uri = str_sub(input, end < 0 ? size : (size_t)end + 1, size);
	struct arena a = ARENA_INIT;
	struct target t, out, again;
	struct str host, same;
	enum normalize mode;

	if (authority_host(&a, authority, &host)) {
		assert(authority_host(&a, host, &same) && str_eq(host, same));
		assert(str_find(host, '@') < 0 && str_find(host, '%') < 0 && !str_ends(host, STR(".")));
	}
	if (target_split(uri, &t)) {
		for (mode = NORMALIZE_OFF; mode <= NORMALIZE_CLOUDFLARE; mode++) {
			assert(target_normalize(&a, &t, mode, &out) == 0);
			assert(target_normalize(&a, &out, mode, &again) == 0);
			assert(str_eq(out.uri, again.uri) && str_eq(out.query, t.query));
			assert(target_split(out.uri, &again) && str_eq(again.path, out.path));
			check_path(out.path, mode);
			assert(path_extension(&a, out.path).p);
		}
	}
	arena_fini(&a);
	return 0;
}
