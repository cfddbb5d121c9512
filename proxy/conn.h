/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One client connection: its transport, what its handshake settled, and the protocol that it speaks. Its states are
 * one table in conn.c. It belongs to one worker, which lists it from accept to close.
 */
#ifndef PROXY_CONN_H
#define PROXY_CONN_H

#include "headers/lines.h"
#include "headers/proxied.h"
#include "proxy/deadline.h"
#include "proxy/faults.h"
#include "proxy/transport.h"
#include "proxy/worker.h"

struct conn;

enum conn_state {
	CONN_PREFACE,   /* waiting for a PROXY header */
	CONN_HANDSHAKE, /* TLS */
	CONN_CHOOSING,  /* plain: the first bytes say whether it is HTTP/2 (RFC 9113, section 3.3) */
	CONN_SERVING,   /* its protocol is at work */
	CONN_LINGERING, /* everything was sent; what the client still sends is thrown away, for a moment */
	CONN_CLOSING,   /* the handle is being closed */
};

/* What an application protocol does with a connection that is CONN_SERVING. */
struct protocol {
	const char *name;
	bool (*start)(struct conn *c);    /* sets c->protocol_data; false: no memory */
	void (*readable)(struct conn *c); /* input, eof or an error of the transport */
	void (*drained)(struct conn *c);  /* NULL: it writes in fill alone */
	void (*fill)(struct conn *c);     /* output is about to be sent; NULL: it writes as it goes */
	void (*timeout)(struct conn *c);  /* c->deadline passed */
	void (*drain)(struct conn *c);    /* end when what is under way has ended; close at once if nothing is */
	bool (*idle)(const struct conn *c); /* ending it now cuts nothing short */
	bool concurrent; /* exchanges overlap: the connection is judged while some are under way */
	void (*stop)(struct conn *c, enum fault f); /* the connection goes: end all exchanges, free protocol_data */
};

extern const struct protocol http1_protocol, http2_protocol;

struct conn {
	struct transport t;
	struct worker *worker;
	struct listener *listener;        /* counted */
	struct conn *next, **prev;        /* of the worker */
	struct deadline deadline;
	struct deadline trim;             /* at rest for so long, it gives back memory */
	enum conn_state state;
	const struct protocol *protocol;  /* NULL before CONN_SERVING */
	void *protocol_data;
	struct ip ip, local_ip;           /* family 0 on unix sockets; ip.src */
	struct ip proxy_ip;               /* the peer that said so with a PROXY header, family 0: none */
	struct proxied *proxied;          /* owned; what it says besides; NULL: nothing */
	uint16_t port, local_port;
	bool counted;                     /* in the server's counts */
	bool draining;                    /* no request after those under way */
	uint64_t requests;
	uint64_t linger_from;             /* bytes received when lingering began */
	uint64_t linger_until;            /* loop milliseconds, once everything was sent */
	uint64_t accepted;                /* clock_mono_nsec */

	/* What was judged, and what depends on nothing but that: see judge.c. */
	uint64_t judged_generation;
	enum fault judged;                /* FAULT_NONE: may be served */
	bool had_verified;                /* the certificate verified at some time */
	struct standing *standing;        /* counted; NULL: to be made */
	bool logged;                      /* a line says why it ends */
};

static inline struct conn *conn_of(struct transport *t)
{
	return (struct conn *)t; /* the first member */
}
static inline struct conn *conn_next(const struct conn *c)
{
	return c->next;
}

void conn_accept(struct listener *l, int fd); /* takes fd */
void conn_end(struct conn *c, enum fault f);  /* after all output: FIN, then linger, then close */
void conn_cut(struct conn *c, enum fault f);  /* at once */
void conn_drain(struct conn *c);
void conn_deadline(struct conn *c, int64_t msec);
void conn_rest(struct conn *c); /* nothing is under way: gives back memory, now and once more if that lasts */

/* The listener's part of the configuration that is current; NULL when the address is gone. */
const struct listener_conf *conn_listener(const struct conn *c);

#endif
