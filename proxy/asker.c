/* SPDX-License-Identifier: Apache-2.0 */
/* Threads that take a question, post it, and hand the answer in. */
#include "proxy/asker.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/log.h"
#include "mtls/ocsp_store.h"
#include "proxy/fetch.h"

enum {
	TAKE_MSEC = 500, /* a wait for questions; then a look whether it is over */
	TOLD = 16,       /* responders whose failure is remembered, so that it is told once */
};

struct asker {
	pthread_mutex_t lock;
	struct config *config;  /* a reference */
	uint64_t failing[TOLD]; /* digests of addresses; 0: free */
	pthread_t threads[LIMIT_OCSP_FETCHERS];
	size_t n;
	atomic_bool stop;
};

/* Fills in which hosts may be asked because of url. */
static bool may_ask(const struct config *c, struct fetch *f)
{
	struct url url;

	if (!url_parse(f->url, &url))
		return false;
	for (size_t i = 0; i < c->nzones; i++) {
		const struct zone_conf *z = &c->zones[i];

		if (z->ocsp == OCSP_OFF)
			continue;
		f->own_host = str_eq(z->ocsp_url, f->url);
		f->hosts = z->ocsp_hosts;
		f->nhosts = z->nocsp_hosts;
		if (f->own_host || url_allowed(&url, f->hosts, f->nhosts))
			return true;
	}
	return false;
}

/* Whether this is news: a responder fails, or answers again. When too many fail, some are told twice. */
static bool is_news(struct asker *a, struct str url, bool failed)
{
	uint64_t digest = str_hash(url, 1) | 1, *place = &a->failing[digest % TOLD];
	bool news;

	pthread_mutex_lock(&a->lock);
	news = failed ? *place != digest : *place == digest;
	if (failed)
		*place = digest;
	else if (news)
		*place = 0;
	pthread_mutex_unlock(&a->lock);
	return news;
}

static void tell(struct asker *a, struct str url, int rc, const char *why)
{
	bool news = is_news(a, url, rc < 0);

	if (rc < 0)
		log_pairs(news ? LOG_WARNING : LOG_DEBUG, "ocsp_failed",
		          LOG_ARGS(LOG_S("url", url), LOG_Z("reason", why)));
	else
		log_pairs(news ? LOG_INFO : LOG_DEBUG, "ocsp_answers", LOG_ARGS(LOG_S("url", url)));
}

static void ask(struct asker *a, struct ocsp_question *q, const struct config *c)
{
	struct fetch f = {.url = q->url,
	                  .post = q->request,
	                  .content_type = STR("application/ocsp-request"),
	                  .max = LIMIT_OCSP_BYTES,
	                  .msec = c->settings.timeout_fetch,
	                  .stop = &a->stop};
	struct arena scratch = ARENA_INIT;
	struct str url = arena_str(&scratch, q->url);
	struct buf body = BUF_INIT;
	char text[FETCH_WHY];
	const char *why = text;
	int rc = -ERR_REFUSED, read;

	snprintf(text, sizeof(text), "its host is not among ocsp_hosts");
	if (may_ask(c, &f))
		rc = fetch(&f, &body, text);
	read = ocsp_answered(q, rc == 0 ? buf_str(&body) : STR(""), clock_now(),
	                     rc == 0 ? &why : &(const char *){NULL});
	if (!atomic_load(&a->stop))
		tell(a, url, rc == 0 ? read : rc, why != NULL ? why : err_text(read));
	buf_fini(&body);
	arena_fini(&scratch);
}

static void *run(void *arg)
{
	struct asker *a = arg;

	while (!atomic_load(&a->stop)) {
		struct ocsp_question *q = ocsp_take(TAKE_MSEC);
		struct config *c;

		if (q == NULL)
			continue;
		pthread_mutex_lock(&a->lock);
		c = config_ref(a->config);
		pthread_mutex_unlock(&a->lock);
		ask(a, q, c);
		config_unref(c);
	}
	return NULL;
}

int asker_new(struct asker **out)
{
	struct asker *a = *out = calloc(1, sizeof(*a));

	if (a == NULL)
		return -ERR_NOMEM;
	pthread_mutex_init(&a->lock, NULL);
	return 0;
}

static bool wanted(const struct config *c)
{
	for (size_t i = 0; i < c->nzones; i++)
		if (c->zones[i].ocsp != OCSP_OFF)
			return true;
	return false;
}

void asker_config(struct asker *a, struct config *c)
{
	struct config *old;

	if (a->n == 0 && !wanted(c))
		return;
	pthread_mutex_lock(&a->lock);
	old = a->config;
	a->config = config_ref(c);
	pthread_mutex_unlock(&a->lock);
	config_unref(old);
	while (a->n < LIMIT_OCSP_FETCHERS && fetch_init() == 0 &&
	       pthread_create(&a->threads[a->n], NULL, run, a) == 0)
		a->n++;
	if (a->n == 0)
		log_error("ocsp_failed", LOG_Z("reason", "no thread to ask with"));
}

void asker_free(struct asker *a)
{
	if (a == NULL)
		return;
	atomic_store(&a->stop, true);
	for (size_t i = 0; i < a->n; i++)
		pthread_join(a->threads[i], NULL);
	config_unref(a->config);
	pthread_mutex_destroy(&a->lock);
	free(a);
}
