/* SPDX-License-Identifier: Apache-2.0 */
/* Functions over strings, arrays and maps. Results borrow from their arguments where they can. */
#include <stdio.h>

#include "base/err.h"
#include "base/limits.h"
#include "engine/functions.h"

void run_coalesce(struct call *c, const struct value *args, size_t n, struct value *out)
{
	(void)c;
	for (size_t i = 0; i < n; i++)
		if (!args[i].missing) {
			*out = args[i];
			return;
		}
}

static void concat_arrays(struct call *c, const struct value *args, size_t n, struct value *out)
{
	struct array *all = ARENA_NEW(c->arena, struct array);
	struct value *v;
	size_t total = 0, at = 0;

	for (size_t i = 0; i < n; i++)
		total += args[i].missing ? 0 : args[i].a->n;
	if (all == NULL || (v = (struct value *)call_bytes(c, total * sizeof(*v))) == NULL) {
		c->error = c->error ? c->error : -ERR_NOMEM;
		return;
	}
	for (size_t i = 0; i < n; i++)
		if (!args[i].missing && args[i].a->n > 0) {
			memcpy(v + at, args[i].a->v, args[i].a->n * sizeof(*v));
			at += args[i].a->n;
		}
	*all = (struct array){total, v};
	out->a = all;
	out->missing = 0;
}

void run_concat(struct call *c, const struct value *args, size_t n, struct value *out)
{
	size_t total = 0, present = 0, last = 0;
	char *p;

	for (size_t i = 0; i < n; i++)
		if (!args[i].missing) {
			present++;
			last = i;
		}
	if (present <= 1) {
		if (present == 1)
			*out = args[last];
		return;
	}
	if (args[0].type != TYPE_BYTES) {
		concat_arrays(c, args, n, out);
		return;
	}
	for (size_t i = 0; i < n; i++)
		total += args[i].missing ? 0 : args[i].s.n;
	if ((p = call_bytes(c, total)) == NULL)
		return;
	give_bytes(out, p, total);
	for (size_t i = 0; i < n; i++)
		if (!args[i].missing && args[i].s.n > 0) {
			memcpy(p, args[i].s.p, args[i].s.n);
			p += args[i].s.n;
		}
}

void run_ends_with(struct call *c, const struct value *args, size_t n, struct value *out)
{
	(void)c;
	(void)n;
	give_bool(out, str_ends(args[0].s, args[1].s));
}

void run_starts_with(struct call *c, const struct value *args, size_t n, struct value *out)
{
	(void)c;
	(void)n;
	give_bool(out, str_starts(args[0].s, args[1].s));
}

void run_has_key(struct call *c, const struct value *args, size_t n, struct value *out)
{
	(void)c;
	(void)n;
	give_bool(out, map_get(args[0].m, args[1].s) != NULL);
}

/* Elements are compared, so they must be single values. */
bool prepare_has_value(struct prepare *p)
{
	enum type t = p->types[0];
	struct diag *g;

	if (type_scalar(type_element(t)))
		return true;
	g = diag_add(p->d, U1005, p->ast[0]->span,
	             "has_value compares single values, and those of %s are arrays", type_name(t));
	diag_help(p->d, g, "index it first, as in has_value(http.request.headers[\"accept\"], \"*/*\")");
	return false;
}

void run_has_value(struct call *c, const struct value *args, size_t n, struct value *out)
{
	bool map = type_shape(args[0].type) == SHAPE_MAP, found = false;

	(void)c;
	(void)n;
	for (size_t i = 0; !found && i < (map ? args[0].m->n : args[0].a->n); i++) {
		const struct value *v = map ? &args[0].m->v[i].value : &args[0].a->v[i];

		found = !v->missing && value_eq(v, &args[1]);
	}
	give_bool(out, found);
}

void run_join(struct call *c, const struct value *args, size_t n, struct value *out)
{
	const struct array *a = args[0].a;
	struct str sep = args[1].s;
	size_t total = 0;
	char *p;

	(void)n;
	if (a->n == 1 && !a->v[0].missing) {
		*out = a->v[0];
		return;
	}
	for (size_t i = 0; i < a->n; i++)
		total += (i > 0 ? sep.n : 0) + (a->v[i].missing ? 0 : a->v[i].s.n);
	if ((p = call_bytes(c, total)) == NULL)
		return;
	give_bytes(out, p, total);
	for (size_t i = 0; i < a->n; i++) {
		struct str s = a->v[i].missing ? STR("") : a->v[i].s;

		if (i > 0 && sep.n > 0)
			p = (char *)mempcpy(p, sep.p, sep.n);
		if (s.n > 0)
			p = (char *)mempcpy(p, s.p, s.n);
	}
}

