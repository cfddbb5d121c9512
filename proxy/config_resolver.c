/* SPDX-License-Identifier: Apache-2.0 */
/* server { resolver }: name servers by address, for an address is all that can be had without one. */
#include "proxy/config_build.h"

enum { DNS_PORT = 53 };

/* IP, IP:PORT, [IPv6] or [IPv6]:PORT. */
static bool add_server(struct build *b, struct str text, struct str *list)
{
	ptrdiff_t colon = str_rfind(text, ':'), bracket = str_rfind(text, ']');
	uint64_t port = DNS_PORT;
	struct str host = text;
	struct ip ip;
	char printed[IP_TEXT];

	if (colon > bracket && (bracket >= 0 || str_find(text, ':') == colon)) {
		host = str_sub(text, 0, (size_t)colon);
		if (!str_uint(str_sub(text, (size_t)colon + 1, text.n), 65535, &port) || port == 0)
			return false;
	}
	if (bracket > 0 && host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = str_sub(host, 1, host.n - 1);
	if (!ip_parse(host, &ip))
		return false;
	*list = arena_printf(b->arena, "%.*s%s%s%.*s%s:%u", STR_FMT(*list), list->n > 0 ? "," : "", ip.family == 6 ? "[" : "",
			     (int)ip_print(&ip, printed), printed, ip.family == 6 ? "]" : "", (unsigned)port);
	b->nomem |= list->p == NULL;
	return true;
}

bool resolver_finish(struct build *b)
{
	const struct ast_setting *s = server_line(b, STR("resolver"));
	struct str rest, list = STR("");
	struct diag *g;

	if (s == NULL)
		return true;
	for (rest = s->words[0].text; rest.n > 0 && !b->nomem;) {
		ptrdiff_t comma = str_find(rest, ',');
		struct str one = str_trim(comma < 0 ? rest : str_sub(rest, 0, (size_t)comma));

		rest = comma < 0 ? STR_NONE : str_sub(rest, (size_t)comma + 1, rest.n);
		if (add_server(b, one, &list))
			continue;
		g = diag_add(b->d, U8001, s->words[0].span, "`%.*s` is no name server", STR_FMT(one));
		diag_help(b->d, g, "write addresses: \"192.0.2.53, [2001:db8::53]:5353\"");
		return true;
	}
	b->config->settings.resolver = list;
	return !b->nomem;
}
