/* SPDX-License-Identifier: Apache-2.0 */
/* PEM texts (RFC 7468) with any number of blocks, and DER files that begin at once. Private to mtls/. */
#ifndef MTLS_PEM_H
#define MTLS_PEM_H

#include "base/buf.h"
#include "base/str.h"

/*
 * The next object of text, which is PEM (blocks named label; others are passed over) or DER elements one
 * after another. *der borrows from text or from scratch, until the next call. 1: here it is; 0: no more;
 * -ERR_INVALID: a block without end, characters that are no Base64, or bytes that are no DER; -ERR_NOMEM.
 */
int pem_next(struct str *text, struct str label, struct buf *scratch, struct str *der);

#endif
