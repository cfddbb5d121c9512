/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 (RFC 4648 section 4): for certificates in headers and PEM files. Not constant-time: never for
 * secrets. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/str.h"

static inline size_t base64_length(size_t n)
{
	return (n + 2) / 3 * 4;
}

/* Writes base64_length(s.n) characters, padded, without a terminator. */
void base64_encode(struct str s, char *out);

/* Decodes s, skipping white space, into out (room for s.n / 4 * 3 + 3 bytes). False if s has other
 * characters, wrong padding, or bits behind the last byte that are not zero. */
bool base64_decode(struct str s, uint8_t *out, size_t *n);

#endif
