/* SPDX-License-Identifier: Apache-2.0 */
/* Answers in a table of fixed size, questions in a short queue. */
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/err.h"
#include "base/limits.h"
#include "mtls/inspect.h"
#include "mtls/ocsp_store.h"

enum { WAYS = 8, SETS = LIMIT_OCSP_ANSWERS / WAYS };
enum { RECHECK = 5, FIRST_PAUSE = 15, LONGEST_PAUSE = 3600, LOST = 120 };

struct entry {
	uint8_t key[32];
	bool used, answered;
	struct ocsp_answer answer;
	int64_t again; /* no question before this time */
	int64_t pause; /* after the next failure */
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t more;
	struct entry sets[SETS][WAYS];
	unsigned next[SETS];
	struct ocsp_question *queue[LIMIT_OCSP_QUESTIONS];
	size_t first, waiting;
} store = {.lock = PTHREAD_MUTEX_INITIALIZER, .more = PTHREAD_COND_INITIALIZER};

static void key_of(uint8_t key[32], struct str cert, struct str issuer)
{
	uint8_t both[64];

	digest_sha256(cert, both);
	digest_sha256(issuer, both + 32);
	digest_sha256((struct str){(const char *)both, sizeof(both)}, key);
}

static struct entry *find(const uint8_t key[32], bool make)
{
	unsigned i = ((unsigned)key[0] << 8 | key[1]) % SETS;
	struct entry *set = store.sets[i], *e;

	for (int k = 0; k < WAYS; k++) {
		if (set[k].used && memcmp(set[k].key, key, 32) == 0)
			return &set[k];
	}
	if (!make)
		return NULL;
	e = &set[store.next[i]];
	store.next[i] = (store.next[i] + 1) % WAYS;
	*e = (struct entry){.used = true, .pause = FIRST_PAUSE};
	memcpy(e->key, key, 32);
	return e;
}

static void question_free(struct ocsp_question *q)
{
	arena_fini(&q->arena);
	free(q);
}

static struct ocsp_question *question_new(const uint8_t key[32], struct str cert, struct str issuer,
                                          struct str url)
{
	struct ocsp_question *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	arena_init(&q->arena, 0);
	memcpy(q->key, key, 32);
	q->url = arena_str(&q->arena, url);
	q->cert = arena_str(&q->arena, cert);
	q->issuer = arena_str(&q->arena, issuer);
	if (!q->url.p || !q->cert.p || !q->issuer.p ||
	    ocsp_request(&q->arena, cert, issuer, &q->request) < 0) {
		question_free(q);
		return NULL;
	}
	return q;
}

/* An answer is asked for again after half its life; while it lasts, it goes on serving. */
static bool is_due(const struct entry *e, int64_t now)
{
	const struct ocsp_answer *a = &e->answer;

	return now >= e->again &&
	       (!e->answered || now >= a->this_update + (a->next_update - a->this_update) / 2);
}

static void ask(struct entry *e, struct str cert, struct str issuer, struct str url, int64_t now)
{
	struct ocsp_question *q;

	if (url.n == 0 || store.waiting == LIMIT_OCSP_QUESTIONS ||
	    !(q = question_new(e->key, cert, issuer, url)))
		return;
	store.queue[(store.first + store.waiting++) % LIMIT_OCSP_QUESTIONS] = q;
	e->again = now + LOST; /* unless it is answered before */
	pthread_cond_signal(&store.more);
}

static void lower(int64_t *until, int64_t t)
{
	if (t < *until)
		*until = t;
}

enum ocsp_known ocsp_lookup(struct str cert, struct str issuer, struct str url, int64_t now, int64_t *until)
{
	enum ocsp_known known = OCSP_NOT_KNOWN;
	struct entry *e;
	uint8_t key[32];

	key_of(key, cert, issuer);
	pthread_mutex_lock(&store.lock);
	e = find(key, true);
	if (is_due(e, now))
		ask(e, cert, issuer, url, now);
	if (e->answered && now <= e->answer.next_update) {
		known = e->answer.status == OCSP_GOOD      ? OCSP_KNOWN_GOOD
		        : e->answer.status == OCSP_REVOKED ? OCSP_KNOWN_REVOKED
		                                           : OCSP_KNOWN_UNKNOWN;
		lower(until, e->answer.next_update);
	} else if (url.n) {
		lower(until, now + RECHECK);
	}
	pthread_mutex_unlock(&store.lock);
	return known;
}

struct ocsp_question *ocsp_take(int msec)
{
	struct ocsp_question *q = NULL;
	struct timespec end;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += msec / 1000;
	end.tv_nsec += msec % 1000 * 1000000L;
	if (end.tv_nsec >= 1000000000L) {
		end.tv_sec++;
		end.tv_nsec -= 1000000000L;
	}
	pthread_mutex_lock(&store.lock);
	while (store.waiting == 0 && rc == 0)
		rc = pthread_cond_timedwait(&store.more, &store.lock, &end);
	if (store.waiting) {
		q = store.queue[store.first];
		store.first = (store.first + 1) % LIMIT_OCSP_QUESTIONS;
		store.waiting--;
	}
	pthread_mutex_unlock(&store.lock);
	return q;
}

int ocsp_answered(struct ocsp_question *q, struct str response, int64_t now, const char **why)
{
	struct ocsp_answer answer;
	struct entry *e;
	int rc = ocsp_read(&answer, response, q->cert, q->issuer, now, why);

	pthread_mutex_lock(&store.lock);
	if ((e = find(q->key, rc == 0))) {
		if (rc == 0) {
			/* a replayed older answer replaces nothing */
			if (!e->answered || answer.this_update >= e->answer.this_update)
				e->answer = answer;
			e->answered = true;
			e->pause = FIRST_PAUSE;
			e->again = now + FIRST_PAUSE;
		} else {
			e->again = now + e->pause;
			e->pause = e->pause * 2 < LONGEST_PAUSE ? e->pause * 2 : LONGEST_PAUSE;
		}
	}
	pthread_mutex_unlock(&store.lock);
	question_free(q);
	return rc;
}
