/* SPDX-License-Identifier: Apache-2.0 */
/* See record_pool.h. Slots are numbered; free numbers lie on a stack. A freed slot goes back to the system at
 * once: it held plain text, and comes again as zeros, as calloc promises. */
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <mbedtls/platform.h>

#include "base/limits.h"
#include "mtls/record_pool.h"

enum {
	PAGE = 4096,
	SLOT = 5 * PAGE, /* 16 KB of text, a header, and what protection adds */
	SMALLEST = 16384,
};

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
static const bool wanted = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
static const bool wanted = false;
#else
static const bool wanted = true;
#endif
#else
static const bool wanted = true;
#endif

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char *range, *range_end;
static uint32_t *free_slots; /* a stack; touched as far as it was ever filled */
static uint32_t nfree, next; /* next: the first slot that was never used */

static bool is_slot(const void *p)
{
	return (const char *)p >= range && (const char *)p < range_end;
}

static void *slot_new(void)
{
	char *p = NULL;

	pthread_mutex_lock(&lock);
	if (nfree > 0)
		p = range + (size_t)free_slots[--nfree] * SLOT;
	else if (next < LIMIT_RECORD_BUFFERS)
		p = range + (size_t)next++ * SLOT;
	pthread_mutex_unlock(&lock);
	return p;
}

static void slot_free(char *p)
{
	madvise(p, SLOT, MADV_DONTNEED);
	pthread_mutex_lock(&lock);
	free_slots[nfree++] = (uint32_t)((size_t)(p - range) / SLOT);
	pthread_mutex_unlock(&lock);
}

static void *pool_calloc(size_t n, size_t size)
{
	void *p = NULL;

	if (size != 0 && n <= SLOT / size && n * size >= SMALLEST)
		p = slot_new();
	return p ? p : calloc(n, size);
}

static void pool_free(void *p)
{
	if (is_slot(p))
		slot_free(p);
	else
		free(p);
}

void record_pool_trim(void *buffer)
{
	if (is_slot(buffer))
		madvise((char *)buffer + PAGE, SLOT - PAGE, MADV_DONTNEED);
}

void record_pool_drop(void *buffer)
{
	if (is_slot(buffer))
		madvise(buffer, SLOT, MADV_DONTNEED);
}

static void *reserve(size_t n)
{
	void *p = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	return p == MAP_FAILED ? NULL : p;
}

void record_pool_init(void)
{
	const size_t bytes = (size_t)LIMIT_RECORD_BUFFERS * SLOT;

	if (!wanted || range)
		return;
	free_slots = reserve(LIMIT_RECORD_BUFFERS * sizeof(*free_slots));
	range = free_slots ? reserve(bytes) : NULL;
	if (!range)
		return;
	range_end = range + bytes;
	madvise(range, bytes, MADV_DONTDUMP);
	madvise(range, bytes, MADV_NOHUGEPAGE);
	mbedtls_platform_set_calloc_free(pool_calloc, pool_free);
}
