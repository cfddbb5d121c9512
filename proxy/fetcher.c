/* SPDX-License-Identifier: Apache-2.0 */
/* The list of jobs, when each is due, and the thread that does them one after the other. */
#include "proxy/fetcher.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"
#include "base/log.h"
#include "mtls/ends.h"
#include "proxy/fetch.h"
#include "proxy/state.h"

enum {
	FIRST_PAUSE = 5, /* seconds after the first failure; then twice as many each time */
	LONGEST_PAUSE = 3600,
	SOONEST = 60, /* between two fetches of a list that is about to end */
	LONGEST_WAIT = 3600,
	AHEAD = 300, /* seconds that a CA's clock may be ahead */
};

struct job {
	struct arena arena; /* owns the slices */
	struct str url;
	struct str zone; /* that has learned of it, and no configuration has read it yet; "": it is in one */
	int64_t due;     /* seconds of the monotonic clock; INT64_MAX: never */
	int64_t pause;
	char failing[FETCH_WHY]; /* why, as told; "": it is not */
	bool busy, gone;
	bool refused; /* its host is not listed: kept, so that this is told once for each configuration */
	struct job *next;
};

struct fetcher {
	pthread_mutex_t lock; /* guards what follows up to thread */
	pthread_cond_t more;
	struct job *jobs;
	struct config *config; /* a reference */
	char *news;            /* address of a list that has arrived, not told yet */
	pthread_t thread;
	bool running;
	atomic_bool stop;
	uv_async_t async;
	void (*arrived)(void *arg, struct str url);
	void *arg;
};

static int64_t mono(void)
{
	return (int64_t)(clock_mono_nsec() / 1000000000);
}

/* Up to a tenth less, so that many machines do not come at once. */
static int64_t jitter(int64_t seconds)
{
	uint16_t r = 0;

	random_bytes(&r, sizeof(r));
	return seconds - seconds * r / 10 / 65536;
}

/* ---- jobs ---- */

static void job_free(struct job *j)
{
	arena_fini(&j->arena);
	free(j);
}

static struct job *job_new(struct str url, struct str zone)
{
	struct job *j = calloc(1, sizeof(*j));

	if (j == NULL)
		return NULL;
	arena_init(&j->arena, 0);
	j->url = arena_str(&j->arena, url);
	j->zone = arena_str(&j->arena, zone);
	j->due = mono();
	j->pause = FIRST_PAUSE;
	if (j->url.p != NULL && j->zone.p != NULL)
		return j;
	job_free(j);
	return NULL;
}

static bool zone_reads(const struct zone_conf *z, struct str url)
{
	for (size_t i = 0; i < z->ncrl_urls; i++)
		if (str_eq(z->crl_urls[i], url))
			return true;
	return false;
}

/* The zone that a job is for; NULL: none any more. */
static const struct zone_conf *job_zone(const struct job *j, const struct config *c)
{
	const struct zone_conf *z;
	struct url url;

	if (j->zone.n == 0) {
		for (size_t i = 0; i < c->nzones; i++)
			if (zone_reads(&c->zones[i], j->url))
				return &c->zones[i];
		return NULL;
	}
	z = config_zone_named(c, j->zone);
	return z != NULL && z->crl_points && url_parse(j->url, &url) &&
	               url_allowed(&url, z->crl_hosts, z->ncrl_hosts)
	           ? z
	           : NULL;
}

static struct job *job_find(struct fetcher *f, struct str url, struct str zone)
{
	for (struct job *j = f->jobs; j != NULL; j = j->next)
		if (!j->gone && str_eq(j->url, url) && str_eq(j->zone, zone))
			return j;
	return NULL;
}

