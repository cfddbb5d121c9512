/* SPDX-License-Identifier: Apache-2.0 */
/* Keys to postings. */
#include "engine/index_parts.h"

#include <stdlib.h>

void entries_add(struct entries *e, uint64_t key, uint32_t id)
{
	if (e->n == e->size) {
		size_t size = e->size ? 2 * e->size : 64;
		struct entry *v = reallocarray(e->v, size, sizeof(*v));

		if (v == NULL) {
			e->failed = true;
			return;
		}
		e->v = v;
		e->size = size;
	}
	e->v[e->n++] = (struct entry){key, id};
}

static int by_key(const void *x, const void *y)
{
	const struct entry *a = x, *b = y;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return (a->id > b->id) - (a->id < b->id);
}

void entries_sort(struct entries *e)
{
	size_t n = 0;

	if (e->n == 0)
		return;
	qsort(e->v, e->n, sizeof(*e->v), by_key);
	for (size_t i = 1; i < e->n; i++)
		if (e->v[i].key != e->v[n].key || e->v[i].id != e->v[n].id)
			e->v[++n] = e->v[i];
	e->n = n + 1;
}

posting_t posting_seal(struct ids *ids, const struct entry *e, size_t n)
{
	posting_t at = (posting_t)(ids->n * 2 + 1);

	if (n == 1)
		return 2 * (e->id + 1);
	if (ids->n + n + 1 > ids->size) {
		size_t size = ids->size ? 2 * ids->size : 256;
		uint32_t *v;

		while (size < ids->n + n + 1)
			size *= 2;
		if ((v = reallocarray(ids->v, size, sizeof(*v))) == NULL)
			return 0;
		ids->v = v;
		ids->size = size;
	}
	ids->v[ids->n++] = (uint32_t)n;
	for (size_t i = 0; i < n; i++)
		ids->v[ids->n++] = e[i].id;
	return at;
}

bool table_seal(struct table *t, struct entries *from, struct arena *a, struct ids *ids)
{
	size_t keys = 0, cells = 4, end;
	uint64_t at, mask, bit;

	if (from->failed)
		return false;
	entries_sort(from);
	for (size_t i = 0; i < from->n; i++)
		keys += i == 0 || from->v[i].key != from->v[i - 1].key;
	t->shift = 62;
	while (cells < 2 * keys) {
		cells *= 2;
		t->shift--;
	}
	t->n = (uint32_t)keys;
	t->filter_mask = 8 * cells - 1; /* 16 to 32 bits a key */
	t->cells = arena_array(a, cells, sizeof(*t->cells));
	t->filter = arena_array(a, t->filter_mask / 64 + 1, sizeof(*t->filter));
	if (t->cells == NULL || t->filter == NULL)
		return false;
	mask = cells - 1;
	for (size_t i = 0; i < from->n; i = end) {
		posting_t posting;

		for (end = i + 1; end < from->n && from->v[end].key == from->v[i].key; end++)
			continue;
		if ((posting = posting_seal(ids, &from->v[i], end - i)) == 0)
			return false;
		for (at = from->v[i].key >> t->shift; t->cells[at].posting != 0; at = (at + 1) & mask)
			continue;
		t->cells[at].key = from->v[i].key;
		bit = from->v[i].key & t->filter_mask;
		t->filter[bit / 64] |= (uint64_t)1 << bit % 64;
		t->cells[at].posting = posting;
	}
	return true;
}
