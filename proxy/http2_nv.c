/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of a message to nghttp2's pairs. */
#include "proxy/http2_nv.h"

#include <assert.h>

#include "headers/names.h"

bool http2_nvs_init(struct http2_nvs *nvs, struct arena *a, size_t size)
{
	*nvs = (struct http2_nvs){ arena_array(a, size + 1, sizeof(*nvs->v)), 0, size };
	return nvs->v != NULL;
}

void http2_nvs_add(struct http2_nvs *nvs, struct str name, struct str value)
{
	assert(nvs->n < nvs->size);
	nvs->v[nvs->n++] = (nghttp2_nv){ (uint8_t *)(uintptr_t)name.p, (uint8_t *)(uintptr_t)value.p, name.n, value.n,
					 NGHTTP2_NV_FLAG_NONE };
}

size_t http2_nvs_lines(struct http2_nvs *nvs, const struct lines *lines)
{
	size_t i;

	for (i = 0; i < lines->n; i++) {
		struct str name = lines->v[i].name;

		if ((name_flags(name) & HOP) == 0 && !str_eq_nocase(name, STR("content-length")) &&
		    !str_eq_nocase(name, STR("host")))
			http2_nvs_add(nvs, name, lines->v[i].value);
	}
	return nvs->n;
}

void http2_nvs_remove(struct http2_nvs *nvs, struct str name)
{
	size_t i, n = 0;

	for (i = 0; i < nvs->n; i++)
		if (!str_eq_nocase((struct str){ (const char *)nvs->v[i].name, nvs->v[i].namelen }, name))
			nvs->v[n++] = nvs->v[i];
	nvs->n = n;
}

bool http2_nvs_length(struct http2_nvs *nvs, struct arena *a, int64_t length)
{
	struct str text = arena_decimal(a, length);

	if (text.p == NULL)
		return false;
	http2_nvs_add(nvs, STR("content-length"), text);
	return true;
}
