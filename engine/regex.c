/* SPDX-License-Identifier: Apache-2.0 */
/* A pattern of a rule, from its literal to something that runs: front end, literals for the index, PCRE2. */
#include <stdlib.h>

#include "engine/regex.h"
#include "engine/spelling.h"

struct regex {
	struct matcher *matcher;
	struct literals literals[2]; /* each v is one block of its own, bytes included */
	unsigned captures;
};

/* Keeps the literals and leaves the working memory behind. */
static bool literals_keep(struct literals *to, const struct literals *from)
{
	size_t bytes = 0;
	struct str *v;
	char *at;

	*to = *from;
	for (size_t i = 0; i < from->n; i++)
		bytes += from->v[i].n;
	if ((to->v = v = malloc(from->n * sizeof(*v) + bytes + 1)) == NULL)
		return false;
	at = (char *)(v + from->n);
	for (size_t i = 0; i < from->n; i++) {
		memcpy(at, from->v[i].p, from->v[i].n);
		v[i] = (struct str){at, from->v[i].n};
		at += from->v[i].n;
	}
	return true;
}

static struct regex *compile(const struct ast *literal, bool captures, struct diags *d)
{
	struct regex *r = calloc(1, sizeof(*r));
	struct arena scratch = ARENA_INIT;
	struct literals literals[2];
	struct regex_tree tree;
	struct regex_error err = {.code = U4001};
	struct diag *g;
	int rc = -ERR_NOMEM;

	if (r == NULL)
		goto done;
	if ((rc = regex_parse(&tree, &scratch, literal->text, &err)) < 0 ||
	    (rc = regex_tree_literals(literals, &scratch, &tree)) < 0 ||
	    (rc = literals_keep(&r->literals[0], &literals[0]) && literals_keep(&r->literals[1], &literals[1])
	              ? 0
	              : -ERR_NOMEM) < 0 ||
	    (rc = matcher_new(&r->matcher, &tree, captures, &scratch, &err)) < 0)
		goto done;
	r->captures = tree.captures;
done:
	if (rc == -ERR_RULES) {
		g = diag_add(d, err.code, spelling_span(literal, err.from, err.to), "%.*s",
		             STR_FMT(err.message));
		if (err.help.n > 0)
			diag_help(d, g, "%.*s", STR_FMT(err.help));
	}
	if (rc < 0) {
		regex_free(r);
		r = NULL;
	}
	arena_fini(&scratch);
	return r;
}

struct regex *regex_compile(const struct ast *literal, struct diags *d)
{
	return compile(literal, false, d);
}

struct regex *regex_compile_captures(const struct ast *literal, struct diags *d)
{
	return compile(literal, true, d);
}

void regex_free(void *object)
{
	struct regex *r = object;

	if (r == NULL)
		return;
	matcher_free(r->matcher);
	free((void *)r->literals[0].v);
	free((void *)r->literals[1].v);
	free(r);
}

int regex_match(const struct regex *r, struct str s)
{
	return matcher_match(r->matcher, s);
}

int regex_find(const struct regex *r, struct str s, struct match_place found[MATCH_CAPTURES])
{
	return matcher_find(r->matcher, s, found);
}

unsigned regex_captures(const struct regex *r)
{
	return r->captures;
}

size_t regex_bytes(const struct regex *r)
{
	return sizeof(*r) + (r->literals[0].n + r->literals[1].n) * sizeof(struct str) +
	       matcher_bytes(r->matcher);
}

const struct literals *regex_literals(const struct regex *r)
{
	return &r->literals[0];
}

const struct literals *regex_other_literals(const struct regex *r)
{
	return &r->literals[1];
}
