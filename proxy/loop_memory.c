/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The table of a loop is the one thing that libuv calls realloc for where the loop's life depends on it. When that
 * fails, a slice of what was set aside takes its place; a slice is as long as the table can get.
 */
#include "proxy/loop_memory.h"

#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <uv.h>

static char *room; /* slices, one after the other; NULL: there is none */
static size_t slice, slices;
static _Atomic size_t taken;

static bool is_ours(const void *p)
{
	return room != NULL && (uintptr_t)p - (uintptr_t)room < slice * slices;
}

static void *take(void *old, size_t n)
{
	size_t i = n <= slice ? atomic_fetch_add(&taken, 1) : slices, have;

	if (i >= slices)
		return NULL;
	have = old != NULL ? malloc_usable_size(old) : 0;
	if (old != NULL)
		memcpy(room + i * slice, old, have < n ? have : n);
	free(old);
	return room + i * slice;
}

static void *loop_realloc(void *p, size_t n)
{
	void *q;

	if (is_ours(p))
		return n <= slice ? p : NULL;
	q = realloc(p, n);
	return q != NULL || n == 0 ? q : take(p, n);
}

static void loop_free(void *p)
{
	if (!is_ours(p))
		free(p);
}

void loop_memory_init(size_t files, size_t loops)
{
	size_t n = 64;

	while (n < files + 2) /* libuv's tables are powers of two long */
		n *= 2;
	slice = n * sizeof(void *);
	slices = loops;
	room = mmap(NULL, slice * slices, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (room == MAP_FAILED)
		room = NULL;
	uv_replace_allocator(malloc, loop_realloc, calloc, loop_free);
}
