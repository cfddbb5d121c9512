/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Taking out what is not for us to pass on: lines that end at this connection, and names under which a client
 * could claim to be someone. Hop-by-hop lines go first, so that a client's Connection line can only ever take
 * away the client's own lines, never one that usher writes later.
 */
#include "base/err.h"
#include "headers/names.h"
#include "headers/request.h"

/* Whether some Connection line lists this line's name. Connection lines stay until the others are judged. */
static bool is_connection_named(const struct line *line, const void *lines)
{
	return !str_eq_nocase(line->name, STR("connection")) &&
	       lines_list_has(lines, STR("connection"), line->name);
}

static bool is_hop(const struct line *line, const void *arg)
{
	(void)arg;
	return name_flags_twin(line->name) & HOP;
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

static void hops_remove(struct lines *l)
{
	struct lines all = *l; /* the same array: Connection lines only move towards its front */

	if (lines_get(l, STR("connection")))
		lines_remove_if(l, is_connection_named, &all);
	lines_remove_if(l, is_hop, NULL);
}

/* Two lines whose names an origin may read as one, although they are two for rules. */
static bool names_collide(const struct lines *l)
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
	hops_remove(&req->lines);
	lines_remove(&req->lines, STR("expect"));
	lines_remove_if(&req->lines, is_reserved, NULL);
	trailers_clean(&req->trailers);
	if (!cookies_merge(req))
		return -ERR_NOMEM;
	return names_collide(&req->lines) ? -ERR_INVALID : 0;
}

static bool is_client_cert(const struct line *line, const void *arg)
{
	(void)arg;
	return name_twin(line->name, STR("client-cert")) || name_twin(line->name, STR("client-cert-chain"));
}

void response_clean(struct response *res)
{
	hops_remove(&res->lines);
	lines_remove_if(&res->lines, is_client_cert, NULL);
	lines_remove_if(&res->trailers, is_untrailing, NULL);
}
