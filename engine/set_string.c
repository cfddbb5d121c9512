/* SPDX-License-Identifier: Apache-2.0 */
/* Sets of strings and of host names: all bytes in one block, found by one hash. */
#include <stdlib.h>

#include "engine/set_internal.h"
#include "headers/request.h"

enum { HOST_BYTES = 256 }; /* DNS stops at 253 */

static struct str entry_str(const struct text_set *t, const struct text_entry *e)
{
	return (struct str){t->bytes + e->at, e->n};
}

static uint64_t hash(struct str s, uint32_t suffix)
{
	return str_hash(s, 0x9E3779B97F4A7C15ull + suffix);
}

bool text_add(struct text_set *t, struct str item, bool suffix, bool fold)
{
	if (item.n > UINT32_MAX)
		return false;
	if (t->bytes == NULL || t->used + item.n > t->size) {
		size_t size = (t->size + item.n) * 2 + 64;
		char *bytes = realloc(t->bytes, size);

		if (bytes == NULL)
			return false;
		t->bytes = bytes;
		t->size = size;
	}
	if (t->n == t->cap) {
		size_t cap = t->cap ? 2 * t->cap : 8;
		struct text_entry *v = realloc(t->v, cap * sizeof(*v));

		if (v == NULL)
			return false;
		t->v = v;
		t->cap = cap;
	}
	for (size_t i = 0; i < item.n; i++)
		t->bytes[t->used + i] = fold ? ascii_lower(item.p[i]) : item.p[i];
	t->v[t->n++] = (struct text_entry){t->used, (uint32_t)item.n, suffix};
	t->used += item.n;
	t->suffixes |= suffix;
	return true;
}

/* The slot where s is, or the free one where it would go. */
static size_t slot_of(const struct text_set *t, struct str s, uint32_t suffix)
{
	size_t i = hash(s, suffix) & t->mask;

	for (; t->slot[i] != 0; i = (i + 1) & t->mask) {
		const struct text_entry *e = &t->v[t->slot[i] - 1];

		if (e->suffix == suffix && str_eq(entry_str(t, e), s))
			break;
	}
	return i;
}

bool text_seal(struct text_set *t)
{
	size_t size = 8, n = 0;
	void *tight;

	if (t->n >= UINT32_MAX)
		return false;
	while (size < t->n + t->n / 2)
		size *= 2;
	t->mask = size - 1;
	if ((t->slot = calloc(size, sizeof(*t->slot))) == NULL)
		return false;
	for (size_t i = 0; i < t->n; i++) {
		size_t at = slot_of(t, entry_str(t, &t->v[i]), t->v[i].suffix);

		if (t->slot[at] != 0)
			continue; /* given twice */
		t->v[n] = t->v[i];
		t->slot[at] = (uint32_t)++n;
	}
	t->n = n;
	if (t->used > 0 && (tight = realloc(t->bytes, t->used)) != NULL)
		t->bytes = tight;
	if (t->n > 0 && (tight = realloc(t->v, t->n * sizeof(*t->v))) != NULL)
		t->v = tight;
	return true;
}

bool text_has(const struct text_set *t, struct str s)
{
	return t->slot[slot_of(t, s, 0)] != 0;
}

bool text_has_host(const struct text_set *t, struct str host)
{
	char lower[HOST_BYTES];
	struct str s = {lower, host.n};

	if (host.n > sizeof(lower))
		return false;
	for (size_t i = 0; i < host.n; i++)
		lower[i] = ascii_lower(host.p[i]);
	if (text_has(t, s))
		return true;
	for (size_t i = 0; t->suffixes && i + 1 < s.n; i++)
		if (i > 0 && lower[i] == '.' && t->slot[slot_of(t, str_sub(s, i + 1, s.n), 1)] != 0)
			return true;
	return false;
}

void text_fini(struct text_set *t)
{
	free(t->bytes);
	free(t->v);
	free(t->slot);
}

bool host_item_valid(struct str s)
{
	bool suffix = str_starts(s, STR("*."));
	struct authority parts;

	if (suffix)
		s = str_sub(s, 2, s.n);
	/* no port, no final dot: http.host has neither; and no empty label */
	return authority_split(s, &parts) && parts.host.n == s.n && memmem(s.p, s.n, "..", 2) == NULL &&
	       s.p[0] != '.' && (!suffix || s.p[0] != '[');
}
