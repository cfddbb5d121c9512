/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Deadlines of one worker on a timing wheel: setting and moving one is a few stores, however many there are, and
 * nothing but the caller's own memory is used. They fire late by at most WHEEL_TICK, or two when the process stood
 * still, never early.
 */
#ifndef PROXY_DEADLINE_H
#define PROXY_DEADLINE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uv.h>

enum {
	WHEEL_TICK = 50,   /* milliseconds */
	WHEEL_SLOTS = 512, /* one turn is 25 s; later deadlines go round again */
	WHEEL_STOOD = 4,   /* ticks missed at once: the process stood still, and it was not the peers who were slow */
};

struct deadline {
	struct deadline *next, **prev; /* prev NULL: not set */
	uint64_t at;                   /* loop milliseconds */
	void (*fire)(struct deadline *d);
};

struct wheel {
	uv_timer_t timer;
	uint64_t tick;  /* the last one that was looked at */
	size_t linked;  /* the timer runs only while there are any */
	bool waited;    /* deadlines were put off for one tick after the process stood still */
	struct deadline *slots[WHEEL_SLOTS];
};

int wheel_init(struct wheel *w, uv_loop_t *loop);
void wheel_close(struct wheel *w); /* no deadline may be set any more */

static inline void deadline_init(struct deadline *d, void (*fire)(struct deadline *d))
{
	*d = (struct deadline){ NULL, NULL, 0, fire };
}

void deadline_set(struct wheel *w, struct deadline *d, int64_t msec); /* from now; moves one that is set */
void deadline_clear(struct wheel *w, struct deadline *d);

static inline bool deadline_is_set(const struct deadline *d)
{
	return d->prev != NULL;
}

#endif
