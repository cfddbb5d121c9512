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

static bool duration(struct exchange *x, struct str text, int64_t *out)
{
	struct ast_word w = { .text = text, .span = SPAN_NONE };
	struct diags d;
	struct build b = { .arena = &x->arena, .d = &d };
	bool ok;

	diags_init(&d);
	ok = word_duration(&b, &w, 1, 86400000, out);
	diags_fini(&d);
	return ok;
}

static enum fault normalize(struct exchange *x, struct str mode)
{
	struct request *req = &x->request;
	enum normalize n;

	if (str_eq(mode, STR("off")))
		n = NORMALIZE_OFF;
	else if (str_eq(mode, STR("rfc3986")))
		n = NORMALIZE_RFC3986;
	else if (str_eq(mode, STR("cloudflare")))
		n = NORMALIZE_CLOUDFLARE;
	else
		return FAULT_VALUE;
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
	size_t i;

	if (str_eq(name, STR("normalize_urls")))
		return normalize(x, value);
	if (str_eq(name, STR("request_buffering"))) {
		x->settings.request_buffering = str_eq(value, STR("on")) || str_eq(value, STR("yes")) ||
						str_eq(value, STR("true"));
		return FAULT_NONE;
	}
	for (i = 0; i < sizeof(times) / sizeof(times[0]); i++)
		if (str_eq(name, times[i].name))
			return duration(x, value, times[i].member) ? FAULT_NONE : FAULT_VALUE;
	return FAULT_VALUE;
}
