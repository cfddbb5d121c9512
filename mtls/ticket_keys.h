/* SPDX-License-Identifier: Apache-2.0 */
/* The inside of struct ticket_keys, for ticket.c: a key to seal with, and a key by its name. Private to
 * mtls/. */
#ifndef MTLS_TICKET_KEYS_H
#define MTLS_TICKET_KEYS_H

#include "mtls/ticket.h"

enum { TICKET_NAME = 16, TICKET_SECRET = 32 };

struct ticket_key {
	unsigned char name[TICKET_NAME]; /* goes before the ticket, in the clear */
	unsigned char secret[TICKET_SECRET];
	int64_t since; /* seals from then on */
};

/* A copy of the key that seals now, for the caller to wipe. False: there is none. */
bool ticket_keys_sealing(struct ticket_keys *k, struct ticket_key *out);
/* A copy of the key of that name. False: unknown, or too old to open anything. */
bool ticket_keys_named(struct ticket_keys *k, const unsigned char name[TICKET_NAME], struct ticket_key *out);

/* The process's own keys. */
int ticket_keys_init(void);
void ticket_keys_fini(void);

#endif
