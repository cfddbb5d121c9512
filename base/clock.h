/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time of day that decides about certificates, CRLs and tickets, in one place, so that tests can move it
 * (clock_set_offset) and so that usher and Mbed TLS never disagree about it.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

/* Once at start-up, before threads: takes the offset in seconds from the environment's USHER_FAKE_OFFSET. */
void clock_init(void);

int64_t clock_now(void);          /* Unix seconds */
int64_t clock_now_msec(void);     /* Unix milliseconds */
uint64_t clock_mono_nsec(void);   /* monotonic, for durations */
void clock_set_offset(int64_t seconds); /* added to the first two; atomic; tests and clock_init only */

enum { CLOCK_TEXT = 40 };

/* Unix milliseconds as RFC 3339 in UTC, "2026-01-02T03:04:05.678Z"; returns the length. */
size_t clock_rfc3339(int64_t msec, char out[CLOCK_TEXT]);

#endif
