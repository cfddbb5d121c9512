/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Literals that every match of a regular expression must contain, for the index. Each node is described by the set of
 * strings it can be (if few), by what all its matches begin and end with, and by the best condition seen inside it.
 * Sets stay small; where they would grow, knowledge is dropped, never invented.
 */
#include "engine/regex_tree.h"

enum { MOST_STRINGS = 64, MOST_BYTES = 64, MOST_CLASS = 4 };

struct strings {
	struct str *v;
	size_t n;
};

struct info {
	bool exact;               /* all its matches are in head, which then equals tail */
	struct strings head, tail; /* each match begins / ends with one of them */
	struct strings best;      /* n == 0: nothing */
	struct strings second;    /* another condition, the next best; n == 0: nothing */
};

struct work {
	struct arena *a;
	bool nocase;              /* some letter ignores case: everything is compared in lower case */
	bool narrowed;            /* … and some letter did not ignore it, or an assertion was passed over */
	bool failed;
};

static bool strings_room(struct work *w, struct strings *s, size_t n)
{
	*s = (struct strings){ arena_array(w->a, n ? n : 1, sizeof(struct str)), 0 };
	w->failed |= s->v == NULL;
	return s->v != NULL;
}

static struct strings strings_one(struct work *w, struct str only)
{
	struct strings s;

	if (strings_room(w, &s, 1))
		s.v[s.n++] = only;
	return s;
}

static void strings_add(struct strings *s, struct str item)
{
	for (size_t i = 0; i < s->n; i++)
		if (str_eq(s->v[i], item))
			return;
	s->v[s->n++] = item;
}

static size_t shortest(const struct strings *s)
{
	size_t least = s->n ? SIZE_MAX : 0;

	for (size_t i = 0; i < s->n; i++)
		if (s->v[i].n < least)
			least = s->v[i].n;
	return least;
}

/* Every a followed by every b; false when that would be too many or too long. */
static bool strings_cross(struct work *w, struct strings *out, const struct strings *a, const struct strings *b)
{
	struct strings s;

	if (a->n * b->n > MOST_STRINGS)
		return false;
	if (!strings_room(w, &s, a->n * b->n))
		return false;
	for (size_t i = 0; i < a->n; i++)
		for (size_t j = 0; j < b->n; j++) {
			struct str parts[2] = { a->v[i], b->v[j] }, joined;

			if (parts[0].n + parts[1].n > MOST_BYTES)
				return false;
			joined = arena_concat(w->a, parts, 2);
			if (joined.p == NULL) {
				w->failed = true;
				return false;
			}
			strings_add(&s, joined);
		}
	*out = s;
	return true;
}

/* Longer literals reject more; fewer of them cost less. */
static bool better(const struct strings *a, const struct strings *b)
{
	size_t x = shortest(a), y = shortest(b);

	return x > 0 && (x > y || (x == y && a->n < b->n));
}

static void offer(struct strings *best, const struct strings *s)
{
	if (better(s, best))
		*best = *s;
}

static bool strings_equal(const struct strings *a, const struct strings *b)
{
	for (size_t i = 0; a->n == b->n && i < a->n; i++)
		if (!str_eq(a->v[i], b->v[i]))
			return false;
	return a->n == b->n;
}

static void offer_both(struct info *f, const struct strings *s)
{
	if (strings_equal(&f->best, s))
		return;
	if (better(s, &f->best)) {
		f->second = f->best;
		f->best = *s;
	} else {
		offer(&f->second, s);
	}
}

static struct info unknown(struct work *w)
{
	struct strings empty = strings_one(w, STR(""));

	return (struct info){ .head = empty, .tail = empty };
}

static struct info exactly(struct strings s)
{
	struct info f = { .exact = true, .head = s, .tail = s };

	offer(&f.best, &s);
	return f;
}

static struct str byte_str(struct work *w, unsigned char c)
{
	char b = w->nocase ? ascii_lower((char)c) : (char)c;
	struct str s = arena_str(w->a, (struct str){ &b, 1 });