/* Jobs that nobody needs leave; one under way leaves when it is done. */
static void sweep(struct fetcher *f, bool other_config)
{
	struct job **at = &f->jobs;

	while (*at != NULL) {
		struct job *j = *at;
		const struct zone_conf *z = job_zone(j, f->config);

		if (j->refused)
			j->gone = other_config;
		else
			j->gone = j->gone || z == NULL || (j->zone.n > 0 && zone_reads(z, j->url));
		if (j->gone && !j->busy) {
			*at = j->next;
			job_free(j);
		} else {
			at = &j->next;
		}
	}
}

static struct job *add_job(struct fetcher *f, struct str url, struct str zone)
{
	struct job *j = job_new(url, zone);

	if (j == NULL) {
		log_error("crl_fetch_failed", LOG_Z("reason", "no_memory"));
		return NULL;
	}
	j->next = f->jobs;
	return f->jobs = j;
}

static void add_jobs(struct fetcher *f, const struct zone_conf *z)
{
	for (size_t i = 0; i < z->ncrl_urls; i++) {
		const struct job *learned = job_find(f, z->crl_urls[i], z->name);
		struct job *j;

		if (job_find(f, z->crl_urls[i], STR("")) != NULL)
			continue;
		j = add_job(f, z->crl_urls[i], STR(""));
		if (j != NULL && learned != NULL) /* just fetched: go on from there */
			j->due = learned->due;
	}
}

/* ---- one list ---- */

struct result {
	int rc;
	char why[FETCH_WHY];
	bool fresh; /* it is new */
	struct crl_facts facts;
	int64_t refresh; /* seconds */
};

static int refuse(struct result *r, const char *why)
{
	snprintf(r->why, sizeof(r->why), "%s", why);
	return -ERR_INVALID;
}

/* What has come may replace what is there if it is a list, of our time, not forged as far as that can be
 * told, and not an older one. */
static int examine(struct result *r, const struct zone_conf *z, struct str text, struct str path)
{
	struct arena scratch = ARENA_INIT;
	struct crl_facts old;
	struct str have;
	const char *why = NULL, *ignored;
	int rc = inspect_crl(&r->facts, text, &why);

	r->fresh = true;
	if (rc < 0) {
		rc = refuse(r, why != NULL ? why : err_text(rc));
	} else if (r->facts.this_update > clock_now() + AHEAD) {
		rc = refuse(r, "it is not valid yet");
	} else if (z->tls != NULL && tls_zone_crl_forged(z->tls, text)) {
		rc = refuse(r, "its signature is not its CA's");
	} else if (file_read(&scratch, path.p, LIMIT_FILE_BYTES, &have) == 0 &&
	           inspect_crl(&old, have, &ignored) == 0) {
		r->fresh = !str_eq(have, text);
		if (r->facts.this_update < old.this_update)
			rc = refuse(r, "it is older than the one that is here");
	}
	arena_fini(&scratch);
	return rc;
}

static int keep(struct result *r, const struct job *j, const struct zone_conf *z, struct str dir,
                struct str path, struct str text)
{
	int rc = examine(r, z, text, path);

	if (rc == 0 && r->fresh)
		rc = state_write(dir, path, text);
	if (rc == 0 && j->zone.n > 0) {
		r->fresh = true;
		rc = state_points_add(dir, j->zone, j->url);
	}
	if (rc < 0 && rc != -ERR_INVALID)
		snprintf(r->why, sizeof(r->why), "%s: %.*s", rc == -ERR_IO ? strerror(errno) : err_text(rc),
		         STR_FMT(dir));
	return rc;
}

static void work(struct fetcher *f, struct job *j, const struct config *c, struct result *r)
{
	const struct zone_conf *z = job_zone(j, c);
	struct arena scratch = ARENA_INIT;
	struct buf body = BUF_INIT;
	struct str dir = c->settings.state, path = state_crl(&scratch, dir, j->url);
	struct fetch request;

	r->rc = -ERR_NOMEM;
	r->refresh = c->settings.crl_refresh / 1000;
	snprintf(r->why, sizeof(r->why), "%s", err_text(r->rc));
	if (z == NULL || path.p == NULL)
		goto done;
	request = (struct fetch){.url = j->url,
	                         .own_host = j->zone.n == 0,
	                         .hosts = z->crl_hosts,
	                         .nhosts = z->ncrl_hosts,
	                         .max = (size_t)c->settings.limit_crl,
	                         .msec = c->settings.timeout_fetch,
	                         .stop = &f->stop};
	if ((r->rc = fetch(&request, &body, r->why)) == 0)
		r->rc = keep(r, j, z, dir, path, buf_str(&body));
done:
	buf_fini(&body);
	arena_fini(&scratch);
}

