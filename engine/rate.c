/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A table of small groups of counters; a key's hash names its group. Groups share locks, and a lock is held
 * for one look over one group. Keys are hashed under a secret of the process, so that nobody can aim at a
 * neighbour's group.
 */
#include "engine/rate.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/limits.h"
#include "mtls/inspect.h"

enum { WAYS = 16, LOCKS = 256 };

struct counter { /* 64 bytes, all zero: free */
	struct rate_key key;
	int64_t opened, until; /* until: mitigation ends, 0 none */
	uint64_t count;
	uint64_t requests; /* of the limit that owns it */
	int64_t period, mitigation;
};

struct rate_table {
	uint8_t secret[16];
	size_t groups; /* a power of two */
	struct counter *v;
	pthread_mutex_t locks[LOCKS];
};

static pthread_once_t shared_once = PTHREAD_ONCE_INIT;
static struct rate_table *shared;

struct rate_table *rate_new(size_t capacity)
{
	struct rate_table *t = calloc(1, sizeof(*t));
	size_t groups = 1;

	if (t == NULL)
		return NULL;
	if (capacity == 0)
		capacity = LIMIT_RATE_COUNTERS;
	while (groups * WAYS < capacity)
		groups *= 2;
	t->groups = groups;
	t->v = calloc(groups * WAYS, sizeof(*t->v));
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_init(&t->locks[i], NULL);
	if (t->v == NULL || !random_bytes(t->secret, sizeof(t->secret))) {
		rate_free(t);
		return NULL;
	}
	return t;
}

void rate_free(struct rate_table *t)
{
	if (t == NULL)
		return;
	for (size_t i = 0; i < LOCKS; i++)
		pthread_mutex_destroy(&t->locks[i]);
	free(t->v);
	free(t);
}

static void shared_make(void)
{
	shared = rate_new(0);
}

struct rate_table *rate_shared(void)
{
	pthread_once(&shared_once, shared_make);
	return shared;
}

/* ---- keys --------------------------------------------------------------------------------------------- */

/* Bytes gathered for a digest; long texts are digested piece by piece, the digest so far in front. */
struct gather {
	uint8_t bytes[512];
	size_t n;
};

static void gather_bytes(struct gather *g, const void *p, size_t n)
{
	const uint8_t *from = p;

	while (n > 0) {
		size_t room = sizeof(g->bytes) - g->n, some = n < room ? n : room;

		memcpy(g->bytes + g->n, from, some);
		g->n += some;
		from += some;
		n -= some;
		if (g->n == sizeof(g->bytes)) {
			uint8_t digest[32];

			digest_sha256((struct str){(const char *)g->bytes, g->n}, digest);
			memcpy(g->bytes, digest, sizeof(digest));
			g->n = sizeof(digest);
		}
	}
}

static void gather_number(struct gather *g, uint64_t v)
{
	uint8_t b[8];

	for (int i = 0; i < 8; i++)
		b[i] = (uint8_t)(v >> (56 - 8 * i));
	gather_bytes(g, b, sizeof(b));
}

static void gather_str(struct gather *g, struct str s)
{
	gather_number(g, s.n);
	gather_bytes(g, s.p, s.n);
}

static void gather_value(struct gather *g, const struct value *v)
{
	gather_number(g, v->missing ? UINT64_MAX : v->type);
	if (v->missing)
		return;
	if (type_shape(v->type) == SHAPE_ARRAY) {
		gather_number(g, v->a->n);
		for (size_t i = 0; i < v->a->n; i++)
			gather_value(g, &v->a->v[i]);
	} else if (type_shape(v->type) == SHAPE_MAP) {
		gather_number(g, v->m->n);
		for (size_t i = 0; i < v->m->n; i++) {
			gather_str(g, v->m->v[i].key);
			gather_value(g, &v->m->v[i].value);
		}
	} else if (v->type == TYPE_BYTES) {
		gather_str(g, v->s);
	} else if (v->type == TYPE_IP) {
		gather_str(g, (struct str){(const char *)v->ip->bytes, v->ip->family == 4 ? 4 : 16});
	} else {
		gather_number(g, v->type == TYPE_INT ? (uint64_t)v->i : v->b);
	}
}

void rate_limit_id(struct rate_limit *l, struct str identity)
{
	struct gather g = {.n = 0};
	uint8_t digest[32];

	gather_number(&g, l->requests);
	gather_number(&g, (uint64_t)l->period_msec);
	gather_number(&g, (uint64_t)l->mitigation_msec);
	gather_str(&g, identity);
	digest_sha256((struct str){(const char *)g.bytes, g.n}, digest);
	memcpy(l->id, digest, sizeof(l->id));
}

