/* SPDX-License-Identifier: Apache-2.0 */
/* Thompson's construction and simulation over the tree of regex_parse.c. */
#include "engine/regex_nfa.h"

#include <stdlib.h>

#include "base/limits.h"

enum { MOST = 4096 }; /* instructions */

enum op { OP_SET, OP_SPLIT, OP_ASSERT, OP_MATCH };

struct instr {
	uint16_t op;
	uint16_t x; /* OP_SET: index of a set; OP_ASSERT: which; OP_SPLIT: the other way */
	uint16_t next;
};

struct nfa {
	struct instr *v;
	size_t n;
	struct byte_set *sets;
	size_t nsets;
	uint16_t start;
	bool skip; /* no match is empty: one begins with a byte of first */
	struct byte_set first;
};

struct nfa_room {
	uint16_t dense[2][MOST], sparse[2][MOST], stack[2 * MOST];
	size_t n[2];
};

/* ---- building, from the end to the beginning ------------------------------------------------------------
 */

static bool emit(struct nfa *n, enum op op, size_t x, size_t next, size_t *at)
{
	if (n->n == MOST)
		return false;
	n->v[n->n] = (struct instr){(uint16_t)op, (uint16_t)x, (uint16_t)next};
	*at = n->n++;
	return true;
}

static bool set_index(struct nfa *n, const struct byte_set *set, size_t *index)
{
	for (size_t i = 0; i < n->nsets; i++)
		if (memcmp(&n->sets[i], set, sizeof(*set)) == 0) {
			*index = i;
			return true;
		}
	n->sets[n->nsets] = *set; /* at most one per instruction: there is room */
	*index = n->nsets++;
	return true;
}

static struct byte_set byte_set_of(const struct regex_node *node)
{
	struct byte_set set = {{0}};
	unsigned char other = node->nocase ? (unsigned char)ascii_upper((char)node->byte) : node->byte;

	if (node->kind == REGEX_CLASS)
		return *node->set;
	set.bits[node->byte >> 6] |= 1ull << (node->byte & 63);
	set.bits[other >> 6] |= 1ull << (other & 63);
	return set;
}

static bool build(struct nfa *n, const struct regex_node *node, size_t next, size_t *at);

static bool build_repeat(struct nfa *n, const struct regex_node *node, size_t next, size_t *at)
{
	const struct regex_node *kid = node->kids[0];
	size_t loop, body;

	if (node->max == REGEX_UNLIMITED) {
		if (!emit(n, OP_SPLIT, 0, next, &loop) || !build(n, kid, loop, &body))
			return false;
		n->v[loop].x = (uint16_t)body;
		next = loop;
	} else {
		size_t end = next;

		for (uint32_t i = node->min; i < node->max; i++) {
			if (!build(n, kid, next, &body) || !emit(n, OP_SPLIT, body, end, &next))
				return false;
		}
	}
	for (uint32_t i = 0; i < node->min; i++)
		if (!build(n, kid, next, &next))
			return false;
	*at = next;
	return true;
}

/* Code for node that goes on at next; *at is where it begins. */
static bool build(struct nfa *n, const struct regex_node *node, size_t next, size_t *at)
{
	struct byte_set set;
	size_t index, other;

	switch (node->kind) {
	case REGEX_EMPTY:
		*at = next;
		return true;
	case REGEX_BYTE:
	case REGEX_CLASS:
		set = byte_set_of(node);
		return n->n < MOST && set_index(n, &set, &index) && emit(n, OP_SET, index, next, at);
	case REGEX_ASSERT:
		return emit(n, OP_ASSERT, node->assert, next, at);
	case REGEX_CAT:
		for (size_t i = node->n; i-- > 0;)
			if (!build(n, node->kids[i], next, &next))
				return false;
		*at = next;
		return true;
	case REGEX_ALT:
		if (!build(n, node->kids[node->n - 1], next, &other))
			return false;
		for (size_t i = node->n - 1; i-- > 0;)
			if (!build(n, node->kids[i], next, &index) ||
			    !emit(n, OP_SPLIT, index, other, &other))
				return false;
		*at = other;
		return true;
	case REGEX_GROUP:
		return build(n, node->kids[0], next, at);
	case REGEX_REPEAT:
		return build_repeat(n, node, next, at);
	}
	return false;
}

/* The bytes a match can begin with, assertions taken as true. */
static void first_find(struct nfa *n)
{
	bool seen[MOST] = {false};
	uint16_t stack[2 * MOST];
	size_t depth = 0;

	n->skip = true;
	stack[depth++] = n->start;
	while (depth > 0) {
		uint16_t pc = stack[--depth];
		const struct instr *i = &n->v[pc];

		if (seen[pc])
			continue;
		seen[pc] = true;
		if (i->op == OP_MATCH) {
			n->skip = false;
			return;
		}
		if (i->op == OP_SET) {
			for (int k = 0; k < 4; k++)
				n->first.bits[k] |= n->sets[i->x].bits[k];
			continue;
		}
		stack[depth++] = i->next;
		if (i->op == OP_SPLIT)
			stack[depth++] = i->x;
	}
}

