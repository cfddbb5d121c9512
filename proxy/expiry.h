/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Warns before server certificates, CAs and CRLs run out, and when they have: one event for each step,
 * however often files are read again. It changes nothing; verdicts look at the clock themselves.
 */
#ifndef PROXY_EXPIRY_H
#define PROXY_EXPIRY_H

#include <uv.h>

#include "proxy/config.h"

struct expiry;

int expiry_new(struct expiry **out, uv_loop_t *loop);
void expiry_config(struct expiry *e, const struct config *c); /* copies what it needs */
void expiry_stop(struct expiry *e); /* closes its handle; the loop must run once more before expiry_free */
void expiry_free(struct expiry *e);

#endif
