/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker knows of its origins: by address and way of speaking, with the connections to each. For the files of
 * proxy/origin*.c alone: origin.c asks origin_host.c for the host, origin_names.c for its addresses and origin_connect.c
 * for a connection, which origin_conn.c keeps.
 */
#ifndef PROXY_ORIGIN_HOST_H
#define PROXY_ORIGIN_HOST_H

#include "mtls/peer.h"
#include "proxy/origin_conn.h"
#include "proxy/resolver.h"

struct origin_host {
	struct origins *origins;
	struct origin_host *next;
	char *key;                /* address as written; with the peer what it is known by */
	struct tls_client *tls;   /* the peer's; NULL: plain */
	struct tls_peer *peer;    /* owned; NULL: plain */
	char *path;               /* unix socket */
	char *name;               /* for DNS; NULL: addresses are fixed */
	uint16_t port;
	union ip_address addresses[LOOKUP_ADDRESSES]; /* in the order in which they are tried */
	unsigned naddresses;
	struct lookup lookup;
	uint64_t resolved_until;  /* loop milliseconds */
	unsigned failures;        /* of looking it up, in a row */
	const char *name_error;   /* of the last one; constant */
	struct exchange *waiting; /* for the name, or an HTTP/2 connection that is being made; by next_waiting */
	struct deadline patience; /* of the first of them to give up */
	bool named;               /* the configuration has it */
	unsigned pins;            /* it may not be freed */
	struct origin_conn *idle;
	struct origin_conn *shared; /* HTTP/2, with streams */
	struct origin_dial *dials;  /* connections in the making */
	int proxy;                  /* version of the PROXY header that connections begin with; 0: none */
	bool http2, connecting;     /* connecting: an HTTP/2 connection is being made */
	unsigned nidle, nconns;
};

struct origins {
	struct worker *worker;
	struct origin_host *hosts;
	struct resolver *resolver; /* NULL: no name was looked up yet */
	bool once; /* each request has a host of its own */
	bool closing;
};

/* ---- origin_host.c ---- */

/* What a connection must fit beside the address: two requests share none if they would speak TLS differently. */
struct origin_wanted {
	const struct address *address;
	struct tls_client *tls; /* borrowed */
	struct str server;
	bool http2;
	int proxy;
};

/* The one that fits, or a new one. NULL: out of memory. */
struct origin_host *origin_host_of(struct origins *o, const struct origin_wanted *w);
/* Whether the configuration leads there; what a rule computed is forgotten when it is not used. */
bool origin_host_is_named(const struct origin_host *h);
void origin_host_free(struct origin_host *h);
void origin_hosts_prune(struct origins *o); /* frees hosts that nothing needs any more */

/* Exchanges that wait for a host's name, or for an HTTP/2 connection that is being made, until x->connect_until. */
void origin_wait(struct exchange *x, struct origin_host *h);
struct exchange *origin_waiting_take(struct exchange **list);
/* No connection can be had: x (if any) fails, and with it those that would have shared an HTTP/2 connection. */
void origin_give_up(struct origin_host *h, struct exchange *x, enum fault f, struct str detail);

/* ---- origin.c ---- */

/* To a host whose addresses are known: over an HTTP/2 connection with room, or a new connection. */
void origin_go(struct exchange *x, struct origin_host *h);

/* ---- origin_names.c ---- */

/* Looks the name up again if it is time; meanwhile the addresses that are known serve. */
void origin_refresh(struct origin_host *h);
/* x goes on when the addresses of h are known, or fails; perhaps at once. */
void origin_resolve(struct exchange *x, struct origin_host *h);
/* The name still leads to the address that c is connected to. */
bool origin_conn_current(const struct origin_conn *c);

/* ---- origin_connect.c ---- */

void origin_connect(struct exchange *x, struct origin_host *h);
void origin_connect_stop(struct origin_host *h); /* what is in the making ends */
void origin_connect_shake_hands(struct origin_conn *c); /* TLS went on, or ended */

/* ---- origin_conn.c ---- */

extern const struct transport_events origin_conn_events;
void origin_conn_on_deadline(struct deadline *d);
void origin_conn_attach(struct origin_conn *c, struct exchange *x);
void origin_conn_list(struct origin_conn *c, struct origin_conn **list); /* adds it to one of the host's */
void origin_conn_unlist(struct origin_conn *c);
struct origin_conn *origin_http2_with_room(struct origin_host *h); /* NULL: none */

#endif
