/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One buffer that workers fill and one that the thread writes, exchanged under a lock. When a write fails (disk full)
 * its lines are lost and counted, and the next ones are tried again; the log of events says so, once per outage.
 */
#include "proxy/access_writer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>
#include <uv.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/log.h"

enum {
	QUEUE_BYTES = 16 << 20,
	GATHER_BYTES = 1 << 18, /* the thread writes when there is so much, */
	KEEP_BYTES = 1 << 20,   /* a buffer that has grown larger is given back */
	GATHER_MSEC = 50,       /* … or so long after the first line: waking up costs more than writing */
};

struct access {
	uv_mutex_t lock;
	uv_cond_t wake;
	uv_thread_t thread;
	struct buf queue;
	char *path;    /* guarded, like everything below */
	bool reopen, end;
	_Atomic bool on;
	_Atomic uint64_t lost;
	int fd;        /* the thread's own */
	bool failing;
	char *open_path;
};

static int open_path(const char *path)
{
	if (strcmp(path, "stdout") == 0)
		return dup(1);
	return open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

static void write_failed(struct access *a, const char *what)
{
	if (!a->failing)
		log_error("access_log_failed", LOG_Z("file", a->open_path), LOG_Z("what", what),
			  LOG_Z("error", strerror(errno)));
	a->failing = true;
}

static void write_all(struct access *a, struct buf *b)
{
	ssize_t n;

	while (b->n > 0) {
		n = write(a->fd, b->p + b->off, b->n);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			write_failed(a, "write");
			access_lost(a, str_count(buf_str(b), '\n'));
			break;
		}
		buf_consume(b, (size_t)n);
		if (a->failing && b->n == 0) {
			a->failing = false;
			log_info("access_log_again", LOG_I("lost", atomic_load(&a->lost)));
		}
	}
	buf_clear(b);
}

static void open_again(struct access *a, char *path)
{
	int fd = open_path(path);

	if (fd < 0) { /* the old file goes on */
		free(a->open_path);
		a->open_path = path;
		write_failed(a, "open");
		return;
	}
	if (a->fd >= 0)
		close(a->fd);
	a->fd = fd;
	free(a->open_path);
	a->open_path = path;
}

static void run(void *arg)
{
	struct access *a = arg;
	struct buf mine = BUF_INIT, full;
	char *path;
	bool end;

	do {
		if (mine.size > KEEP_BYTES)
			buf_fini(&mine);
		if (mine.size == 0 && !buf_reserve(&mine, GATHER_BYTES)) /* lines are to be had when there is no more memory */
			mine.failed = false;
		uv_mutex_lock(&a->lock);
		while (a->queue.n == 0 && !a->reopen && !a->end)
			uv_cond_wait(&a->wake, &a->lock);
		if (!a->end && a->queue.n < GATHER_BYTES)
			uv_cond_timedwait(&a->wake, &a->lock, (uint64_t)GATHER_MSEC * 1000000);
		full = a->queue;
		a->queue = mine;
		path = a->reopen ? strdup(a->path) : NULL;
		a->reopen = false;
		end = a->end;
		uv_mutex_unlock(&a->lock);
		mine = full;
		write_all(a, &mine); /* to the file that was current when they were queued */
		if (path != NULL)
			open_again(a, path);
	} while (!end);
	buf_fini(&mine);
}

bool access_on(const struct access *a)
{
	return atomic_load_explicit(&a->on, memory_order_relaxed);
}

bool access_give(struct access *a, struct str lines)
{
	bool taken;
	size_t before;

	uv_mutex_lock(&a->lock);
	before = a->queue.n;
	taken = a->queue.n + lines.n <= QUEUE_BYTES && buf_add(&a->queue, lines);
	a->queue.failed = false; /* what it has stays */
	if (before == 0 || (before < GATHER_BYTES && a->queue.n >= GATHER_BYTES))
		uv_cond_signal(&a->wake);
	uv_mutex_unlock(&a->lock);
	return taken;
}

void access_lost(struct access *a, uint64_t lines)
{
	if (atomic_fetch_add(&a->lost, lines) == 0)
		log_warning("access_log_lost", LOG_Z("reason", "lines were lost; counted from now on"));
}

static void access_free(struct access *a)
{
	if (a->fd >= 0)
		close(a->fd);
	buf_fini(&a->queue);
	free(a->path);
	free(a->open_path);
	free(a);
}

static int thread_start(struct access *a)
{
	if (uv_mutex_init(&a->lock) < 0)
		return -ERR_NOMEM;
	if (uv_cond_init(&a->wake) < 0) {
		uv_mutex_destroy(&a->lock);
		return -ERR_NOMEM;
	}
	if (uv_thread_create(&a->thread, run, a) == 0)
		return 0;
	uv_cond_destroy(&a->wake);
	uv_mutex_destroy(&a->lock);
	return -ERR_NOMEM;
}

int access_open(struct access **out, struct str path)
{
	struct access *a = calloc(1, sizeof(*a));
	bool on = !str_eq(path, STR("off"));
	int rc = -ERR_NOMEM;

	*out = NULL;
	if (a == NULL)
		return -ERR_NOMEM;
	a->fd = -1;
	atomic_store(&a->on, on);
	a->path = on ? strndup(path.p, path.n) : strdup("stdout");
	a->open_path = a->path != NULL ? strdup(a->path) : NULL;
	if (a->open_path == NULL || !buf_reserve(&a->queue, GATHER_BYTES))
		goto failed;
	if ((a->fd = open_path(a->path)) < 0) {
		rc = -ERR_IO;
		goto failed;
	}
	if ((rc = thread_start(a)) < 0)
		goto failed;
	*out = a;
	return 0;

failed:
	access_free(a);
	return rc;
}

void access_reopen(struct access *a, struct str path)
{
	bool on = !str_eq(path, STR("off"));
	char *copy = on ? strndup(path.p, path.n) : NULL;

	atomic_store(&a->on, on);
	if (copy == NULL)
		return;
	uv_mutex_lock(&a->lock);
	free(a->path);
	a->path = copy;
	a->reopen = true;
	uv_cond_signal(&a->wake);
	uv_mutex_unlock(&a->lock);
}

void access_close(struct access *a)
{
	if (a == NULL)
		return;
	uv_mutex_lock(&a->lock);
	a->end = true;
	uv_cond_signal(&a->wake);
	uv_mutex_unlock(&a->lock);
	uv_thread_join(&a->thread);
	uv_mutex_destroy(&a->lock);
	uv_cond_destroy(&a->wake);
	access_free(a);
}
