/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Connections of one worker to origins: found by name, made, kept warm, used again. An exchange asks once
 * (origin_start) and hears exchange_origin_ready or exchange_origin_failed; from then on it speaks to exchange.up.
 */
#ifndef PROXY_ORIGIN_H
#define PROXY_ORIGIN_H

#include "proxy/exchange.h"

struct origins; /* all of a worker's */

/* once: no connection is used twice, and none is resumed from another. */
int origins_new(struct origins **out, struct worker *w, bool once);
void origins_reload(struct origins *o); /* idle connections to origins that the configuration does not name end */
void origins_close(struct origins *o);  /* all connections end; the loop runs until they have */
void origins_free(struct origins *o);   /* after the loop */

/* Takes x's request to the origin that x->route says, over a warm connection or a new one. May call
 * exchange_origin_failed at once. */
void origin_start(struct exchange *x);
/* x does not want an origin any more: it leaves the queue of a name that is being resolved, and the origin's count. */
void origin_forget(struct exchange *x);
/* After an attempt failed with f: whether another one may be made, and would be sound. begun: a connection was there for
 * it, so that some of it may have reached the origin. */
bool origin_retries(struct exchange *x, enum fault f, enum loss loss, bool begun);

#endif
