/* SPDX-License-Identifier: Apache-2.0 */
/* The reserve: blocks of three sizes, in pages that cost nothing until they are touched. */
#include "proxy/resolver_memory.h"

#include <malloc.h>
#include <pthread.h>
#include <stdalign.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum {
	SMALL = 512, SMALLS = 512,
	MIDDLE = 8192, MIDDLES = 64,
	LARGE = 262144, LARGES = 8, /* what is read from a socket */
};

static alignas(64) unsigned char small[SMALLS][SMALL], middle[MIDDLES][MIDDLE], large[LARGES][LARGE];
static bool small_used[SMALLS], middle_used[MIDDLES], large_used[LARGES];

static const struct reserve {
	unsigned char *blocks;
	bool *used;
	size_t size, count;
} reserves[] = {
    {&small[0][0], small_used, SMALL, SMALLS},
    {&middle[0][0], middle_used, MIDDLE, MIDDLES},
    {&large[0][0], large_used, LARGE, LARGES},
};

enum { RESERVES = sizeof(reserves) / sizeof(reserves[0]) };

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The reserve that p is of; NULL: it is malloc's. */
static const struct reserve *reserve_of(const void *p)
{
	for (size_t i = 0; i < RESERVES; i++) {
		uintptr_t from = (uintptr_t)reserves[i].blocks, at = (uintptr_t)p;

		if (at >= from && at < from + reserves[i].size * reserves[i].count)
			return &reserves[i];
	}
	return NULL;
}

static void *take(size_t n)
{
	void *p = NULL;

	pthread_mutex_lock(&lock);
	for (size_t i = 0; p == NULL && i < RESERVES; i++)
		for (size_t k = 0; p == NULL && n <= reserves[i].size && k < reserves[i].count; k++)
			if (!reserves[i].used[k]) {
				reserves[i].used[k] = true;
				p = reserves[i].blocks + k * reserves[i].size;
			}
	pthread_mutex_unlock(&lock);
	return p;
}

void *resolver_malloc(size_t n)
{
	void *p = malloc(n);

	return p != NULL ? p : take(n);
}

void resolver_mfree(void *p)
{
	const struct reserve *r = reserve_of(p);

	if (r == NULL) {
		free(p);
		return;
	}
	pthread_mutex_lock(&lock);
	r->used[(size_t)((unsigned char *)p - r->blocks) / r->size] = false;
	pthread_mutex_unlock(&lock);
}

static void *grow(void *p, size_t n)
{
	const struct reserve *r = reserve_of(p);
	size_t had = r != NULL ? r->size : malloc_usable_size(p);
	void *to;

	if (r != NULL && n <= had)
		return p;
	if (r == NULL && (to = realloc(p, n)) != NULL)
		return to;
	if ((to = r != NULL ? resolver_malloc(n) : take(n)) == NULL)
		return NULL;
	memcpy(to, p, had < n ? had : n);
	resolver_mfree(p);
	return to;
}

void *resolver_realloc(void *p, size_t n)
{
	if (p == NULL)
		return resolver_malloc(n);
	return grow(p, n);
}
