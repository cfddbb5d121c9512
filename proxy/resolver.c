/* SPDX-License-Identifier: Apache-2.0 */
/*
 * c-ares on libuv: questions here, sockets and time in resolver_io.c.
 *
 * A question asks for both families at once. Where the answer about one of them does not come (name servers that lose
 * questions about IPv6 exist), the other one would wait as well; so after a while IPv4 alone is asked for, beside it.
 */
#include "proxy/resolver.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "proxy/resolver_io.h"

struct question {
	struct resolver *resolver;
	struct lookup *lookup;         /* NULL: nobody wants the answer */
	uv_timer_t late;               /* then IPv4 alone is asked for */
	char *name;
	uint16_t port;
	unsigned asked;                /* answers that c-ares owes */
	bool answered;                 /* … without IPv6 */
	bool closing;                  /* the timer is being closed */
};

enum { LATE_MSEC = 250 };

/* ---- the end of a question ---- */

static void on_late_closed(uv_handle_t *handle)
{
	struct question *q = handle->data;

	free(q->name);
	free(q);
}

static void question_end(struct question *q)
{
	if (q->lookup != NULL)
		q->lookup->question = NULL;
	q->lookup = NULL;
	if (q->asked > 0 || q->closing)
		return;
	q->closing = true;
	uv_close((uv_handle_t *)&q->late, on_late_closed);
}

void lookup_forget(struct lookup *l)
{
	if (l->question != NULL)
		question_end(l->question);
}

/* ---- answers ---- */

static void add(struct answer *a, const struct ares_addrinfo_node *node, uint16_t port)
{
	union ip_address *to = &a->addresses[a->n++];

	memset(to, 0, sizeof(*to));
	memcpy(to, node->ai_addr, node->ai_family == AF_INET6 ? sizeof(to->in6) : sizeof(to->in));
	if (node->ai_family == AF_INET6)
		to->in6.sin6_port = htons(port);
	else
		to->in.sin_port = htons(port);
}

static const struct ares_addrinfo_node *of_family(const struct ares_addrinfo_node *node, int family)
{
	while (node != NULL && node->ai_family != family)
		node = node->ai_next;
	return node;
}

static bool usable(const struct ares_addrinfo_node *node)
{
	return node->ai_family == AF_INET || node->ai_family == AF_INET6;
}

/* The library has sorted them (RFC 6724); the family of the first one begins. */
static void interleave(struct answer *a, const struct ares_addrinfo_node *nodes, uint16_t port)
{
	const struct ares_addrinfo_node *next[2];
	int first;

	while (nodes != NULL && !usable(nodes))
		nodes = nodes->ai_next;
	if (nodes == NULL)
		return;
	first = nodes->ai_family;
	next[0] = nodes;
	next[1] = of_family(nodes, first == AF_INET ? AF_INET6 : AF_INET);
	for (unsigned turn = 0; a->n < LOOKUP_ADDRESSES && (next[0] != NULL || next[1] != NULL); turn ^= 1) {
		const struct ares_addrinfo_node *node = next[turn];

		if (node == NULL)
			continue;
		add(a, node, port);
		next[turn] = of_family(node->ai_next, node->ai_family);
	}
}

/* The shortest life of all records that led there. 0 is also what entries of /etc/hosts have. */
static int64_t life(const struct ares_addrinfo *found)
{
	int64_t least = INT32_MAX;

	for (const struct ares_addrinfo_node *n = found->nodes; n != NULL; n = n->ai_next)
		least = n->ai_ttl < least ? n->ai_ttl : least;
	for (const struct ares_addrinfo_cname *c = found->cnames; c != NULL; c = c->next)
		least = c->ttl < least ? c->ttl : least;
	return least > 0 ? least * 1000 : 0;
}

static void tell(struct question *q, struct answer *a)
{
	struct lookup *l = q->lookup;

	if (a->last)
		question_end(q);
	else
		q->answered = true;
	if (l != NULL)
		l->answered(l, a);
}

static void begin(struct question *q);

static void on_answer(struct question *q, int status, struct ares_addrinfo *found, bool both)
{
	struct answer a = {.last = both, .no_memory = status == ARES_ENOMEM};
	bool again = status == ARES_EDESTRUCTION && !resolver_io_closing(q->resolver) && q->lookup != NULL;

	q->asked--;
	if (status == ARES_SUCCESS && found != NULL) {
		interleave(&a, found->nodes, q->port);
		a.msec = life(found);
	}
	if (found != NULL)
		ares_freeaddrinfo(found);
	a.error = a.n > 0 ? "" : ares_strerror(status == ARES_SUCCESS ? ARES_ENODATA : status);
	if (q->lookup == NULL || (status == ARES_EDESTRUCTION && !again)) {
		question_end(q);
	} else if (again) { /* other servers are asked from now on */
		if (both)
			begin(q);
	} else if (both && a.n == 0 && q->answered) { /* what came without IPv6 is all there is */
		question_end(q);
	} else if (both || (a.n > 0 && !q->answered)) {
		tell(q, &a);
	}
}

static void on_both(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
	(void)timeouts;
	on_answer(arg, status, found, true);
}

static void on_ipv4(void *arg, int status, int timeouts, struct ares_addrinfo *found)
{
	(void)timeouts;
	on_answer(arg, status, found, false);
}

/* ---- questions ---- */

static void ask(struct question *q, int family)
{
	const struct ares_addrinfo_hints hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};

	q->asked++;
	resolver_io_enter(q->resolver);
	ares_getaddrinfo(resolver_io_channel(q->resolver), q->name, NULL, &hints, family == AF_INET ? on_ipv4 : on_both, q);
	resolver_io_leave(q->resolver);
}

static void on_late(uv_timer_t *timer)
{
	struct question *q = timer->data;

	if (q->lookup != NULL)
		ask(q, AF_INET);
}

/* May end q. */
static void begin(struct question *q)
{
	uv_timer_start(&q->late, on_late, LATE_MSEC, 0);
	ask(q, AF_UNSPEC);
}

static void fail(struct lookup *l, bool no_memory, const char *why)
{
	struct answer a = {.last = true, .no_memory = no_memory, .error = why};

	l->answered(l, &a);
}

void resolver_ask(struct resolver *r, struct lookup *l, const char *name, uint16_t port)
{
	struct question *q;

	if (l->question != NULL)
		return;
	if (!resolver_io_open(r)) {
		fail(l, false, "no resolver");
		return;
	}
	if ((q = calloc(1, sizeof(*q))) == NULL || (q->name = strdup(name)) == NULL) {
		free(q);
		fail(l, true, "out of memory");
		return;
	}
	q->resolver = r;
	q->lookup = l;
	q->port = port;
	q->late.data = q;
	uv_timer_init(resolver_io_loop(r), &q->late);
	l->question = q;
	begin(q);
}
