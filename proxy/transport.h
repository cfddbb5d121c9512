/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One stream of bytes, plain or through TLS, over a TCP or unix socket of a worker's loop. What is written is
 * gathered and goes out once per turn of the loop, in as few records and system calls as possible. Whoever writes
 * looks at transport_queued and stops above TRANSPORT_HIGH; `drained` says when to go on.
 *
 * The owner embeds the struct, in memory that stays until `closed` was called.
 */
#ifndef PROXY_TRANSPORT_H
#define PROXY_TRANSPORT_H

#include <uv.h>

#include "base/buf.h"
#include "mtls/session.h"

enum {
	TRANSPORT_HIGH = 131072, /* producers stop above this many queued bytes */
	TRANSPORT_LOW = 32768,   /* … and are called again below this */
};

struct transport;

struct transport_events {
	void (*readable)(struct transport *t); /* more input, or eof or error is set, or the handshake went on */
	void (*drained)(struct transport *t);  /* what was over TRANSPORT_HIGH is under TRANSPORT_LOW, or all was
	                                        * sent after transport_end */
	void (*closed)(struct transport *t);   /* the handle is gone; the memory may go */
	void (*fill)(struct transport *t);     /* output is about to be sent: time to write more; NULL: never */
};

struct transport {
	union {
		uv_handle_t any;
		uv_stream_t stream;
		uv_tcp_t tcp;
		uv_pipe_t pipe;
	} h;
	const struct transport_events *events;
	struct session *tls;    /* owned; NULL: plain */
	struct buf in;          /* received, when plain */
	struct buf out;         /* written, not yet encrypted or sent */
	struct buf flying;      /* what writing holds */
	uv_write_t write;
	struct transport *next_dirty, **prev_dirty; /* of the worker's list of transports to flush */
	uint64_t received, sent; /* bytes of the socket */
	int error;              /* libuv's code; 0: none. Nothing is read or written any more */
	bool reading, writing, full, ending, notified, ended, closing;
	bool resting;           /* transport_rest was called, and nothing has been written since */
	bool eof;               /* the peer sends no more */
	bool broken;            /* the peer takes no more: output is dropped, but what it said may still be read */
};

/* For a handle that exists: uv_tcp_init or uv_pipe_init was done on t->h. */
void transport_init(struct transport *t, const struct transport_events *events);
void transport_secure(struct transport *t, struct session *tls); /* takes tls; input so far is fed to it */

/* Plain bytes received and not consumed yet. */
struct buf *transport_input(struct transport *t);
void transport_read(struct transport *t, bool on);

/* To write, add to out and call transport_dirty. An out that failed for lack of memory becomes an error when it is
 * flushed. */
size_t transport_queued(const struct transport *t);
static inline bool transport_full(struct transport *t)
{
	return t->full = t->full || transport_queued(t) > TRANSPORT_HIGH;
}
void transport_flush(struct transport *t); /* now, not at the end of the turn */
void transport_dirty(struct transport *t); /* there is output: flush at the end of the turn */

/* Whether the peer has ended it, though the loop has not come to tell. */
bool transport_stale(const struct transport *t);

/* Nothing is under way: gives back the memory that large messages needed. */
void transport_rest(struct transport *t);
/* It has been at rest for a while: gives back all memory that an idle connection does not need. */
void transport_trim(struct transport *t);

/* Sends what is queued, close_notify and a FIN; reading goes on. */
void transport_end(struct transport *t);
void transport_close(struct transport *t); /* at once; may be called twice */

/* Bytes that reached the peer: what was sent, less what the kernel still holds. */
uint64_t transport_taken(const struct transport *t);
void transport_reset(struct transport *t); /* closing will send a reset, not an end */

/* The address of the other and of this side. False for unix sockets. */
bool transport_peer(const struct transport *t, struct ip *ip, uint16_t *port);
bool transport_local(const struct transport *t, struct ip *ip, uint16_t *port);

#endif
