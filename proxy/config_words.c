/* SPDX-License-Identifier: Apache-2.0 */
/* Values of settings: booleans, names out of a few, durations, sizes, addresses, paths. */
#include <arpa/inet.h>
#include <sys/un.h>

#include "base/file.h"
#include "base/ip.h"
#include "proxy/config_build.h"

struct unit {
	struct str suffix;
	int64_t factor;
};

#define UNIT(suffix, factor) { { suffix, sizeof(suffix) - 1 }, factor }

static const struct unit durations[] = {
	UNIT("ms", 1), UNIT("s", 1000), UNIT("m", 60000), UNIT("h", 3600000), UNIT("d", 86400000),
};
static const struct unit sizes[] = { UNIT("k", 1024), UNIT("m", 1048576), UNIT("g", 1073741824), UNIT("", 1) };

bool word_bool(struct build *b, const struct ast_word *w, bool *out)
{
	int v;

	if (!word_enum(b, w, "no|yes|off|on|false|true", &v))
		return false;
	*out = v & 1;
	return true;
}

bool word_enum(struct build *b, const struct ast_word *w, const char *values, int *out)
{
	struct str names[16];
	size_t n = 0;
	const char *p = values;
	struct diag *g;
	struct str near;

	while (n < 16) {
		size_t len = strcspn(p, "|");

		names[n] = (struct str){ p, len };
		if (str_eq(names[n], w->text)) {
			*out = (int)n;
			return true;
		}
		n++;
		if (!p[len])
			break;
		p += len + 1;
	}
	g = diag_add(b->d, U8001, w->span, "`%.*s` is none of %s", STR_FMT(w->text), values);
	near = nearest(w->text, names, n);
	if (near.n)
		diag_help(b->d, g, "did you mean `%.*s`?", STR_FMT(near));
	return false;
}

/* NUMBER UNIT without a space, scaled; false if it is not that. */
static bool scaled(struct str s, const struct unit *units, size_t n, int64_t *out)
{
	uint64_t v;

	for (size_t i = 0; i < n; i++) {
		struct str num = s;

		if (!str_ends(s, units[i].suffix))
			continue;
		num.n -= units[i].suffix.n;
		if (!str_uint(num, (uint64_t)(INT64_MAX / units[i].factor), &v))
			continue;
		*out = (int64_t)v * units[i].factor;
		return true;
	}
	return false;
}

static bool in_range(struct build *b, const struct ast_word *w, int64_t v, int64_t min, int64_t max, const char *unit)
{
	if (v >= min && v <= max)
		return true;
	diag_add(b->d, U8001, w->span, "`%.*s` is out of range: from %lld to %lld%s", STR_FMT(w->text),
		 (long long)min, (long long)max, unit);
	return false;
}

bool word_duration(struct build *b, const struct ast_word *w, int64_t min, int64_t max, int64_t *msec)
{
	struct diag *g;

	if (!scaled(w->text, durations, 5, msec)) {
		g = diag_add(b->d, U8001, w->span, "`%.*s` is not a duration", STR_FMT(w->text));
		diag_help(b->d, g, "write a number with its unit: 250ms 5s 10m 1h 7d");
		return false;
	}
	return in_range(b, w, *msec, min, max, " ms");
}

bool word_size(struct build *b, const struct ast_word *w, int64_t min, int64_t max, int64_t *bytes)
{
	struct diag *g;

	if (!scaled(w->text, sizes, 4, bytes)) {
		g = diag_add(b->d, U8001, w->span, "`%.*s` is not a size", STR_FMT(w->text));
		diag_help(b->d, g, "write bytes, or a number with its unit: 512 16k 1m");
		return false;
	}
	return in_range(b, w, *bytes, min, max, " bytes");
}

