/* SPDX-License-Identifier: Apache-2.0 */
/* The list behind owner.h. */
#include "engine/owner.h"

#include <stdlib.h>

bool owner_take(struct owner *o, void *object, void (*free_object)(void *object))
{
	if (o->n == o->size) {
		size_t size = o->size ? 2 * o->size : 16;
		struct owned *v = reallocarray(o->v, size, sizeof(*v));

		if (v == NULL) {
			free_object(object);
			return false;
		}
		o->v = v;
		o->size = size;
	}
	o->v[o->n++] = (struct owned){object, free_object};
	return true;
}

void owner_fini(struct owner *o)
{
	while (o->n > 0) {
		struct owned *it = &o->v[--o->n];

		it->free(it->object);
	}
	free(o->v);
	*o = (struct owner)OWNER_INIT;
}
