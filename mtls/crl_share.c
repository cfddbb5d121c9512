/* SPDX-License-Identifier: Apache-2.0 */
/* The lists in use, counted, and the keys that have been held against each. */
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/memory.h"
#include "mtls/crl_share.h"
#include "mtls/inspect.h"

enum { BAD_FOR_SECONDS = 60 };

struct known {
	uint8_t key[32];
	bool good;
	uint64_t until; /* of a bad one, monotonic */
};

struct shared_crl {
	struct crl *crl;
	uint8_t digest[32];   /* of the DER */
	pthread_mutex_t lock; /* guards known, used, next_known */
	struct known known[LIMIT_CRL_KEYS];
	unsigned used, next_known;
	/* guarded by the lock of the list below */
	unsigned refs;
	struct shared_crl *next;
};

static pthread_mutex_t list_lock = PTHREAD_MUTEX_INITIALIZER;
static struct shared_crl *list;

static struct shared_crl *find_ref(const uint8_t digest[32])
{
	for (struct shared_crl *s = list; s; s = s->next) {
		if (memcmp(s->digest, digest, 32) == 0) {
			s->refs++;
			return s;
		}
	}
	return NULL;
}

static void destroy(struct shared_crl *s)
{
	crl_free(s->crl);
	pthread_mutex_destroy(&s->lock);
	free(s);
}

static int make(struct shared_crl **out, struct str der, const uint8_t digest[32], const char **why)
{
	struct shared_crl *s = calloc(1, sizeof(*s));
	int rc;

	*out = NULL;
	if (!s)
		return -ERR_NOMEM;
	if (pthread_mutex_init(&s->lock, NULL) != 0) {
		free(s);
		return -ERR_NOMEM;
	}
	memcpy(s->digest, digest, 32);
	s->refs = 1;
	if ((rc = crl_parse(&s->crl, der, why)) < 0) {
		destroy(s);
		return rc;
	}
	*out = s;
	return 0;
}

int crl_share(struct shared_crl **out, struct str der, const char **why)
{
	struct shared_crl *made, *other;
	uint8_t digest[32];
	int rc;

	digest_sha256(der, digest);
	pthread_mutex_lock(&list_lock);
	*out = find_ref(digest);
	pthread_mutex_unlock(&list_lock);
	if (*out)
		return 0;
	if ((rc = make(&made, der, digest, why)) < 0)
		return rc;
	pthread_mutex_lock(&list_lock);
	other = find_ref(digest); /* somebody was faster */
	if (!other) {
		made->next = list;
		list = made;
	}
	pthread_mutex_unlock(&list_lock);
	*out = other ? other : made;
	if (other)
		destroy(made);
	return 0;
}

void crl_unshare(struct shared_crl *s)
{
	struct shared_crl **at;

	if (!s)
		return;
	pthread_mutex_lock(&list_lock);
	if (--s->refs == 0) {
		for (at = &list; *at != s;)
			at = &(*at)->next;
		*at = s->next;
	} else {
		s = NULL;
	}
	pthread_mutex_unlock(&list_lock);
	if (s)
		destroy(s);
}

const struct crl *shared_crl(const struct shared_crl *s)
{
	return s->crl;
}

static bool recall(struct shared_crl *s, const uint8_t key[32], bool *good)
{
	bool found = false;

	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->used && !found; i++) {
		const struct known *k = &s->known[i];

		found = memcmp(k->key, key, 32) == 0 && (k->good || clock_mono_nsec() < k->until);
		*good = found && k->good;
	}
	pthread_mutex_unlock(&s->lock);
	return found;
}

static void remember(struct shared_crl *s, const uint8_t key[32], bool good)
{
	struct known *k = NULL;

	pthread_mutex_lock(&s->lock);
	for (unsigned i = 0; i < s->used && !k; i++) {
		if (memcmp(s->known[i].key, key, 32) == 0)
			k = &s->known[i];
	}
	if (!k) {
		k = &s->known[s->next_known];
		s->next_known = (s->next_known + 1) % LIMIT_CRL_KEYS;
		if (s->used < LIMIT_CRL_KEYS)
			s->used++;
	}
	memcpy(k->key, key, 32);
	k->good = good;
	k->until = clock_mono_nsec() + BAD_FOR_SECONDS * UINT64_C(1000000000);
	pthread_mutex_unlock(&s->lock);
}

bool shared_crl_signed_by(struct shared_crl *s, const mbedtls_pk_context *key, const uint8_t key_digest[32])
{
	unsigned failures = memory_failures();
	bool good;

	if (recall(s, key_digest, &good))
		return good;
	good = signature_good(&s->crl->signature, key);
	if (good || memory_failures() == failures) /* else nothing is known */
		remember(s, key_digest, good);
	return good;
}
