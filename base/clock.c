/* SPDX-License-Identifier: Apache-2.0 */
/* The system's clocks, and the one offset that tests may add to the time of day. */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

static _Atomic int64_t offset;

void clock_init(void)
{
	const char *text = getenv("USHER_FAKE_OFFSET");
	long long seconds;
	char *end;

	if (!text || !*text)
		return;
	errno = 0;
	seconds = strtoll(text, &end, 10);
	if (errno == 0 && *end == '\0')
		clock_set_offset(seconds);
}

void clock_set_offset(int64_t seconds)
{
	atomic_store_explicit(&offset, seconds, memory_order_relaxed);
}

int64_t clock_now_msec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return ((int64_t)ts.tv_sec + atomic_load_explicit(&offset, memory_order_relaxed)) * 1000 +
	       ts.tv_nsec / 1000000;
}

int64_t clock_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (int64_t)ts.tv_sec + atomic_load_explicit(&offset, memory_order_relaxed);
}

uint64_t clock_mono_nsec(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * UINT64_C(1000000000) + (uint64_t)ts.tv_nsec;
}

size_t clock_rfc3339(int64_t msec, char out[CLOCK_TEXT])
{
	int64_t rest = msec % 1000;
	time_t seconds = (time_t)(msec / 1000);
	struct tm tm;
	size_t n;

	if (rest < 0) {
		rest += 1000;
		seconds--;
	}
	if (!gmtime_r(&seconds, &tm))
		tm = (struct tm){.tm_year = 70, .tm_mday = 1};
	n = strftime(out, CLOCK_TEXT, "%Y-%m-%dT%H:%M:%S", &tm);
	out[n++] = '.';
	out[n++] = (char)('0' + rest / 100);
	out[n++] = (char)('0' + rest / 10 % 10);
	out[n++] = (char)('0' + rest % 10);
	out[n++] = 'Z';
	out[n] = '\0';
	return n;
}
