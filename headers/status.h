/* SPDX-License-Identifier: Apache-2.0 */
/* Reason phrases, and dates as HTTP writes them. */
#ifndef HEADERS_STATUS_H
#define HEADERS_STATUS_H

#include <stddef.h>
#include <stdint.h>

const char *status_reason(int status); /* "" for a code without a row; never NULL */

enum { HTTP_DATE_TEXT = 30 };

/* Unix seconds as IMF-fixdate, "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, section 5.6.7); returns the length.
 * Years 0–9999; other times are clamped to them. */
size_t http_date(int64_t seconds, char out[HTTP_DATE_TEXT]);

#endif
