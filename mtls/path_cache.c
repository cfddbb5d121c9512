/* SPDX-License-Identifier: Apache-2.0 */
/* The table of paths: sets of a few entries, each set's shard behind a lock; the oldest entry of a set makes
 * way. */
#include <pthread.h>

#include <mbedtls/sha256.h>

#include "base/limits.h"
#include "mtls/inspect.h"
#include "mtls/path_cache.h"

enum { SHARDS = 16, WAYS = 8, SETS = LIMIT_PATH_CACHE / WAYS };

/* One certificate of a path: where it is found again, and what the library said of it. */
struct step {
	uint8_t index; /* in the chain; ANCHOR: the anchor whose digest the entry has */
	uint32_t flags;
};

enum { ANCHOR = 0xff };

struct entry {
	struct path_key key;
	uint8_t anchor[32];
	uint8_t n; /* 0: free */
	struct step at[LIMIT_PATH];
};

struct set {
	struct entry v[WAYS];
	unsigned next;
};

static struct set sets[SETS]; /* pages that are never used cost nothing */
static pthread_mutex_t locks[SHARDS] = {
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER, PTHREAD_MUTEX_INITIALIZER,
    PTHREAD_MUTEX_INITIALIZER,
};

void path_key(struct path_key *k, const struct trust *t, const struct cert_facts *f)
{
	mbedtls_sha256_context sha;

	mbedtls_sha256_init(&sha);
	mbedtls_sha256_starts(&sha, 0);
	mbedtls_sha256_update(&sha, t->id, sizeof(t->id));
	for (size_t i = 0; i < f->chain_fingerprints_sha256.n; i++) {
		struct str digest = f->chain_fingerprints_sha256.v[i]; /* all of one length */

		mbedtls_sha256_update(&sha, (const unsigned char *)digest.p, digest.n);
	}
	mbedtls_sha256_finish(&sha, k->sum);
	mbedtls_sha256_free(&sha);
}

static struct set *set_of(const struct path_key *k, pthread_mutex_t **lock)
{
	unsigned i = ((unsigned)k->sum[0] << 16 | (unsigned)k->sum[1] << 8 | k->sum[2]) % SETS;

	*lock = &locks[i % SHARDS];
	return &sets[i];
}

static struct entry *find(struct set *s, const struct path_key *k)
{
	for (int i = 0; i < WAYS; i++) {
		if (s->v[i].n && memcmp(s->v[i].key.sum, k->sum, sizeof(k->sum)) == 0)
			return &s->v[i];
	}
	return NULL;
}

static const mbedtls_x509_crt *nth(const mbedtls_x509_crt *chain, unsigned i)
{
	while (chain && i--)
		chain = chain->next;
	return chain;
}

static bool rebuild(struct path *path, const struct entry *e, const struct trust *t,
                    const mbedtls_x509_crt *chain)
{
	for (int i = 0; i < e->n; i++) {
		path->at[i].flags = e->at[i].flags;
		path->at[i].cert =
		    e->at[i].index == ANCHOR ? trust_anchor(t, e->anchor) : nth(chain, e->at[i].index);
		if (!path->at[i].cert)
			return false;
	}
	path->n = e->n;
	return true;
}

bool path_recall(struct path *path, const struct path_key *k, const struct trust *t,
                 const mbedtls_x509_crt *chain)
{
	struct entry copy = {.n = 0};
	const struct entry *e;
	pthread_mutex_t *lock;
	struct set *s = set_of(k, &lock);

	*path = (struct path){.n = 0};
	pthread_mutex_lock(lock);
	if ((e = find(s, k)))
		copy = *e;
	pthread_mutex_unlock(lock);
	return copy.n > 0 && rebuild(path, &copy, t, chain);
}

static bool describe(struct entry *e, const struct path *path, const struct trust *t,
                     const mbedtls_x509_crt *chain)
{
	if (path->overflow || path->n <= 0 || path->n > LIMIT_PATH)
		return false;
	for (int i = 0; i < path->n; i++) {
		const mbedtls_x509_crt *c = chain;
		unsigned index = 0;

		if (path->at[i].flags & MBEDTLS_X509_BADCERT_NOT_TRUSTED)
			return false;
		while (c && c != path->at[i].cert && index < ANCHOR) {
			c = c->next;
			index++;
		}
		if (!c || index >= ANCHOR) {
			index = ANCHOR;
			if (i + 1 != path->n || !trust_anchor_digest(t, path->at[i].cert, e->anchor))
				return false;
		}
		e->at[i] = (struct step){(uint8_t)index, path->at[i].flags};
	}
	e->n = (uint8_t)path->n;
	return true;
}

void path_remember(const struct path *path, const struct path_key *k, const struct trust *t,
                   const mbedtls_x509_crt *chain)
{
	struct entry fresh = {.key = *k}, *e;
	pthread_mutex_t *lock;
	struct set *s = set_of(k, &lock);

	if (!describe(&fresh, path, t, chain))
		return;
	pthread_mutex_lock(lock);
	if (!(e = find(s, k))) {
		e = &s->v[s->next];
		s->next = (s->next + 1) % WAYS;
	}
	*e = fresh;
	pthread_mutex_unlock(lock);
}
