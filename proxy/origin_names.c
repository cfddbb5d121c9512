/* SPDX-License-Identifier: Apache-2.0 */
/* Addresses of names: looked up off the loop and remembered for a while. */
#include "base/log.h"
#include "proxy/origin_host.h"

enum {
	NAME_FAIL_MSEC = 1000, /* how long it is believed that a name has no addresses */
};

static void set_port(struct sockaddr_storage *sa, uint16_t port)
{
	if (sa->ss_family == AF_INET6)
		((struct sockaddr_in6 *)sa)->sin6_port = htons(port);
	else
		((struct sockaddr_in *)sa)->sin_port = htons(port);
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *found)
{
	struct origin_host *h = req->data;
	struct addrinfo *a;
	struct exchange *x, *list;
	uint64_t now = uv_now(req->loop);

	h->resolving = false;
	if (status == 0) {
		h->naddresses = 0;
		for (a = found; a != NULL && h->naddresses < ORIGIN_ADDRESSES; a = a->ai_next) {
			if (a->ai_family != AF_INET && a->ai_family != AF_INET6)
				continue;
			memcpy(&h->addresses[h->naddresses], a->ai_addr, a->ai_addrlen);
			set_port(&h->addresses[h->naddresses++], h->port);
		}
	}
	uv_freeaddrinfo(found);
	if (status < 0) /* old addresses serve on when a name server fails */
		log_warning("origin_name_failed", LOG_Z("origin", h->key), LOG_Z("error", uv_strerror(status)));
	h->resolved_until = now + (status == 0 ? (uint64_t)worker_settings(h->origins->worker)->timeout_resolve :
						 NAME_FAIL_MSEC); /* getaddrinfo tells no TTL */
	list = h->waiting;
	h->waiting = NULL;
	while (list != NULL) {
		x = origin_waiting_take(&list);
		if (h->naddresses > 0)
			origin_go(x, h);
		else
			exchange_origin_failed(x, FAULT_ORIGIN_NAME, str_of(uv_strerror(status)), false);
	}
	origin_hosts_prune(h->origins);
}

int origin_resolve(struct origin_host *h)
{
	static const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	int rc;

	if (h->resolving)
		return 0;
	h->resolve.data = h;
	rc = uv_getaddrinfo(&h->origins->worker->loop, &h->resolve, on_resolved, h->name, NULL, &hints);
	h->resolving = rc == 0;
	return rc;
}
