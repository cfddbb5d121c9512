/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Whether there was memory. Some answers of libraries look alike whether a signature is wrong or memory ran out while
 * it was checked; who must tell the two apart compares this count before and after.
 */
#ifndef BASE_MEMORY_H
#define BASE_MEMORY_H

unsigned memory_failures(void); /* allocations that failed in this thread, so far */

#endif
