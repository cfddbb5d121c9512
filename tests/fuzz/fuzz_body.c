/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a Content-Type, a line feed, a body. Every slice that comes out must lie in what went in. */
#include <assert.h>

#include "headers/media.h"
#include "headers/multipart.h"
#include "headers/pairs.h"

static unsigned touched;

static void touch(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		touched += (unsigned char)s.p[i];
}

static void touch_lines(const struct lines *l)
{
	size_t i;

	for (i = 0; i < l->n; i++) {
		touch(l->v[i].name);
		touch(l->v[i].value);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = {(const char *)data, size};
	ptrdiff_t end = str_find(input, '\n');
	struct str type = str_sub(input, 0, end < 0 ? size : (size_t)end);
	struct str body = str_sub(input, end < 0 ? size : (size_t)end + 1, size), out, *tags;
	struct arena a = ARENA_INIT;
	struct lines l, pairs;
	struct part *parts;
	size_t n, i;

	multipart_parse(&a, type, body, &parts, &n);
	for (i = 0; i < n; i++) {
		assert(parts[i].body.n <= body.n);
		touch_lines(&parts[i].lines);
		touch(parts[i].body);
	}
	touch(media_type(&a, type));
	if (param_get(&a, type, STR("boundary"), &out))
		touch(out);
	touch(str_of(mime_sniff(body)));
	lines_init(&pairs, &a);
	assert(query_parse(body, &pairs) == 0);
	touch_lines(&pairs);
	lines_init(&l, &a);
	lines_init(&pairs, &a);
	lines_add(&l, STR("Cookie"), body);
	lines_add(&l, STR("Accept-Language"), body);
	assert(cookies_parse(&l, &pairs) == 0);
	touch_lines(&pairs);
	assert(languages_parse(&a, &l, &tags, &n) == 0);
	for (i = 0; i < n; i++)
		touch(tags[i]);
	arena_fini(&a);
	return 0;
}
