/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request and its response, whatever protocol the client and the origin speak. The client's side (struct
 * downstream) delivers a head, content and its end; the exchange judges, edits and sends them on; the origin's side
 * (struct upstream) brings an answer, which goes the way back. Everything an exchange needs lives in its arena.
 *
 * Its worker's thread alone touches it. The client's side owns it: it calls exchange_new and, once the response
 * has ended and it is done with the request, exchange_free.
 */
#ifndef PROXY_EXCHANGE_H
#define PROXY_EXCHANGE_H

#include "base/arena.h"
#include "engine/ruleset.h"
#include "proxy/config.h"
#include "proxy/faults.h"
#include "proxy/worker.h"

struct exchange;
struct origin_host;

/* How a client's protocol takes an answer. Nothing here calls back into the exchange before it returns. */
struct downstream {
	/* The final head. length: of the content, -1 unknown; content: whether any follows (piece, end). lines are
	 * without framing and hop-by-hop lines. */
	void (*head)(struct exchange *x, int status, const struct lines *lines, int64_t length, bool content);
	void (*interim)(struct exchange *x, int status, const struct lines *lines); /* 1xx but 101 */
	void (*piece)(struct exchange *x, struct str bytes);                        /* copies */
	void (*end)(struct exchange *x, const struct lines *trailers); /* also after a head without content */
	void (*abort)(struct exchange *x); /* the response cannot be finished, or none can be given */
	bool (*full)(struct exchange *x);  /* stop sending pieces; exchange_client_drained says when to go on */
	void (*wanted)(struct exchange *x); /* exchange_wants turned true: deliver content again */
	/* 101: from now on bytes flow both ways as pieces. */
	void (*upgrade)(struct exchange *x, const struct lines *lines);
};

/* How an origin's protocol takes a request. Found in exchange.up while a request is under way there. */
struct upstream {
	const struct upstream_ops *ops;
	struct exchange *x; /* NULL: idle */
};
struct upstream_ops {
	void (*piece)(struct upstream *u, struct str bytes); /* copies */
	void (*end)(struct upstream *u, const struct lines *trailers);
	bool (*full)(struct upstream *u);  /* exchange_origin_drained says when to go on */
	void (*drained)(struct upstream *u); /* the client takes more of the response */
	void (*cancel)(struct upstream *u);  /* the exchange wants no more of it; detaches */
	bool may_refuse;                     /* its protocol can say that nothing was done: LOSS_REFUSED */
};

/* What is known of a request that got no answer. */
enum loss {
	LOSS_UNKNOWN,
	LOSS_OLD,     /* its connection had been used before and ended without an answer: an idempotent one may go again */
	LOSS_REFUSED, /* the origin has done nothing: any may */
};

enum { MAX_TRIED = 11 }; /* the most retries a pool may allow, and the first attempt */

/* Settings of this request: the settings blocks, changed by `config` actions. */
struct exchange_settings {
	int64_t timeout_connect, timeout_first_byte, timeout_between_bytes;
	bool request_buffering;
};

/* Where `route` sends this request. */
struct route {
	const struct pool_conf *pool;
	const struct origin_conf *origin; /* NULL: one of the pool */
	struct str host;                  /* for Host; empty: the client's authority */
	struct str sni;
};

struct exchange {
	struct arena arena;
	struct exchange *next_spare;
	struct worker *worker;
	struct held *held;               /* its configuration, from the first to the last step */
	const struct config *config;
	struct conn *conn;               /* outlives the exchange; NULL: see check */
	const struct cert_facts *cert;   /* counted: the connection may be judged anew meanwhile; NULL: not asked yet */
	struct standing *standing;       /* counted; NULL: none yet */
	int32_t stream_id;               /* HTTP/2; 0: none */
	const struct downstream *down;
	void *stream;                    /* the client side's own */
	struct upstream *up;             /* NULL: no origin is at work */
	struct origin_host *waits_for;   /* whose name is being resolved; next_waiting is its queue */
	struct exchange *next_waiting;
	uint64_t connect_until;          /* loop milliseconds: the end of all that comes before a connection is ready */

