/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Multipart bodies. A delimiter is "--" and the boundary at the start of a line; the line break before it
 * belongs to it. Lines end in CR LF; a bare LF ends one too, since many origins take it so and rules must not
 * see less than they.
 */
#include "headers/multipart.h"
#include "base/err.h"
#include "base/limits.h"
#include "headers/media.h"

enum { BOUNDARY_MAX = 70, FIRST_PARTS = 8, PART_LINES_MAX = 64 };

/* The line at the front of *rest without its end, taken off; false at the end. */
static bool row_next(struct str *rest, struct str *row)
{
	ptrdiff_t end = str_find(*rest, '\n');

	if (rest->n == 0)
		return false;
	*row = str_sub(*rest, 0, end < 0 ? rest->n : (size_t)end);
	*rest = str_sub(*rest, row->n + 1, rest->n);
	if (end >= 0 && str_ends(*row, STR("\r")))
		row->n--;
	return true;
}

enum row_kind { ROW_OTHER, ROW_DELIMITER, ROW_CLOSE };

static enum row_kind row_kind(struct str row, struct str boundary)
{
	struct str tail;

	if (!str_starts(row, STR("--")) || !str_starts(str_sub(row, 2, row.n), boundary))
		return ROW_OTHER;
	tail = str_sub(row, 2 + boundary.n, row.n);
	if (str_trim(tail).n == 0)
		return ROW_DELIMITER;
	return str_starts(tail, STR("--")) && str_trim(str_sub(tail, 2, tail.n)).n == 0 ? ROW_CLOSE
	                                                                                : ROW_OTHER;
}

/* Header lines up to the empty one; a folded line belongs to the one before, which lies right before it. */
static bool head_read(struct str *rest, struct lines *l)
{
	struct str row;

	while (row_next(rest, &row) && row.n) {
		ptrdiff_t colon = str_find(row, ':');

		if ((row.p[0] == ' ' || row.p[0] == '\t') && l->n) {
			struct line *last = &l->v[l->n - 1];

			last->value = str_trim(str_range(last->value.p, row.p + row.n));
			continue;
		}
		if (colon <= 0 || !name_valid(str_sub(row, 0, (size_t)colon)) || l->n == PART_LINES_MAX)
			continue;
		if (!lines_add(l, str_sub(row, 0, (size_t)colon),
		               str_trim(str_sub(row, (size_t)colon + 1, row.n))))
			return false;
	}
	return true;
}

/* Everything up to the next delimiter, which is taken off too; tells its kind, ROW_OTHER if the body ended.
 */
static enum row_kind body_read(struct str *rest, struct str boundary, struct str *body)
{
	const char *start = rest->p, *end = rest->p;
	enum row_kind kind = ROW_OTHER;
	struct str row;

	while (row_next(rest, &row)) {
		if ((kind = row_kind(row, boundary)) != ROW_OTHER) {
			end = row.p;
			break;
		}
		end = row.p + row.n;
		if (rest->n == 0)
			end = rest->p;
	}
	if (kind != ROW_OTHER && end > start && end[-1] == '\n')
		end--;
	if (kind != ROW_OTHER && end > start && end[-1] == '\r')
		end--;
	*body = str_range(start, end);
	return kind;
}

static bool boundary_read(struct arena *a, struct str content_type, struct str *boundary)
{
	size_t i;

	if (!str_eq_nocase(str_sub(content_type, 0, 10), STR("multipart/")) ||
	    !param_get(a, content_type, STR("boundary"), boundary))
		return false;
	for (i = 0; i < boundary->n && boundary->p; i++)
		if ((unsigned char)boundary->p[i] < 0x20 || boundary->p[i] == 0x7f)
			return false;
	return boundary->n > 0 && boundary->n <= BOUNDARY_MAX;
}

static struct part *part_new(struct arena *a, struct part **v, size_t *n, size_t *room)
{
	if (*n == *room) {
		size_t more = *room ? *room * 2 : FIRST_PARTS;
		struct part *grown = arena_grow(a, *v, *room * sizeof(**v), more * sizeof(**v));

		if (!grown)
			return NULL;
		*v = grown;
		*room = more;
	}
	(*v)[*n] = (struct part){.body = STR("")};
	lines_init(&(*v)[*n].lines, a);
	return &(*v)[(*n)++];
}

int multipart_parse(struct arena *a, struct str content_type, struct str body, struct part **v, size_t *n)
{
	struct str boundary = STR(""), preamble;
	enum row_kind kind;
	size_t room = 0;

	*v = NULL;
	*n = 0;
	if (!boundary_read(a, content_type, &boundary))
		return -ERR_INVALID;
	if (!boundary.p)
		return -ERR_NOMEM;
	if (body.n == 0)
		return 0;
	kind = body_read(&body, boundary, &preamble);
	while (kind == ROW_DELIMITER) {
		struct part *part;

		if (*n == LIMIT_PARTS)
			return -ERR_LIMIT;
		if (!(part = part_new(a, v, n, &room)) || !head_read(&body, &part->lines))
			return -ERR_NOMEM;
		kind = body_read(&body, boundary, &part->body);
	}
	return 0;
}
