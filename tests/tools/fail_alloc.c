/* SPDX-License-Identifier: Apache-2.0 */
/*
 * To be preloaded into usher: makes memory run out when a test says so, and counts what is not freed. The file that
 * FAIL_ALLOC names is a page of ints shared with the test: [0] the allocation that fails first, counted from when [1]
 * was set to 0 (0: none), [1] allocations so far, [2] how many failed, [3] how many in a row fail, [4] blocks that are
 * allocated now, [5] 1 if only calls of realloc count. With FAIL_TRACE=1 standard error tells from where each failed call came.
 */
#include <errno.h>
#include <execinfo.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

void *__libc_malloc(size_t n);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t n);
void *__libc_memalign(size_t alignment, size_t n);
void __libc_free(void *p);

static volatile int *page;
static int trace;

__attribute__((constructor)) static void start(void)
{
	const char *path = getenv("FAIL_ALLOC");
	int fd = path != NULL ? open(path, O_RDWR) : -1;

	if (fd < 0)
		return;
	page = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	close(fd);
	if (getenv("FAIL_TRACE") != NULL) {
		void *frame[1];

		backtrace(frame, 1); /* its library is loaded now, not while an allocation fails */
		trace = 1;
	}
}

static void tell(void)
{
	void *frames[32];
	int n = page[3] > 1 ? 0 : backtrace(frames, 32);

	backtrace_symbols_fd(frames, n, STDERR_FILENO);
}

static int fails(int is_realloc)
{
	int n;

	if (page == NULL || page[0] <= 0 || (page[5] && !is_realloc))
		return 0;
	n = __atomic_add_fetch(&page[1], 1, __ATOMIC_SEQ_CST);
	if (n < page[0] || n - page[0] >= page[3])
		return 0;
	__atomic_add_fetch(&page[2], 1, __ATOMIC_SEQ_CST);
	if (trace)
		tell();
	errno = ENOMEM;
	return 1;
}

static void *counted(void *p, int by)
{
	if (page != NULL && p != NULL)
		__atomic_add_fetch(&page[4], by, __ATOMIC_SEQ_CST);
	return p;
}

void *malloc(size_t n)
{
	return fails(0) ? NULL : counted(__libc_malloc(n), 1);
}

void *calloc(size_t n, size_t size)
{
	return fails(0) ? NULL : counted(__libc_calloc(n, size), 1);
}

void *realloc(void *p, size_t n)
{
	if (p == NULL)
		return fails(1) ? NULL : counted(__libc_malloc(n), 1);
	if (n == 0) { /* as glibc does it */
		free(p);
		return NULL;
	}
	return fails(1) ? NULL : __libc_realloc(p, n);
}

void *aligned_alloc(size_t alignment, size_t n)
{
	return fails(0) ? NULL : counted(__libc_memalign(alignment, n), 1);
}

int posix_memalign(void **out, size_t alignment, size_t n)
{
	void *p = aligned_alloc(alignment, n);

	if (p == NULL)
		return ENOMEM;
	*out = p;
	return 0;
}

void free(void *p)
{
	__libc_free(counted(p, -1));
}
