/* SPDX-License-Identifier: Apache-2.0 */
/* The ordered list of field lines. Messages have tens of lines, so every look-up simply walks them. */
#include "headers/lines.h"

enum { FIRST_LINES = 16 };

void lines_init(struct lines *l, struct arena *a)
{
	*l = (struct lines){a, NULL, 0, 0};
}

static bool lines_room(struct lines *l, size_t n)
{
	size_t cap = l->cap ? l->cap : FIRST_LINES;
	struct line *v;

	if (l->cap - l->n >= n)
		return true;
	while (cap - l->n < n)
		cap *= 2;
	v = arena_grow(l->arena, l->v, l->cap * sizeof(*v), cap * sizeof(*v));
	if (!v)
		return false;
	l->v = v;
	l->cap = cap;
	return true;
}

bool lines_add(struct lines *l, struct str name, struct str value)
{
	if (!lines_room(l, 1))
		return false;
	l->v[l->n++] = (struct line){name, value};
	return true;
}

bool lines_append(struct lines *to, const struct lines *from)
{
	if (from->n == 0)
		return true;
	if (!lines_room(to, from->n))
		return false;
	memcpy(to->v + to->n, from->v, from->n * sizeof(*from->v));
	to->n += from->n;
	return true;
}

static const struct line *find(const struct lines *l, size_t from, struct str name)
{
	size_t i;

	for (i = from; i < l->n; i++)
		if (str_eq_nocase(l->v[i].name, name))
			return &l->v[i];
	return NULL;
}

const struct line *lines_get(const struct lines *l, struct str name)
{
	return find(l, 0, name);
}

const struct line *lines_next(const struct lines *l, const struct line *after, struct str name)
{
	return find(l, after ? (size_t)(after - l->v) + 1 : 0, name);
}

size_t lines_count(const struct lines *l, struct str name)
{
	const struct line *at = NULL;
	size_t n = 0;

	while ((at = lines_next(l, at, name)))
		n++;
	return n;
}

size_t lines_remove_if(struct lines *l, bool (*unwanted)(const struct line *line, const void *arg),
                       const void *arg)
{
	size_t i, kept = 0, removed;

	for (i = 0; i < l->n; i++)
		if (!unwanted(&l->v[i], arg))
			l->v[kept++] = l->v[i];
	removed = l->n - kept;
	l->n = kept;
	return removed;
}

static bool is_named(const struct line *line, const void *name)
{
	return str_eq_nocase(line->name, *(const struct str *)name);
}

static bool is_twin(const struct line *line, const void *name)
{
	return name_twin(line->name, *(const struct str *)name);
}

static bool is_other_spelling(const struct line *line, const void *name)
{
	return is_twin(line, name) && !is_named(line, name);
}

size_t lines_remove(struct lines *l, struct str name)
{
	return lines_remove_if(l, is_named, &name);
}

size_t lines_remove_twins(struct lines *l, struct str name)
{
	return lines_remove_if(l, is_twin, &name);
}

size_t lines_remove_other_spellings(struct lines *l, struct str name)
{
	return lines_remove_if(l, is_other_spelling, &name);
}

bool lines_set(struct lines *l, struct str name, struct str value)
{
	size_t i, kept;

	for (i = 0; i < l->n; i++)
		if (str_eq_nocase(l->v[i].name, name))
			break;
	if (i == l->n)
		return lines_add(l, name, value);
	l->v[i] = (struct line){name, value};
	for (kept = ++i; i < l->n; i++)
		if (!str_eq_nocase(l->v[i].name, name))
			l->v[kept++] = l->v[i];
	l->n = kept;
	return true;
}

bool lines_copy(struct lines *to, const struct lines *from)
{
	to->n = 0;
	return lines_append(to, from);
}

static char fold_twin(char c)
{
	return ascii_alpha(c) || ascii_digit(c) ? ascii_lower(c) : '-';
}

bool name_twin(struct str a, struct str b)
{
	size_t i;

	if (a.n != b.n)
		return false;
	for (i = 0; i < a.n; i++)
		if (fold_twin(a.p[i]) != fold_twin(b.p[i]))
			return false;
	return true;
}

/* tchar: 1 for each byte that a token may hold. */
static const bool tokens[256] = {
    ['!'] = 1, ['#'] = 1, ['$'] = 1, ['%'] = 1,         ['&'] = 1,         ['\''] = 1,
    ['*'] = 1, ['+'] = 1, ['-'] = 1, ['.'] = 1,         ['^'] = 1,         ['_'] = 1,
    ['`'] = 1, ['|'] = 1, ['~'] = 1, ['0' ... '9'] = 1, ['A' ... 'Z'] = 1, ['a' ... 'z'] = 1,
};

bool char_token(char c)
{
	return tokens[(unsigned char)c];
}

bool name_valid(struct str name)
{
	size_t i;

	for (i = 0; i < name.n; i++)
		if (!tokens[(unsigned char)name.p[i]])
			return false;
	return name.n > 0;
}

bool value_valid(struct str value)
{
	return !str_has_control(value) && str_trim(value).n == value.n;
}

bool list_next(struct str *rest, struct str *element)
{
	while (rest->n) {
		bool quoted = false;
		size_t i;

		for (i = 0; i < rest->n && (quoted || rest->p[i] != ','); i++)
			if (rest->p[i] == '"')
				quoted = !quoted;
			else if (quoted && rest->p[i] == '\\' && i + 1 < rest->n)
				i++;
		*element = str_trim(str_sub(*rest, 0, i));
		*rest = str_sub(*rest, i + 1, rest->n);
		if (element->n)
			return true;
	}
	return false;
}

bool lines_list_has(const struct lines *l, struct str name, struct str token)
{
	const struct line *at = NULL;

	while ((at = lines_next(l, at, name))) {
		struct str rest = at->value, element;

		while (list_next(&rest, &element))
			if (str_eq_nocase(element, token))
				return true;
	}
	return false;
}
