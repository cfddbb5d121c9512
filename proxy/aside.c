/* SPDX-License-Identifier: Apache-2.0 */
/* As much of a worker as requests to origins need: deadlines, output that is flushed, a configuration. */
#include "proxy/aside.h"

#include <stdlib.h>

#include "base/err.h"
#include "proxy/exchange.h"
#include "proxy/origin.h"

static void flush_all(uv_prepare_t *prepare)
{
	worker_flush(prepare->data);
}

int aside_new(struct worker **out, uv_loop_t *loop)
{
	struct worker *w = calloc(1, sizeof(*w));

	*out = NULL;
	if (w == NULL || origins_new(&w->origins, w, true) < 0) {
		free(w);
		return -ERR_NOMEM;
	}
	w->loop = loop;
	loop->data = w;
	w->before_poll.data = w;
	wheel_init(&w->wheel, loop); /* neither these can fail */
	uv_prepare_init(loop, &w->before_poll);
	uv_prepare_start(&w->before_poll, flush_all);
	uv_unref((uv_handle_t *)&w->before_poll);
	*out = w;
	return 0;
}

bool aside_config(struct worker *w, struct config *c)
{
	struct held *fresh = malloc(sizeof(*fresh)), *old = w->held;

	if (fresh == NULL)
		return false;
	*fresh = (struct held){ config_ref(c), 1 };
	w->held = fresh;
	held_unref(old);
	origins_reload(w->origins);
	return true;
}

void aside_close(struct worker *w)
{
	if (w == NULL || w->ended)
		return;
	w->ended = true;
	origins_close(w->origins);
	wheel_close(&w->wheel);
	uv_close((uv_handle_t *)&w->before_poll, NULL);
}

void aside_free(struct worker *w)
{
	if (w == NULL)
		return;
	exchange_spares_free(w);
	origins_free(w->origins);
	held_unref(w->held);
	free(w);
}
