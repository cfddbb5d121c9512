/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anchors: for each rule a few simple facts of which at least one must hold for the rule to match. The index looks those
 * facts up, all rules' at once, and never touches a rule whose anchor does not hold. A rule without an anchor is
 * always asked. Anchors only ever leave rules out that cannot match: the rule's own program still decides.
 *
 * Strings are compared folded: every byte with bit 5 set, which makes one of lower and upper case letters.
 */
#ifndef ENGINE_ANCHOR_H
#define ENGINE_ANCHOR_H

#include "engine/compile.h"

enum atom_kind {
	ATOM_EQ,       /* the subject is text */
	ATOM_PREFIX, ATOM_SUFFIX, ATOM_HOLDS, /* begins with, ends in, holds text (2 bytes at least) */
	ATOM_INTS,     /* an integer from low to high */
	ATOM_IPS,      /* an address of the set, or (set NULL) from to to */
	ATOM_SET,      /* a string or integer of the set */
	ATOM_TRUE, ATOM_FALSE,
	ATOM_PAIR,     /* subject is text and other is other_text */
};

struct atom {
	enum atom_kind kind;
	uint32_t subject, other;
	struct str text, other_text;
	int64_t low, high;
	struct ip from, to;
	const struct set *set;
	struct atom *next;
};

struct anchor {
	struct atom *atoms;  /* NULL: none found */
	double odds;         /* how likely a request is to meet it; a guess, for choosing */
};

enum subject_kind { SUBJECT_FIELD, SUBJECT_HEADER, SUBJECT_VALUE, SUBJECT_LIST };

struct subject {                /* what atoms speak of */
	enum subject_kind kind;
	enum type type;             /* of the value, or of one of the list */
	const struct field *field;  /* FIELD, HEADER */
	struct str key;             /* HEADER: its name, lower case */
	const struct expr *expr;
	bool connection;            /* the same for every request of a connection */
	uint32_t keys, affixes;     /* different texts and numbers that rules compare it with */
};

struct anchors {
	struct compiler *c;
	struct subject *v;
	uint32_t n, size;
	uint32_t *by_node;          /* node id → subject + 1 */
	uint8_t *seen;              /* node id → counted in keys already */
};

bool anchors_init(struct anchors *a, struct compiler *c);
void anchors_fini(struct anchors *a);
/* First all rules are looked over once, then each gets its anchor. e: a node of cons.c. */
void anchors_look(struct anchors *a, const struct expr *e);
struct anchor anchor_of(struct anchors *a, const struct expr *e);

#endif
