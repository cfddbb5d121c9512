/* SPDX-License-Identifier: Apache-2.0 */
/*
 * load.c at a rate: requests come whatever the server does, and their time counts from when they were due, so that no
 * omission is coordinated. One thread waits for all connections. A connection that is free takes the next request; when
 * none is, the request waits. Gaps are drawn anew each time (exponential, as of many clients that do not know of each
 * other), the same for every server.
 */
#ifndef BENCH_LOAD_PACED_H
#define BENCH_LOAD_PACED_H

#include <fcntl.h>
#include <math.h>
#include <sys/epoll.h>
#include <sys/prctl.h>

#include "bench/load_client.h"

struct paced {
	int epoll;
	struct client **idle; /* a ring: whoever has rested longest is next */
	size_t first, n;
	double next;          /* when the next request is due */
	unsigned short random[3];
};

static void paced_rest(struct paced *p, struct client *c)
{
	p->idle[(p->first + p->n++) % (size_t)opt.connections] = c;
}

static void paced_watch(struct paced *p, struct client *c)
{
	struct epoll_event e = { .events = EPOLLIN, .data.ptr = c };

	fcntl(c->fd, F_SETFL, O_NONBLOCK);
	epoll_ctl(p->epoll, EPOLL_CTL_ADD, c->fd, &e);
}

static void paced_failed(struct paced *p, struct client *c)
{
	c->failed++;
	closed(c);
	if (!connected(c))
		return; /* one less */
	paced_watch(p, c);
	paced_rest(p, c);
}

static void paced_ask(struct paced *p)
{
	while (p->n > 0 && p->next <= now() && p->next < until) {
		struct client *c = p->idle[p->first];

		p->first = (p->first + 1) % (size_t)opt.connections;
		p->n--;
		c->due = p->next;
		p->next += -log(1 - erand48(p->random)) / opt.rate;
		if (!ask(c))
			paced_failed(p, c);
	}
}

static void paced_answer(struct paced *p, struct client *c)
{
	bool nothing = false;
	int rc = 0;

	while (rc == 0 && !nothing)
		rc = answer(c, &nothing);
	if (rc > 0) {
		c->done++;
		note(c, c->due);
		paced_rest(p, c);
	} else if (rc < 0) {
		paced_failed(p, c);
	}
}

/* Until the time is over and what began has been answered, for a second more at most. */
static void run_paced(struct client *clients)
{
	struct paced p = { .epoll = epoll_create1(0), .idle = calloc((size_t)opt.connections, sizeof(*p.idle)), .next = from };
	struct epoll_event events[64];

	if (p.epoll < 0 || !p.idle)
		abort();
	prctl(PR_SET_TIMERSLACK, 1UL); /* sleep as long as asked, not 50 us more */
	for (int i = 0; i < opt.connections; i++) {
		if (clients[i].fd < 0)
			continue;
		paced_watch(&p, &clients[i]);
		paced_rest(&p, &clients[i]);
	}
	for (;;) {
		double t = now(), wait = (p.next < until ? p.next : until) - t;
		struct timespec ts;
		int n;

		if (t >= until && (p.n == (size_t)opt.connections || t >= until + 1))
			break;
		if (p.n == 0 || t >= until)
			wait = 0.1;
		wait = wait > 0 ? wait : 0;
		ts = (struct timespec){ (time_t)wait, (long)((wait - (double)(time_t)wait) * 1e9) };
		n = epoll_pwait2(p.epoll, events, 64, &ts, NULL);
		for (int i = 0; i < n; i++)
			paced_answer(&p, events[i].data.ptr);
		paced_ask(&p);
	}
	for (int i = 0; i < opt.connections; i++)
		closed(&clients[i]);
	free(p.idle);
	close(p.epoll);
}

#endif