void rate_key(const struct rate_table *t, const struct rate_limit *l, const struct value *values, size_t n,
              struct rate_key *out)
{
	struct gather g = {.n = 0};
	uint8_t digest[32];

	gather_bytes(&g, t->secret, sizeof(t->secret));
	gather_bytes(&g, l->id, sizeof(l->id));
	for (size_t i = 0; i < n; i++)
		gather_value(&g, &values[i]);
	digest_sha256((struct str){(const char *)g.bytes, g.n}, digest);
	memcpy(out, digest, sizeof(*out));
}

/* ---- counters ----------------------------------------------------------------------------------------- */

static bool holds(const struct counter *c, int64_t now)
{
	return c->until != 0 && now < c->until;
}

/* A clock set back leaves a window or a mitigation in the future: neither may last longer than it was meant
 * to. */
static void settle(struct counter *c, int64_t now)
{
	if (c->until != 0 && c->until - now > c->mitigation)
		c->until = now + c->mitigation;
	if (c->opened > now)
		c->opened = now;
	if (c->until != 0 &&
	    now >= c->until) { /* the mitigation is over, and so is the window that led to it */
		c->until = 0;
		c->count = 0;
	}
	if (now - c->opened >= c->period)
		c->count = 0;
}

static bool idle(const struct counter *c, int64_t now)
{
	return c->requests == 0 || (!holds(c, now) && (c->count == 0 || now - c->opened >= c->period));
}

/* How near its limit a counter is, for choosing whom to replace. */
static double load_of(const struct counter *c)
{
	return (double)c->count / (double)c->requests;
}

static struct counter *find(struct counter *group, const struct rate_key *k)
{
	for (size_t i = 0; i < WAYS; i++)
		if (group[i].requests != 0 && group[i].key.half[0] == k->half[0] &&
		    group[i].key.half[1] == k->half[1])
			return &group[i];
	return NULL;
}

/* A place for a new key. When all are busy the least loaded one gives way, and its load is inherited. NULL:
 * every counter here holds somebody who went over a limit; *soonest is when the first of them is let go. */
static struct counter *place(struct counter *group, const struct rate_limit *l, const struct rate_key *k,
                             int64_t now, int64_t *soonest)
{
	struct counter *least = NULL;
	double load;

	*soonest = INT64_MAX;
	for (size_t i = 0; i < WAYS; i++) {
		if (idle(&group[i], now)) {
			least = &group[i];
			break;
		}
		if (holds(&group[i], now))
			*soonest = group[i].until < *soonest ? group[i].until : *soonest;
		else if (least == NULL || load_of(&group[i]) < load_of(least))
			least = &group[i];
	}
	if (least == NULL)
		return NULL;
	load = idle(least, now) ? 0 : load_of(least);
	*least = (struct counter){.key = *k,
	                          .opened = now,
	                          .requests = l->requests,
	                          .period = l->period_msec,
	                          .mitigation = l->mitigation_msec};
	least->count = (uint64_t)((double)l->requests * (load < 1 ? load : 1));
	return least;
}

static struct rate_answer answer(const struct counter *c, int64_t now)
{
	if (holds(c, now))
		return (struct rate_answer){true, c->until - now};
	if (c->count > c->requests && now - c->opened < c->period)
		return (struct rate_answer){true, c->opened + c->period - now};
	return (struct rate_answer){false, 0};
}

static struct rate_answer step(struct rate_table *t, const struct rate_limit *l, const struct rate_key *k,
                               int64_t now, bool count)
{
	size_t at = k->half[0] & (t->groups - 1);
	struct counter *group = &t->v[at * WAYS], *c;
	struct rate_answer got = {false, 0};
	int64_t soonest;

	pthread_mutex_lock(&t->locks[at % LOCKS]);
	if ((c = find(group, k)) != NULL)
		settle(c, now);
	else if (count && (c = place(group, l, k, now, &soonest)) == NULL)
		got = (struct rate_answer){true, soonest - now}; /* no room to count: fail closed */
	if (c != NULL && count && !holds(c, now)) {
		if (c->count == 0)
			c->opened = now;
		c->count++;
		if (c->count > c->requests && c->mitigation > 0)
			c->until = now + c->mitigation;
	}
	if (c != NULL)
		got = answer(c, now);
	pthread_mutex_unlock(&t->locks[at % LOCKS]);
	return got;
}

struct rate_answer rate_count(struct rate_table *t, const struct rate_limit *l, const struct rate_key *k,
                              int64_t now_msec)
{
	return step(t, l, k, now_msec, true);
}

struct rate_answer rate_look(struct rate_table *t, const struct rate_limit *l, const struct rate_key *k,
                             int64_t now_msec)
{
	return step(t, l, k, now_msec, false);
}
