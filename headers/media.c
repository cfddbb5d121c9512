/* SPDX-License-Identifier: Apache-2.0 */
/* Media types, parameters and language lists. Sniffing is sniff.c's. */
#include "headers/media.h"
#include "base/err.h"

struct str media_type(struct arena *a, struct str content_type)
{
	ptrdiff_t end = str_find(content_type, ';');

	return arena_lower(a, str_trim(str_sub(content_type, 0, end < 0 ? content_type.n : (size_t)end)));
}

/* The length of the quoted string that s begins with, quotes included; all of s if it is not closed. */
static size_t quoted_length(struct str s)
{
	size_t i;

	for (i = 1; i < s.n && s.p[i] != '"'; i++)
		if (s.p[i] == '\\')
			i++;
	return i < s.n ? i + 1 : s.n;
}

static struct str unquote(struct arena *a, struct str s)
{
	struct str inner = str_sub(s, 1, s.n > 1 && s.p[s.n - 1] == '"' ? s.n - 1 : s.n);
	size_t i, n = 0;
	char *p;

	if (!(p = arena_alloc(a, inner.n)))
		return STR_NONE;
	for (i = 0; i < inner.n; i++) {
		if (inner.p[i] == '\\' && i + 1 < inner.n)
			i++;
		p[n++] = inner.p[i];
	}
	return (struct str){p, n};
}

/* The next ";name=value" of *rest, which stands behind a name, a value or a type. */
static bool param_next(struct str *rest, struct str *name, struct str *value)
{
	ptrdiff_t semicolon = str_find(*rest, ';');
	size_t i;

	if (semicolon < 0)
		return false;
	*rest = str_trim(str_sub(*rest, (size_t)semicolon + 1, rest->n));
	for (i = 0; i < rest->n && rest->p[i] != '=' && rest->p[i] != ';'; i++)
		;
	*name = str_trim(str_sub(*rest, 0, i));
	*value = STR("");
	if (i == rest->n || rest->p[i] == ';') {
		*rest = str_sub(*rest, i, rest->n);
		return true;
	}
	*rest = str_trim(str_sub(*rest, i + 1, rest->n));
	if (rest->n && rest->p[0] == '"') {
		i = quoted_length(*rest);
	} else {
		for (i = 0; i < rest->n && rest->p[i] != ';'; i++)
			;
	}
	*value = str_trim(str_sub(*rest, 0, i));
	*rest = str_sub(*rest, i, rest->n);
	return true;
}

bool param_get(struct arena *a, struct str value, struct str name, struct str *out)
{
	struct str key, found;

	while (param_next(&value, &key, &found)) {
		if (!str_eq_nocase(key, name))
			continue;
		*out = found.n && found.p[0] == '"' ? unquote(a, found) : found;
		return true;
	}
	return false;
}

/* A weight (RFC 9110, section 12.4.2) in thousandths; what is no weight counts as none given: 1000. */
static unsigned weight_read(struct str q)
{
	uint64_t v;

	if (q.n == 0 || (q.p[0] != '0' && q.p[0] != '1') || q.n > 5 || (q.n > 1 && q.p[1] != '.'))
		return 1000;
	if (q.p[0] == '1' || q.n < 3)
		return q.p[0] == '1' ? 1000 : 0;
	if (!str_uint(str_sub(q, 2, q.n), 999, &v))
		return 1000;
	return (unsigned)v * (q.n == 3 ? 100 : q.n == 4 ? 10 : 1);
}

struct language {
	struct str tag;
	unsigned weight;
};

static struct language language_read(struct str element)
{
	struct language l = {element, 1000};
	ptrdiff_t end = str_find(element, ';');
	struct str name, value;

	if (end >= 0)
		l.tag = str_trim(str_sub(element, 0, (size_t)end));
	while (param_next(&element, &name, &value))
		if (str_eq_nocase(name, STR("q")))
			l.weight = weight_read(value);
	return l;
}

/* Puts l where it belongs among the n before it: behind those of the same weight. */
static void language_insert(struct language *v, size_t n, struct language l)
{
	while (n > 0 && v[n - 1].weight < l.weight) {
		v[n] = v[n - 1];
		n--;
	}
	v[n] = l;
}

/* More are not looked at: inserting is quadratic, and nobody speaks so many. */
enum { LANGUAGES_MAX = 64 };

int languages_parse(struct arena *a, const struct lines *l, struct str **out, size_t *n)
{
	struct language v[LANGUAGES_MAX];
	const struct line *at = NULL;
	size_t i;

	*n = 0;
	while ((at = lines_next(l, at, STR("accept-language")))) {
		struct str rest = at->value, element;

		while (*n < LANGUAGES_MAX && list_next(&rest, &element)) {
			struct language language = language_read(element);

			if (language.tag.n && !str_eq(language.tag, STR("*")) && language.weight)
				language_insert(v, (*n)++, language);
		}
	}
	if (!(*out = arena_array(a, *n, sizeof(**out))))
		return -ERR_NOMEM;
	for (i = 0; i < *n; i++)
		(*out)[i] = v[i].tag;
	return 0;
}
