/* SPDX-License-Identifier: Apache-2.0 */
/* A digest of rules and lists: not a secret, not a signature; two 64-bit hashes side by side. */
#include "engine/version.h"

#include "base/buf.h"

struct digest {
	uint64_t a, b;
};

static void feed(struct digest *d, struct str s)
{
	d->a = str_hash(s, d->a + s.n);
	d->b = str_hash(s, (d->b ^ 0x9e3779b97f4a7c15u) + 1);
}

static struct str words(struct span s)
{
	return s.src == NULL ? STR("") : str_sub(s.src->text, s.from, s.to);
}

static bool feed_rule(struct digest *d, const struct ast_block *b)
{
	struct buf text = BUF_INIT;
	bool good = b->when == NULL || ast_print(&text, b->when);

	feed(d, b->name);
	feed(d, buf_str(&text));
	for (const struct ast_setting *s = b->settings; s != NULL; s = s->next)
		feed(d, words(s->span));
	for (const struct ast_action *a = b->actions; a != NULL; a = a->next)
		feed(d, words(a->span));
	buf_fini(&text);
	return good;
}

static void feed_list(struct digest *d, const struct named_list *l)
{
	struct set_item item;

	feed(d, l->name);
	for (size_t i = 0; l->set != NULL && i < set_count(l->set); i++) {
		item = (struct set_item){.suffix = false};
		set_item(l->set, i, &item);
		feed(d, item.s);
		feed(d, (struct str){(const char *)&item.low, sizeof(item.low)});
		feed(d, (struct str){(const char *)&item.high, sizeof(item.high)});
		feed(d, (struct str){(const char *)&item.from, sizeof(item.from)});
		feed(d, (struct str){(const char *)&item.to, sizeof(item.to)});
	}
}

struct str version_of(struct arena *a, const struct ast_file *file, const struct lists *lists)
{
	struct digest d = {1, 2};
	bool good = true;

	for (const struct named_list *l = lists->first; l != NULL; l = l->next)
		feed_list(&d, l);
	for (const struct ast_block *b = file->blocks; b != NULL && good; b = b->next) {
		if (b->kind == AST_BLOCK_RULE)
			good = feed_rule(&d, b);
		if (b->kind != AST_BLOCK_RULESET)
			continue;
		feed(&d, b->name);
		for (const struct ast_setting *s = b->settings; s != NULL; s = s->next)
			feed(&d, words(s->span));
		for (const struct ast_block *i = b->rules; i != NULL && good; i = i->next)
			good = feed_rule(&d, i);
	}
	if (!good)
		return STR_NONE;
	return arena_printf(a, "%016llx%016llx", (unsigned long long)d.a, (unsigned long long)d.b);
}