/* The same in one block of just the size it needs: there may be a hundred thousand. */
static struct nfa *fitted(const struct nfa *n)
{
	size_t sets = n->nsets * sizeof(*n->sets), code = n->n * sizeof(*n->v);
	struct nfa *fit = malloc(sizeof(*fit) + sets + code);

	if (fit == NULL)
		return NULL;
	*fit = *n;
	fit->sets = (struct byte_set *)(fit + 1);
	fit->v = (struct instr *)(fit->sets + n->nsets);
	if (sets > 0)
		memcpy(fit->sets, n->sets, sets);
	memcpy(fit->v, n->v, code);
	return fit;
}

struct nfa *nfa_new(const struct regex_tree *t, bool *large)
{
	struct nfa n = {.v = malloc(MOST * sizeof(*n.v)), .sets = malloc(MOST * sizeof(*n.sets))},
	           *fit = NULL;
	size_t match, start;

	*large = false;
	if (n.v == NULL || n.sets == NULL)
		goto done;
	if (!emit(&n, OP_MATCH, 0, 0, &match) || !build(&n, t->root, match, &start)) {
		*large = true;
		goto done;
	}
	n.start = (uint16_t)start;
	first_find(&n);
	fit = fitted(&n);
done:
	free(n.v);
	free(n.sets);
	return fit;
}

void nfa_free(struct nfa *n)
{
	free(n);
}

size_t nfa_bytes(const struct nfa *n)
{
	return n != NULL ? sizeof(*n) + n->n * sizeof(*n->v) + n->nsets * sizeof(*n->sets) : 0;
}

struct nfa_room *nfa_room_new(void)
{
	return calloc(1, sizeof(struct nfa_room));
}

void nfa_room_free(struct nfa_room *r)
{
	free(r);
}

/* ---- running ------------------------------------------------------------------------------------------ */

static bool word_at(struct str s, size_t i)
{
	return i < s.n && (ascii_alpha(s.p[i]) || ascii_digit(s.p[i]) || s.p[i] == '_');
}

static bool holds(enum regex_assert which, struct str s, size_t i)
{
	bool before = i > 0 && word_at(s, i - 1), after = word_at(s, i);
	bool first = i == 0, last = i == s.n;

	switch (which) {
	case REGEX_BEGIN_TEXT:
		return first;
	case REGEX_END_TEXT:
		return last;
	case REGEX_BEGIN_LINE:
		return first || s.p[i - 1] == '\n';
	case REGEX_END_LINE:
		return last || s.p[i] == '\n';
	case REGEX_BEGIN_LINE_CRLF:
		return first || s.p[i - 1] == '\n' || (s.p[i - 1] == '\r' && (last || s.p[i] != '\n'));
	case REGEX_END_LINE_CRLF:
		return last || s.p[i] == '\r' || (s.p[i] == '\n' && (first || s.p[i - 1] != '\r'));
	case REGEX_WORD:
		return before != after;
	case REGEX_NOT_WORD:
		return before == after;
	case REGEX_WORD_START:
		return !before && after;
	case REGEX_WORD_END:
		return before && !after;
	case REGEX_WORD_START_HALF:
		return !before;
	case REGEX_WORD_END_HALF:
		return !after;
	}
	return false;
}

/* Adds pc and all that follows from it at place i to set k. true: a match ends here. */
static bool add(const struct nfa *n, struct nfa_room *r, int k, uint16_t pc, struct str s, size_t i,
                uint64_t *steps)
{
	size_t depth = 0;

	r->stack[depth++] = pc;
	while (depth > 0) {
		const struct instr *in;
		uint16_t at;

		pc = r->stack[--depth];
		at = r->sparse[k][pc];
		if (at < r->n[k] && r->dense[k][at] == pc)
			continue;
		(*steps)++;
		r->sparse[k][pc] = (uint16_t)r->n[k];
		r->dense[k][r->n[k]++] = pc;
		in = &n->v[pc];
		if (in->op == OP_MATCH)
			return true;
		if (in->op == OP_SPLIT)
			r->stack[depth++] = in->x;
		if (in->op == OP_SPLIT || (in->op == OP_ASSERT && holds((enum regex_assert)in->x, s, i)))
			r->stack[depth++] = in->next;
	}
	return false;
}

int nfa_match(const struct nfa *n, struct nfa_room *r, struct str s)
{
	uint64_t steps = 0, most = LIMIT_REGEX_STATES_RUN + 4 * (uint64_t)s.n;
	int k = 0;

	r->n[0] = 0;
	for (size_t i = 0; i <= s.n; i++, k = !k) {
		if (n->skip && r->n[k] == 0)
			while (i < s.n && !byte_set_has(&n->first, (unsigned char)s.p[i]))
				i++;
		if (add(n, r, k, n->start, s, i, &steps))
			return 1;
		if (i == s.n)
			return 0;
		if (steps > most)
			return -ERR_LIMIT;
		r->n[!k] = 0;
		for (size_t j = 0; j < r->n[k]; j++) {
			const struct instr *in = &n->v[r->dense[k][j]];

			if (in->op == OP_SET && byte_set_has(&n->sets[in->x], (unsigned char)s.p[i]) &&
			    add(n, r, !k, in->next, s, i + 1, &steps))
				return 1;
		}
	}
	return 0;
}
