/* SPDX-License-Identifier: Apache-2.0 */
/* How many connections each client address has, over all workers. */
#ifndef PROXY_CLIENTS_H
#define PROXY_CLIENTS_H

#include "base/ip.h"

struct clients;

struct clients *clients_new(void); /* NULL: out of memory or randomness */
void clients_free(struct clients *t);

/* One more connection; false if the address has limit already (0: no limit) or memory is out. Any thread. */
bool clients_add(struct clients *t, const struct ip *ip, int64_t limit);
void clients_remove(struct clients *t, const struct ip *ip);

#endif
