/* SPDX-License-Identifier: Apache-2.0 */
/* An index while it is built: what index_fill.c gathers and index_build.c seals. */
#ifndef ENGINE_INDEX_BUILDER_H
#define ENGINE_INDEX_BUILDER_H

#include "engine/index_parts.h"

enum {
	GROUP_FROM = 64,  /* a set of this many items stands in the index once, for all rules that use it */
	BIG_FROM = 20000, /* and of this many not at all: it is asked itself */
	GROUP_BUCKETS = 4096,
};

struct filling { /* of one probe */
	struct entries eq, prefixes, suffixes, is_true, is_false, own, all;
	uint64_t prefix_lengths, suffix_lengths;
	struct spans ints, v4, v6;
	uint32_t bigs;
};

struct pair_filling {
	uint32_t a, b;
	bool prefix;
	uint64_t lengths;
	struct entries entries, all;
};

struct group_of { /* rules that ask for one set of one subject */
	uint32_t subject;
	const struct set *set;
	uint32_t id;
	struct entries rules;
	struct group_of *next, *in_bucket;
};

struct builder {
	struct compiler *c;
	struct anchors anchors;
	struct index *ix;
	struct ids ids;
	struct filling *fill;
	struct pair_filling *pairs;
	size_t npairs;
	struct group_of *groups, *buckets[GROUP_BUCKETS];
	size_t ngroups;
	struct gram_entries grams;
	struct entries always;
	bool failed;
};

/* Puts one atom of a rule's anchor where it is looked for. Failures are noted in b and in what is filled. */
void index_fill(struct builder *b, const struct atom *t, uint32_t rule);

#endif
