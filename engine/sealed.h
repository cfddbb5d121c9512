/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of a sealed ruleset, for the engine's own files. Nothing in it changes once it is compiled. */
#ifndef ENGINE_SEALED_H
#define ENGINE_SEALED_H

#include <stdatomic.h>

#include "engine/rule.h"

struct index;
struct jwt_block;

struct phase_rules {
	struct rule **rules; /* in order */
	size_t n;
	struct index *index; /* NULL: every rule is asked */
	/* what depends on the connection alone (residual.c) */
	struct rule **guards; /* the different conditions of that kind; only expr and when are set */
	size_t nguards;
	struct index *guard_index;
	uint64_t *unguarded; /* bit per rule: it has no guard */
	uint32_t **guarded;  /* by guard: count, then the rules it guards */
};

struct ruleset {
	_Atomic unsigned refs;
	struct arena arena;
	struct owner owner;
	struct lists lists; /* for expressions compiled later: $name */
	struct slots slots;
	struct phase_rules phases[PHASE_COUNT];
	size_t n;        /* rules in force */
	unsigned scopes; /* of all fields read */
	uint8_t reads[FIELD_COUNT];
	bool foreign_default, counts_response;
	struct str version;
	struct geoip *geoip;
	struct jwt_block *jwts;  /* in order */
};

#endif
