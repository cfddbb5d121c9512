/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct set, shared by set.c (numbers and addresses), set_string.c (texts) and set_load.c. */
#ifndef ENGINE_SET_INTERNAL_H
#define ENGINE_SET_INTERNAL_H

#include <stdatomic.h>

#include "engine/set.h"

struct text_entry {
	uint64_t at; /* in bytes */
	uint32_t n;
	uint32_t suffix; /* 1: was written "*." before it */
};

/* Open addressing over all texts, which lie end to end. */
struct text_set {
	char *bytes;
	size_t used, size;
	struct text_entry *v;
	size_t n, cap;
	uint32_t *slot; /* index + 1; 0: free */
	size_t mask;
	bool suffixes;
};

struct span64 {
	int64_t low, high;
};

struct span4 {
	uint32_t low, high;
};

struct wide {
	uint64_t high, low; /* halves of one IPv6 address */
};

struct span6 {
	struct wide low, high;
};

struct set {
	atomic_uint refs;
	enum set_type type;
	bool sealed;
	struct text_set text;
	struct span64 *ints;
	struct span4 *v4;
	struct span6 *v6;
	size_t nints, n4, n6, cap_ints, cap4, cap6;
	uint32_t *top; /* bounds: entries of v4 by their first bits; NULL for small sets */
	unsigned top_shift;
};

/* Whether http.host can equal s, or end in it behind "*.". */
bool host_item_valid(struct str s);
bool text_add(struct text_set *t, struct str item, bool suffix, bool fold);
bool text_seal(struct text_set *t);
bool text_has(const struct text_set *t, struct str s);
bool text_has_host(const struct text_set *t, struct str host);
void text_fini(struct text_set *t);

#endif
