/* SPDX-License-Identifier: Apache-2.0 */
/* Help with names: foreign fields, old spellings, the closest known name. */
#ifndef ENGINE_NAMES_H
#define ENGINE_NAMES_H

#include "engine/value.h"

struct foreign {
	const char *name;
	enum type type;
	int64_t number;     /* its default, if it is an integer */
	const char *reason; /* whose it is */
};

const struct foreign *foreign_find(struct str name);
const char *foreign_family(struct str name);         /* whose a name that begins so is; or NULL */
struct value foreign_default(const struct foreign *f); /* as documented */
const char *alias_find(struct str name);               /* today's name, or NULL */

/* Offer candidates one by one; best is the closest that is close enough, or empty. */
struct nearest {
	struct str name, best;
	size_t distance;
};

void nearest_offer(struct nearest *n, struct str candidate);
struct str nearest_field(struct str name);
struct str nearest_function(struct str name);

#endif
