/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timing wheel. A deadline that is moved later stays in its slot and is carried on when the slot comes round,
 * so that a busy connection, whose deadline moves with every request, costs one store each time.
 */
#include "proxy/deadline.h"

static void link_in(struct wheel *w, struct deadline *d)
{
	uint64_t tick = d->at / WHEEL_TICK + 1;
	struct deadline **slot;

	if (tick <= w->tick)
		tick = w->tick + 1;
	if (tick - w->tick > WHEEL_SLOTS - 1)
		tick = w->tick + WHEEL_SLOTS - 1;
	slot = &w->slots[tick % WHEEL_SLOTS];
	d->next = *slot;
	if (d->next != NULL)
		d->next->prev = &d->next;
	d->prev = slot;
	*slot = d;
	w->linked++;
}

static void link_out(struct wheel *w, struct deadline *d)
{
	*d->prev = d->next;
	if (d->next != NULL)
		d->next->prev = d->prev;
	d->next = NULL;
	d->prev = NULL;
	w->linked--;
}

static void slot_due(struct wheel *w, struct deadline **slot, uint64_t now)
{
	struct deadline *due = *slot, *d;

	*slot = NULL;
	if (due != NULL)
		due->prev = &due;
	while ((d = due) != NULL) { /* what fires may clear or set any other: both leave due whole */
		link_out(w, d);
		if (d->at > now)
			link_in(w, d);
		else
			d->fire(d);
	}
}

static void on_tick(uv_timer_t *timer)
{
	struct wheel *w = timer->data;
	uint64_t now = uv_now(timer->loop);
	uint64_t until = now / WHEEL_TICK;
	bool stood = until - w->tick > WHEEL_STOOD && !w->waited;

	w->waited = stood;
	if (stood) /* the answers that came meanwhile lie in the sockets: they are read before anybody is called late */
		return;
	if (until - w->tick > WHEEL_SLOTS)
		w->tick = until - WHEEL_SLOTS; /* the machine slept: one turn sees every slot */
	while (w->tick < until) {
		w->tick++;
		slot_due(w, &w->slots[w->tick % WHEEL_SLOTS], now);
	}
	if (w->linked == 0)
		uv_timer_stop(&w->timer);
}

int wheel_init(struct wheel *w, uv_loop_t *loop)
{
	*w = (struct wheel){ .tick = 0 };
	w->timer.data = w;
	return uv_timer_init(loop, &w->timer);
}

void wheel_close(struct wheel *w)
{
	uv_close((uv_handle_t *)&w->timer, NULL);
}

void deadline_set(struct wheel *w, struct deadline *d, int64_t msec)
{
	uint64_t now = uv_now(w->timer.loop), at = now + (uint64_t)(msec > 0 ? msec : 0);

	if (d->prev != NULL) {
		if (at >= d->at) {
			d->at = at;
			return;
		}
		link_out(w, d);
	}
	if (w->linked == 0 && !uv_is_active((uv_handle_t *)&w->timer)) {
		w->tick = now / WHEEL_TICK;
		w->waited = false;
		uv_timer_start(&w->timer, on_tick, WHEEL_TICK, WHEEL_TICK);
	}
	d->at = at;
	link_in(w, d);
}

void deadline_clear(struct wheel *w, struct deadline *d)
{
	if (d->prev != NULL)
		link_out(w, d);
}
