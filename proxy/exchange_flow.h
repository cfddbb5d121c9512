/* SPDX-License-Identifier: Apache-2.0 */
/* What exchange.c (the order of steps) and exchange_flow.c (the movement of content) want of each other. */
#ifndef PROXY_EXCHANGE_FLOW_H
#define PROXY_EXCHANGE_FLOW_H

#include "proxy/exchange.h"

void exchange_advance(struct exchange *x); /* runs steps from x->step until one waits or decides */
void exchange_again(struct exchange *x);   /* to an origin once more */
bool exchange_answer_rules(struct exchange *x); /* false: decided otherwise; the answer must not be sent */

/* Begins to keep content for the rules. true: what can be had is there already. */
bool exchange_keep(struct exchange *x);
void exchange_let_go(struct exchange *x);  /* of the origin */

/* The client gets f's status, or the end of the connection if it cannot be told any more. */
void exchange_fail(struct exchange *x, enum fault f, struct str detail);
void exchange_decided(struct exchange *x); /* the verdict is not to pass */

#endif