/* Half of what is left of a list's life, but no longer than the setting says. */
static int64_t next_fetch(const struct result *r)
{
	int64_t half = (r->facts.next_update - clock_now()) / 2;

	half = half < SOONEST ? SOONEST : half;
	return jitter(half < r->refresh ? half : r->refresh);
}

static void settle(struct fetcher *f, struct job *j, const struct result *r)
{
	if (r->rc == 0) {
		if (r->fresh || j->failing[0] != '\0')
			log_info("crl_fetched", LOG_S("url", j->url), LOG_I("entries", r->facts.entries),
			         LOG_I("next_update", r->facts.next_update),
			         LOG_Z("new", r->fresh ? "yes" : "no"));
		j->failing[0] = '\0';
		j->pause = FIRST_PAUSE;
		j->due = mono() + next_fetch(r);
		if (r->fresh && f->news == NULL)
			f->news = strndup(j->url.p, j->url.n);
		if (r->fresh)
			uv_async_send(&f->async);
		return;
	}
	log_pairs(strcmp(j->failing, r->why) == 0 ? LOG_DEBUG : LOG_WARNING, "crl_fetch_failed",
	          LOG_ARGS(LOG_S("url", j->url), LOG_Z("reason", r->why), LOG_I("again_in", j->pause)));
	memcpy(j->failing, r->why, sizeof(j->failing));
	j->due = mono() + jitter(j->pause);
	j->pause = j->pause * 2 < LONGEST_PAUSE ? j->pause * 2 : LONGEST_PAUSE;
}

/* ---- the thread ---- */

static void wait_until(struct fetcher *f, int64_t due)
{
	int64_t wait = due == INT64_MAX ? LONGEST_WAIT : due - mono();
	struct timespec end;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += wait < 1 ? 1 : wait > LONGEST_WAIT ? LONGEST_WAIT : wait;
	pthread_cond_timedwait(&f->more, &f->lock, &end);
}

static void *run(void *arg)
{
	struct fetcher *f = arg;

	pthread_mutex_lock(&f->lock);
	while (!atomic_load(&f->stop)) {
		struct job *next = NULL;
		struct config *c;
		struct result r = {0};

		for (struct job *j = f->jobs; j != NULL; j = j->next)
			if (!j->gone && (next == NULL || j->due < next->due))
				next = j;
		if (next == NULL || next->due > mono()) {
			wait_until(f, next != NULL ? next->due : INT64_MAX);
			continue;
		}
		c = config_ref(f->config);
		next->busy = true;
		pthread_mutex_unlock(&f->lock);
		work(f, next, c, &r);
		config_unref(c);
		pthread_mutex_lock(&f->lock);
		next->busy = false;
		if (!atomic_load(&f->stop) && !next->gone)
			settle(f, next, &r);
		sweep(f, false);
	}
	pthread_mutex_unlock(&f->lock);
	return NULL;
}

/* ---- for the loop and the workers ---- */

static void on_async(uv_async_t *async)
{
	struct fetcher *f = async->data;
	char *url;

	pthread_mutex_lock(&f->lock);
	url = f->news;
	f->news = NULL;
	pthread_mutex_unlock(&f->lock);
	f->arrived(f->arg, str_of(url));
	free(url);
}

