/* SPDX-License-Identifier: Apache-2.0 */
/*
 * List files: one item a line, as written in a list block; a text needs no quotes unless it holds a '#' after
 * white space or outer white space. Every bad line of a file is told, with its place in that file.
 */
#include <errno.h>
#include <stdlib.h>

#include "base/file.h"
#include "base/limits.h"
#include "engine/set_internal.h"
#include "grammar/literal.h"

struct loader {
	struct set *set;
	struct diags *d;
	struct str path, text;
	const struct source *src; /* made when the first error needs it */
	struct arena scratch;     /* decoded strings */
	bool nomem;
};

/* A span of the file. Its text must outlive the loader, so the first error keeps a copy beside the messages.
 */
static struct span place(struct loader *l, struct str item)
{
	size_t from = (size_t)(item.p - l->text.p);
	struct source *src;

	if (l->src == NULL && (src = ARENA_NEW(&l->d->arena, struct source)) != NULL) {
		src->name = arena_str(&l->d->arena, l->path);
		src->text = arena_str(&l->d->arena, l->text);
		if (src->name.p != NULL && src->text.p != NULL)
			l->src = src;
	}
	return l->src != NULL ? (struct span){l->src, (uint32_t)from, (uint32_t)(from + item.n)} : SPAN_NONE;
}

static bool bad(struct loader *l, enum diag_code code, struct str item, const char *what)
{
	diag_add(l->d, code, place(l, item), "%s", what);
	return false;
}

/* "…" with the escapes of strings. */
static bool unquote(struct loader *l, struct str item, struct str *out)
{
	char *p = arena_alloc(&l->scratch, item.n);
	size_t n = 0, i = 1;

	if (p == NULL) {
		l->nomem = true;
		return false;
	}
	for (; i < item.n && item.p[i] != '"'; i++) {
		struct str left = str_sub(item, i, item.n);

		if (item.p[i] != '\\') {
			p[n++] = item.p[i];
		} else if (left.n > 1 && (left.p[1] == '"' || left.p[1] == '\\')) {
			p[n++] = item.p[++i];
		} else if (left.n > 3 && left.p[1] == 'x' && ascii_hex(left.p[2]) >= 0 &&
		           ascii_hex(left.p[3]) >= 0) {
			p[n++] = (char)(ascii_hex(left.p[2]) << 4 | ascii_hex(left.p[3]));
			i += 3;
		} else if (left.n > 3 && left.p[1] >= '0' && left.p[1] <= '3' && left.p[2] >= '0' &&
		           left.p[2] <= '7' && left.p[3] >= '0' && left.p[3] <= '7') {
			p[n++] = (char)((left.p[1] - '0') << 6 | (left.p[2] - '0') << 3 | (left.p[3] - '0'));
			i += 3;
		} else {
			return bad(l, U0003, str_sub(item, i, i + 2),
			           "strings have the escapes \\\" \\\\ \\xHH and \\OOO");
		}
	}
	if (i + 1 != item.n)
		return bad(l, i < item.n ? U0001 : U0002, str_sub(item, i < item.n ? i + 1 : 0, item.n),
		           i < item.n ? "text after the closing quote" : "this string is never closed");
	*out = (struct str){p, n};
	return true;
}

static bool item_add(struct loader *l, struct str item)
{
	struct str s = item;
	const char *why;
	int64_t low, high;
	struct ip from, to;

	if (l->set->type == SET_STRING || l->set->type == SET_HOST) {
		if (s.p[0] == '"' && !unquote(l, item, &s))
			return false;
		if (l->set->type == SET_HOST && !host_item_valid(s))
			return bad(l, U1003, item, "no host that a request can have, nor *. and a name");
		if (!set_add_string(l->set, s))
			l->nomem = true;
		return !l->nomem;
	}
	if (l->set->type == SET_INT) {
		if ((why = literal_int_range(s, &low, &high)) != NULL)
			return bad(l, U1003, item, why);
		if (!set_add_int(l->set, low, high))
			l->nomem = true;
		return !l->nomem;
	}
	if ((why = literal_ip_range(s, &from, &to)) != NULL)
		return bad(l, str_find(s, '/') >= 0 ? U0007 : U1003, item, why);
	if (!set_add_ip(l->set, &from, &to))
		l->nomem = true;
	return !l->nomem;
}

/* The line without comment and outer white space. A '#' begins a comment at the line's start or after white
 * space, outside quotes. */
static struct str line_item(struct str line)
{
	bool quoted = false;

	if (line.n > 0 && line.p[line.n - 1] == '\r')
		line.n--;
	line = str_trim(line);
	for (size_t i = 0; i < line.n; i++) {
		if (quoted && line.p[i] == '\\')
			i++;
		else if (line.p[i] == '"' && (i == 0 || quoted))
			quoted = !quoted;
		else if (!quoted && line.p[i] == '#' &&
		         (i == 0 || line.p[i - 1] == ' ' || line.p[i - 1] == '\t'))
			return str_trim(str_sub(line, 0, i));
	}
	return line;
}

struct set *set_load(enum set_type type, struct str path, struct span from, struct diags *d)
{
	struct loader l = {.set = set_new(type), .d = d, .path = path, .scratch = ARENA_INIT};
	struct arena file = ARENA_INIT;
	struct str full = file_path(&file, from.src != NULL ? from.src->dir : STR(""), path);
	bool ok = l.set != NULL && full.p != NULL;
	unsigned before = d->errors;

	l.nomem = !ok;
	if (ok && file_read(&file, full.p, LIMIT_FILE_BYTES, &l.text) < 0) {
		diag_add(d, U8002, from, "%.*s: %s", STR_FMT(full), strerror(errno));
		ok = false;
	}
	for (size_t at = 0; ok && at < l.text.n;) {
		struct str rest = str_sub(l.text, at, l.text.n), item;
		const char *end = memchr(rest.p, '\n', rest.n);
		size_t n = end != NULL ? (size_t)(end - rest.p) : rest.n;

		item = line_item(str_sub(rest, 0, n));
		if (item.n > 0 && !item_add(&l, item) && l.nomem)
			ok = false;
		at += n + 1;
		if (l.scratch.used > 1 << 20)
			arena_reset(&l.scratch);
	}
	if (ok && d->errors == before && !set_seal(l.set))
		l.nomem = true;
	if (l.nomem)
		diag_add(d, U8002, from, "%.*s: out of memory", STR_FMT(path));
	if (d->errors != before) {
		set_unref(l.set);
		l.set = NULL;
	}
	arena_fini(&l.scratch);
	arena_fini(&file);
	return l.set;
}
