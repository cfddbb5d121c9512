/* SPDX-License-Identifier: Apache-2.0 */
/* Memory of TLS 1.3 tickets that were used, for zones where a ticket opens once. Of this process, bounded,
 * any thread. */
#ifndef MTLS_REPLAY_H
#define MTLS_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

enum replay { REPLAY_FRESH, REPLAY_USED, REPLAY_FULL };

/* Notes that the ticket with this id (random, of a ticket whose seal held) is used. It is remembered until
 * expiry. */
enum replay replay_note(uint64_t id, int64_t expiry, int64_t now);
void replay_fini(void);

#endif
