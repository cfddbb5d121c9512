/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Keys that seal tickets. They live in pages of their own, kept from swap, core dumps and child processes,
 * and are wiped when they are dropped. Workers copy the one they need under a read lock; time, not a timer,
 * rotates them: the first ticket after the end of a key's time is sealed by the next.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/mman.h>

#include <mbedtls/platform_util.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "mtls/inspect.h"
#include "mtls/ticket_keys.h"

enum { DEFAULT_ROTATION = 8 * 3600, SECRET_DIGITS = 2 * TICKET_SECRET };

struct ticket_keys {
	atomic_uint refs;
	pthread_rwlock_t lock;
	int64_t rotation;
	bool from_file;          /* then others rotate them */
	size_t n;                /* keys[0] seals */
	struct ticket_key *keys; /* LIMIT_TICKET_KEYS of them, in locked memory */
};

static struct ticket_keys *own; /* of the process */

static const size_t pages = (LIMIT_TICKET_KEYS * sizeof(struct ticket_key) + 4095) / 4096 * 4096;

static struct ticket_key *secret_pages(void)
{
	void *p = mmap(NULL, pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
	if (mlock(p, pages) != 0)
		log_warning("ticket_keys_not_locked",
		            LOG_Z("effect", "keys may reach swap; raise the limit on locked memory"));
	madvise(p, pages, MADV_DONTDUMP);
	madvise(p, pages, MADV_WIPEONFORK);
	return p;
}

static void free_pages(struct ticket_key *keys)
{
	if (!keys)
		return;
	mbedtls_platform_zeroize(keys, pages);
	munmap(keys, pages);
}

/* Puts a key first; the oldest falls out when there are too many. */
static void push(struct ticket_keys *k, const struct ticket_key *key)
{
	if (k->n < LIMIT_TICKET_KEYS)
		k->n++;
	memmove(k->keys + 1, k->keys, (k->n - 1) * sizeof(*key));
	k->keys[0] = *key;
}

static bool push_random(struct ticket_keys *k, int64_t now)
{
	struct ticket_key key = {.since = now};
	bool ok = random_bytes(key.name, sizeof(key.name)) && random_bytes(key.secret, sizeof(key.secret));

	if (ok)
		push(k, &key);
	mbedtls_platform_zeroize(&key, sizeof(key));
	return ok;
}

int ticket_keys_new(struct ticket_keys **out, int64_t rotation)
{
	struct ticket_keys *k = calloc(1, sizeof(*k));

	*out = NULL;
	if (!k)
		return -ERR_NOMEM;
	k->keys = secret_pages();
	if (!k->keys) {
		free(k);
		return -ERR_NOMEM;
	}
	atomic_init(&k->refs, 1);
	pthread_rwlock_init(&k->lock, NULL);
	k->rotation = rotation;
	*out = k;
	return 0;
}

struct ticket_keys *ticket_keys_ref(struct ticket_keys *k)
{
	atomic_fetch_add_explicit(&k->refs, 1, memory_order_relaxed);
	return k;
}

void ticket_keys_unref(struct ticket_keys *k)
{
	if (!k || atomic_fetch_sub_explicit(&k->refs, 1, memory_order_acq_rel) != 1)
		return;
	free_pages(k->keys);
	pthread_rwlock_destroy(&k->lock);
	free(k);
}

void ticket_keys_rotation(struct ticket_keys *k, int64_t rotation)
{
	pthread_rwlock_wrlock(&k->lock);
	k->rotation = rotation;
	pthread_rwlock_unlock(&k->lock);
}

void ticket_keys_rotate(struct ticket_keys *k)
{
	pthread_rwlock_wrlock(&k->lock);
	push_random(k, clock_now());
	pthread_rwlock_unlock(&k->lock);
}

static bool is_due(const struct ticket_keys *k, int64_t now)
{
	return k->n == 0 || (!k->from_file && now - k->keys[0].since >= k->rotation);
}

/* Forgets keys whose last ticket is too old to open. The one before key i stopped sealing with it when it
 * began. */
static void drop_old(struct ticket_keys *k, int64_t now)
{
	size_t n = k->n;

	while (!k->from_file && n > 1 && now - k->keys[n - 2].since > LIMIT_TICKET_SECONDS)
		n--;
	mbedtls_platform_zeroize(k->keys + n, (k->n - n) * sizeof(*k->keys));
	k->n = n;
}

bool ticket_keys_sealing(struct ticket_keys *k, struct ticket_key *out)
{
	int64_t now = clock_now();
	bool due, ok;

	pthread_rwlock_rdlock(&k->lock);
	due = is_due(k, now);
	ok = !due;
	if (ok)
		*out = k->keys[0];
	pthread_rwlock_unlock(&k->lock);
	if (!due)
		return ok;
	pthread_rwlock_wrlock(&k->lock);
	if (is_due(k, now)) {
		push_random(k, now);
		drop_old(k, now);
	}
	ok = k->n > 0;
	if (ok)
		*out = k->keys[0];
	pthread_rwlock_unlock(&k->lock);
	return ok;
}

bool ticket_keys_named(struct ticket_keys *k, const unsigned char name[TICKET_NAME], struct ticket_key *out)
{
	bool found = false;

	pthread_rwlock_rdlock(&k->lock);
	for (size_t i = 0; i < k->n && !found; i++) {
		if (memcmp(k->keys[i].name, name, TICKET_NAME) == 0) {
			*out = k->keys[i];
			found = true;
		}
	}
	pthread_rwlock_unlock(&k->lock);
	return found;
}

/* Name and secret of a key are derived, so that the file's bytes themselves never meet a ticket. */
static bool derive(struct ticket_key *key, struct str digits)
{
	unsigned char seed[TICKET_SECRET], digest[32];

	if (digits.n != SECRET_DIGITS)
		return false;
	for (size_t i = 0; i < TICKET_SECRET; i++) {
		int high = ascii_hex(digits.p[2 * i]), low = ascii_hex(digits.p[2 * i + 1]);

		if (high < 0 || low < 0)
			return false;
		seed[i] = (unsigned char)(high << 4 | low);
	}
	digest_hmac_sha256((struct str){(char *)seed, sizeof(seed)}, STR("usher ticket key name"), digest);
	memcpy(key->name, digest, TICKET_NAME);
	digest_hmac_sha256((struct str){(char *)seed, sizeof(seed)}, STR("usher ticket key secret"), digest);
	memcpy(key->secret, digest, TICKET_SECRET);
	mbedtls_platform_zeroize(seed, sizeof(seed));
	mbedtls_platform_zeroize(digest, sizeof(digest));
	return true;
}

static int read_keys(struct ticket_key *keys, size_t *n, struct str text, const char **why)
{
	*n = 0;
	while (text.n > 0) {
		ptrdiff_t end = str_find(text, '\n');
		struct str line = str_sub(text, 0, end < 0 ? text.n : (size_t)end);
		ptrdiff_t comment = str_find(line, '#');

		text = str_sub(text, line.n + 1, text.n);
		line = str_trim(comment < 0 ? line : str_sub(line, 0, (size_t)comment));
		if (line.n == 0)
			continue;
		if (*n == LIMIT_TICKET_KEYS) {
			*why = "more keys than usher keeps";
			return -ERR_INVALID;
		}
		if (!derive(&keys[*n], line)) {
			*why = "a line that is not 64 hexadecimal digits";
			return -ERR_INVALID;
		}
		++*n;
	}
	if (*n > 0)
		return 0;
	*why = "no key in it";
	return -ERR_INVALID;
}

int ticket_keys_load(struct ticket_keys *k, const char *path, const char **why)
{
	struct arena scratch = ARENA_INIT;
	struct ticket_key *fresh = secret_pages();
	struct str text = STR_NONE;
	size_t n = 0;
	int rc = -ERR_NOMEM;

	*why = "out of memory";
	if (!fresh)
		return rc;
	*why = "cannot be read";
	rc = file_read(&scratch, path, LIMIT_TICKET_KEY_FILE, &text);
	if (rc == 0)
		rc = read_keys(fresh, &n, text, why);
	if (rc == 0) {
		struct ticket_key *old = k->keys;

		pthread_rwlock_wrlock(&k->lock);
		k->keys = fresh;
		k->n = n;
		k->from_file = true;
		pthread_rwlock_unlock(&k->lock);
		fresh = old;
	}
	free_pages(fresh);
	if (text.n)
		mbedtls_platform_zeroize((void *)(uintptr_t)text.p, text.n);
	arena_fini(&scratch);
	return rc;
}

struct ticket_keys *ticket_keys_default(void)
{
	return own;
}

int ticket_keys_init(void)
{
	return own ? 0 : ticket_keys_new(&own, DEFAULT_ROTATION);
}

void ticket_keys_fini(void)
{
	ticket_keys_unref(own);
	own = NULL;
}
