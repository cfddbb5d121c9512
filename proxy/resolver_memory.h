/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory for c-ares, with a reserve. The library does not take well to memory that runs out in the middle of a lookup
 * (version 1.34 may crash later); so where malloc has none, small pieces come from a part of the process that is kept for
 * this. Any thread.
 */
#ifndef PROXY_RESOLVER_MEMORY_H
#define PROXY_RESOLVER_MEMORY_H

#include <stddef.h>

void *resolver_malloc(size_t n);
void *resolver_realloc(void *p, size_t n);
void resolver_mfree(void *p);

#endif
