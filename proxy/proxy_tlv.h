/* SPDX-License-Identifier: Apache-2.0 */
/* The fields behind the addresses of a PROXY header of version 2: type, length, value. */
#ifndef PROXY_PROXY_TLV_H
#define PROXY_PROXY_TLV_H

#include "headers/proxied.h"

/* header: all of it; fields: the part of it that is theirs, from whose bytes *out borrows. false: they do not fill
 * that part exactly, one that is known is odd or there twice, or the header has a checksum and it is wrong. */
bool proxy_tlvs_read(struct str header, struct str fields, struct proxied *out);

/* A copy of from in one piece, for free(); NULL when out of memory. */
struct proxied *proxied_copy(const struct proxied *from);

#endif
