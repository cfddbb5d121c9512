/* SPDX-License-Identifier: Apache-2.0 */
/* Preloaded: the name two.example has the addresses 127.0.0.2 and 127.0.0.1, in this order. Other names are looked up as
 * ever. Each entry is one block, which is what the C library's freeaddrinfo gives back. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

static struct addrinfo *entry(const char *address, struct addrinfo *next)
{
	struct {
		struct addrinfo info;
		struct sockaddr_in in;
	} *e = calloc(1, sizeof(*e));

	if (!e)
		abort();
	e->in.sin_family = AF_INET;
	inet_pton(AF_INET, address, &e->in.sin_addr);
	e->info = (struct addrinfo){.ai_family = AF_INET,
	                            .ai_socktype = SOCK_STREAM,
	                            .ai_addrlen = sizeof(e->in),
	                            .ai_addr = (struct sockaddr *)&e->in,
	                            .ai_next = next};
	return &e->info;
}

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints, struct addrinfo **out)
{
	int (*real)(const char *, const char *, const struct addrinfo *, struct addrinfo **) =
	    dlsym(RTLD_NEXT, "getaddrinfo");

	if (!node || strcmp(node, "two.example") != 0)
		return real(node, service, hints, out);
	*out = entry("127.0.0.2", entry("127.0.0.1", NULL));
	return 0;
}
