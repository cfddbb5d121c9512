/* SPDX-License-Identifier: Apache-2.0 */
/* libcurl, kept on a short lead. Redirects are followed by hand, so that each address is asked about first.
 */
#include "proxy/fetch.h"

#include <curl/curl.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/limits.h"
#include "base/version.h"

struct transfer {
	const struct fetch *f;
	struct buf *out;
	size_t begun; /* bytes of out that were there before */
	size_t head;  /* bytes of header lines */
	bool too_large, no_memory;
};

static bool started;

int fetch_init(void)
{
	if (!started)
		started = curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK;
	return started ? 0 : -ERR_NET;
}

void fetch_fini(void)
{
	if (started)
		curl_global_cleanup();
	started = false;
}

const char *libcurl_version_text(void)
{
	return curl_version_info(CURLVERSION_NOW)->version;
}

static size_t on_body(char *p, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;

	n *= one;
	if (n > t->f->max - (t->out->n - t->begun)) {
		t->too_large = true;
		return 0;
	}
	t->no_memory = !buf_add(t->out, (struct str){p, n});
	return t->no_memory ? 0 : n;
}

static size_t on_head(char *p, size_t one, size_t n, void *arg)
{
	struct transfer *t = arg;

	(void)p;
	t->head += n * one;
	t->too_large |= t->head > LIMIT_FETCH_HEAD;
	return t->too_large ? 0 : n * one;
}

static int on_progress(void *arg, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
	const struct transfer *t = arg;

	(void)a, (void)b, (void)c, (void)d;
	return t->f->stop != NULL && atomic_load_explicit(t->f->stop, memory_order_relaxed);
}

static bool set_up(CURL *curl, struct transfer *t, struct curl_slist *headers, int64_t msec)
{
	const struct fetch *f = t->f;
	bool ok = true;

#define SET(option, value) ok = ok && curl_easy_setopt(curl, option, value) == CURLE_OK
	SET(CURLOPT_PROTOCOLS_STR, "http,https");
	SET(CURLOPT_PROXY, "");
	SET(CURLOPT_NOSIGNAL, 1L);
	SET(CURLOPT_FOLLOWLOCATION, 0L);
	SET(CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	SET(CURLOPT_USERAGENT, "usher/" USHER_VERSION);
	SET(CURLOPT_TIMEOUT_MS, (long)msec);
	SET(CURLOPT_CONNECTTIMEOUT_MS, (long)(msec < 10000 ? msec : 10000));
	SET(CURLOPT_WRITEFUNCTION, on_body);
	SET(CURLOPT_WRITEDATA, t);
	SET(CURLOPT_HEADERFUNCTION, on_head);
	SET(CURLOPT_HEADERDATA, t);
	SET(CURLOPT_NOPROGRESS, 0L);
	SET(CURLOPT_XFERINFOFUNCTION, on_progress);
	SET(CURLOPT_XFERINFODATA, t);
	SET(CURLOPT_HTTPHEADER, headers);
	if (f->content_type.n > 0) {
		SET(CURLOPT_POST, 1L);
		SET(CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)f->post.n);
		SET(CURLOPT_POSTFIELDS, f->post.p);
	}
#undef SET
	return ok;
}

static int failed(const struct transfer *t, CURLcode code, char why[FETCH_WHY])
{
	if (t->no_memory || code == CURLE_OUT_OF_MEMORY)
		return -ERR_NOMEM;
	if (t->too_large) {
		snprintf(why, FETCH_WHY, "more than %zu bytes", t->f->max);
		return -ERR_LIMIT;
	}
	snprintf(why, FETCH_WHY, "%s", curl_easy_strerror(code));
	return -ERR_NET;
}

/* One request. 0, 1 for a redirect (*next in a), or a negative code. */
static int step(CURL *curl, struct transfer *t, struct str url, struct arena *a, struct str *next,
                char why[FETCH_WHY])
{
	char *location = NULL;
	long status = 0;
	CURLcode code;

	t->head = 0;
	t->out->n = t->begun;
	if (curl_easy_setopt(curl, CURLOPT_URL, url.p) != CURLE_OK)
		return -ERR_NOMEM;
	if ((code = curl_easy_perform(curl)) != CURLE_OK)
		return failed(t, code, why);
	curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
	curl_easy_getinfo(curl, CURLINFO_REDIRECT_URL, &location);
	if (status == 200)
		return 0;
	if (status / 100 == 3 && location != NULL && t->f->content_type.n == 0) {
		*next = arena_str(a, str_of(location));
		return next->p != NULL ? 1 : -ERR_NOMEM;
	}
	snprintf(why, FETCH_WHY, "status %ld", status);
	return -ERR_NET;
}

static int may(const struct fetch *f, const struct url *first, struct str url, char why[FETCH_WHY])
{
	struct url u;

	if (!url_parse(url, &u)) {
		snprintf(why, FETCH_WHY, "not an address to fetch from");
		return -ERR_REFUSED;
	}
	if (first->https && !u.https) {
		snprintf(why, FETCH_WHY, "a redirect from https to http");
		return -ERR_REFUSED;
	}
	if ((f->own_host && url_same_host(first, &u)) || url_allowed(&u, f->hosts, f->nhosts))
		return 0;
	snprintf(why, FETCH_WHY, "%.*s port %d is not listed", (int)(u.host.n < 200 ? u.host.n : 200),
	         u.host.p, (int)u.port);
	return -ERR_REFUSED;
}

static struct curl_slist *header_list(const struct fetch *f, struct arena *a)
{
	struct str line = arena_printf(a, "Content-Type: %.*s", STR_FMT(f->content_type));
	struct curl_slist *list = curl_slist_append(NULL, "Expect:"), *more;

	if (list == NULL || line.p == NULL || f->content_type.n == 0)
		return list;
	if ((more = curl_slist_append(list, line.p)) == NULL)
		curl_slist_free_all(list);
	return more;
}

int fetch(const struct fetch *f, struct buf *out, char why[FETCH_WHY])
{
	struct transfer t = {.f = f, .out = out, .begun = out->n};
	struct arena a = ARENA_INIT;
	struct str url = arena_str(&a, f->url);
	struct curl_slist *headers = header_list(f, &a);
	CURL *curl = curl_easy_init();
	uint64_t end = clock_mono_nsec() + (uint64_t)f->msec * 1000000;
	struct url first;
	int rc = -ERR_NOMEM, i;

	snprintf(why, FETCH_WHY, "%s", err_text(rc));
	if (url.p == NULL || headers == NULL || curl == NULL)
		goto done;
	url_parse(url, &first);
	for (i = 0, rc = 1; rc == 1; i++) {
		int64_t left = (int64_t)(end - clock_mono_nsec()) / 1000000;

		if (i > LIMIT_REDIRECTS || left <= 0) {
			snprintf(why, FETCH_WHY, i > LIMIT_REDIRECTS ? "too many redirects" : "too slow");
			rc = -ERR_NET;
		} else if ((rc = may(f, &first, url, why)) == 0) {
			rc =
			    set_up(curl, &t, headers, left) ? step(curl, &t, url, &a, &url, why) : -ERR_NOMEM;
		}
	}
done:
	if (rc < 0)
		out->n = t.begun;
	curl_easy_cleanup(curl);
	curl_slist_free_all(headers);
	arena_fini(&a);
	return rc;
}
