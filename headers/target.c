/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Request targets: taken apart, normalised, put together. What the rules judge is what the origin gets, so
 * there is one normalisation and it is done once, before any rule runs. An authority is authority.c's.
 */
#include "base/err.h"
#include "headers/request.h"

static bool char_unreserved(char c)
{
	return ascii_alpha(c) || ascii_digit(c) || c == '-' || c == '.' || c == '_' || c == '~';
}

static bool char_target(char c)
{
	return c > 0x20 && c < 0x7f && c != '#';
}

/* The byte that "%XX" at the front of s stands for, or -1. */
static int percent_byte(struct str s)
{
	int high, low;

	if (s.n < 3 || s.p[0] != '%' || (high = ascii_hex(s.p[1])) < 0 || (low = ascii_hex(s.p[2])) < 0)
		return -1;
	return high << 4 | low;
}

static bool path_received_valid(struct str path)
{
	size_t i;

	for (i = 0; i < path.n; i++)
		if (path.p[i] == '%' && percent_byte(str_sub(path, i, path.n)) <= 0)
			return false;
	return true;
}

bool target_split(struct str uri, struct target *t)
{
	ptrdiff_t mark = str_find(uri, '?');
	size_t i;

	*t = (struct target){.uri = uri, .path = uri};
	if (str_eq(uri, STR("*")))
		return true;
	if (uri.n == 0 || uri.p[0] != '/')
		return false;
	for (i = 0; i < uri.n; i++)
		if (!char_target(uri.p[i]))
			return false;
	if (mark >= 0) {
		t->has_query = true;
		t->path = str_sub(uri, 0, (size_t)mark);
		t->query = str_sub(uri, (size_t)mark + 1, uri.n);
	}
	return path_received_valid(t->path);
}

/* Backslashes become slashes, runs of slashes one. Writes at most s.n bytes; in and out may be the same. */
static size_t slashes_merge(char *out, struct str s)
{
	size_t i, n = 0;

	for (i = 0; i < s.n; i++) {
		char c = s.p[i] == '\\' ? '/' : s.p[i];

		if (c != '/' || n == 0 || out[n - 1] != '/')
			out[n++] = c;
	}
	return n;
}

static size_t percents_normalize(char *out, struct str s)
{
	size_t i, n = 0;

	for (i = 0; i < s.n; i++) {
		int byte = percent_byte(str_sub(s, i, s.n));

		if (byte < 0) {
			out[n++] = s.p[i];
			continue;
		}
		if (char_unreserved((char)byte)) {
			out[n++] = (char)byte;
		} else {
			out[n++] = '%';
			out[n++] = ascii_upper(s.p[i + 1]);
			out[n++] = ascii_upper(s.p[i + 2]);
		}
		i += 2;
	}
	return n;
}

/* RFC 3986, section 5.2.4, for a path that begins with '/': segment after segment, ".." takes back the last.
 */
static size_t dots_remove(char *out, struct str s)
{
	size_t at = 0, n = 0;

	while (at < s.n) {
		struct str rest = str_sub(s, at + 1, s.n), segment;
		ptrdiff_t slash = str_find(rest, '/');
		bool last = slash < 0;

		segment = last ? rest : str_sub(rest, 0, (size_t)slash);
		at += 1 + segment.n;
		if (str_eq(segment, STR(".")) || str_eq(segment, STR(".."))) {
			if (segment.n == 2)
				while (n > 0 && out[--n] != '/')
					;
			if (last)
				out[n++] = '/';
			continue;
		}
		out[n++] = '/';
		memmove(out + n, segment.p, segment.n);
		n += segment.n;
	}
	return n;
}

int target_join(struct arena *a, struct str path, struct str query, bool has_query, struct target *out)
{
	struct str uri = arena_concat(a, (struct str[]){path, has_query ? STR("?") : STR(""), query}, 3);

	if (!uri.p)
		return -ERR_NOMEM;
	*out = (struct target){
	    .uri = uri,
	    .path = str_sub(uri, 0, path.n),
	    .query = str_sub(uri, path.n + has_query, uri.n),
	    .has_query = has_query,
	};
	return 0;
}

/* Whether a path surely is as every mode wants it: nothing encoded, no backslash, and neither '/' nor '.'
 * behind a
 * '/'. Most paths are. */
static bool path_is_normal(struct str path)
{
	size_t i;

	for (i = 0; i < path.n; i++) {
		char c = path.p[i];

		if (c == '%' || c == '\\' || ((c == '/' || c == '.') && i > 0 && path.p[i - 1] == '/'))
			return false;
	}
	return true;
}

int target_normalize(struct arena *a, const struct target *from, enum normalize mode, struct target *to)
{
	struct str path = from->path;
	char *p;

	*to = *from;
	if (mode == NORMALIZE_OFF || path.n == 0 || path.p[0] != '/' || path_is_normal(path))
		return 0;
	if (!(p = arena_alloc(a, path.n)))
		return -ERR_NOMEM;
	if (mode == NORMALIZE_CLOUDFLARE)
		path = (struct str){p, slashes_merge(p, path)};
	path = (struct str){p, percents_normalize(p, path)};
	if (path.p[0] == '/')
		path = (struct str){p, dots_remove(p, path)};
	if (str_eq(path, from->path))
		return 0;
	return target_join(a, path, from->query, from->has_query, to);
}

bool path_valid(struct str path)
{
	size_t i;

	for (i = 0; i < path.n; i++) {
		char c = path.p[i];

		if (c == '%' && percent_byte(str_sub(path, i, path.n)) >= 0)
			continue;
		if (!char_unreserved(c) && (!c || !strchr("!$&'()*+,;=:@/", c)))
			return false;
	}
	return path.n && path.p[0] == '/';
}

bool query_valid(struct str query)
{
	size_t i;

	for (i = 0; i < query.n; i++)
		if (!char_target(query.p[i]))
			return false;
	return true;
}

struct str path_extension(struct arena *a, struct str path)
{
	struct str segment = str_sub(path, (size_t)(str_rfind(path, '/') + 1), path.n);
	ptrdiff_t dot = str_rfind(segment, '.');

	return arena_lower(a, dot > 0 ? str_sub(segment, (size_t)dot + 1, segment.n) : STR(""));
}
