/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing among the origins of a pool. See balance.h. */
#include "proxy/balance.h"

#include <math.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"

enum { FREE_RETRIES = 3 }; /* retries under way that no budget forbids: a quiet pool may retry, too */

/* ---- the register of members ---- */

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct member *members;

static bool is_key(const struct member *m, struct str pool, struct str address)
{
	struct str key = str_of(m->key);

	return key.n == pool.n + 1 + address.n && str_starts(key, pool) && str_ends(key, address);
}

static struct member *member_new(struct str pool, struct str address)
{
	struct member *m = calloc(1, sizeof(*m));

	if (m == NULL || (m->key = malloc(pool.n + address.n + 2)) == NULL) {
		free(m);
		return NULL;
	}
	memcpy(m->key, pool.p, pool.n);
	m->key[pool.n] = ' ';
	memcpy(m->key + pool.n + 1, address.p, address.n);
	m->key[pool.n + 1 + address.n] = 0;
	m->next = members;
	members = m;
	return m;
}

struct member *member_get(struct str pool, struct str address)
{
	struct member *m;

	pthread_mutex_lock(&lock);
	for (m = members; m != NULL && !is_key(m, pool, address); m = m->next)
		;
	if (m == NULL)
		m = member_new(pool, address);
	if (m != NULL)
		m->refs++;
	pthread_mutex_unlock(&lock);
	return m;
}

struct member *member_ref(struct member *m)
{
	pthread_mutex_lock(&lock);
	m->refs++;
	pthread_mutex_unlock(&lock);
	return m;
}

void member_unref(struct member *m)
{
	struct member **at;

	if (m == NULL)
		return;
	pthread_mutex_lock(&lock);
	if (--m->refs == 0) {
		for (at = &members; *at != m; at = &(*at)->next)
			;
		*at = m->next;
		free(m->key);
		free(m);
	}
	pthread_mutex_unlock(&lock);
}

int64_t balance_now(void)
{
	return (int64_t)(clock_mono_nsec() / 1000000) + 1; /* never 0 */
}

/* ---- who may serve ---- */

enum standing { WELL, LEFT_OUT, SICK, BUSY, TRIED }; /* from best to worst */

struct choice {
	const struct pool_conf *pool;
	const struct origin_conf *const *tried;
	size_t ntried;
	int64_t now;
	enum standing accept; /* this standing and better ones */
	bool backup;
};

static enum standing standing(const struct choice *c, const struct origin_conf *o)
{
	const struct member *m = o->member;

	for (size_t i = 0; i < c->ntried; i++)
		if (c->tried[i] == o)
			return TRIED;
	if (atomic_load(&m->unhealthy))
		return SICK;
	if (c->pool->max_requests > 0 && atomic_load(&m->requests) >= c->pool->max_requests)
		return BUSY;
	return atomic_load(&m->ejected_until) > c->now ? LEFT_OUT : WELL;
}

static bool serves(const struct choice *c, const struct origin_conf *o)
{
	return o->backup == c->backup && standing(c, o) <= c->accept;
}

/* The part of its weight that an origin gets while it starts slowly: at least a hundredth. */
static double share(const struct choice *c, const struct origin_conf *o)
{
	int64_t since = atomic_load(&o->member->back_since), age = c->now - since;

	if (since == 0 || age >= c->pool->slow_start)
		return 1;
	return age * 100 < c->pool->slow_start ? 0.01 : (double)age / (double)c->pool->slow_start;
}

/* ---- ways to choose ---- */

static uint64_t mix(uint64_t x)
{
	x ^= x >> 33;
	x *= 0xff51afd7ed558ccdu;
	x ^= x >> 33;
	x *= 0xc4ceb9fe1a85ec53u;
	return x ^ x >> 33;
}

static double unit(uint64_t x) /* in (0, 1) */
{
	return ((double)(mix(x) >> 12) + 0.5) / 4503599627370496.0;
}

/* Other workers take turns, too: in the second round this one looks at everybody by itself, and whoever may serve does,
 * however fresh. */
