/* SPDX-License-Identifier: Apache-2.0 */
/* Forwarding headers, written from what usher itself knows, and Max-Forwards. */
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

/* Lists of the addresses: for X-Forwarded-For, and as nodes of Forwarded, where IPv6 stands in brackets and
 * quotes. */
static bool addresses_write(struct request *req, const struct ip *first, const struct ip *second,
                            struct str *nodes)
{
	char text[2][IP_TEXT];
	const struct ip *ips[2] = {first, second};
	struct str list[3], parts[8];
	size_t i, n = 0, m = 0;

	*nodes = STR("");
	if (!first->family)
		return true;
	for (i = 0; i < 2 && ips[i]->family; i++) {
		struct str ip = {text[i], ip_print(ips[i], text[i])};
		bool six = ips[i]->family == 6;

		if (i) {
			list[n++] = STR(", ");
			parts[m++] = STR(", ");
		}
		list[n++] = ip;
		parts[m++] = six ? STR("for=\"[") : STR("for=");
		parts[m++] = ip;
		parts[m++] = six ? STR("]\"") : STR("");
	}
	*nodes = arena_concat(req->arena, parts, m);
	list[0] = arena_concat(req->arena, list, n);
	return nodes->p && list[0].p && lines_add(&req->lines, STR("x-forwarded-for"), list[0]);
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

int max_forwards_count(struct request *req, bool *last)
{
	const struct line *line = lines_get(&req->lines, STR("max-forwards"));
	struct str less;
	uint64_t n;

	*last = false;
	if (!line || !str_eq(req->method, STR("OPTIONS")) || !str_uint(line->value, UINT64_MAX, &n))
		return 0;
	*last = n == 0;
	if (*last)
		return 0;
	less = arena_printf(req->arena, "%llu", (unsigned long long)(n - 1));
	return less.p && lines_set(&req->lines, line->name, less) ? 0 : -ERR_NOMEM;
}
