/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counts allocations that fail. The linker leads usher's own calls, and those of the libraries that are linked into it,
 * through here (--wrap in the Makefile).
 */
#include "base/memory.h"

#include <stddef.h>

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static _Thread_local unsigned failures;

unsigned memory_failures(void)
{
	return failures;
}

static inline void *counted(void *p)
{
	if (p == NULL)
		failures++;
	return p;
}

void *__wrap_malloc(size_t n)
{
	return counted(__real_malloc(n));
}

void *__wrap_calloc(size_t n, size_t size)
{
	return counted(__real_calloc(n, size));
}

void *__wrap_realloc(void *p, size_t n)
{
	return counted(__real_realloc(p, n));
}