static const struct origin_conf *round_robin(const struct choice *c)
{
	const struct pool_conf *p = c->pool;
	unsigned turn = 0;

	for (size_t i = 0; i < p->norder * 2; i++) {
		const struct origin_conf *o;

		turn = i < p->norder ? atomic_fetch_add(p->turn, 1) : turn + 1;
		o = &p->origins[p->order[turn % p->norder]];
		if (serves(c, o) && (i >= p->norder || unit(turn) < share(c, o)))
			return o;
	}
	return NULL;
}

static const struct origin_conf *least_connections(const struct choice *c)
{
	const struct origin_conf *best = NULL;
	double least = 0;
	unsigned from = atomic_fetch_add(c->pool->turn, 1);

	for (size_t i = 0; i < c->pool->n; i++) {
		const struct origin_conf *o = &c->pool->origins[(from + i) % c->pool->n];
		double load;

		if (!serves(c, o))
			continue;
		load = (double)(atomic_load(&o->member->requests) + 1) / (o->weight * share(c, o));
		if (best == NULL || load < least) {
			best = o;
			least = load;
		}
	}
	return best;
}

/* Rendezvous hashing: each origin draws a number from the key, weights bend it, the highest serves. When one goes only
 * its own keys move; one that starts slowly gets them back little by little. */
static const struct origin_conf *by_hash(const struct choice *c, struct str key)
{
	const struct origin_conf *best = NULL;
	double highest = 0;

	for (size_t i = 0; i < c->pool->n; i++) {
		const struct origin_conf *o = &c->pool->origins[i];
		double score;

		if (!serves(c, o))
			continue;
		score = o->weight * share(c, o) / -log(unit(str_hash(key, str_hash(o->address.text, 0))));
		if (best == NULL || score > highest) {
			best = o;
			highest = score;
		}
	}
	return best;
}

static const struct origin_conf *choose(const struct choice *c, struct str key)
{
	if (c->pool->balance == BALANCE_HASH && key.n > 0)
		return by_hash(c, key);
	if (c->pool->balance == BALANCE_LEAST_CONNECTIONS || c->backup || c->pool->norder == 0)
		return least_connections(c);
	return round_robin(c);
}

const struct origin_conf *balance_pick(const struct pool_conf *p, struct str key, const struct origin_conf *const *tried,
				       size_t n, bool *busy)
{
	struct choice c = { .pool = p, .tried = tried, .ntried = n, .now = balance_now() };
	const struct origin_conf *o;

	*busy = false;
	for (c.accept = WELL; c.accept <= LEFT_OUT; c.accept++)
		for (int backup = 0; backup < 2; backup++) {
			c.backup = backup == 1;
			if ((o = choose(&c, key)) != NULL)
				return o;
		}
	for (size_t i = 0; i < p->n; i++)
		*busy |= standing(&c, &p->origins[i]) == BUSY;
	return NULL;
}

bool balance_may_retry(const struct pool_conf *p)
{
	int64_t requests = 0, retries = 0;

	for (size_t i = 0; i < p->n; i++) {
		requests += atomic_load(&p->origins[i].member->requests);
		retries += atomic_load(&p->origins[i].member->retries);
	}
	return retries < FREE_RETRIES || retries * 100 < requests * p->retry_budget;
}

/* ---- what was learned ---- */

void balance_good(struct member *m)
{
	if (m != NULL && atomic_load(&m->failures) != 0)
		atomic_store(&m->failures, 0);
}

void balance_bad(const struct pool_conf *p, struct member *m)
{
	int64_t now = balance_now();

	if (m == NULL || p->eject_failures == 0 || p->n == 1)
		return;
	if (atomic_fetch_add(&m->failures, 1) + 1 < p->eject_failures)
		return;
	atomic_store(&m->failures, 0);
	atomic_store(&m->back_since, now + p->eject_time);
	atomic_store(&m->ejected_until, now + p->eject_time);
}

bool balance_checked(const struct pool_conf *p, struct member *m, bool good)
{
	bool unhealthy = atomic_load(&m->unhealthy);

	if (good != unhealthy) { /* as expected */
		atomic_store(&m->streak, 0);
		return false;
	}
	if (atomic_fetch_add(&m->streak, 1) + 1 < (good ? p->health.rise : p->health.fall))
		return false;
	atomic_store(&m->streak, 0);
	atomic_store(&m->unhealthy, !good);
	if (good) {
		atomic_store(&m->ejected_until, 0);
		atomic_store(&m->back_since, balance_now());
	}
	return true;
}