	const struct zone_conf *zone;    /* NULL until known */
	struct ip client, proxy;         /* ip.src, and who spoke for it (family 0: nobody) */
	struct request request;
	struct response response;        /* of the origin */
	struct inputs inputs;
	struct fields *fields;
	struct verdict verdict;
	struct lines edited[2];          /* names that rules edited in the request and the response */
	struct exchange_settings settings;
	struct route route;
	const struct origin_conf *check; /* NULL: a client asks. Else usher does, of this origin of route.pool: no rules, no log */
	bool connect_only;               /* … and wants to know whether it can be connected to */
	char id[17];                     /* cf.ray_id */

	unsigned step;                   /* of steps[] in exchange.c */
	bool residual_serves;            /* standing->residual may be used */
	bool inspecting;                 /* content is kept until the rules have seen it */
	bool request_ended;              /* all content of the request has arrived */
	bool dropping;                   /* what else arrives of it is thrown away */
	bool sent_continue;              /* 100, by us */
	bool rewritten;                  /* the target is not only normalised */
	bool origin_ready;               /* content may go there */
	bool content_lost;               /* some has gone there and is not in sent, or it was answered: it cannot be sent again */
	bool head_sent, response_ended;
	bool upgraded;
	unsigned attempts;               /* at origins */
	unsigned interims;               /* 1xx heads of the origin */
	struct member *member;           /* of the origin at work, which counts this request; the config holds it */
	const struct origin_conf *tried[MAX_TRIED]; /* of the pool, without success */
	unsigned ntried;
	struct buf kept;                 /* content that has arrived and waits for the origin */
	struct buf sent;                 /* … that went there and may have to go again */

	enum fault fault;
	struct str fault_detail;         /* static or in the arena */
	int status;                      /* sent to the client; 0: none */
	struct str origin_text;          /* address that answered, for the log */
	struct str origin_tls;           /* "full" or "resumed": the handshake that was made for it; "": none was */
	uint64_t request_bytes, response_bytes; /* of content */
	uint64_t started, at_origin, answered, ended; /* clock_mono_nsec; 0: not yet */
};

/* NULL when out of memory. request.arena is set, request_check fills the rest. */
struct exchange *exchange_new(struct worker *w, struct conn *c, const struct downstream *down, void *stream);
/* A question of usher's own to an origin, about that origin. down->end alone says that it was connected to. */
struct exchange *exchange_check(struct worker *w, const struct pool_conf *pool, const struct origin_conf *origin,
				const struct downstream *down, void *stream);
void exchange_ask(struct exchange *x); /* request and settings are filled in */
/* Logs it, lets go of the origin, frees everything. */
void exchange_free(struct exchange *x);
void exchange_spares_free(struct worker *w);

/* ---- from the client's side ---- */
void exchange_begin(struct exchange *x);                 /* request is filled in and was checked */
void exchange_refuse(struct exchange *x, enum fault f);  /* the message is at fault: answers, if there is an answer */
bool exchange_wants(const struct exchange *x);           /* content may be delivered now */
void exchange_piece(struct exchange *x, struct str bytes);
void exchange_request_end(struct exchange *x);           /* trailers, if any, are in request.trailers */
void exchange_client_drained(struct exchange *x);
void exchange_client_gone(struct exchange *x, enum fault f); /* no more answer is possible */

/* ---- from the origin's side ---- */
void exchange_origin_ready(struct exchange *x);          /* connected, the head is on its way: content may follow */
void exchange_origin_drained(struct exchange *x);
void exchange_connected(struct exchange *x);             /* connect_only: it has been */
/* response has its lines. false: there were too many, the origin is at fault. */
bool exchange_interim(struct exchange *x, int status);
/* response is filled in and was checked; content: some may follow, of length bytes (-1: unknown). */
void exchange_answer(struct exchange *x, int64_t length, bool content);
void exchange_answer_piece(struct exchange *x, struct str bytes);
void exchange_answer_end(struct exchange *x);            /* trailers in response.trailers */
void exchange_tunnel_broke(struct exchange *x, struct str detail); /* reset, not ended; the upstream has detached */
/* No answer, or none that ends well. The upstream has detached. */
void exchange_origin_failed(struct exchange *x, enum fault f, struct str detail, enum loss loss);

#endif