	w->failed |= s.p == NULL;
	return s;
}

static struct info class_info(struct work *w, const struct byte_set *set)
{
	struct strings s;

	if (byte_set_count(set) > MOST_CLASS || !strings_room(w, &s, MOST_CLASS))
		return unknown(w);
	for (unsigned c = 0; c < 256; c++)
		if (byte_set_has(set, (unsigned char)c)) {
			if (ascii_alpha((char)c) && !byte_set_has(set, (unsigned char)(c ^ 32)))
				w->narrowed = true;
			strings_add(&s, byte_str(w, (unsigned char)c));
		}
	return exactly(s);
}

static struct info node_info(struct work *w, const struct regex_node *node);

static struct info cat_info(struct work *w, const struct regex_node *node)
{
	struct info all = exactly(strings_one(w, STR("")));
	struct strings run = all.head;
	bool first = true; /* run began at the beginning */

	for (size_t i = 0; i < node->n && !w->failed; i++) {
		struct info kid = node_info(w, node->kids[i]);
		struct strings joined;
		bool fits = strings_cross(w, &joined, &run, &kid.head);

		if (fits && kid.exact) {
			run = joined;
			continue;
		}
		if (!fits)
			joined = run;
		offer_both(&all, &joined);
		offer_both(&all, &kid.best);
		offer_both(&all, &kid.second);
		if (first)
			all.head = joined;
		first = false;
		all.exact = false;
		run = kid.tail;
	}
	offer_both(&all, &run);
	all.tail = run;
	if (first)
		all.head = run;
	return all;
}

static struct info alt_info(struct work *w, const struct regex_node *node)
{
	struct info all = { .exact = true };
	bool head = true, tail = true, best = true;

	if (!strings_room(w, &all.head, MOST_STRINGS) || !strings_room(w, &all.tail, MOST_STRINGS) ||
	    !strings_room(w, &all.best, MOST_STRINGS))
		return unknown(w);
	for (size_t i = 0; i < node->n && !w->failed; i++) {
		struct info kid = node_info(w, node->kids[i]);

		all.exact &= kid.exact;
		head &= all.head.n + kid.head.n <= MOST_STRINGS;
		tail &= all.tail.n + kid.tail.n <= MOST_STRINGS;
		best &= all.best.n + kid.best.n <= MOST_STRINGS && (kid.best.n > 0 || (kid.exact && kid.head.n == 0));
		for (size_t j = 0; head && j < kid.head.n; j++)
			strings_add(&all.head, kid.head.v[j]);
		for (size_t j = 0; tail && j < kid.tail.n; j++)
			strings_add(&all.tail, kid.tail.v[j]);
		for (size_t j = 0; best && j < kid.best.n; j++)
			strings_add(&all.best, kid.best.v[j]);
	}
	all.exact &= head && tail;
	if (!head)
		all.head = strings_one(w, STR(""));
	if (!tail)
		all.tail = strings_one(w, STR(""));
	if (!best)
		all.best.n = 0;
	return all;
}

static struct info repeat_info(struct work *w, const struct regex_node *node)
{
	struct info kid = node_info(w, node->kids[0]), all;
	struct strings s = strings_one(w, STR(""));

	if (node->max == 0)
		return exactly(s);
	if (node->min == 0) {
		if (node->max > 1 || !kid.exact || kid.head.n >= MOST_STRINGS || !strings_room(w, &s, kid.head.n + 1))
			return unknown(w);
		strings_add(&s, STR(""));
		for (size_t i = 0; i < kid.head.n; i++)
			strings_add(&s, kid.head.v[i]);
		return exactly(s);
	}
	all = kid;
	all.exact = kid.exact && node->min == node->max;
	for (uint32_t i = 1; all.exact && i < node->min && !w->failed; i++)
		all.exact = strings_cross(w, &all.head, &all.head, &kid.head);
	if (all.exact)
		return exactly(all.head);
	all.head = kid.head;
	return all;
}

