/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One server-side TLS connection over memory buffers: bytes from the socket go in, plain text and bytes for
 * the socket come out. Belongs to one worker thread. The handshake always completes if the client speaks TLS
 * well: whether its certificate is good enough is decided afterwards, by the zone (client_auth required
 * closes unless the result is ok) and by rules.
 */
#ifndef MTLS_SESSION_H
#define MTLS_SESSION_H

#include "base/buf.h"
#include "mtls/context.h"
#include "mtls/facts.h"

struct session;

enum session_state {
	SESSION_HANDSHAKE, /* wants more bytes */
	SESSION_OPEN,      /* facts may be read; plain text flows */
	SESSION_CLOSED,    /* the peer sent close_notify; what was read before is valid */
	SESSION_FAILED,    /* see session_reason; flush output (an alert may be in it), then close */
};

int session_new(struct session **out, struct tls_context *ctx); /* takes its own reference to ctx */
void session_free(struct session *s);

/* Bytes from the socket. Runs the handshake as far as they go and decrypts what can be. */
enum session_state session_feed(struct session *s, struct str bytes);
enum session_state session_state(const struct session *s);

/* Plain text received so far: read it, then consume it. */
struct buf *session_plain(struct session *s);
/* Bytes to be written to the socket: write, then consume. */
struct buf *session_output(struct session *s);

/* Encrypts all of text into the output buffer. 0, -ERR_NOMEM or -ERR_TLS. The caller limits how much is
 * queued. */
int session_write(struct session *s, struct str text);
/* Gives back memory that an idle connection does not need: call it when nothing is queued and no bytes are
 * expected soon. Costs a few microseconds. */
void session_trim(struct session *s);
void session_close(struct session *s); /* queues close_notify */
void session_alert(struct session *s,
                   int description); /* queues a fatal alert, e.g. access_denied (49), if still possible */

/* After SESSION_OPEN. Constant until session_rejudge. */
const struct tls_facts *session_tls(const struct session *s);
const struct cert_facts *session_cert(const struct session *s); /* never NULL: absent without certificate */
struct tls_zone *session_zone(const struct session *s); /* borrowed: the zone the handshake was made for */

/* Judges the client's chain again under zone z (the same zone of a newer configuration, or the same one
 * later): facts are rebuilt if anything changed. True if they changed. Old facts stay only with those who
 * hold a count. */
bool session_rejudge(struct session *s, struct tls_zone *z);
/* Whether today's handshake for z would be refused (client_auth required and the result is not ok). */
bool session_forbidden(const struct session *s, const struct tls_zone *z);

/* Why it failed or was refused: a stable word for the log ("no_sni", "unknown_sni",
 * "client_certificate_required", "key_update", "chain_too_large", "bad_record", "protocol_version", …) and
 * the library's text. */
struct str session_reason(const struct session *s);
struct str session_reason_detail(const struct session *s);

#endif
