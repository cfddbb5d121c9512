/* SPDX-License-Identifier: Apache-2.0 */
/* pool blocks and the URLs of origins. */
#include "base/err.h"
#include "engine/field.h"
#include "proxy/balance.h"
#include "proxy/config_build.h"

#define POOL(object) (((struct pool_build *)(object))->conf)
#define TLS(object) (((struct pool_build *)(object))->tls)

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
	return host_and_port(b, w, rest, out);
}

bool pool_origin(struct build *b, void *object, const struct ast_setting *s)
{
	struct pool_conf *p = POOL(object);
	struct origin_conf o;
	int64_t weight = 1;
	bool h2 = false;

	if (!origin_parse(b, &s->words[0], &o))
		return !b->nomem;
	for (size_t i = 1; i < s->nwords; i++) {
		if (str_eq(s->words[i].text, STR("backup")))
			o.backup = true;
		else if (str_eq(s->words[i].text, STR("weight")) && i + 1 < s->nwords)
			word_int(b, &s->words[++i], 1, 1000, &weight);
		else if (str_eq(s->words[i].text, STR("h2")))
			h2 = true;
		else
			diag_add(b->d, U8001, s->words[i].span,
				 "after the URL of an origin come `weight N`, `backup` or `h2`");
	}
	o.weight = (unsigned)weight;
	p->origins = array_push(b->arena, p->origins, p->n, sizeof o, &o);
	if (!p->origins)
		return false;
	p->n++;
	((struct pool_build *)object)->nh2 += h2;
	return true;
}

bool pool_balance(struct build *b, void *object, const struct ast_setting *s)
{
	struct pool_conf *p = POOL(object);
	int v;

	if (!word_enum(b, &s->words[0], "round_robin|least_connections|hash", &v))
		return true;
	p->balance = (enum balance)v;
	if ((p->balance == BALANCE_HASH) != (s->nwords == 2)) {
		diag_add(b->d, U8001, s->span, "`balance hash` takes the name of a field, the others take nothing");
		return true;
	}
	if (p->balance != BALANCE_HASH)
		return true;
	if (!field_find(s->words[1].text)) {
		diag_add(b->d, U1001, s->words[1].span, "there is no field `%.*s`", STR_FMT(s->words[1].text));
		return true;
	}
	p->hash_field = arena_str(b->arena, s->words[1].text);
	return p->hash_field.p != NULL;
}

bool pool_retries(struct build *b, void *object, const struct ast_setting *s)
{
	word_int(b, &s->words[0], 0, 10, &POOL(object)->retries);
	return true;
}

bool pool_retry_budget(struct build *b, void *object, const struct ast_setting *s)
{
	struct ast_word w = s->words[0];

	if (str_ends(w.text, STR("%")))
		w.text.n--;
	word_int(b, &w, 0, 100, &POOL(object)->retry_budget);
	return true;
}

bool pool_eject(struct build *b, void *object, const struct ast_setting *s)
{
	word_int(b, &s->words[0], 0, 1000, &POOL(object)->eject_failures);
	if (s->nwords == 1)
		return true;
	if (s->nwords != 3 || !str_eq(s->words[1].text, STR("for")))
		diag_add(b->d, U8001, s->span, "write eject FAILURES for TIME");
	else
		word_duration(b, &s->words[2], 100, 3600000, &POOL(object)->eject_time);
	return true;
}

bool pool_slow_start(struct build *b, void *object, const struct ast_setting *s)
{
	word_duration(b, &s->words[0], 0, 3600000, &POOL(object)->slow_start);
	return true;
}

bool pool_max_requests(struct build *b, void *object, const struct ast_setting *s)
{
	word_int(b, &s->words[0], 0, 1000000, &POOL(object)->max_requests);
	return true;
}

bool pool_connect(struct build *b, void *object, const struct ast_setting *s)
{
	word_duration(b, &s->words[0], 50, 600000, &POOL(object)->timeout_connect);
	return true;
}

bool pool_first_byte(struct build *b, void *object, const struct ast_setting *s)
{
	word_duration(b, &s->words[0], 100, 3600000, &POOL(object)->timeout_first_byte);
	return true;
}

bool pool_between_bytes(struct build *b, void *object, const struct ast_setting *s)
{
	word_duration(b, &s->words[0], 100, 3600000, &POOL(object)->timeout_between_bytes);
	return true;
}

