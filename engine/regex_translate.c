/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The tree in PCRE2's syntax. Everything is written so that it has one reading: bytes as \xHH, classes as
 * sets of bytes, no flags but (?i:…) around letters, groups around every repeated thing. A set of characters is a
 * large group of bytes: where it comes up often, as in (?u)\w{2,50}, it is written once, at the end, and called, because
 * PCRE2 copies what is repeated and holds 64 KiB at most.
 */
#include <stdlib.h>

#include "engine/regex_tree.h"

static void byte_put(struct buf *out, unsigned c)
{
	if (c < 0x80 && (ascii_alpha((char)c) || ascii_digit((char)c) || c == '/' || c == '_'))
		buf_addc(out, (char)c);
	else
		buf_printf(out, "\\x%02x", c);
}

static void set_put(struct buf *out, const struct byte_set *set)
{
	struct byte_set all = {{~0ull, ~0ull, ~0ull, ~0ull}}, line = all;
	unsigned low, high;

	line.bits[0] &= ~(1ull << '\n');
	if (byte_set_count(set) == 0) {
		buf_add(out, STR("(?!)"));
		return;
	}
	if (memcmp(set, &all, sizeof(all)) == 0) {
		buf_add(out, STR("(?s:.)"));
		return;
	}
	if (memcmp(set, &line, sizeof(line)) == 0) {
		buf_addc(out, '.');
		return;
	}
	buf_addc(out, '[');
	for (low = 0; low < 256; low = high + 1) {
		high = low;
		if (!byte_set_has(set, (unsigned char)low))
			continue;
		while (high < 255 && byte_set_has(set, (unsigned char)(high + 1)))
			high++;
		byte_put(out, low);
		if (high > low + 1)
			buf_addc(out, '-');
		if (high > low)
			byte_put(out, high);
	}
	buf_addc(out, ']');
}

static void assert_put(struct buf *out, enum regex_assert which)
{
	static const char *const text[] = {
	    [REGEX_BEGIN_TEXT] = "\\A",
	    [REGEX_END_TEXT] = "\\z",
	    /* PCRE2's own (?m)^ does not match after a final newline */
	    [REGEX_BEGIN_LINE] = "(?<![^\\x0a])",
	    [REGEX_END_LINE] = "(?![^\\x0a])",
	    [REGEX_BEGIN_LINE_CRLF] = "(?:\\A|(?<=\\x0a)|(?<=\\x0d)(?!\\x0a))",
	    [REGEX_END_LINE_CRLF] = "(?:\\z|(?=\\x0d)|(?=\\x0a)(?<!\\x0d))",
	    [REGEX_WORD] = "\\b",
	    [REGEX_NOT_WORD] = "\\B",
	    [REGEX_WORD_START] = "(?<!\\w)(?=\\w)",
	    [REGEX_WORD_END] = "(?<=\\w)(?!\\w)",
	    [REGEX_WORD_START_HALF] = "(?<!\\w)",
	    [REGEX_WORD_END_HALF] = "(?!\\w)",
	};

	buf_add(out, str_of(text[which]));
}

/* How the sets of characters are written. */
struct unit {
	const struct regex_node *node;
	uint64_t uses; /* copies that PCRE2 would make */
	bool called;
};

struct writer {
	struct buf *out;
	bool captures;
	struct unit *units; /* by number */
};

static void node_put(const struct writer *w, const struct regex_node *node);

static void repeat_put(const struct writer *w, const struct regex_node *node)
{
	struct buf *out = w->out;
	const struct regex_node *kid = node->kids[0];
	bool bare =
	    (kid->kind == REGEX_BYTE && !kid->nocase) ||
	    (kid->kind == REGEX_GROUP && kid->capture > 0 && w->captures) ||
	    (kid->kind == REGEX_CLASS && byte_set_count(kid->set) > 0 && byte_set_count(kid->set) < 256);

	if (!bare)
		buf_add(out, STR("(?:"));
	node_put(w, kid);
	if (!bare)
		buf_addc(out, ')');
	if (node->max == REGEX_UNLIMITED && node->min <= 1)
		buf_addc(out, node->min ? '+' : '*');
	else if (node->max == REGEX_UNLIMITED)
		buf_printf(out, "{%u,}", node->min);
	else if (node->min == 0 && node->max == 1)
		buf_addc(out, '?');
	else
		buf_printf(out, "{%u,%u}", node->min, node->max);
	if (node->lazy)
		buf_addc(out, '?');
}

