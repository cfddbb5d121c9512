/* SPDX-License-Identifier: Apache-2.0 */
/* Bounds on how long something may take, in processor time, so that they hold on a busy machine, too. */
#ifndef TESTS_UNIT_WORK_H
#define TESTS_UNIT_WORK_H

#include <stdlib.h>
#include <time.h>

/* Seconds of processor time this thread has used. */
static inline double work_seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

/* How much longer things may take where a sanitizer slows them down. */
static inline double patience(void)
{
	const char *factor = getenv("USHER_PATIENCE");
	double f = factor ? atof(factor) : 1;

	return f < 1 ? 1 : f;
}

#endif
