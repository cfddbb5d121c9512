/* SPDX-License-Identifier: Apache-2.0 */
/* Input: a JSON text. What the one-pass look-up finds must be what a tree made by jansson holds. */
#include <assert.h>

#include <jansson.h>

#include "engine/json.h"

/* The value that jansson gives for a path from the top. */
static void compare(struct arena *a, struct str text, json_t *want, const struct json_step *path, size_t n)
{
	struct str raw = json_find(text, path, n), s;
	int64_t i;

	assert(raw.p != NULL);
	if (json_is_integer(want)) {
		assert(json_int(raw, &i) && i == json_integer_value(want));
	} else {
		assert(!json_int(raw, &i));
	}
	if (json_is_string(want)) {
		assert(json_unquote(a, raw, &s) && s.p != NULL);
		assert(str_eq(s, (struct str){json_string_value(want), json_string_length(want)}));
	} else {
		assert(!json_unquote(a, raw, &s));
	}
}

static void walk(struct arena *a, struct str text, json_t *value, struct json_step *path, size_t n,
                 unsigned *budget)
{
	const char *key;
	json_t *item;
	size_t i;

	if (n == 3 || *budget == 0)
		return;
	(*budget)--;
	compare(a, text, value, path, n);
	json_array_foreach(value, i, item)
	{
		path[n] = (struct json_step){.is_index = true, .index = i};
		walk(a, text, item, path, n + 1, budget);
	}
	json_object_foreach(value, key, item)
	{
		if (*key == '\0' || strchr(key, '\\') != NULL)
			continue;
		path[n] = (struct json_step){.key = str_of(key)};
		walk(a, text, item, path, n + 1, budget);
	}
	path[n] = (struct json_step){.key = STR("no such key")};
	assert(json_object_get(value, "no such key") != NULL || json_find(text, path, n + 1).p == NULL);
	path[n] = (struct json_step){.is_index = true, .index = json_array_size(value)};
	assert(json_find(text, path, n + 1).p == NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = {(const char *)data, size};
	struct json_step path[4];
	struct arena a = ARENA_INIT;
	json_error_t error;
	json_t *tree = json_loadb((const char *)data, size, JSON_DECODE_ANY | JSON_ALLOW_NUL, &error);
	unsigned budget = 60;
	bool found = json_find(text, path, 0).p != NULL;

	if (tree != NULL && memchr(data, '\0', size) == NULL && memmem(data, size, "\\u0000", 6) == NULL) {
		/* deeper than our cap is the one text that only jansson reads */
		assert(found || memchr(data, '[', size) != NULL || memchr(data, '{', size) != NULL);
		if (found)
			walk(&a, text, tree, path, 0, &budget);
	} else if (tree == NULL && found) {
		/* numbers that no machine type holds and keys with a NUL are valid JSON all the same */
		assert(json_error_code(&error) == json_error_numeric_overflow ||
		       json_error_code(&error) == json_error_null_byte_in_key);
	}
	json_decref(tree);
	arena_fini(&a);
	return 0;
}
