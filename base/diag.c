/* SPDX-License-Identifier: Apache-2.0 */
/* The queue of diagnostics: adding, sorting, and the table of codes. How they look is diag_print.c's. */
#include <stdarg.h>
#include <stdlib.h>

#include "base/diag.h"
#include "base/limits.h"

static const struct row {
	const char *name, *title;
	enum severity severity;
} rows[] = {
#define DIAG(code, severity, title) {#code, title, severity},
#include "base/diags.def"
#undef DIAG
};

void diags_init(struct diags *d)
{
	*d = (struct diags){.arena = ARENA_INIT, .cap = LIMIT_DIAGS};
}

void diags_fini(struct diags *d)
{
	arena_fini(&d->arena);
	diags_init(d);
}

static struct str message_make(struct arena *a, const char *fmt, va_list ap)
{
	va_list again;
	struct str s;
	char *p;
	int n;

	va_copy(again, ap);
	n = vsnprintf(NULL, 0, fmt, again);
	va_end(again);
	if (n < 0 || !(p = arena_alloc(a, (size_t)n + 1)))
		return STR_NONE;
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	s = (struct str){p, (size_t)n};
	return s;
}

/* Counts one more of severity s; returns how many there are now. */
static unsigned severity_count(struct diags *d, enum severity s)
{
	switch (s) {
	case SEV_ERROR:
		return ++d->errors;
	case SEV_WARNING:
		return ++d->warnings;
	case SEV_HINT:
		return ++d->hints;
	}
	return ++d->errors;
}

struct diag *diag_add(struct diags *d, enum diag_code code, struct span span, const char *fmt, ...)
{
	struct diag *g;
	va_list ap;

	d->spare = (struct diag){.code = code, .severity = rows[code].severity, .span = span};
	if (severity_count(d, rows[code].severity) > d->cap || !(g = ARENA_NEW(&d->arena, struct diag)))
		return &d->spare;
	g->code = code;
	g->severity = rows[code].severity;
	g->span = span;
	va_start(ap, fmt);
	g->message = message_make(&d->arena, fmt, ap);
	va_end(ap);
	if (!g->message.n)
		g->message = str_of(rows[code].title);
	if (d->last)
		d->last->next = g;
	else
		d->first = g;
	d->last = g;
	return g;
}

void diag_second(struct diags *d, struct diag *g, struct span span, const char *fmt, ...)
{
	va_list ap;

	if (g == &d->spare)
		return;
	g->second = span;
	va_start(ap, fmt);
	g->second_message = message_make(&d->arena, fmt, ap);
	va_end(ap);
}

void diag_help(struct diags *d, struct diag *g, const char *fmt, ...)
{
	va_list ap;

	if (g == &d->spare)
		return;
	va_start(ap, fmt);
	g->help = message_make(&d->arena, fmt, ap);
	va_end(ap);
}

const char *diag_name(enum diag_code code)
{
	return rows[code].name;
}

const char *diag_title(enum diag_code code)
{
	return rows[code].title;
}

enum severity diag_severity(enum diag_code code)
{
	return rows[code].severity;
}

bool diag_code_of(struct str name, enum diag_code *out)
{
	unsigned i;

	for (i = 0; i < DIAG_COUNT; i++)
		if (str_eq(name, str_of(rows[i].name))) {
			*out = (enum diag_code)i;
			return true;
		}
	return false;
}

const char *severity_name(enum severity s)
{
	switch (s) {
	case SEV_WARNING:
		return "warning";
	case SEV_HINT:
		return "hint";
	case SEV_ERROR:
		break;
	}
	return "error";
}

/* What the order of printing depends on, taken out once so that comparing is cheap. */
struct key {
	const struct diag *diag;
	size_t source; /* place of its source among the sources, 0 for none */
	size_t came;
};

/* When the source of g first appeared among the n keys before it. */
static size_t source_first(const struct key *keys, size_t n, const struct diag *g)
{
	size_t i;

	for (i = 0; i < n; i++)
		if (keys[i].diag->span.src == g->span.src)
			return keys[i].source;
	return n + 1;
}

static int number_cmp(size_t a, size_t b)
{
	return a < b ? -1 : a > b;
}

static int key_cmp(const void *pa, const void *pb)
{
	const struct key *a = pa, *b = pb;
	const struct source *sa = a->diag->span.src, *sb = b->diag->span.src;
	int c;

	if ((c = number_cmp(sa ? sa->order : 0, sb ? sb->order : 0)) ||
	    (c = number_cmp(a->source, b->source)) ||
	    (c = number_cmp(a->diag->span.from, b->diag->span.from)) ||
	    (c = number_cmp(a->diag->span.to, b->diag->span.to)))
		return c;
	return number_cmp(a->came, b->came);
}

static bool diag_same(const struct diag *a, const struct diag *b)
{
	return a->code == b->code && a->span.src == b->span.src && a->span.from == b->span.from &&
	       a->span.to == b->span.to && str_eq(a->message, b->message);
}

/* Whether one of the already sorted ones at the same place says the same. */
static bool diag_said(const struct diag *const *v, size_t n, const struct diag *g)
{
	while (n > 0 && v[n - 1]->span.src == g->span.src && v[n - 1]->span.from == g->span.from)
		if (diag_same(v[--n], g))
			return true;
	return false;
}

const struct diag **diags_sorted(const struct diags *d, size_t *n)
{
	const struct diag *g, **v;
	struct key *keys;
	size_t all = 0, i = 0;

	*n = 0;
	for (g = d->first; g; g = g->next)
		all++;
	if (!all)
		return NULL;
	keys = calloc(all, sizeof(*keys));
	v = calloc(all, sizeof(*v));
	if (!keys || !v) {
		free(v);
		v = NULL;
		goto done;
	}
	for (g = d->first; g; g = g->next, i++)
		keys[i] = (struct key){g, g->span.src ? source_first(keys, i, g) : 0, i};
	qsort(keys, all, sizeof(*keys), key_cmp);
	for (i = 0; i < all; i++)
		if (!diag_said(v, *n, keys[i].diag))
			v[(*n)++] = keys[i].diag;
done:
	free(keys);
	return v;
}
