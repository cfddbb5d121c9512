/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Many rules at once: which of a phase's rules can still match this request. For every subject that rules
 * compare (a field, a header, a computed value) one look-up per kind of comparison answers for all rules
 * together; what comes out are candidates, whose programs then decide in order. Sealed with the ruleset.
 */
#ifndef ENGINE_INDEX_H
#define ENGINE_INDEX_H

#include "base/buf.h"
#include "engine/rule.h"
#include "engine/vm.h"

struct index;

/* Candidate rules of one phase, as bits in two levels so that few rules cost little whatever their number. */
struct marks {
	uint64_t *summary; /* one bit for each word that is in use */
	uint64_t *words;   /* meaningful where the summary says so */
	size_t nsummary;
};

enum index_part { INDEX_CONNECTION = 1, INDEX_REQUEST = 2 };

/* rules: the phase's, in order, with expr set. Memory is the compiler's sealed arena. NULL: out of memory. */
struct index *index_build(struct compiler *c, struct rule *const *rules, size_t n);
size_t index_marks_size(const struct index *ix);                           /* bytes for index_marks */
void index_marks(const struct index *ix, void *memory, struct marks *out); /* none marked */

/* What is left of an index on one connection: rules that still can match, and the subjects they need looked
 * at. */
struct alive {
	uint64_t *rules; /* bit per rule */
	uint8_t *probes, *pairs;
};

/* Marks every rule that may match. parts: which subjects to look at. alive: NULL for all. */
void index_look(const struct index *ix, struct vm *m, unsigned parts, const struct alive *alive,
                struct marks *out);
/* Fills in probes and pairs for rules; all three in memory of a, rules given. false: no memory. */
bool index_alive(const struct index *ix, struct arena *a, struct alive *alive);

static inline void marks_set(struct marks *m, uint32_t rule)
{
	uint32_t word = rule / 64;

	if (!(m->summary[word / 64] >> word % 64 & 1)) {
		m->summary[word / 64] |= (uint64_t)1 << word % 64;
		m->words[word] = 0;
	}
	m->words[word] |= (uint64_t)1 << rule % 64;
}

/* The first marked rule from `from` on; SIZE_MAX if there is none. */
size_t marks_next(const struct marks *m, size_t from);

bool index_print(struct buf *out, const struct index *ix, struct rule *const *rules);

#endif
