/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Anchors: for each rule a few simple facts of which at least one must hold for the rule to match. The index
 * looks those facts up, all rules' at once, and never touches a rule whose anchor does not hold. A rule
 * without an anchor is always asked. Anchors only ever leave rules out that cannot match: the rule's own
 * program still decides.
 *
 * Strings are compared folded: every byte with bit 5 set, which makes one of lower and upper case letters.
 */
#ifndef ENGINE_ANCHOR_H
#define ENGINE_ANCHOR_H

#include "engine/compile.h"

enum atom_kind {
	ATOM_EQ, /* the subject is text */
	ATOM_PREFIX,
	ATOM_SUFFIX,
	ATOM_HOLDS, /* begins with, ends in, holds text (2 bytes at least) */
	ATOM_INTS,  /* an integer from low to high */
	ATOM_IPS,   /* an address of the set, or (set NULL) from to to */
	ATOM_SET,   /* a string or integer of the set */
	ATOM_TRUE,
	ATOM_FALSE,
	ATOM_PAIR,        /* subject's value has this hash, and other's that one */
	ATOM_PAIR_PREFIX, /* subject's value has this hash, and other begins with a string of that one */
};

struct atom {
	enum atom_kind kind;
	uint32_t subject, other;
	struct str text;
	uint64_t hash, other_hash;
	unsigned length; /* PAIR_PREFIX: of the prefix */
	int64_t low, high;
	struct ip from, to;
	const struct set *set;
	struct atom *next;
};

struct anchor {
	struct atom *atoms; /* NULL: none found */
	double odds;        /* how likely a request is to meet it; a guess, for choosing */
};

enum subject_kind { SUBJECT_FIELD, SUBJECT_HEADER, SUBJECT_VALUE, SUBJECT_LIST };

struct subject { /* what atoms speak of */
	enum subject_kind kind;
	enum type type;            /* of the value, or of one of the list */
	const struct field *field; /* FIELD, HEADER */
	struct str key;            /* HEADER: its name, lower case */
	const struct expr *expr;
	bool connection; /* the same for every request of a connection */
	uint32_t keys;   /* different texts and numbers that rules compare it with */
};

struct pair_gain { /* what looking up two subjects together would save */
	uint32_t a, b;
	bool prefix;
	double gain; /* candidates a request */
};

struct anchors {
	struct compiler *c;
	struct subject *v;
	uint32_t n, size;
	uint32_t *by_node; /* node id → subject + 1 */
	uint8_t *seen;     /* node id → counted already */
	uint32_t *texts;   /* how many tests hold a literal, by hash of subject and text; roughly */
	struct pair_gain *gains;
	uint32_t ngains;
};

bool anchors_init(struct anchors *a, struct compiler *c);
void anchors_fini(struct anchors *a);
/* First all rules are looked over once, then each gets its anchor. e: a node of cons.c. */
void anchors_look(struct anchors *a, const struct expr *e);
struct anchor anchor_of(struct anchors *a, const struct expr *e);
/* Second round: pairs of subjects that rules often ask together. First what each pair would save, then,
 * knowing that, a better anchor for e if a pair that pays makes one. */
void anchors_pairs(struct anchors *a, const struct expr *e, const struct anchor *single);
struct anchor anchor_paired(struct anchors *a, const struct expr *e, const struct anchor *single);

#endif
