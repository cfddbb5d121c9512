/* SPDX-License-Identifier: Apache-2.0 */
/* What a worker knows of its origins: by address and way of speaking, with the connections to each. origin.c's own. */
#ifndef PROXY_ORIGIN_HOST_H
#define PROXY_ORIGIN_HOST_H

#include "proxy/origin_conn.h"

enum { ORIGIN_ADDRESSES = 8 }; /* of one name that are tried */

struct origin_host {
	struct origins *origins;
	struct origin_host *next;
	char *key;                /* address as written; with tls and server the name it is known by */
	struct tls_client *tls;   /* counted; NULL: plain */
	char *server;             /* name for TLS */
	char *path;               /* unix socket */
	char *name;               /* for DNS; NULL: addresses are fixed */
	uint16_t port;
	struct sockaddr_storage addresses[ORIGIN_ADDRESSES];
	unsigned naddresses;
	uint64_t resolved_until;  /* loop milliseconds */
	bool resolving, named;    /* named: the configuration has it */
	uv_getaddrinfo_t resolve;
	struct exchange *waiting; /* for the name, or an HTTP/2 connection that is being made; by next_waiting */
	struct origin_conn *idle;
	struct origin_conn *shared; /* HTTP/2, with streams */
	int proxy;                  /* version of the PROXY header that connections begin with; 0: none */
	bool http2, connecting;     /* connecting: an HTTP/2 connection is being made */
	unsigned nidle, nconns;
};

struct origins {
	struct worker *worker;
	struct origin_host *hosts;
	unsigned turn;
	bool closing;
};

#endif