void run_len(struct call *c, const struct value *args, size_t n, struct value *out)
{
	(void)c;
	(void)n;
	give_int(out, (int64_t)(args[0].type == TYPE_BYTES ? args[0].s.n : args[0].a->n));
}

static void change_case(struct call *c, struct str s, struct value *out, char (*change)(char))
{
	size_t i = 0;
	char *p;

	while (i < s.n && change(s.p[i]) == s.p[i])
		i++;
	if (i == s.n) {
		give_bytes(out, s.p, s.n);
		return;
	}
	if ((p = call_bytes(c, s.n)) == NULL)
		return;
	for (i = 0; i < s.n; i++)
		p[i] = change(s.p[i]);
	give_bytes(out, p, s.n);
}

void run_lower(struct call *c, const struct value *args, size_t n, struct value *out)
{
	(void)n;
	change_case(c, args[0].s, out, ascii_lower);
}

void run_upper(struct call *c, const struct value *args, size_t n, struct value *out)
{
	(void)n;
	change_case(c, args[0].s, out, ascii_upper);
}

void run_remove_bytes(struct call *c, const struct value *args, size_t n, struct value *out)
{
	struct str s = args[0].s, set = args[1].s;
	bool drop[256] = {false};
	size_t kept = 0;
	char *p = call_bytes(c, s.n);

	(void)n;
	if (p == NULL)
		return;
	for (size_t i = 0; i < set.n; i++)
		drop[(unsigned char)set.p[i]] = true;
	for (size_t i = 0; i < s.n; i++)
		if (!drop[(unsigned char)s.p[i]])
			p[kept++] = s.p[i];
	give_bytes(out, p, kept);
}

bool prepare_split(struct prepare *p)
{
	if (!prepare_int(p, 2, 1, 128, "the limit of split"))
		return false;
	if (!p->args[1].missing && p->args[1].s.n == 0) {
		diag_add(p->d, U1005, p->ast[1]->span, "the separator of split is empty");
		return false;
	}
	return true;
}

void run_split(struct call *c, const struct value *args, size_t n, struct value *out)
{
	struct str rest = args[0].s, sep = args[1].s;
	size_t limit = (size_t)args[2].i, parts = 0;
	struct value *v = arena_array(c->arena, limit, sizeof(*v));
	struct array *a = ARENA_NEW(c->arena, struct array);

	(void)n;
	if (v == NULL || a == NULL) {
		c->error = -ERR_NOMEM;
		return;
	}
	for (;;) {
		const char *at =
		    parts + 1 < limit && rest.n > 0 ? memmem(rest.p, rest.n, sep.p, sep.n) : NULL;
		size_t len = at != NULL ? (size_t)(at - rest.p) : rest.n;

		v[parts].type = TYPE_BYTES;
		v[parts++].s = str_sub(rest, 0, len);
		if (at == NULL)
			break;
		rest = str_sub(rest, len + sep.n, rest.n);
	}
	*a = (struct array){parts, v};
	out->a = a;
	out->missing = 0;
}

/* A position: negative ones count from the end, and both ends are as far as it goes. */
static size_t offset(int64_t i, size_t n)
{
	if (i < 0)
		return i < -(int64_t)n ? 0 : n - (size_t)-i;
	return (uint64_t)i > n ? n : (size_t)i;
}

void run_substring(struct call *c, const struct value *args, size_t n, struct value *out)
{
	struct str s = args[0].s;
	size_t from = offset(args[1].i, s.n), to = n > 2 ? offset(args[2].i, s.n) : s.n;

	(void)c;
	s = from < to ? str_sub(s, from, to) : STR("");
	give_bytes(out, s.p, s.n);
}

void run_to_string(struct call *c, const struct value *args, size_t n, struct value *out)
{
	char *p;

	(void)n;
	if (args[0].type == TYPE_BOOL) {
		*out = (struct value){.type = TYPE_BYTES, .s = args[0].b ? STR("true") : STR("false")};
		return;
	}
	if ((p = call_bytes(c, IP_TEXT)) == NULL)
		return;
	if (args[0].type == TYPE_INT)
		give_bytes(out, p, (size_t)snprintf(p, IP_TEXT, "%lld", (long long)args[0].i));
	else
		give_bytes(out, p, ip_print(args[0].ip, p));
}
