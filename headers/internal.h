/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of headers/ share among themselves. */
#ifndef HEADERS_INTERNAL_H
#define HEADERS_INTERNAL_H

#include "headers/check.h"
#include "headers/transforms.h"

/* Where the content of a request ends; sets has_body, content_length, body_size of req. */
enum reject framing_request(struct request *req, struct framing *f);

/* Two lines whose names an origin may read as one, '_' and '-' taken for the same, although they are two for rules. */
bool lines_collide(const struct lines *l);

/* The value of x-forwarded-client-cert for the certificate that get knows about; p is NULL when out of
 * memory. *left_out is set if an element was left out because it cannot stand in a header. */
struct str xfcc_render(source_get *get, void *ctx, struct arena *a, bool *left_out);

#endif
