/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The one hand that changes a message's lines for rules. What may be edited at all is known when rules are
 * compiled (header_editable); what a computed value may hold is known only when it has been computed
 * (header_edit).
 */
#ifndef HEADERS_EDIT_H
#define HEADERS_EDIT_H

#include "headers/lines.h"

enum header_op { HEADER_SET, HEADER_ADD, HEADER_REMOVE };

enum editable {
	EDITABLE,
	EDITABLE_BAD_NAME,  /* not made of letters, digits, '_' and '-' only */
	EDITABLE_FORBIDDEN, /* framing, hop-by-hop, routing, or an address header rules may not set */
	EDITABLE_RESERVED,  /* cf-*, x-cf-* (cf-connecting-ip may be removed) */
};

/* Whether a rule may do op to the named line of requests or responses; *why, unless NULL, says why not in
 * words. */
enum editable header_editable(enum header_op op, bool response, struct str name, const char **why);

/* What is wrong with a value, in words, or NULL: control characters (HTAB too), over LIMIT_HEADER_VALUE
 * bytes. */
const char *header_value_fault(struct str value);

/* Does op. value is trimmed; an empty or missing one removes. Lines whose name differs from name by '_' and
 * '-' alone are removed as well. Borrows name and value. 0, -ERR_NOMEM, -ERR_INVALID or -ERR_LIMIT
 * (header_value_fault): nothing was changed then and the message must not be sent. */
int header_edit(struct lines *l, enum header_op op, struct str name, struct str value);

#endif
