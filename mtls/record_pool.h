/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for the library's record buffers, two of 16 KB for each connection, most of which are never written
 * to. They come from whole pages of one reserved range, so that what is not touched costs nothing. Private to
 * mtls/.
 */
#ifndef MTLS_RECORD_POOL_H
#define MTLS_RECORD_POOL_H

#include <stddef.h>

/* Hands the library these allocators. Without room in the address space, or under a sanitizer, which would
 * see less this way, everything comes from the heap. Before threads start. */
void record_pool_init(void);

/* Gives back all pages of a record buffer but the first; what was in them reads as zeros. For a buffer whose
 * tail nobody needs any more; anything that is no record buffer is left alone. */
void record_pool_trim(void *buffer);
/* The same for all of its pages. */
void record_pool_drop(void *buffer);

#endif