bool pool_health_check(struct build *b, void *object, const struct ast_setting *s)
{
	struct health_conf *h = &POOL(object)->health;
	struct str path = s->words[0].text;

	if (str_eq(path, STR("tcp"))) {
		h->kind = HEALTH_TCP;
		return true;
	}
	if (!path.n || path.p[0] != '/' || !path_valid(path)) {
		diag_add(b->d, U8001, s->words[0].span, "a health check is `tcp` or a path that begins with /");
		return true;
	}
	h->kind = HEALTH_HTTP;
	h->path = arena_str(b->arena, path);
	return h->path.p != NULL;
}

bool pool_health_host(struct build *b, void *object, const struct ast_setting *s)
{
	struct str host;

	if (!authority_host(b->arena, s->words[0].text, &host)) {
		diag_add(b->d, U8001, s->words[0].span, "`%.*s` is no host", STR_FMT(s->words[0].text));
		return true;
	}
	POOL(object)->health.host = arena_str(b->arena, s->words[0].text);
	return POOL(object)->health.host.p != NULL;
}

bool pool_health_interval(struct build *b, void *object, const struct ast_setting *s)
{
	word_duration(b, &s->words[0], 100, 3600000, &POOL(object)->health.interval);
	return true;
}

bool pool_health_timeout(struct build *b, void *object, const struct ast_setting *s)
{
	word_duration(b, &s->words[0], 50, 600000, &POOL(object)->health.timeout);
	return true;
}

bool pool_health_rise(struct build *b, void *object, const struct ast_setting *s)
{
	word_int(b, &s->words[0], 1, 100, &POOL(object)->health.rise);
	return true;
}

bool pool_health_fall(struct build *b, void *object, const struct ast_setting *s)
{
	word_int(b, &s->words[0], 1, 100, &POOL(object)->health.fall);
	return true;
}

bool pool_health_status(struct build *b, void *object, const struct ast_setting *s)
{
	struct health_conf *h = &POOL(object)->health;
	struct ast_word low = s->words[0], high = s->words[0];
	ptrdiff_t dash = str_find(low.text, '-');

	if (dash >= 0) {
		low.text = str_sub(low.text, 0, (size_t)dash);
		high.text = str_sub(high.text, (size_t)dash + 1, high.text.n);
	}
	if (word_int(b, &low, 100, 599, &h->status_min))
		word_int(b, &high, h->status_min, 599, &h->status_max);
	return true;
}

bool pool_protocol(struct build *b, void *object, const struct ast_setting *s)
{
	int v;

	if (word_enum(b, &s->words[0], "http/1.1|h2", &v)) {
		POOL(object)->http2 = v == 1;
		((struct pool_build *)object)->no_h2 = v == 0;
	}
	return true;
}

bool pool_proxy_protocol(struct build *b, void *object, const struct ast_setting *s)
{
	int v;

	if (word_enum(b, &s->words[0], "v1|v2", &v))
		POOL(object)->proxy_protocol = v + 1;
	return true;
}

bool pool_tls_verify(struct build *b, void *object, const struct ast_setting *s)
{
	if (word_bool(b, &s->words[0], &TLS(object).verify) && !TLS(object).verify)
		diag_add(b->d, U8008, s->span, "whoever answers at the origin's address is believed");
	return true;
}

bool pool_tls_ca(struct build *b, void *object, const struct ast_setting *s)
{
	struct pool_build *p = object;

	for (size_t i = 0; i < s->nwords; i++) {
		struct tls_path path = { word_path(b, &s->words[i]), s->words[i].span };

		if (!path.path.p || !(p->cas = array_push(&b->scratch, p->cas, p->ncas, sizeof(path), &path)))
			return false;
		p->ncas++;
	}
	return true;
}

bool pool_tls_name(struct build *b, void *object, const struct ast_setting *s)
{
	struct str host;

	if (!authority_host(b->arena, s->words[0].text, &host)) {
		diag_add(b->d, U8001, s->words[0].span, "`%.*s` is no host", STR_FMT(s->words[0].text));
		return true;
	}
	POOL(object)->tls_name = host;
	return host.p != NULL;
}

bool pool_tls_version(struct build *b, void *object, const struct ast_setting *s)
{
	int v;

	if (word_enum(b, &s->words[0], "1.2|1.3", &v))
		TLS(object).version = (enum tls_minimum)v;
	return true;
}

bool pool_tls_session(struct build *b, void *object, const struct ast_setting *s)
{
	int64_t msec;

	if (str_eq(s->words[0].text, STR("off")))
		TLS(object).session_seconds = 0;
	else if (word_duration(b, &s->words[0], 1000, 86400000, &msec))
		TLS(object).session_seconds = msec / 1000;
	return true;
}

