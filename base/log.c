/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Event lines. A line is built on the stack (most are: one must get out when there is no memory) and leaves with one write, so lines of two threads never mix;
 * what cannot be written (a full disk, a closed pipe) is counted, and the next line that gets out says how
 * many.
 */
#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"

static _Atomic int threshold = LOG_INFO;
static _Atomic int target = STDERR_FILENO;
static _Atomic uint64_t dropped;

static const char *const level_names[] = {"error", "warning", "info", "debug"};

void log_set_level(enum log_level level)
{
	atomic_store_explicit(&threshold, (int)level, memory_order_relaxed);
}

void log_set_fd(int fd)
{
	atomic_store_explicit(&target, fd, memory_order_relaxed);
}

bool log_on(enum log_level level)
{
	return (int)level <= atomic_load_explicit(&threshold, memory_order_relaxed);
}

uint64_t log_dropped(void)
{
	return atomic_load_explicit(&dropped, memory_order_relaxed);
}

static void add_pair(struct buf *b, const struct log_pair *pair)
{
	buf_addc(b, ',');
	buf_json(b, str_of(pair->key));
	buf_addc(b, ':');
	if (pair->is_number)
		buf_printf(b, "%lld", (long long)pair->number);
	else
		buf_json(b, str_sub(pair->text, 0, LIMIT_LOG_FIELD));
}

/* One write; a short one cannot be taken back, so the rest follows as soon as the descriptor takes it. */
static bool write_line(struct str line)
{
	int fd = atomic_load_explicit(&target, memory_order_relaxed);

	while (line.n) {
		ssize_t wrote = write(fd, line.p, line.n);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return false;
		line = str_sub(line, (size_t)wrote, line.n);
	}
	return true;
}

void log_pairs(enum log_level level, const char *event, const struct log_pair *pairs, size_t n)
{
	char storage[2048];
	struct buf b = BUF_LENT(storage);
	char time[CLOCK_TEXT];
	int saved = errno;
	uint64_t lost;
	size_t i;

	if (!log_on(level))
		return;
	lost = atomic_exchange_explicit(&dropped, 0, memory_order_relaxed);
	clock_rfc3339(clock_now_msec(), time);
	buf_printf(&b, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":", time, level_names[level]);
	buf_json(&b, str_of(event));
	for (i = 0; i < n; i++)
		add_pair(&b, &pairs[i]);
	if (lost)
		buf_printf(&b, ",\"dropped_before\":%llu", (unsigned long long)lost);
	buf_add(&b, STR("}\n"));
	if (b.failed || !write_line(buf_str(&b)))
		atomic_fetch_add_explicit(&dropped, lost + 1, memory_order_relaxed);
	buf_fini(&b);
	errno = saved;
}
