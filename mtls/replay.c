/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Shards of open-addressed tables, each under a lock of its own. An entry is worth nothing once its ticket is
 * too old to open, so a table that fills up is swept, then doubled, and only at the cap full: then tickets
 * are refused, and clients make full handshakes.
 */
#include <pthread.h>
#include <stdlib.h>

#include "base/limits.h"
#include "mtls/replay.h"

enum {
	SHARDS = 16,
	SHARD_FIRST = 256, /* entries; sizes are powers of two */
	SHARD_CAP = LIMIT_USED_TICKETS / SHARDS,
};

struct entry {
	uint64_t id; /* 0: free */
	int64_t expiry;
};

static struct shard {
	pthread_mutex_t lock;
	struct entry *entries;
	size_t size, used;
} shards[SHARDS] = {
    [0 ... SHARDS - 1] = {.lock = PTHREAD_MUTEX_INITIALIZER},
};

/* The entry of id, or the free one where it belongs. There is always a free one. */
static struct entry *place(struct entry *entries, size_t size, uint64_t id)
{
	size_t i = (size_t)(id >> 8) & (size - 1);

	while (entries[i].id && entries[i].id != id)
		i = (i + 1) & (size - 1);
	return &entries[i];
}

/* A table of size entries that holds those of the old one that still count. False: no memory. */
static bool rebuild(struct shard *s, size_t size, int64_t now)
{
	struct entry *fresh = calloc(size, sizeof(*fresh));
	size_t used = 0;

	if (!fresh)
		return false;
	for (size_t i = 0; i < s->size; i++) {
		struct entry e = s->entries[i];

		if (e.id && e.expiry >= now) {
			*place(fresh, size, e.id) = e;
			used++;
		}
	}
	free(s->entries);
	s->entries = fresh;
	s->size = size;
	s->used = used;
	return true;
}

static bool make_room(struct shard *s, int64_t now)
{
	if (s->size && s->used < s->size / 4 * 3)
		return true;
	if (!rebuild(s, s->size ? s->size : SHARD_FIRST, now))
		return false;
	if (s->used >= s->size / 2 && s->size < SHARD_CAP)
		rebuild(s, s->size * 2, now); /* without memory the old table serves on */
	return s->used < s->size / 4 * 3;
}

enum replay replay_note(uint64_t id, int64_t expiry, int64_t now)
{
	struct shard *s = &shards[id % SHARDS];
	enum replay answer = REPLAY_FULL;
	struct entry *e;

	id |= (uint64_t)1 << 63; /* never the free one's */
	pthread_mutex_lock(&s->lock);
	if (s->size && place(s->entries, s->size, id)->id) {
		answer = REPLAY_USED;
	} else if (make_room(s, now)) {
		e = place(s->entries, s->size, id);
		*e = (struct entry){id, expiry};
		s->used++;
		answer = REPLAY_FRESH;
	}
	pthread_mutex_unlock(&s->lock);
	return answer;
}

void replay_fini(void)
{
	for (int i = 0; i < SHARDS; i++) {
		free(shards[i].entries);
		shards[i].entries = NULL;
		shards[i].size = shards[i].used = 0;
	}
}
