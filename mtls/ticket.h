/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Session tickets (RFC 5077, RFC 8446 4.6.1) of usher's own making. A ticket carries the client's
 * certificates as they were sent, and what they were sent for; every use judges them again, so a resumed
 * connection is told the same about its client as a full handshake would be, now. What does not fit opens
 * nothing: a full handshake follows.
 */
#ifndef MTLS_TICKET_H
#define MTLS_TICKET_H

#include "base/str.h"

struct tls_context;

/* The keys that seal tickets: in memory only, locked there, wiped when they are dropped. Counted; any thread.
 */
struct ticket_keys;

/* Random keys; a new one seals after rotation seconds, and old ones open until no ticket can need them. */
int ticket_keys_new(struct ticket_keys **out, int64_t rotation);
struct ticket_keys *ticket_keys_ref(struct ticket_keys *k);
void ticket_keys_unref(struct ticket_keys *k);
void ticket_keys_rotation(struct ticket_keys *k, int64_t rotation); /* seconds; from the next ticket on */

/* Keys shared by several machines, instead of random ones: lines of 64 hexadecimal digits, # begins a
 * comment; the first one seals, all open. 0; or -ERR_IO, -ERR_INVALID, -ERR_NOMEM with a static text in *why,
 * and the keys stay as they were. */
int ticket_keys_load(struct ticket_keys *k, const char *path, const char **why);
void ticket_keys_rotate(struct ticket_keys *k); /* a new random key seals from now on */

/* Keys of the process, used by every context that is not given others. Borrowed; NULL before tls_global_init.
 */
struct ticket_keys *ticket_keys_default(void);
void tls_context_use_keys(struct tls_context *c,
                          struct ticket_keys *k); /* before the context is shared; takes a reference */

/* Why an offered ticket did not open. */
enum ticket_refusal {
	TICKET_OPENED,
#define REFUSAL(id, word, prose) id,
#include "mtls/ticket_refusals.def"
#undef REFUSAL
	TICKET_REFUSALS
};

const char *ticket_refusal_word(enum ticket_refusal r); /* "" for TICKET_OPENED */

/* Since the process began. */
struct ticket_counts {
	uint64_t issued, resumed;
	uint64_t refused[TICKET_REFUSALS];
};

void ticket_counts(struct ticket_counts *out);

#endif
