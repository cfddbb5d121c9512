/* SPDX-License-Identifier: Apache-2.0 */
/* Answers usher gives itself: refusals, redirects, what block and respond say. They tell nothing about the inside. */
#ifndef PROXY_RESPOND_H
#define PROXY_RESPOND_H

#include "proxy/exchange.h"

/* The head must not have been sent. */
void respond_fault(struct exchange *x, enum fault f);
void respond_verdict(struct exchange *x); /* block, respond, redirect, or a rule without an answer */
void respond_options(struct exchange *x); /* OPTIONS whose Max-Forwards ends here */

#endif
