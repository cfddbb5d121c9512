/* SPDX-License-Identifier: Apache-2.0 */
/* Forwarding headers, written from what usher itself knows. */
#include "headers/forwarded.h"
#include "base/err.h"

static const char *via_protocol(enum http_version v)
{
	return v == HTTP_2 ? "2" : v == HTTP_1_0 ? "1.0" : "1.1";
}

/* RFC 9110, section 7.6.3: our element goes behind those that are there. */
static bool via_write(struct request *req)
{
	const struct line *at = NULL;
	struct str all = STR("");

	while ((at = lines_next(&req->lines, at, STR("via")))) {
		all = arena_concat(req->arena, (struct str[]){all, at->value, STR(", ")}, 3);
		if (!all.p)
			return false;
	}
	all = arena_concat(req->arena, (struct str[]){all, str_of(via_protocol(req->version)), STR(" usher")},
	                   3);
	return all.p && lines_set(&req->lines, STR("via"), all);
}

/* An address as a Forwarded node: IPv6 in brackets and quotes. */
static struct str node(struct arena *a, const struct ip *ip)
{
	char text[IP_TEXT];

	ip_print(ip, text);
	return arena_printf(a, ip->family == 6 ? "for=\"[%s]\"" : "for=%s", text);
}

static bool addresses_write(struct request *req, const struct ip *first, const struct ip *second,
                            struct str *nodes)
{
	char one[IP_TEXT], other[IP_TEXT];
	struct arena *a = req->arena;
	struct str list;

	*nodes = STR("");
	if (!first->family)
		return true;
	ip_print(first, one);
	if (!second->family) {
		list = arena_str(a, str_of(one));
		*nodes = node(a, first);
	} else {
		ip_print(second, other);
		list = arena_printf(a, "%s, %s", one, other);
		*nodes = arena_concat(a, (struct str[]){node(a, first), STR(", "), node(a, second)}, 3);
	}
	return list.p && nodes->p && lines_add(&req->lines, STR("x-forwarded-for"), list);
}

int forwarded_write(struct request *req, const struct forwarded *f)
{
	static const struct ip nobody = {0, {0}};
	struct str scheme = req->tls ? STR("https") : STR("http"), nodes, all;
	const struct ip *first = f->hide_visitor ? &f->proxy : &f->client;
	const struct ip *second = f->hide_visitor ? &nobody : &f->proxy;
	bool ok = addresses_write(req, first, second, &nodes);

	all = arena_concat(req->arena,
	                   (struct str[]){nodes, nodes.n ? STR(";host=\"") : STR("host=\""), req->authority,
	                                  STR("\";proto="), scheme},
	                   5);
	ok = ok && all.p && lines_add(&req->lines, STR("x-forwarded-proto"), scheme) &&
	     lines_add(&req->lines, STR("x-forwarded-host"), req->authority) &&
	     lines_add(&req->lines, STR("forwarded"), all) && via_write(req);
	return ok ? 0 : -ERR_NOMEM;
}
