/* SPDX-License-Identifier: Apache-2.0 */
/* A hash table under one lock per shard; an address without connections takes no memory. */
#include "proxy/clients.h"

#include <stdlib.h>
#include <uv.h>

#include "mtls/inspect.h"

enum { SHARDS = 16, BUCKETS = 1024 };

struct client {
	struct client *next;
	struct ip ip;
	int64_t n;
};

struct clients {
	uint64_t seed; /* clients choose addresses: buckets must not be theirs to choose */
	struct shard {
		uv_mutex_t lock;
		struct client *buckets[BUCKETS];
	} shards[SHARDS];
};

struct clients *clients_new(void)
{
	struct clients *t = calloc(1, sizeof(*t));
	int i;

	if (t == NULL || !random_bytes(&t->seed, sizeof(t->seed))) {
		free(t);
		return NULL;
	}
	for (i = 0; i < SHARDS; i++)
		uv_mutex_init(&t->shards[i].lock);
	return t;
}

void clients_free(struct clients *t)
{
	struct client *c;
	int i, k;

	if (t == NULL)
		return;
	for (i = 0; i < SHARDS; i++) {
		for (k = 0; k < BUCKETS; k++)
			while ((c = t->shards[i].buckets[k]) != NULL) {
				t->shards[i].buckets[k] = c->next;
				free(c);
			}
		uv_mutex_destroy(&t->shards[i].lock);
	}
	free(t);
}

static struct client **place(struct clients *t, const struct ip *ip, struct shard **shard)
{
	uint64_t h = str_hash((struct str){ (const char *)ip->bytes, ip->family == 4 ? 4 : 16 }, t->seed);
	struct client **at;

	*shard = &t->shards[h % SHARDS];
	uv_mutex_lock(&(*shard)->lock);
	for (at = &(*shard)->buckets[h / SHARDS % BUCKETS]; *at != NULL; at = &(*at)->next)
		if (ip_eq(&(*at)->ip, ip))
			break;
	return at;
}

bool clients_add(struct clients *t, const struct ip *ip, int64_t limit)
{
	struct shard *shard;
	struct client **at = place(t, ip, &shard);
	bool ok = true;

	if (*at == NULL && (*at = calloc(1, sizeof(**at))) != NULL)
		(*at)->ip = *ip;
	if (*at == NULL || (limit > 0 && (*at)->n >= limit))
		ok = false;
	else
		(*at)->n++;
	uv_mutex_unlock(&shard->lock);
	return ok;
}

void clients_remove(struct clients *t, const struct ip *ip)
{
	struct shard *shard;
	struct client **at = place(t, ip, &shard), *c = *at;

	if (c != NULL && --c->n == 0) {
		*at = c->next;
		free(c);
	}
	uv_mutex_unlock(&shard->lock);
}
