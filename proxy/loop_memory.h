/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libuv ends the process when memory runs out while it makes room for one more descriptor in a loop's table. So that
 * it never does, room for the largest table of each loop is set aside, untouched and thus free of charge.
 */
#ifndef PROXY_LOOP_MEMORY_H
#define PROXY_LOOP_MEMORY_H

#include <stddef.h>

/* Before anything else is asked of libuv. files: the most the process may open; loops: how many there will be. */
void loop_memory_init(size_t files, size_t loops);

#endif
