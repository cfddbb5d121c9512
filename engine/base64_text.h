/* SPDX-License-Identifier: Apache-2.0 */
/* Base64 as clients send it (RFC 4648, sections 4 and 5): padded or not, nothing else tolerated. */
#ifndef ENGINE_BASE64_TEXT_H
#define ENGINE_BASE64_TEXT_H

#include "base/str.h"

/* url: the URL-safe alphabet. to has room for 3 bytes for each 4 characters begun. false: it is no base64. */
bool base64_text_decode(struct str s, bool url, char *to, size_t *n);

#endif
