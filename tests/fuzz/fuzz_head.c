/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a version byte, then lines: method, target, "name: value" …. Of what request_check accepts,
 * request_clean must leave nothing reserved and nothing hop-by-hop, and checking what is left must accept it
 * again.
 */
#include <assert.h>

#include "headers/check.h"
#include "headers/names.h"

static bool row_next(struct str *rest, struct str *row)
{
	ptrdiff_t end = str_find(*rest, '\n');

	if (rest->n == 0)
		return false;
	*row = str_sub(*rest, 0, end < 0 ? rest->n : (size_t)end);
	*rest = str_sub(*rest, row->n + 1, rest->n);
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const enum http_version versions[] = {HTTP_1_0, HTTP_1_1, HTTP_2};
	struct str rest = {(const char *)data, size}, row, target = STR("");
	struct arena a = ARENA_INIT;
	struct request req = {.arena = &a, .method = STR("")};
	struct framing f;
	size_t i;

	if (size == 0)
		return 0;
	req.version = versions[data[0] % 3];
	rest = str_sub(rest, 1, size);
	row_next(&rest, &req.method);
	row_next(&rest, &target);
	lines_init(&req.lines, &a);
	lines_init(&req.trailers, &a);
	while (row_next(&rest, &row)) {
		ptrdiff_t colon = str_find(row, ':');

		if (colon >= 0)
			lines_add(&req.lines, str_sub(row, 0, (size_t)colon),
			          str_trim(str_sub(row, (size_t)colon + 1, row.n)));
	}
	if (request_check(&req, target, &f) == REJECT_NONE && request_clean(&req) == 0) {
		for (i = 0; i < req.lines.n; i++) {
			assert(!name_reserved(req.lines.v[i].name));
			assert(!(name_flags_twin(req.lines.v[i].name) & HOP));
		}
		assert(f.kind != BODY_UNTIL_CLOSE && req.host.n);
		assert(request_check(&req, req.raw.uri, &f) == REJECT_NONE);
		assert(f.kind != BODY_CHUNKED);
	}
	arena_fini(&a);
	return 0;
}