static bool called(const struct writer *w, const struct regex_node *node)
{
	return node->unit > 0 && w->units[node->unit].called;
}

static void node_put(const struct writer *w, const struct regex_node *node)
{
	struct buf *out = w->out;

	if (called(w, node)) {
		buf_printf(out, "(?&u%u)", node->unit);
		return;
	}
	switch (node->kind) {
	case REGEX_EMPTY:
		buf_add(out, STR("(?:)"));
		break;
	case REGEX_BYTE:
		if (node->nocase)
			buf_add(out, STR("(?i:"));
		byte_put(out, node->byte);
		if (node->nocase)
			buf_addc(out, ')');
		break;
	case REGEX_CLASS:
		set_put(out, node->set);
		break;
	case REGEX_ASSERT:
		assert_put(out, node->assert);
		break;
	case REGEX_CAT:
		for (size_t i = 0; i < node->n; i++) {
			const struct regex_node *kid = node->kids[i];
			size_t run = i;

			while (run < node->n && node->kids[run]->kind == REGEX_BYTE &&
			       node->kids[run]->nocase)
				run++;
			if (run > i + 1) {
				buf_add(out, STR("(?i:"));
				for (; i < run; i++)
					byte_put(out, node->kids[i]->byte);
				buf_addc(out, ')');
				i--;
			} else if (kid->kind == REGEX_ALT && !called(w, kid)) {
				buf_add(out, STR("(?:"));
				node_put(w, kid);
				buf_addc(out, ')');
			} else {
				node_put(w, kid);
			}
		}
		break;
	case REGEX_ALT:
		for (size_t i = 0; i < node->n; i++) {
			if (i > 0)
				buf_addc(out, '|');
			node_put(w, node->kids[i]);
		}
		break;
	case REGEX_REPEAT:
		repeat_put(w, node);
		break;
	case REGEX_GROUP:
		buf_add(out, node->capture > 0 && w->captures ? STR("(") : STR("(?:"));
		node_put(w, node->kids[0]);
		buf_addc(out, ')');
		break;
	}
}

/* Counts what PCRE2 would copy; times: how often node itself is copied. */
static void uses_count(struct unit *units, const struct regex_node *node, uint64_t times)
{
	enum { MANY = 1000000 };

	if (node->unit > 0) {
		units[node->unit].node = node;
		units[node->unit].uses += times;
		return;
	}
	if (node->kind == REGEX_REPEAT && node->max == REGEX_UNLIMITED)
		times *= node->min > 1 ? node->min : 1;
	else if (node->kind == REGEX_REPEAT)
		times *= node->max > 1 ? node->max : 1;
	for (size_t i = 0; i < node->n; i++)
		uses_count(units, node->kids[i], times > MANY ? MANY : times);
}

/* Calls are slower than copies: small sets, and all that come up once, are written where they stand. */
static bool units_choose(struct unit *units, unsigned n)
{
	enum { BYTES = 4096 };
	struct buf text = BUF_INIT;
	struct writer w = {&text, false, units};
	bool good = true;

	for (unsigned i = 1; i <= n && good; i++) {
		if (units[i].uses < 2)
			continue;
		buf_clear(&text);
		node_put(&w, units[i].node);
		units[i].called = buf_str(&text).n * units[i].uses > BYTES;
		good = !text.failed;
	}
	buf_fini(&text);
	return good;
}

bool regex_translate(struct buf *out, const struct regex_tree *t, bool captures)
{
	struct unit *units = calloc(t->units + 1, sizeof(*units));
	struct writer w = {out, captures, units};
	bool good = false;

	if (units == NULL)
		return false;
	uses_count(units, t->root, 1);
	if (!units_choose(units, t->units))
		goto done;
	node_put(&w, t->root);
	for (unsigned i = 1; i <= t->units; i++) {
		if (!units[i].called)
			continue;
		units[i].called = false;
		buf_printf(out, "(?(DEFINE)(?<u%u>", i);
		node_put(&w, units[i].node);
		buf_add(out, STR("))"));
		units[i].called = true;
	}
	good = !out->failed;
done:
	free(units);
	return good;
}
