/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the files of mtls/ share and nobody else sees: the insides of zones, contexts and sessions, and the
 * steps between them. Judging certificates has a contract of its own, mtls/verify.h.
 */
#ifndef MTLS_STATE_H
#define MTLS_STATE_H

#include <stdatomic.h>

#include <mbedtls/pk.h>
#include <mbedtls/ssl.h>

#include "base/arena.h"
#include "base/limits.h"
#include "mtls/context.h"
#include "mtls/hello.h"
#include "mtls/session.h"
#include "mtls/ticket.h"
#include "mtls/verify.h"

/* ---- global.c ---- */

/* Random bytes for Mbed TLS (context unused). 0, or the library's error: then the operation fails. Any
 * thread. */
int tls_random(void *context, unsigned char *out, size_t n);

/* ---- zone.c ---- */

/* The library locks an RSA key while it signs, so workers would wait for each other: each has a copy of its
 * own. */
struct own_cert {
	mbedtls_x509_crt chain;
	mbedtls_pk_context keys[LIMIT_KEY_COPIES];
	unsigned nkeys; /* 1, but for RSA */
};

/* The copy of this thread. */
mbedtls_pk_context *own_cert_key(struct own_cert *c);
void own_cert_init(struct own_cert *c);
void own_cert_fini(struct own_cert *c);
/* Reads a chain and its key and checks that they belong together; problems are diagnostics, and false. */
bool own_cert_load(struct own_cert *c, const struct tls_path *certificate, const struct tls_path *key,
                   struct diags *d);

struct tls_zone {
	atomic_uint refs;
	struct arena arena; /* name and hosts */
	struct str name;
	struct str *hosts;
	size_t nhosts;
	struct own_cert *certs;
	size_t ncerts;
	struct trust *trust;
	enum client_auth client_auth;
	enum tls_minimum minimum;
	bool resume, ticket_reuse;
	int64_t ticket_lifetime;
	unsigned tickets;
	/* SHA-256 over the name and all that decides who may enter: a ticket of another id never opens. */
	unsigned char id[32];
};

/* ---- context.c ---- */

/* One zone as one listener serves it. The library's configuration is complete here, so that nothing about who
 * may enter is ever set, or forgotten, in the middle of a handshake. */
struct served_zone {
	struct tls_zone *zone; /* counted */
	mbedtls_ssl_config conf;
};

struct served_name {
	struct str name; /* exact, or ".suffix" without the star; borrowed from the zone */
	unsigned zone;
};

struct tls_context {
	atomic_uint refs;
	struct arena arena;
	struct served_zone *zones;
	size_t nzones;
	int default_zone;                   /* index, or -1 */
	struct served_name *exact, *suffix; /* sorted */
	size_t nexact, nsuffix;
	const char **alpn;        /* NULL-terminated, or NULL */
	struct ticket_keys *keys; /* counted; NULL: no tickets */
};

/* Cipher suites, groups, signature algorithms: the same towards clients and origins. */
void context_parameters(mbedtls_ssl_config *conf);

/* The zone for an SNI (any case): exact before the longest suffix; NULL if no zone has it. */
struct served_zone *context_serve(const struct tls_context *c, struct str host);

/* ---- client.c ---- */

struct tls_client {
	atomic_uint refs;
	mbedtls_ssl_config conf;
	mbedtls_x509_crt anchors;
	struct own_cert own;
	int64_t session_seconds;
	const char *alpn[2];
};

/* ---- session.c, handshake.c ---- */

enum session_stage { STAGE_HELLO, STAGE_HANDSHAKE, STAGE_OPEN, STAGE_CLOSED, STAGE_FAILED };

/* Why a session failed: reasons.def. */
enum reason {
	REASON_NONE,
#define REASON(id, word, prose) id,
#include "mtls/reasons.def"
#undef REASON
};

/* What a ticket said. It counts only if the finished handshake bears it out. */
struct pending {
	bool opened;
	struct cert_facts *cert; /* owned, or the absent constant */
	int64_t full_handshake_time;
};

/* What only the handshake needs; gone when it is over. */
struct handshake {
	const mbedtls_x509_crt *chain; /* as sent, once it is judged; the library's */
	struct buf early;              /* bytes of a hello that is not complete yet */
	size_t fed;
	struct pending pending;
	unsigned tickets; /* offers the library has asked about */
	uint64_t used_id; /* the ticket that this handshake used up */
	bool used;
	const char *alpn; /* the protocol that will be chosen, of ctx; NULL: none */
	bool has_ems, has_keys;
	bool names_agree; /* the library read the name that picked the zone */
	bool answered;    /* we have sent something */
};

/* The texts of struct tls_facts that are made from the hello. */
struct hello_text {
	char random[45], extensions[29], extensions_le[29], ciphers[29];
};

struct session {
	struct origin_side *origin; /* owned; not NULL: usher is the client, ctx and served are NULL */
	struct tls_context *ctx;    /* counted */
	struct served_zone *served; /* of ctx, once the hello is read */
	mbedtls_ssl_context ssl;    /* set up from then on */
	bool has_ssl;
	bool asleep;             /* the record buffers were dropped; … */
	unsigned char in_ctr[8]; /* … the one thing of lasting worth in them, the number of the next record */
	uint8_t stage, reason;
	uint8_t alert;    /* what the peer sent, if that is the reason */
	int error;        /* the library's, 0 if the reason is usher's own */
	struct str input; /* during session_feed: what the library has not taken yet */
	struct buf plain, output;
	struct handshake *hs;
	struct cert_facts *cert; /* owned, or the absent constant */
	struct tls_facts tls;
	struct hello_text text;
	char *sni; /* owned */
};

/* Ends the session: alert (a TLS alert description, 0: none) goes to the peer if it still can. Returns
 * -ERR_TLS. A second reason is ignored: the first one counts. */
int session_fail(struct session *s, enum reason reason, int error, int alert);

/* Between records: gives back what a record buffer holds beyond its first page. */
void session_trim_tails(struct session *s);
void session_drop_cert(struct session *s);                                /* facts become absent */
int session_start_ssl(struct session *s, const mbedtls_ssl_config *conf); /* 0 or the library's error */

/* Reads the hello, picks the zone, sets up the library. 0, -ERR_AGAIN (more bytes), or another error when the
 * session has failed. bytes is everything received so far. */
int handshake_begin(struct session *s, struct str bytes);
/* Runs the handshake as far as input goes. Moves the stage on; fails the session where it must. */
void handshake_run(struct session *s);
void handshake_free(struct handshake *h);
/* Whose handshake runs on this thread, or NULL: for callbacks of the library, which do not say. */
struct session *handshake_current(void);
void handshake_make_current(struct session *s);

/* The facts hold copies of all that is ever asked about the peer's chain. */
void session_drop_peer_chain(struct session *s);

/* peer.c: the same towards an origin. */
void origin_run(struct session *s);
void origin_ticket(struct session *s); /* the library has a new ticket */
void origin_side_free(struct origin_side *o);

/* Callbacks of the library's configuration. */
int handshake_cert_cb(mbedtls_ssl_context *ssl);
int ticket_write(void *p, const mbedtls_ssl_session *session, unsigned char *start, const unsigned char *end,
                 size_t *tlen, uint32_t *lifetime);
int ticket_parse(void *p, mbedtls_ssl_session *session, unsigned char *bytes, size_t n);

/* ---- ticket.c ---- */

void ticket_drop_pending(struct handshake *h);
void ticket_refuse(struct session *s, enum ticket_refusal why); /* counts it and notes it for the log */
void ticket_count_resumed(void);

#endif
