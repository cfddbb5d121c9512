/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Objects of other libraries (compiled patterns, counted sets) that a sealed ruleset or expression owns: each
 * is noted with the function that frees it, and all go together, last first.
 */
#ifndef ENGINE_OWNER_H
#define ENGINE_OWNER_H

#include <stdbool.h>
#include <stddef.h>

struct owned {
	void *object;
	void (*free)(void *object);
};

struct owner {
	struct owned *v;
	size_t n, size;
};

#define OWNER_INIT                                                                                           \
	{                                                                                                    \
		NULL, 0, 0                                                                                   \
	}

/* Takes object. false when out of memory: object has been freed then. */
bool owner_take(struct owner *o, void *object, void (*free_object)(void *object));
void owner_fini(struct owner *o);

#endif
