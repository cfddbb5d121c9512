/* SPDX-License-Identifier: Apache-2.0 */
/* Splitting cookies and query arguments. */
#include "headers/pairs.h"
#include "base/err.h"

/* The piece up to the next separator, taken off the front of *rest; false at the end. */
static bool piece_next(struct str *rest, char separator, struct str *piece)
{
	ptrdiff_t end = str_find(*rest, separator);

	if (rest->n == 0)
		return false;
	*piece = str_sub(*rest, 0, end < 0 ? rest->n : (size_t)end);
	*rest = str_sub(*rest, piece->n + 1, rest->n);
	return true;
}

static void pair_split(struct str piece, struct str *name, struct str *value)
{
	ptrdiff_t equals = str_find(piece, '=');

	*name = equals < 0 ? piece : str_sub(piece, 0, (size_t)equals);
	*value = equals < 0 ? STR("") : str_sub(piece, (size_t)equals + 1, piece.n);
}

/* %XX decoded; anything else, a '%' without two digits too, stays. Without a '%' it is s itself. */
static struct str percents_decode(struct arena *a, struct str s)
{
	size_t i, n = 0;
	char *p;

	if (str_find(s, '%') < 0)
		return s.p ? s : STR("");
	if (!(p = arena_alloc(a, s.n)))
		return STR_NONE;
	for (i = 0; i < s.n; i++) {
		int high = i + 2 < s.n ? ascii_hex(s.p[i + 1]) : -1;
		int low = i + 2 < s.n ? ascii_hex(s.p[i + 2]) : -1;

		if (s.p[i] == '%' && high >= 0 && low >= 0) {
			p[n++] = (char)(high << 4 | low);
			i += 2;
		} else {
			p[n++] = s.p[i];
		}
	}
	return (struct str){p, n};
}

int cookies_parse(const struct lines *l, struct lines *out)
{
	const struct line *at = NULL;

	while ((at = lines_next(l, at, STR("cookie")))) {
		struct str rest = at->value, piece, name, value;

		while (piece_next(&rest, ';', &piece)) {
			piece = str_trim(piece);
			if (piece.n == 0)
				continue;
			pair_split(piece, &name, &value);
			name = percents_decode(out->arena, str_trim(name));
			if (!name.p || !lines_add(out, name, str_trim(value)))
				return -ERR_NOMEM;
		}
	}
	return 0;
}

int query_parse(struct str query, struct lines *out)
{
	struct str piece, name, value;

	while (piece_next(&query, '&', &piece)) {
		if (piece.n == 0)
			continue;
		pair_split(piece, &name, &value);
		if (!lines_add(out, name, value))
			return -ERR_NOMEM;
	}
	return 0;
}