bool pool_tls_certificate(struct build *b, void *object, const struct ast_setting *s)
{
	TLS(object).certificate = (struct tls_path){ word_path(b, &s->words[0]), s->words[0].span };
	return TLS(object).certificate.path.p != NULL;
}

bool pool_tls_key(struct build *b, void *object, const struct ast_setting *s)
{
	TLS(object).key = (struct tls_path){ word_path(b, &s->words[0]), s->words[0].span };
	return TLS(object).key.path.p != NULL;
}

/* ---- second step -------------------------------------------------------------------------------------- */

void pool_defaults(struct pool_build *p, struct pool_conf *conf)
{
	p->conf = conf;
	p->tls.verify = true;
	p->tls.version = TLS_MIN_1_3;
	p->tls.session_seconds = TLS_CLIENT_SESSION_SECONDS;
	conf->retries = 1;
	conf->retry_budget = 20;
	conf->eject_failures = 5;
	conf->eject_time = 10000;
	conf->health = (struct health_conf){ .interval = 5000, .timeout = 2000, .rise = 2, .fall = 3, .status_min = 200,
					     .status_max = 399 };
}

static unsigned common(unsigned a, unsigned b)
{
	return b ? common(b, a % b) : a;
}

/* The smooth order: each turn everybody gains his weight, and whoever has most goes and pays the whole. */
static bool make_order(struct build *b, struct pool_conf *p)
{
	unsigned total = 0, divisor = 0;
	int *credit = arena_array(&b->scratch, p->n, sizeof(*credit));

	for (size_t i = 0; i < p->n; i++)
		if (!p->origins[i].backup) {
			total += p->origins[i].weight;
			divisor = common(p->origins[i].weight, divisor);
		}
	if (!credit || !(p->turn = arena_array(b->arena, 1, sizeof(*p->turn))) ||
	    !(p->order = arena_array(b->arena, total / (divisor ? divisor : 1) + 1, sizeof(*p->order))))
		return false;
	for (unsigned turn = 0; divisor && turn < total / divisor; turn++) {
		size_t best = p->n;

		for (size_t i = 0; i < p->n; i++) {
			if (p->origins[i].backup)
				continue;
			credit[i] += (int)(p->origins[i].weight / divisor);
			if (best == p->n || credit[i] > credit[best])
				best = i;
		}
		credit[best] -= (int)(total / divisor);
		p->order[p->norder++] = (uint16_t)best;
	}
	return true;
}

/* One way to speak TLS for all https origins of the pool. */
static bool make_client(struct build *b, struct pool_build *p)
{
	bool https = false;
	int rc;

	for (size_t i = 0; i < p->conf->n; i++)
		https |= p->conf->origins[i].tls;
	if (!p->tls.certificate.path.n != !p->tls.key.path.n) {
		diag_add(b->d, U8006, p->conf->span, "tls_certificate and tls_key go together");
		return true;
	}
	if (!https)
		return true;
	p->tls.span = p->conf->span;
	p->tls.http2 = p->conf->http2;
	p->tls.ca = p->cas;
	p->tls.nca = p->ncas;
	rc = tls_client_new(&p->conf->tls, &p->tls, b->d);
	return rc == 0 || rc == -ERR_RULES;
}

bool pool_finish(struct build *b, struct pool_build *build)
{
	struct pool_conf *p = build->conf;

	if (!p->n)
		return true;
	if (p->n > UINT16_MAX) {
		diag_add(b->d, U8006, p->span, "a pool has at most %d origins", UINT16_MAX);
		return true;
	}
	if (build->nh2 > 0 && (build->no_h2 || (!p->http2 && build->nh2 < p->n)))
		diag_add(b->d, U8006, p->span, "the origins of a pool speak one protocol: all of them h2, or none");
	p->http2 |= build->nh2 > 0;
	if (p->proxy_protocol && p->http2)
		diag_add(b->d, U8006, p->span, "proxy_protocol names one client, and clients share an h2 connection");
	for (size_t i = 0; i < p->n; i++)
		if (!(p->origins[i].member = member_get(p->name, p->origins[i].address.text)))
			return false;
	if (!make_order(b, p))
		return false;
	if (!p->norder)
		diag_add(b->d, U8006, p->span, "every origin of pool `%.*s` is a backup", STR_FMT(p->name));
	return make_client(b, build);
}
