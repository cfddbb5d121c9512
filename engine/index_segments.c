/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Ranges of numbers and addresses, all rules' at once: the line is cut where any range begins or ends, and
 * each piece knows who covers it. Neighbours that are covered alike are one piece; equal covers are stored
 * once.
 */
#include "engine/index_parts.h"

#include <stdlib.h>

void spans_add(struct spans *s, const struct span_entry *e)
{
	if (s->n == s->size) {
		size_t size = s->size ? 2 * s->size : 64;
		struct span_entry *v = reallocarray(s->v, size, sizeof(*v));

		if (v == NULL) {
			s->failed = true;
			return;
		}
		s->v = v;
		s->size = size;
	}
	s->v[s->n++] = *e;
}

struct edge { /* an id begins to cover, or ceases to */
	uint64_t high, low;
	uint32_t id;
	bool begin;
};

static int by_place(const void *x, const void *y)
{
	const struct edge *a = x, *b = y;

	if (a->high != b->high)
		return a->high < b->high ? -1 : 1;
	return (a->low > b->low) - (a->low < b->low);
}

struct cover {           /* ids that cover the place the sweep has come to, ascending */
	struct entry *v; /* with a count of ranges in key */
	size_t n, size;
};

static bool cover_change(struct cover *c, uint32_t id, bool begin)
{
	size_t low = 0, high = c->n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (c->v[mid].id < id)
			low = mid + 1;
		else
			high = mid;
	}
	if (low < c->n && c->v[low].id == id) {
		c->v[low].key += begin ? 1 : (uint64_t)-1;
		if (c->v[low].key == 0) {
			memmove(&c->v[low], &c->v[low + 1], (c->n - low - 1) * sizeof(*c->v));
			c->n--;
		}
		return true;
	}
	if (c->n == c->size) {
		size_t size = c->size ? 2 * c->size : 64;
		struct entry *v = reallocarray(c->v, size, sizeof(*v));

		if (v == NULL)
			return false;
		c->v = v;
		c->size = size;
	}
	memmove(&c->v[low + 1], &c->v[low], (c->n - low) * sizeof(*c->v));
	c->v[low] = (struct entry){1, id};
	c->n++;
	return true;
}

struct covers { /* covers stored so far, by hash */
	struct {
		uint64_t hash;
		posting_t posting;
	} * v;
	size_t size, n;
};

static posting_t cover_posting(struct covers *s, const struct cover *c, struct ids *ids)
{
	uint64_t hash = c->n;

	if (c->n == 0)
		return 0;
	if (c->n == 1)
		return 2 * (c->v[0].id + 1);
	for (size_t i = 0; i < c->n; i++)
		hash = key_end(hash ^ c->v[i].id);
	if (2 * (s->n + 1) > s->size) {
		size_t size = s->size ? 2 * s->size : 256;
		struct covers old = *s;

		if ((s->v = calloc(size, sizeof(*s->v))) == NULL) {
			*s = old;
			return 0;
		}
		s->size = size;
		for (size_t i = 0; i < old.size; i++) {
			uint64_t at = old.v[i].hash & (size - 1);

			if (old.v[i].posting == 0)
				continue;
			while (s->v[at].posting != 0)
				at = (at + 1) & (size - 1);
			s->v[at].hash = old.v[i].hash;
			s->v[at].posting = old.v[i].posting;
		}
		free(old.v);
	}
	uint64_t at = hash & (s->size - 1);

	for (; s->v[at].posting != 0; at = (at + 1) & (s->size - 1)) {
		const uint32_t *have = &ids->v[s->v[at].posting / 2];
		size_t same = 0;

		if (s->v[at].hash != hash || have[0] != c->n)
			continue;
		while (same < c->n && have[same + 1] == c->v[same].id)
			same++;
		if (same == c->n)
			return s->v[at].posting;
	}
	s->v[at].hash = hash;
	s->v[at].posting = posting_seal(ids, c->v, c->n);
	s->n++;
	return s->v[at].posting;
}

static struct edge *edges_of(const struct spans *from, bool wide_keys, size_t *n)
{
	struct edge *e = calloc(2 * from->n + 1, sizeof(*e));

	*n = 0;
	for (size_t i = 0; e != NULL && i < from->n; i++) {
		const struct span_entry *s = &from->v[i];
		uint64_t high = s->high_to + (s->to == UINT64_MAX);

		e[(*n)++] = (struct edge){s->high_from, s->from, s->id, true};
		if (s->to != UINT64_MAX || (wide_keys && s->high_to != UINT64_MAX)) /* else it never ends */
			e[(*n)++] = (struct edge){high, s->to + 1, s->id, false};
	}
	if (e != NULL)
		qsort(e, *n, sizeof(*e), by_place);
	return e;
}

static void top_build(struct segments *t, struct arena *a)
{
	uint64_t last = t->v[t->n - 1].key;

	t->top = 0;
	while (last >> t->top > 65535)
		t->top++;
	if (t->n < 256 || (t->first = arena_array(a, 65538, sizeof(*t->first))) == NULL) {
		t->first = NULL;
		return;
	}
	for (uint32_t slot = 0, at = 0; slot <= 65536; slot++) {
		while (at < t->n && t->v[at].key >> t->top < slot)
			at++;
		t->first[slot] = at;
	}
	t->first[65537] = (uint32_t)t->n;
}

bool segments_seal(struct segments *t, struct spans *from, bool wide_keys, struct arena *a, struct ids *ids)
{
	struct cover cover = {NULL, 0, 0};
	struct covers covers = {NULL, 0, 0};
	size_t n, end;
	struct edge *e = edges_of(from, wide_keys, &n);
	bool good = e != NULL && !from->failed;

	t->v = good ? arena_array(a, n + 1, sizeof(*t->v)) : NULL;
	t->low = good && wide_keys ? arena_array(a, n + 1, sizeof(*t->low)) : NULL;
	good = good && t->v != NULL && (t->low != NULL || !wide_keys);
	for (size_t i = 0; good && i < n; i = end) {
		posting_t posting;

		for (end = i; end < n && by_place(&e[i], &e[end]) == 0 && good; end++)
			good = cover_change(&cover, e[end].id, e[end].begin);
		posting = cover_posting(&covers, &cover, ids);
		good = good && (posting != 0 || cover.n == 0);
		if (t->n > 0 && t->v[t->n - 1].posting == posting)
			continue;
		if (wide_keys)
			t->low[t->n] = e[i].low;
		t->v[t->n++] = (struct segment){wide_keys ? e[i].high : e[i].low, posting};
	}
	if (good && t->n > 0)
		top_build(t, a);
	free(e);
	free(cover.v);
	free(covers.v);
	return good;
}

posting_t segments_get(const struct segments *t, uint64_t high, uint64_t low)
{
	uint64_t x = t->low != NULL ? high : low, slot;
	size_t from = 0, to = t->n;

	if (t->first != NULL) {
		slot = x >> t->top;
		if (slot > 65535)
			slot = 65536;
		from = t->first[slot] > 0 ? t->first[slot] - 1 : 0;
		to = t->first[slot + 1];
	}
	while (from < to) { /* the first segment that begins after x */
		size_t mid = from + (to - from) / 2;

		if (t->v[mid].key > x || (t->low != NULL && t->v[mid].key == x && t->low[mid] > low))
			to = mid;
		else
			from = mid + 1;
	}
	return from > 0 ? t->v[from - 1].posting : 0;
}
