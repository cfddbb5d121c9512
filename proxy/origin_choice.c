/* SPDX-License-Identifier: Apache-2.0 */
/* Which origin an exchange goes to, whether it may go to another one, and how TLS is spoken there. */
#include "proxy/origin_choice.h"

#include "proxy/balance.h"
#include "proxy/glue.h"
#include "proxy/origin.h"

static struct str hash_key(struct exchange *x)
{
	struct source_values v = { NULL, 0 };

	if (x->route.pool->balance != BALANCE_HASH || !glue_source(x->fields, x->route.pool->hash_field, &x->arena, &v) ||
	    v.n == 0)
		return STR_NONE;
	return v.v[0];
}

const struct origin_conf *origin_choose(struct exchange *x, enum fault *why)
{
	const struct origin_conf *c;
	bool busy = false;

	*why = FAULT_NO_ORIGIN;
	if (x->check != NULL)
		return x->check;
	if (x->route.origin != NULL)
		return x->route.origin;
	c = balance_pick(x->route.pool, hash_key(x), x->tried, x->ntried, &busy);
	if (busy)
		*why = FAULT_ORIGIN_BUSY;
	return c;
}

void origin_enter(struct exchange *x, const struct origin_conf *conf)
{
	x->tried[x->ntried < MAX_TRIED ? x->ntried++ : MAX_TRIED - 1] = conf;
	x->member = x->check == NULL ? conf->member : NULL;
	if (x->member == NULL)
		return;
	atomic_fetch_add(&x->member->requests, 1);
	if (x->attempts > 1)
		atomic_fetch_add(&x->member->retries, 1);
}

void origin_leave(struct exchange *x)
{
	if (x->member == NULL)
		return;
	atomic_fetch_sub(&x->member->requests, 1);
	if (x->attempts > 1)
		atomic_fetch_sub(&x->member->retries, 1);
	x->member = NULL;
}

bool origin_idempotent(const struct exchange *x)
{
	static const struct str names[] = { STR("GET"), STR("HEAD"), STR("OPTIONS"), STR("PUT"), STR("DELETE") };
	size_t i;

	for (i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		if (str_eq(x->request.method, names[i]))
			return true;
	return false;
}

static bool no_connection(enum fault f)
{
	return f == FAULT_ORIGIN_NAME || f == FAULT_NAME_TIMEOUT || f == FAULT_ORIGIN_CONNECT ||
	       f == FAULT_CONNECT_TIMEOUT || f == FAULT_ORIGIN_TLS;
}

bool origin_retries(struct exchange *x, enum fault f, enum loss loss, bool begun)
{
	const struct pool_conf *pool = x->route.pool;

	if (x->check != NULL || x->head_sent || x->content_lost)
		return false;
	if (x->attempts == 1 && (loss == LOSS_REFUSED || (loss == LOSS_OLD && origin_idempotent(x)))) {
		x->ntried = 0; /* the connection was old, not the origin bad: the same one may be asked again */
		return true;
	}
	return !begun && no_connection(f) && x->route.origin == NULL && (int64_t)x->attempts <= pool->retries && x->ntried < pool->n &&
	       balance_may_retry(pool);
}

/* How to speak TLS to where x goes: as its pool does; to an origin that a rule computed, as the file's default. */
struct tls_client *origin_tls_client(const struct exchange *x)
{
	return x->route.origin == NULL ? x->route.pool->tls : x->config->tls;
}

struct str origin_server_name(const struct pool_conf *p, const struct origin_conf *o)
{
	struct str host = o->address.host;

	if (p != NULL && p->tls_name.n > 0)
		return p->tls_name;
	return host.n > 2 && host.p[0] == '[' ? str_sub(host, 1, host.n - 1) : host;
}
