/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Which patterns explode: a repetition over something that repeats itself and has nothing around it that
 * marks where one round ends, or over alternatives of which one is made of others' bytes.
 */
#include "engine/regex_nfa.h"

static const struct regex_node *bare(const struct regex_node *node)
{
	while (node->kind == REGEX_GROUP)
		node = node->kids[0];
	return node;
}

static bool nullable(const struct regex_node *node)
{
	switch (node->kind) {
	case REGEX_BYTE:
	case REGEX_CLASS:
		return false;
	case REGEX_CAT:
		for (size_t i = 0; i < node->n; i++)
			if (!nullable(node->kids[i]))
				return false;
		return true;
	case REGEX_ALT:
		for (size_t i = 0; i < node->n; i++)
			if (nullable(node->kids[i]))
				return true;
		return false;
	case REGEX_GROUP:
		return nullable(node->kids[0]);
	case REGEX_REPEAT:
		return node->min == 0 || nullable(node->kids[0]);
	default:
		return true;
	}
}

static bool long_repeat(const struct regex_node *node)
{
	return node->kind == REGEX_REPEAT && node->max > 8;
}

static bool has_byte(const struct regex_node *node, unsigned char c)
{
	return node->kind == REGEX_CLASS
	           ? byte_set_has(node->set, c)
	           : node->kind == REGEX_BYTE &&
	                 (node->byte == c ||
	                  (node->nocase && node->byte == (unsigned char)ascii_lower((char)c)));
}

/* Can every byte of other, a single byte or a sequence of them, also be one? */
static bool made_of(const struct regex_node *one, const struct regex_node *other)
{
	bool some;

	if (other->kind == REGEX_CAT) {
		for (size_t i = 0; i < other->n; i++)
			if (!made_of(one, bare(other->kids[i])))
				return false;
		return true;
	}
	if (other->kind != REGEX_BYTE && other->kind != REGEX_CLASS)
		return false;
	some = false;
	for (unsigned c = 0; c < 256 && !some; c++)
		some = has_byte(one, (unsigned char)c) && has_byte(other, (unsigned char)c);
	return some;
}

/* What is repeated: can two rounds share out what one could take? */
static bool rounds_merge(const struct regex_node *kid)
{
	kid = bare(kid);
	if (long_repeat(kid))
		return true;
	if (kid->kind == REGEX_CAT) {
		for (size_t i = 0; i < kid->n; i++) {
			bool rest = true;

			if (!rounds_merge(kid->kids[i]))
				continue;
			for (size_t j = 0; j < kid->n; j++)
				rest &= j == i || nullable(kid->kids[j]);
			if (rest)
				return true;
		}
		return false;
	}
	if (kid->kind != REGEX_ALT)
		return false;
	for (size_t i = 0; i < kid->n; i++) {
		const struct regex_node *one = bare(kid->kids[i]);

		if (rounds_merge(one))
			return true;
		for (size_t j = 0; (one->kind == REGEX_BYTE || one->kind == REGEX_CLASS) && j < kid->n; j++)
			if (j != i && made_of(one, bare(kid->kids[j])))
				return true;
	}
	return false;
}

static bool ambiguous(const struct regex_node *node)
{
	if (long_repeat(node) && rounds_merge(node->kids[0]))
		return true;
	for (size_t i = 0; i < node->n; i++)
		if (ambiguous(node->kids[i]))
			return true;
	return false;
}

bool regex_ambiguous(const struct regex_tree *t)
{
	return ambiguous(t->root);
}
