/* SPDX-License-Identifier: Apache-2.0 */
/* Authorities: host and port, read so that no other reader can find another host in them. */
#include "base/ip.h"
#include "headers/request.h"

enum { HOST_MAX = 255 };

/* "[…]" at the front of text: its length, or 0. */
static size_t bracket_length(struct str text)
{
	ptrdiff_t close = str_find(text, ']');

	return text.n && text.p[0] == '[' && close > 0 ? (size_t)close + 1 : 0;
}

static bool host_ip6(struct str host, struct ip *ip)
{
	return host.n > 2 && ip_parse(str_sub(host, 1, host.n - 1), ip) && ip->family == 6;
}

static bool host_name(struct str host)
{
	size_t i;

	if (host.n == 0 || host.n > HOST_MAX || host.p[0] == '.')
		return false;
	for (i = 0; i < host.n; i++) {
		char c = host.p[i];

		if (c == '.' && i + 1 < host.n && host.p[i + 1] == '.')
			return false;
		if (!ascii_alpha(c) && !ascii_digit(c) && c != '-' && c != '.' && c != '_' && c != '~')
			return false;
	}
	return true;
}

static bool port_read(struct str text, uint16_t *port)
{
	uint64_t v;

	if (!str_uint(text, 65535, &v) || text.p[0] == '0')
		return false;
	*port = (uint16_t)v;
	return true;
}

bool authority_split(struct str text, struct authority *out)
{
	size_t n = bracket_length(text);
	ptrdiff_t colon = str_find(text, ':');
	struct ip ip;

	*out = (struct authority){STR_NONE, 0};
	if (!n)
		n = colon < 0 ? text.n : (size_t)colon;
	out->host = str_sub(text, 0, n);
	if (n < text.n && text.p[n] != ':')
		return false;
	if (n + 1 < text.n && !port_read(str_sub(text, n + 1, text.n), &out->port))
		return false; /* "host:" is "host": RFC 3986, section 3.2.3 */
	if (text.n && text.p[0] == '[')
		return host_ip6(out->host, &ip);
	if (!host_name(out->host))
		return false;
	if (str_ends(out->host, STR(".")))
		out->host.n--;
	return true;
}

bool authority_host(struct arena *a, struct str text, struct str *host)
{
	struct authority parts;
	struct ip ip;

	*host = STR_NONE;
	if (!authority_split(text, &parts))
		return false;
	if (parts.host.p[0] == '[') {
		char printed[IP_TEXT];

		host_ip6(parts.host, &ip);
		*host =
		    arena_concat(a, (struct str[]){STR("["), {printed, ip_print(&ip, printed)}, STR("]")}, 3);
	} else {
		*host = arena_lower(a, parts.host);
	}
	if (!host->p)
		host->n = parts.host.n;
	return host->p != NULL;
}
