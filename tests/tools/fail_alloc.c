/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To be preloaded into usher: makes memory run out when a test says so. The file that FAIL_ALLOC names is a page of
 * ints shared with the test: [0] the allocation that fails first, counted from when [1] was set to 0 (0: none),
 * [1] allocations so far, [2] how many failed, [3] how many in a row fail.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);

static volatile int *page;

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("FAIL_ALLOC");
	int fd = path != NULL ? open(path, O_RDWR) : -1;

	if (fd < 0)
		return;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
}

static int fails(void)
{
	int n;

	if (page == NULL || page[0] <= 0)
		return 0;
	n = __atomic_add_fetch(&page[1], 1, __ATOMIC_SEQ_CST);
	if (n < page[0] || n - page[0] >= page[3])
		return 0;
	__atomic_add_fetch(&page[2], 1, __ATOMIC_SEQ_CST);
	errno = ENOMEM;
	return 1;
}

void *malloc(size_t n)
{
	return fails() ? NULL : __libc_malloc(n);
}

void *calloc(size_t n, size_t size)
{
	return fails() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t n)
{
	return fails() ? NULL : __libc_realloc(p, n);
}