bool word_int(struct build *b, const struct ast_word *w, int64_t min, int64_t max, int64_t *out)
{
	uint64_t v;

	if (!str_uint(w->text, INT64_MAX, &v)) {
		diag_add(b->d, U8001, w->span, "`%.*s` is not a whole number", STR_FMT(w->text));
		return false;
	}
	*out = (int64_t)v;
	return in_range(b, w, *out, min, max, "");
}

static bool address_unix(struct build *b, const struct ast_word *w, struct address *out)
{
	struct sockaddr_un *un = (struct sockaddr_un *)&out->sa;
	struct ast_word path = *w;

	path.text = str_sub(w->text, 5, w->text.n);
	if (!path.text.n) {
		diag_add(b->d, U8001, w->span, "unix: needs a path");
		return false;
	}
	out->path = word_path(b, &path);
	if (!out->path.p)
		return false;
	if (out->path.n >= sizeof un->sun_path) {
		diag_add(b->d, U8001, w->span, "the path of a unix socket has at most %zu bytes",
			 sizeof un->sun_path - 1);
		return false;
	}
	un->sun_family = AF_UNIX;
	memcpy(un->sun_path, out->path.p, out->path.n + 1);
	out->len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + out->path.n + 1);
	return true;
}

bool word_address(struct build *b, const struct ast_word *w, struct address *out)
{
	struct str host, port;
	ptrdiff_t colon = str_rfind(w->text, ':');
	struct ip ip;
	uint64_t number;
	struct diag *g;

	memset(out, 0, sizeof *out);
	out->text = w->text;
	if (str_starts(w->text, STR("unix:")))
		return address_unix(b, w, out);
	if (colon < 0)
		goto bad;
	host = str_sub(w->text, 0, (size_t)colon);
	port = str_sub(w->text, (size_t)colon + 1, w->text.n);
	if (host.n > 2 && host.p[0] == '[' && host.p[host.n - 1] == ']')
		host = str_sub(host, 1, host.n - 1);
	else if (str_find(host, ':') >= 0)
		goto bad;
	if (!str_uint(port, 65535, &number) || !ip_parse(host, &ip))
		goto bad;
	out->host = host;
	out->port = (uint16_t)number;
	if (ip.family == 4) {
		struct sockaddr_in *in = (struct sockaddr_in *)&out->sa;

		in->sin_family = AF_INET;
		in->sin_port = htons(out->port);
		memcpy(&in->sin_addr, ip.bytes, 4);
		out->len = sizeof *in;
	} else {
		struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)&out->sa;

		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(out->port);
		memcpy(&in6->sin6_addr, ip.bytes, 16);
		out->len = sizeof *in6;
	}
	return true;
bad:
	g = diag_add(b->d, U8001, w->span, "`%.*s` is not an address to listen on", STR_FMT(w->text));
	diag_help(b->d, g, "write IP:PORT, [IPv6]:PORT or unix:PATH, for example 0.0.0.0:8443");
	return false;
}

struct str word_path(struct build *b, const struct ast_word *w)
{
	struct str dir = w->span.src ? w->span.src->dir : STR_NONE;
	struct str path = file_path(b->arena, dir, w->text);

	if (!path.p)
		b->nomem = true;
	return path;
}

struct str nearest(struct str s, const struct str *names, size_t n)
{
	struct str best = STR_NONE;
	size_t limit = s.n / 3 + 1, least = limit + 1;

	for (size_t i = 0; i < n; i++) {
		size_t dist = str_distance(s, names[i], limit);

		if (dist < least) {
			least = dist;
			best = names[i];
		}
	}
	return best;
}

void *array_push(struct arena *a, void *v, size_t n, size_t size, const void *x)
{
	if ((n & (n - 1)) == 0 || !v) { /* n is 0 or a power of two: full */
		void *bigger = arena_array(a, n ? n * 2 : 1, size);

		if (!bigger)
			return NULL;
		if (n)
			memcpy(bigger, v, n * size);
		v = bigger;
	}
	memcpy((char *)v + n * size, x, size);
	return v;
}
