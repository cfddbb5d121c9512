/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A worker that serves nobody, on a loop that is somebody else's: requests of usher's own go to origins through it as
 * clients' go through other workers. Its connections are new, and carry one request.
 */
#ifndef PROXY_ASIDE_H
#define PROXY_ASIDE_H

#include "proxy/worker.h"

int aside_new(struct worker **out, uv_loop_t *loop); /* 0 or -ERR_NOMEM; takes loop->data */
bool aside_config(struct worker *w, struct config *c); /* keeps a reference to c; false: no memory, and the old one stays */
void aside_close(struct worker *w); /* nobody has a request; the loop closes the handles. NULL is welcome */
void aside_free(struct worker *w);  /* after that; NULL is welcome */

#endif
