/* SPDX-License-Identifier: Apache-2.0 */
/* A timer, and a look in the thread pool. */
#include "proxy/watch.h"

#include <stdlib.h>

#include "base/err.h"
#include "proxy/paths.h"

struct look { /* what is looked at; owned by the look under way, or by the watch */
	struct arena arena;
	struct watched *v;
	size_t n;
	struct str changed; /* the first one, or "" */
};

struct watch {
	uv_timer_t timer;
	uv_work_t work;
	struct look *look, *next; /* next: of a newer configuration, once the one under way is back */
	void (*changed)(void *arg, struct str file);
	void *arg;
	uint64_t interval;
	bool looking, stopping;
};

static void look_free(struct look *l)
{
	if (l == NULL)
		return;
	arena_fini(&l->arena);
	free(l);
}

static struct look *look_new(const struct config *c)
{
	struct look *l = calloc(1, sizeof(*l));

	if (l == NULL)
		return NULL;
	arena_init(&l->arena, 0);
	l->v = arena_array(&l->arena, c->nwatched, sizeof(*l->v));
	for (l->n = 0; l->v != NULL && l->n < c->nwatched; l->n++) {
		struct watched *w = &l->v[l->n];

		w->stamp = c->watched[l->n].stamp;
		if ((w->pattern = arena_str(&l->arena, c->watched[l->n].pattern)).p == NULL)
			break;
	}
	if (l->v != NULL && l->n == c->nwatched)
		return l;
	look_free(l);
	return NULL;
}

static void look(uv_work_t *work)
{
	struct look *l = ((struct watch *)work->data)->look;

	l->changed = STR("");
	for (size_t i = 0; i < l->n; i++) {
		uint64_t stamp = paths_stamp(l->v[i].pattern);

		if (stamp == l->v[i].stamp)
			continue;
		l->v[i].stamp = stamp; /* told once, whatever comes of it */
		if (l->changed.n == 0)
			l->changed = l->v[i].pattern;
	}
}

static void replace(struct watch *w)
{
	if (w->next == NULL)
		return;
	look_free(w->look);
	w->look = w->next;
	w->next = NULL;
}

static void on_looked(uv_work_t *work, int status)
{
	struct watch *w = work->data;

	w->looking = false;
	if (status == 0 && w->look->changed.n > 0 && w->next == NULL && !w->stopping)
		w->changed(w->arg, w->look->changed);
	replace(w);
}

static void on_timer(uv_timer_t *timer)
{
	struct watch *w = timer->data;

	if (w->looking || w->look == NULL || w->look->n == 0)
		return;
	w->work.data = w;
	w->looking = uv_queue_work(timer->loop, &w->work, look, on_looked) == 0;
}

int watch_new(struct watch **out, uv_loop_t *loop, void (*changed)(void *arg, struct str file), void *arg)
{
	struct watch *w = *out = calloc(1, sizeof(*w));

	if (w == NULL)
		return -ERR_NOMEM;
	w->changed = changed;
	w->arg = arg;
	uv_timer_init(loop, &w->timer);
	w->timer.data = w;
	return 0;
}

void watch_config(struct watch *w, const struct config *c)
{
	struct look *l = look_new(c);
	uint64_t interval = (uint64_t)c->settings.watch_interval;

	if (w->stopping) {
		look_free(l);
		return;
	}
	if (l !=
	    NULL) { /* else the old ones are looked at: too little memory is no reason to look at nothing */
		look_free(w->next);
		w->next = l;
		if (!w->looking)
			replace(w);
	}
	if (interval == w->interval)
		return;
	w->interval = interval;
	if (interval == 0)
		uv_timer_stop(&w->timer);
	else
		uv_timer_start(&w->timer, on_timer, interval, interval);
}

void watch_stop(struct watch *w)
{
	if (w == NULL || w->stopping)
		return;
	w->stopping = true;
	uv_close((uv_handle_t *)&w->timer, NULL);
}

bool watch_stopped(const struct watch *w)
{
	return w == NULL || !w->looking;
}

void watch_free(struct watch *w)
{
	if (w == NULL)
		return;
	look_free(w->look);
	look_free(w->next);
	free(w);
}
