/* SPDX-License-Identifier: Apache-2.0 */
/* Where a request goes. Values that rules computed are checked here like those of the rule file. */
#include "proxy/route.h"

#include "base/err.h"
#include "proxy/config_build.h"

/* The pool's own time-outs, where no rule has set this request's. */
static void pool_timeouts(struct exchange *x)
{
	const struct settings *s = &x->config->settings;
	const struct pool_conf *p = x->route.pool;
	struct exchange_settings *mine = &x->settings;

	if (p->timeout_connect > 0 && mine->timeout_connect == s->timeout_connect)
		mine->timeout_connect = p->timeout_connect;
	if (p->timeout_first_byte > 0 && mine->timeout_first_byte == s->timeout_first_byte)
		mine->timeout_first_byte = p->timeout_first_byte;
	if (p->timeout_between_bytes > 0 && mine->timeout_between_bytes == s->timeout_between_bytes)
		mine->timeout_between_bytes = p->timeout_between_bytes;
}

void route_defaults(struct exchange *x)
{
	const struct settings *s = &x->config->settings;

	x->route = (struct route){ .pool = x->zone->pool };
	x->settings = (struct exchange_settings){
		.timeout_connect = s->timeout_connect,
		.timeout_first_byte = s->timeout_first_byte,
		.timeout_between_bytes = s->timeout_between_bytes,
	};
	pool_timeouts(x);
}

enum fault route_origin(struct exchange *x, struct str url)
{
	struct origin_conf *origin = ARENA_NEW(&x->arena, struct origin_conf);
	struct ast_word w = { .text = url, .span = SPAN_NONE };
	struct diags d;
	struct build b = { .arena = &x->arena, .d = &d };
	bool ok;

	if (origin == NULL)
		return FAULT_MEMORY;
	diags_init(&d);
	ok = origin_parse(&b, &w, origin);
	diags_fini(&d);
	if (!ok)
		return b.nomem ? FAULT_MEMORY : FAULT_VALUE;
	x->route.origin = origin;
	return FAULT_NONE;
}

enum fault route_pool(struct exchange *x, struct str name)
{
	size_t i;

	for (i = 0; i < x->config->npools; i++)
		if (str_eq(x->config->pools[i].name, name)) {
			x->route.pool = &x->config->pools[i];
			x->route.origin = NULL;
			pool_timeouts(x);
			return FAULT_NONE;
		}
	return FAULT_VALUE;
}

/* What `config NAME VALUE` asks for, read alike when the file is loaded and when a rule matches. */
struct wish {
	int64_t msec;
	bool on;
	enum normalize normalize;
};

static bool wish_read(struct build *b, struct str name, const struct ast_word *w, struct wish *out)
{
	int v = 0;

	if (str_eq(name, STR("request_buffering")))
		return word_bool(b, w, &out->on);
	if (!str_eq(name, STR("normalize_urls")))
		return word_duration(b, w, 1, 86400000, &out->msec);
	if (!word_enum(b, w, "off|rfc3986|cloudflare", &v))
		return false;
	out->normalize = (enum normalize)v;
	return true;
}

static enum fault normalize(struct exchange *x, enum normalize n)
{
	struct request *req = &x->request;

	if (x->rewritten)
		return FAULT_NONE; /* what a rule wrote stays */
	return target_normalize(&x->arena, &req->raw, n, &req->target) < 0 ? FAULT_MEMORY : FAULT_NONE;
}

enum fault route_config(struct exchange *x, struct str name, struct str value)
{
	const struct {
		struct str name;
		int64_t *member;
	} times[] = {
		{ STR("timeout_connect"), &x->settings.timeout_connect },
		{ STR("timeout_first_byte"), &x->settings.timeout_first_byte },
		{ STR("timeout_between_bytes"), &x->settings.timeout_between_bytes },
	};
	struct ast_word w = { .text = value, .span = SPAN_NONE };
	struct diags d;
	struct build b = { .arena = &x->arena, .d = &d };
	struct wish wish = { 0 };
	bool ok;
	size_t i;

	diags_init(&d);
	ok = wish_read(&b, name, &w, &wish);
	diags_fini(&d);
	if (!ok)
		return FAULT_VALUE;
	if (str_eq(name, STR("normalize_urls")))
		return normalize(x, wish.normalize);
	if (str_eq(name, STR("request_buffering"))) {
		x->settings.request_buffering = wish.on;
		return FAULT_NONE;
	}
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (str_eq(name, times[i].name))
			*times[i].member = wish.msec;
	return FAULT_NONE;
}

static bool host_serves(struct build *b, enum edit_kind kind, const struct ast_word *w)
{
	struct authority parts;

	if (authority_split(w->text, &parts) && (kind == EDIT_HOST_HEADER || str_find(w->text, ':') < 0))
		return true;
	diag_add(b->d, U8001, w->span,
		 kind == EDIT_SNI ? "`%.*s` is not a server name" : "`%.*s` is not a host with an optional port",
		 STR_FMT(w->text));
	return false;
}

bool route_serves(void *build, enum edit_kind kind, struct str name, const struct ast_word *value)
{
	struct build *b = build;
	struct origin_conf origin;
	struct wish wish;

	switch (kind) {
	case EDIT_ORIGIN:
		return origin_parse(b, value, &origin);
	case EDIT_CONFIG:
		return wish_read(b, name, value, &wish);
	default:
		return host_serves(b, kind, value);
	}
}