int fetcher_new(struct fetcher **out, uv_loop_t *loop, void (*arrived)(void *arg, struct str url), void *arg)
{
	struct fetcher *f = *out = calloc(1, sizeof(*f));
	pthread_condattr_t attributes;

	if (f == NULL)
		return -ERR_NOMEM;
	pthread_mutex_init(&f->lock, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&f->more, &attributes);
	pthread_condattr_destroy(&attributes);
	f->arrived = arrived;
	f->arg = arg;
	f->async.data = f;
	return uv_async_init(loop, &f->async, on_async) < 0 ? -ERR_NOMEM : 0;
}

static bool wanted(const struct config *c)
{
	for (size_t i = 0; i < c->nzones; i++)
		if (c->zones[i].ncrl_urls > 0 || c->zones[i].crl_points)
			return true;
	return false;
}

/* The lock is held. */
static void learn(struct fetcher *f, struct str zone, struct str url)
{
	struct job *j;
	size_t n = 0;

	for (j = f->jobs; j != NULL; j = j->next)
		n += str_eq(j->zone, zone);
	if (n >= LIMIT_CRL_POINTS || url.n >= LIMIT_CRL_POINT_BYTES || job_find(f, url, zone) != NULL)
		return;
	j = add_job(f, url, zone);
	if (j == NULL || job_zone(j, f->config) != NULL)
		return;
	j->refused = true;
	j->due = INT64_MAX;
	log_warning("crl_fetch_refused", LOG_S("zone", zone), LOG_S("url", url),
	            LOG_Z("reason", "its host is not among crl_hosts"));
}

/* The CAs of a zone may say where their own issuer's list is. */
static void learn_from_cas(struct fetcher *f, const struct zone_conf *z)
{
	struct arena scratch = ARENA_INIT;
	struct str *urls;
	size_t n;

	if (z->crl_points && z->tls != NULL && tls_zone_crl_urls(z->tls, &scratch, &urls, &n) == 0)
		for (size_t i = 0; i < n; i++)
			if (!zone_reads(z, urls[i]))
				learn(f, z->name, urls[i]);
	arena_fini(&scratch);
}

void fetcher_learn(struct fetcher *f, struct str zone, struct str url)
{
	pthread_mutex_lock(&f->lock);
	if (f->config != NULL) {
		learn(f, zone, url);
		pthread_cond_signal(&f->more);
	}
	pthread_mutex_unlock(&f->lock);
}

void fetcher_config(struct fetcher *f, struct config *c)
{
	struct config *old;

	if (!f->running && !wanted(c))
		return;
	pthread_mutex_lock(&f->lock);
	old = f->config;
	f->config = config_ref(c);
	for (size_t i = 0; i < c->nzones; i++)
		add_jobs(f, &c->zones[i]);
	sweep(f, true);
	for (size_t i = 0; i < c->nzones; i++)
		learn_from_cas(f, &c->zones[i]);
	pthread_cond_signal(&f->more);
	pthread_mutex_unlock(&f->lock);
	config_unref(old);
	if (!f->running && fetch_init() == 0)
		f->running = pthread_create(&f->thread, NULL, run, f) == 0;
	if (!f->running)
		log_error("crl_fetch_failed", LOG_Z("reason", "no thread to fetch with"));
}

void fetcher_stop(struct fetcher *f)
{
	if (f == NULL)
		return;
	pthread_mutex_lock(&f->lock);
	atomic_store(&f->stop, true);
	pthread_cond_signal(&f->more);
	pthread_mutex_unlock(&f->lock);
	if (f->running)
		pthread_join(f->thread, NULL);
	f->running = false;
}

void fetcher_free(struct fetcher *f)
{
	if (f == NULL)
		return;
	while (f->jobs != NULL) {
		struct job *j = f->jobs;

		f->jobs = j->next;
		job_free(j);
	}
	config_unref(f->config);
	free(f->news);
	pthread_cond_destroy(&f->more);
	pthread_mutex_destroy(&f->lock);
	free(f);
}
