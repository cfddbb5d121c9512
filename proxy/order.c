/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server tells workers. All that carrying an order out takes is allocated with it, so that a worker can never
 * fail half way: without memory there is no order, and the old configuration goes on whole.
 */
#include <stdlib.h>
#include <unistd.h>

#include "proxy/worker.h"

struct order *order_new(int kind)
{
	struct order *o = calloc(1, sizeof(*o));

	if (o != NULL)
		o->kind = kind;
	return o;
}

bool order_config(struct order *o, struct config *c, int *fds)
{
	bool ok;
	size_t i;

	o->config = config_ref(c);
	o->held = calloc(1, sizeof(*o->held));
	o->listeners = calloc(c->nlisteners + 1, sizeof(*o->listeners));
	ok = fds != NULL && o->held != NULL && o->listeners != NULL;
	for (i = 0; fds != NULL && i < c->nlisteners; i++) {
		if (fds[i] < 0)
			continue;
		if (ok && (o->listeners[i] = listener_new(&c->listeners[i], fds[i])) == NULL)
			ok = false;
		if (!ok)
			close(fds[i]);
	}
	free(fds);
	return ok;
}

void order_free(struct order *o)
{
	size_t i;

	if (o == NULL)
		return;
	for (i = 0; o->listeners != NULL && i < o->config->nlisteners; i++)
		listener_free(o->listeners[i]);
	free(o->listeners);
	free(o->held);
	config_unref(o->config);
	free(o);
}
