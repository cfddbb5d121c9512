/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The time of day that decides about certificates, CRLs and tickets, in one place, so that tests can move it
 * (clock_set_fake) and so that usher and Mbed TLS never disagree about it.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdint.h>

int64_t clock_now(void);          /* Unix seconds */
int64_t clock_now_msec(void);     /* Unix milliseconds */
uint64_t clock_mono_nsec(void);   /* monotonic, for durations */
void clock_set_offset(int64_t seconds); /* added to the two above; atomic; tests and USHER_FAKE_OFFSET only */

#endif
