/* SPDX-License-Identifier: Apache-2.0 */
/* pool blocks and the URLs of origins. */
#include "proxy/config_build.h"

static void bad_url(struct build *b, const struct ast_word *w, const char *why)
{
	struct diag *g = diag_add(b->d, U8001, w->span, "`%.*s` is not an origin: %s", STR_FMT(w->text), why);

	diag_help(b->d, g, "write http://HOST[:PORT], https://HOST[:PORT] or unix:PATH, without a path after the host");
}

static bool host_and_port(struct build *b, const struct ast_word *w, struct str rest, struct origin_conf *out)
{
	struct str host = rest;
	uint64_t port = out->tls ? 443 : 80;
	ptrdiff_t colon = str_rfind(rest, ':'), bracket = str_rfind(rest, ']');
	struct ast_word literal = *w;
	struct str normal;

	if (colon > bracket) {
		host = str_sub(rest, 0, (size_t)colon);
		if (!str_uint(str_sub(rest, (size_t)colon + 1, rest.n), 65535, &port) || port == 0) {
			bad_url(b, w, "the port is a number from 1 to 65535");
			return false;
		}
	}
	if (!authority_host(b->arena, host, &normal)) {
		bad_url(b, w, "there is no valid host");
		return false;
	}
	literal.text = arena_printf(b->arena, "%.*s:%u", STR_FMT(normal), (unsigned)port);
	if (!literal.text.p) {
		b->nomem = true;
		return false;
	}
	{ /* an address is known now, a name is resolved when it is needed */
		struct str bare = normal.p[0] == '[' ? str_sub(normal, 1, normal.n - 1) : normal;
		struct ip ip;

		if (ip_parse(bare, &ip))
			return word_address(b, &literal, &out->address);
	}
	out->address.sa.ss_family = AF_UNSPEC;
	out->address.host = normal;
	out->address.port = (uint16_t)port;
	out->address.text = literal.text;
	return true;
}

bool origin_parse(struct build *b, const struct ast_word *w, struct origin_conf *out)
{
	struct str rest = w->text;

	memset(out, 0, sizeof *out);
	out->weight = 1;
	if (str_starts(rest, STR("unix:"))) {
		out->authority = STR("localhost");
		return word_address(b, w, &out->address);
	}
	if (str_starts(rest, STR("https://")))
		out->tls = true;
	else if (!str_starts(rest, STR("http://"))) {
		bad_url(b, w, "the scheme is neither http nor https");
		return false;
	}
	rest = str_sub(rest, out->tls ? 8 : 7, rest.n);
	if (str_ends(rest, STR("/")))
		rest.n--;
	out->authority = arena_str(b->arena, rest);
	if (!out->authority.p) {
		b->nomem = true;
		return false;
	}
	if (!host_and_port(b, w, rest, out))
		return false;
	if (out->tls) {
		bad_url(b, w, "TLS to the origin is not yet there");
		return false;
	}
	return true;
}

bool pool_origin(struct build *b, void *object, const struct ast_setting *s)
{
	struct pool_conf *p = object;
	struct origin_conf o;
	int64_t weight = 1;

	if (!origin_parse(b, &s->words[0], &o))
		return !b->nomem;
	for (size_t i = 1; i < s->nwords; i++) {
		if (str_eq(s->words[i].text, STR("backup")))
			o.backup = true;
		else if (str_eq(s->words[i].text, STR("weight")) && i + 1 < s->nwords)
			word_int(b, &s->words[++i], 1, 1000, &weight);
		else
			diag_add(b->d, U8001, s->words[i].span, "after the URL of an origin come `weight N` or `backup`");
	}
	o.weight = (unsigned)weight;
	p->origins = array_push(b->arena, p->origins, p->n, sizeof o, &o);
	if (!p->origins)
		return false;
	p->n++;
	return true;
}