static struct info node_info(struct work *w, const struct regex_node *node)
{
	if (w->failed)
		return (struct info){ 0 };
	switch (node->kind) {
	case REGEX_BYTE:
		w->narrowed |= !node->nocase && ascii_alpha((char)node->byte);
		return exactly(strings_one(w, byte_str(w, node->byte)));
	case REGEX_CLASS:
		return class_info(w, node->set);
	case REGEX_CAT:
		return cat_info(w, node);
	case REGEX_ALT:
		return alt_info(w, node);
	case REGEX_REPEAT:
		return repeat_info(w, node);
	case REGEX_GROUP:
		return node_info(w, node->kids[0]);
	case REGEX_ASSERT:
	case REGEX_EMPTY:
		break;
	}
	return exactly(strings_one(w, STR("")));
}

static bool any_nocase(const struct regex_node *node)
{
	bool any = node->kind == REGEX_BYTE && node->nocase;

	for (size_t i = 0; i < node->n && !any; i++)
		any = any_nocase(node->kids[i]);
	return any;
}

static size_t asserts(const struct regex_node *node)
{
	size_t n = node->kind == REGEX_ASSERT;

	for (size_t i = 0; i < node->n; i++)
		n += asserts(node->kids[i]);
	return n;
}

/* Does every match begin (end) where the text does? */
static bool anchored(const struct regex_node *node, enum regex_assert which)
{
	switch (node->kind) {
	case REGEX_ASSERT:
		return node->assert == which;
	case REGEX_CAT:
		return anchored(node->kids[which == REGEX_BEGIN_TEXT ? 0 : node->n - 1], which);
	case REGEX_ALT:
		for (size_t i = 0; i < node->n; i++)
			if (!anchored(node->kids[i], which))
				return false;
		return true;
	case REGEX_GROUP:
		return anchored(node->kids[0], which);
	case REGEX_REPEAT:
		return node->min > 0 && anchored(node->kids[0], which);
	default:
		return false;
	}
}

int regex_tree_literals(struct literals out[2], struct arena *a, const struct regex_tree *t)
{
	struct work w = { .a = a, .nocase = any_nocase(t->root) };
	struct info f = node_info(&w, t->root);
	const struct regex_node *root = t->root;
	bool start = anchored(root, REGEX_BEGIN_TEXT), end = anchored(root, REGEX_END_TEXT), plain;
	struct strings s = { 0 };

	out[0] = out[1] = (struct literals){ .nocase = w.nocase };
	if (w.failed)
		return -ERR_NOMEM;
	/* no assertion but an anchor at either end of the whole pattern */
	plain = asserts(root) == (root->kind == REGEX_CAT ? (size_t)(root->kids[0]->kind == REGEX_ASSERT && start) +
				  (size_t)(root->kids[root->n - 1]->kind == REGEX_ASSERT && end) : 0);
	if (f.exact && start && end) {
		s = f.head;
		out->place = LITERAL_WHOLE;
	} else if (f.exact && !end && !start) {
		s = f.head;
	} else {
		offer(&s, &f.best);
		if (end && !better(&s, &f.tail) && shortest(&f.tail) > 0) {
			s = f.tail;
			out->place = LITERAL_SUFFIX;
		}
		if (start && !better(&s, &f.head) && shortest(&f.head) > 0) {
			s = f.head;
			out->place = LITERAL_PREFIX;
		}
	}
	if (shortest(&s) == 0)
		s.n = 0;
	out->v = s.v;
	out->n = s.n;
	/* what is inside goes on standing for itself when one end of the pattern was chosen */
	if (!f.exact && out->place != LITERAL_ANYWHERE && f.best.n > 0 && !strings_equal(&f.best, &s))
		f.second = f.best;
	if (!f.exact && shortest(&f.second) > 0) {
		out[1].v = f.second.v;
		out[1].n = f.second.n;
	}
	out->enough = s.n > 0 && f.exact && plain && !(w.nocase && w.narrowed) &&
		      (out->place == LITERAL_WHOLE || !(start && end)) && (out->place != LITERAL_ANYWHERE || (!start && !end));
	return 0;
}
