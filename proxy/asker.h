/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carries questions about client certificates to OCSP responders and brings the answers back, on threads of
 * its own. Which questions there are, and what an answer is worth, mtls/ocsp_store.h knows.
 */
#ifndef PROXY_ASKER_H
#define PROXY_ASKER_H

#include "proxy/config.h"

struct asker;

int asker_new(struct asker **out);
/* Only responders that a zone of this configuration names or lists are asked from now on. Keeps a reference.
 */
void asker_config(struct asker *a, struct config *c);
void asker_free(struct asker *a); /* ends the threads, which takes a second at most */

#endif
