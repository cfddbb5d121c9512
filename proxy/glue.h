/* SPDX-License-Identifier: Apache-2.0 */
/* Between neighbours that do not know each other: transforms ask for rule fields, rules give edits to messages. */
#ifndef PROXY_GLUE_H
#define PROXY_GLUE_H

#include "headers/transforms.h"
#include "proxy/exchange.h"

/* source_get for transforms; ctx is a struct fields. */
bool glue_source(void *ctx, struct str field, struct arena *a, struct source_values *out);

/* Does the edits of the phase that just ran, in order, and takes them off the verdict. A fault: the message must not
 * be sent; x->fault_detail names the rule. */
enum fault glue_edits(struct exchange *x);

/* What rules edited in the head is not said again, otherwise, in the trailers: takes lines of those names off. */
void glue_edited_trailers(struct exchange *x, bool response);

#endif
