/* SPDX-License-Identifier: Apache-2.0 */
/* Reading X-Forwarded-For backwards. */
#include "proxy/real_ip.h"

static bool trusted(const struct listener_conf *l, const struct ip *ip)
{
	size_t i;

	for (i = 0; i < l->nreal_ip; i++)
		if (cidr_has(&l->real_ip[i], ip))
			return true;
	return false;
}

/* An element: an address, with a port at most, as some proxies write it: 192.0.2.1:80, [2001:db8::1]:80. */
static bool element_ip(struct str s, struct ip *out)
{
	ptrdiff_t end;

	s = str_trim(s);
	if (s.n > 0 && s.p[0] == '[') {
		if ((end = str_find(s, ']')) < 0)
			return false;
		s = str_sub(s, 1, (size_t)end);
	} else if ((end = str_find(s, ':')) >= 0 && str_rfind(s, ':') == end) {
		s = str_sub(s, 0, (size_t)end);
	}
	if (!ip_parse(s, out))
		return false;
	*out = ip_unmap(*out);
	return true;
}

/* Goes on with one line from its end. False: the client is found, or nothing before may be believed. */
static bool line_read(const struct listener_conf *l, struct str value, struct ip *client)
{
	ptrdiff_t comma;

	do {
		struct ip ip;

		comma = str_rfind(value, ',');
		if (!element_ip(str_sub(value, (size_t)(comma + 1), value.n), &ip))
			return false;
		*client = ip;
		if (!trusted(l, &ip))
			return false;
		value = str_sub(value, 0, comma < 0 ? 0 : (size_t)comma);
	} while (comma >= 0);
	return true;
}

bool real_ip(const struct listener_conf *l, const struct ip *peer, const struct lines *lines, struct ip *client)
{
	struct ip found = { .family = 0 };
	size_t i;

	if (l->nreal_ip == 0 || !trusted(l, peer))
		return false;
	for (i = lines->n; i > 0; i--)
		if (str_eq_nocase(lines->v[i - 1].name, STR("x-forwarded-for")) &&
		    !line_read(l, lines->v[i - 1].value, &found))
			break;
	if (found.family == 0)
		return false;
	*client = found;
	return true;
}
