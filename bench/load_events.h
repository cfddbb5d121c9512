/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c's requests on open connections: one thread waits for all of them, so that the client costs as little as can be.
 * Without a rate each answer is followed by the next request. With one, requests come whatever the server does, and their
 * time counts from when they were due, so that no omission is coordinated: who is free takes the next request, and when
 * nobody is, it waits. Gaps are drawn anew each time (exponential, as of many clients that do not know of each other), the
 * same for every server.
 */
#ifndef BENCH_LOAD_EVENTS_H
#define BENCH_LOAD_EVENTS_H

#include <fcntl.h>
#include <math.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

#include "bench/load_client.h"

static struct {
	int epoll;
	struct client **idle; /* a ring, once for each request that a client may begin: whoever has rested longest is next */
	size_t size, first, n;
	double next;          /* when the next request is due */
	unsigned short random[3];
} events;

static void events_rest(struct client *c)
{
	events.idle[(events.first + events.n++) % events.size] = c;
}

static void events_answered(struct client *c, bool ok, double since)
{
	c->done += ok;
	c->failed += !ok;
	if (ok)
		note(c, since);
	events_rest(c);
}

static void events_stream(void *io, bool ok, double since)
{
	events_answered(io, ok, since);
}

static void events_watch(struct client *c)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	epoll_ctl(events.epoll, EPOLL_CTL_ADD, c->fd, &e);
	c->h2.answered = events_stream;
}

/* The connection is lost, and what was under way on it: that many may begin again on a new one. */
static void events_lost(struct client *c)
{
	int open = opt.http2 ? c->h2.open : 1;

	c->failed += open > 0 ? open : 1;
	closed(c);
	if (!connected(c))
		return; /* one less */
	events_watch(c);
	while (open-- > 0)
		events_rest(c);
}

static double events_due(void)
{
	double due = opt.rate > 0 ? events.next : now();

	if (opt.rate > 0)
		events.next += -log(1 - erand48(events.random)) / opt.rate;
	return due;
}

static void events_ask(struct client **unsent, size_t *n)
{
	while (events.n > 0 && (opt.rate > 0 ? events.next <= now() && events.next < until : now() < until)) {
		struct client *c = events.idle[events.first];

		events.first = (events.first + 1) % events.size;
		events.n--;
		c->due = events_due();
		if (opt.http2 ? !http2_load_ask(&c->h2, c->due) : !ask(c))
			events_lost(c);
		else if (opt.http2 && !c->unsent) {
			c->unsent = true;
			unsent[(*n)++] = c;
		}
	}
}

static void events_take(struct client *c)
{
	bool nothing = false;
	int rc = 0;

	if (opt.http2) {
		while (rc == 0 && !nothing) {
			long n = http2_load_read(&c->h2);

			nothing = n == 0;
			rc = n < 0 ? -1 : 0;
		}
		if (rc == 0 && !http2_load_send(&c->h2))
			rc = -1;
	} else {
		while (rc == 0 && !nothing)
			rc = answer(c, &nothing);
		if (rc > 0)
			events_answered(c, true, c->due);
	}
	if (rc < 0)
		events_lost(c);
}

static void events_wait(void)
{
	struct epoll_event ready[64];
	double wait = (events.n > 0 && opt.rate > 0 && events.next < until ? events.next : until) - now();
	struct timespec ts;
	int n;

	wait = wait > 0 ? wait : events.n < events.size ? 0.1 : 0;
	ts = (struct timespec){ (time_t)wait, (long)((wait - (double)(time_t)wait) * 1e9) };
	n = epoll_pwait2(events.epoll, ready, 64, &ts, NULL);
	for (int i = 0; i < n; i++)
		events_take(ready[i].data.ptr);
}

/* Until the time is over and what began has been answered, for a second more at most. */
static void run_events(struct client *clients)
{
	struct client **unsent = calloc((size_t)opt.connections, sizeof(struct client *));

	events.size = (size_t)opt.connections * (size_t)opt.streams;
	events.idle = calloc(events.size, sizeof(*events.idle));
	events.epoll = epoll_create1(0);
	events.next = from;
	if (events.epoll < 0 || !events.idle || !unsent)
		abort();
	prctl(PR_SET_TIMERSLACK, 1UL); /* sleep as long as asked, not 50 us more */
	for (int i = 0; i < opt.connections; i++)
		if (clients[i].fd >= 0)
			events_watch(&clients[i]);
	for (int k = 0; k < opt.streams; k++)
		for (int i = 0; i < opt.connections; i++)
			if (clients[i].fd >= 0)
				events_rest(&clients[i]);
	while (now() < until || (events.n < events.size && now() < until + 1)) {
		size_t n = 0;

		events_ask(unsent, &n);
		while (n > 0) {
			struct client *c = unsent[--n];

			c->unsent = false;
			if (!http2_load_send(&c->h2))
				events_lost(c);
		}
		events_wait();
	}
	for (int i = 0; i < opt.connections; i++)
		closed(&clients[i]);
	free(unsent);
	free(events.idle);
	close(events.epoll);
}

#endif
