/* SPDX-License-Identifier: Apache-2.0 */
/* Reading addresses and lists of hosts. */
#include "proxy/url.h"

#include "base/ip.h"

enum { LONGEST = 2048 };

static bool is_name(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alpha(s.p[i]) && !ascii_digit(s.p[i]) && s.p[i] != '-' && s.p[i] != '.' &&
		    s.p[i] != '_')
			return false;
	return s.n > 0 && s.n <= 253 && s.p[0] != '.';
}

/* HOST, HOST:PORT or [IPv6]:PORT; *port is left alone without one. */
static bool host_and_port(struct str s, struct str *host, uint16_t *port)
{
	ptrdiff_t colon = str_rfind(s, ':'), bracket = str_rfind(s, ']');
	uint64_t number;
	struct ip ip;

	if (colon > bracket) {
		if (!str_uint(str_sub(s, (size_t)colon + 1, s.n), 65535, &number) || number == 0)
			return false;
		*port = (uint16_t)number;
		s.n = (size_t)colon;
	}
	if (s.n > 2 && s.p[0] == '[' && s.p[s.n - 1] == ']') {
		*host = str_sub(s, 1, s.n - 1);
		return ip_parse(*host, &ip) && ip.family == 6;
	}
	*host = s;
	return is_name(s);
}

bool url_parse(struct str text, struct url *out)
{
	struct str rest;
	size_t end = 0;

	*out = (struct url){.port = 80};
	if (text.n > LONGEST)
		return false;
	for (size_t i = 0; i < text.n; i++)
		if (text.p[i] <= ' ' || text.p[i] > '~' || strchr("\\\"<>^`{|}#", text.p[i]) != NULL)
			return false;
	if (str_starts(text, STR("http://"))) {
		rest = str_sub(text, 7, text.n);
	} else if (str_starts(text, STR("https://"))) {
		rest = str_sub(text, 8, text.n);
		out->https = true;
		out->port = 443;
	} else {
		return false;
	}
	while (end < rest.n && rest.p[end] != '/' && rest.p[end] != '?')
		end++;
	return host_and_port(str_sub(rest, 0, end), &out->host, &out->port);
}

bool url_host_parse(struct str text, struct url_host *out)
{
	struct str bare = str_starts(text, STR("*.")) ? str_sub(text, 2, text.n) : text, host;

	*out = (struct url_host){.port = 0};
	if (!host_and_port(bare, &host, &out->port))
		return false;
	out->name = bare.p == text.p ? host : (struct str){text.p, host.n + 2};
	return true;
}

static bool host_is(struct str host, struct str name)
{
	struct ip ip;

	if (!str_starts(name, STR("*.")))
		return str_eq_nocase(host, name);
	name = str_sub(name, 1, name.n);
	return !ip_parse(host, &ip) && host.n > name.n &&
	       str_eq_nocase(str_sub(host, host.n - name.n, host.n), name);
}

bool url_allowed(const struct url *u, const struct url_host *hosts, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (host_is(u->host, hosts[i].name) && u->port == (hosts[i].port ? hosts[i].port
		                                                   : u->https    ? 443
		                                                                 : 80))
			return true;
	return false;
}

bool url_same_host(const struct url *a, const struct url *b)
{
	return a->https == b->https && a->port == b->port && str_eq_nocase(a->host, b->host);
}
