/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of type multipart/form-data and its kin (RFC 2046, section 5.1; RFC 7578), as far as they are
 * buffered. */
#ifndef HEADERS_MULTIPART_H
#define HEADERS_MULTIPART_H

#include "headers/lines.h"

struct part {
	struct lines lines; /* its header lines; a line outside the grammar is left out */
	struct str body;
};

/*
 * Splits body by the boundary that content_type names; *v and what it points to borrow from body and the
 * arena. A body that ends in the middle of a part (cut for inspection) gives that part as far as it goes. 0,
 * -ERR_INVALID (not a multipart type, or no boundary that may be one), -ERR_LIMIT (more than LIMIT_PARTS; the
 * first ones are given), or -ERR_NOMEM.
 */
int multipart_parse(struct arena *a, struct str content_type, struct str body, struct part **v, size_t *n);

#endif
