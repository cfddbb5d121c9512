/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bump memory in a chain of blocks; the newest is the one that is filled. A piece that does not fit opens a
 * new block, at least as large as the piece. Between two pieces lies a poisoned gap when AddressSanitizer
 * looks on.
 */
#include <stdalign.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#define POISON(p, n) ASAN_POISON_MEMORY_REGION((p), (n))
#define UNPOISON(p, n) ASAN_UNPOISON_MEMORY_REGION((p), (n))
enum { GAP = 16 };
#else
#define POISON(p, n) ((void)(p), (void)(n))
#define UNPOISON(p, n) ((void)(p), (void)(n))
enum { GAP = 0 };
#endif

enum { ALIGN = alignof(max_align_t), FIRST_BLOCK = 4096, LARGEST_BLOCK = 65536 };

struct arena_block {
	struct arena_block *next; /* older */
	size_t size;              /* bytes of data */
	max_align_t data[];
};

static char *block_data(struct arena_block *b)
{
	return (char *)b->data;
}

void arena_init(struct arena *a, size_t cap)
{
	*a = (struct arena)ARENA_INIT;
	a->cap = cap;
}

static void block_free(struct arena_block *b)
{
	UNPOISON(b->data, b->size);
	free(b);
}

/* Keeps the newest block of ordinary size: what needed it once may need it again. */
void arena_reset(struct arena *a)
{
	struct arena_block *b = NULL, *next;

	for (next = a->head; next;) {
		struct arena_block *block = next;

		next = block->next;
		if (!b && block->size <= LARGEST_BLOCK)
			b = block;
		else
			block_free(block);
	}
	if (b)
		b->next = NULL;
	a->head = b;
	a->used = b ? b->size : 0;
	a->at = b ? block_data(b) : NULL;
	a->end = b ? a->at + b->size : NULL;
	if (b)
		POISON(b->data, b->size);
}

void arena_fini(struct arena *a)
{
	struct arena_block *b = a->head;

	while (b) {
		struct arena_block *older = b->next;

		block_free(b);
		b = older;
	}
	arena_init(a, a->cap);
}

void arena_adopt(struct arena *a, struct arena *from)
{
	struct arena_block **end = &from->head;

	if (!a->head) {
		size_t cap = a->cap;

		*a = *from;
		a->cap = cap;
	} else if (from->head) {
		while (*end)
			end = &(*end)->next;
		*end = a->head->next;
		a->head->next = from->head;
		a->used += from->used;
	}
	arena_init(from, from->cap);
}

static bool block_open(struct arena *a, size_t need, size_t size)
{
	struct arena_block *b;

	if (size > LARGEST_BLOCK)
		size = LARGEST_BLOCK;
	if (size < need)
		size = need;
	if (a->cap && (need > a->cap || a->used > a->cap - need))
		return false;
	if (a->cap && size > a->cap - a->used)
		size = need;
	if (size > SIZE_MAX - sizeof(*b) || !(b = malloc(sizeof(*b) + size)))
		return false;
	b->next = a->head;
	b->size = size;
	a->head = b;
	a->used += size;
	a->at = block_data(b);
	a->end = a->at + size;
	POISON(b->data, size);
	return true;
}

void arena_expect(struct arena *a, size_t n)
{
	if (!a->head && n <= LARGEST_BLOCK)
		block_open(a, (n + ALIGN - 1) / ALIGN * ALIGN, 0);
}

void *arena_alloc(struct arena *a, size_t n)
{
	size_t need;
	char *p;

	if (n > SIZE_MAX / 2)
		return NULL;
	need = (n + GAP + ALIGN - 1) / ALIGN * ALIGN;
	if (need == 0)
		need = ALIGN;
	if ((size_t)(a->end - a->at) < need && !block_open(a, need, a->head ? a->head->size * 2 : FIRST_BLOCK))
		return NULL;
	p = a->at;
	a->at += need;
	UNPOISON(p, n);
	return p;
}

void *arena_zalloc(struct arena *a, size_t n)
{
	void *p = arena_alloc(a, n);

	if (p)
		memset(p, 0, n);
	return p;
}

void *arena_array(struct arena *a, size_t n, size_t size)
{
	size_t all;

	if (__builtin_mul_overflow(n, size, &all))
		return NULL;
	return arena_zalloc(a, all);
}

void *arena_grow(struct arena *a, void *p, size_t old, size_t n)
{
	size_t had = (old + GAP + ALIGN - 1) / ALIGN * ALIGN;
	void *q;

	if (n <= old && p)
		return p;
	if (p && had && (char *)p + had == a->at && n <= SIZE_MAX / 2) {
		size_t need = (n + GAP + ALIGN - 1) / ALIGN * ALIGN;

		if (need <= (size_t)(a->end - (char *)p)) {
			a->at = (char *)p + need;
			UNPOISON(p, n);
			return p;
		}
	}
	q = arena_alloc(a, n);
	if (q && old)
		memcpy(q, p, old);
	return q;
}

struct str arena_str(struct arena *a, struct str s)
{
	return arena_concat(a, &s, 1);
}

struct str arena_lower(struct arena *a, struct str s)
{
	char *p = s.n < SIZE_MAX ? arena_alloc(a, s.n + 1) : NULL;
	size_t i;

	if (!p)
		return STR_NONE;
	for (i = 0; i < s.n; i++)
		p[i] = ascii_lower(s.p[i]);
	p[s.n] = '\0';
	return (struct str){p, s.n};
}

struct str arena_concat(struct arena *a, const struct str *parts, size_t n)
{
	size_t i, all = 1;
	char *p, *at;

	for (i = 0; i < n; i++)
		if (__builtin_add_overflow(all, parts[i].n, &all))
			return STR_NONE;
	if (!(p = at = arena_alloc(a, all)))
		return STR_NONE;
	for (i = 0; i < n; i++)
		if (parts[i].n)
			at = mempcpy(at, parts[i].p, parts[i].n);
	*at = '\0';
	return (struct str){p, all - 1};
}

struct str arena_decimal(struct arena *a, int64_t n)
{
	char digits[20], *p = digits + sizeof(digits);
	uint64_t u = n < 0 ? 0 - (uint64_t)n : (uint64_t)n;

	do
		*--p = (char)('0' + u % 10);
	while (u /= 10);
	if (n < 0)
		*--p = '-';
	return arena_str(a, str_range(p, digits + sizeof(digits)));
}

struct str arena_printf(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0 || !(p = arena_alloc(a, (size_t)n + 1)))
		return STR_NONE;
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return (struct str){p, (size_t)n};
}
