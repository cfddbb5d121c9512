/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking out what is not for us to pass on: lines that end at this connection, and names under which a client
 * could claim to be someone. Hop-by-hop lines go first, so that a client's Connection line can only ever take
 * away the client's own lines, never one that usher writes later.
 */
#include "base/err.h"
#include "headers/names.h"
#include "headers/request.h"

static bool is_hop(const struct line *line, const void *arg)
{
	(void)arg;
	return name_flags_twin(line->name) & HOP;
}

static bool is_unsayable(const struct line *line, const void *arg)
{
	(void)arg;
	return (name_flags_twin(line->name) & HOP) || name_reserved(line->name);
}

static bool is_reserved(const struct line *line, const void *arg)
{
	(void)arg;
	return name_reserved(line->name);
}

static bool is_untrailing(const struct line *line, const void *arg)
{
	(void)arg;
	return name_flags_twin(line->name) & (HOP | NO_TRAILER);
}

/* Takes every Connection line out and all lines that one of them names. Hop-by-hop names among them need no
 * search of their own: is_hop finds them. */
static void connection_named_remove(struct lines *l)
{
	const struct line *at;

	while ((at = lines_get(l, STR("connection")))) {
		struct str rest = at->value, name;
		size_t i = (size_t)(at - l->v);

		memmove(l->v + i, l->v + i + 1, (l->n - i - 1) * sizeof(*l->v));
		l->n--;
		while (list_next(&rest, &name))
			if (!(name_flags(name) & HOP))
				lines_remove(l, name);
	}
}

bool lines_collide(const struct lines *l)
{
	size_t i, k;

	for (i = 0; i < l->n; i++) {
		if (str_find(l->v[i].name, '_') < 0)
			continue;
		for (k = 0; k < l->n; k++)
			if (name_twin(l->v[i].name, l->v[k].name) &&
			    !str_eq_nocase(l->v[i].name, l->v[k].name))
				return true;
	}
	return false;
}

void trailers_clean(struct lines *trailers)
{
	lines_remove_if(trailers, is_untrailing, NULL);
	lines_remove_if(trailers, is_reserved, NULL);
}

/* Cookie crumbs (RFC 9113, section 8.2.3) become one line again, as rules and origins expect; so do several
 * Cookie lines of HTTP/1.1, of which origins would read the first, the last or all. */
static bool cookies_merge(struct request *req)
{
	const struct line *at = lines_get(&req->lines, STR("cookie")), *next = at;
	struct str all;

	if (!at)
		return true;
	all = at->value;
	while ((next = lines_next(&req->lines, next, STR("cookie")))) {
		if (next->value.n == 0)
			continue;
		if (all.n == 0) {
			all = next->value;
			continue;
		}
		all = arena_concat(req->arena, (struct str[]){all, STR("; "), next->value}, 3);
		if (!all.p)
			return false;
	}
	return lines_set(&req->lines, at->name, all);
}

int request_clean(struct request *req)
{
	connection_named_remove(&req->lines);
	lines_remove_if(&req->lines, is_unsayable, NULL);
	lines_remove(&req->lines, STR("expect"));
	trailers_clean(&req->trailers);
	if (!cookies_merge(req) || (req->upgrade.n > 0 && !lines_add(&req->lines, STR("upgrade"), req->upgrade)))
		return -ERR_NOMEM;
	return lines_collide(&req->lines) ? -ERR_INVALID : 0;
}

static bool is_client_cert(const struct line *line, const void *arg)
{
	(void)arg;
	return name_twin(line->name, STR("client-cert")) || name_twin(line->name, STR("client-cert-chain"));
}

void response_clean(struct response *res)
{
	connection_named_remove(&res->lines);
	lines_remove_if(&res->lines, is_hop, NULL);
	lines_remove_if(&res->lines, is_client_cert, NULL);
	lines_remove_if(&res->trailers, is_untrailing, NULL);
}
