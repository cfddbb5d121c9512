/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bump memory: many small pieces, one end. What an arena handed out stays where it is until arena_reset or
 * arena_fini; there is no free of a single piece. An arena belongs to one thread at a time. Under
 * AddressSanitizer memory that was not handed out is poisoned.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include "base/str.h"

struct arena_block;

struct arena {
	struct arena_block *head; /* newest block; owns the chain */
	char *at, *end;           /* free space of head */
	size_t used;              /* bytes of all blocks */
	size_t cap;               /* 0: no cap; else an allocation that would pass it fails */
};

#define ARENA_INIT { NULL, NULL, NULL, 0, 0 }

void arena_init(struct arena *a, size_t cap);
void arena_reset(struct arena *a); /* everything handed out is gone; keeps one block for reuse */
void arena_adopt(struct arena *a, struct arena *from); /* what from handed out now lives as long as a's; from is empty */
void arena_fini(struct arena *a);  /* frees all; the arena may be used again afterwards */

/* For an arena of which nothing was taken yet: room for about n bytes, in one block of just that size. Without memory
 * nothing happens: what is asked for later fails, or does not. */
void arena_expect(struct arena *a, size_t n);

/* n bytes, aligned for any object, contents undefined; NULL when memory or the cap is out. n may be 0. */
void *arena_alloc(struct arena *a, size_t n);
void *arena_zalloc(struct arena *a, size_t n);              /* zero-filled */
void *arena_array(struct arena *a, size_t n, size_t size);  /* zero-filled, overflow-checked */
/* Grows p (from old to n bytes): in place if p was the last piece, else by copying. */
void *arena_grow(struct arena *a, void *p, size_t old, size_t n);

/* Copies; out.p == NULL when out of memory (also for an empty s it is not NULL). The copy is NUL-terminated too. */
struct str arena_str(struct arena *a, struct str s);
struct str arena_lower(struct arena *a, struct str s);
struct str arena_concat(struct arena *a, const struct str *parts, size_t n);
struct str arena_decimal(struct arena *a, int64_t n); /* as printf's %lld, in a twentieth of the time */
struct str arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#define ARENA_NEW(a, type) ((type *)arena_zalloc((a), sizeof(type)))

#endif
