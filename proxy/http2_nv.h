/* SPDX-License-Identifier: Apache-2.0 */
/* Header sections as nghttp2 takes them, for both sides. It copies what they point to, names in lower case. */
#ifndef PROXY_HTTP2_NV_H
#define PROXY_HTTP2_NV_H

#include <nghttp2/nghttp2.h>

#include "headers/lines.h"

struct http2_nvs {
	nghttp2_nv *v; /* in an arena */
	size_t n, size;
};

bool http2_nvs_init(struct http2_nvs *nvs, struct arena *a, size_t size); /* false: no memory */
void http2_nvs_add(struct http2_nvs *nvs, struct str name, struct str value);
/* All but those that HTTP/2 has no place for, Host and Content-Length (RFC 9113, section 8.2.2). How many there are
 * now in nvs. */
size_t http2_nvs_lines(struct http2_nvs *nvs, const struct lines *lines);
void http2_nvs_remove(struct http2_nvs *nvs, struct str name);
bool http2_nvs_length(struct http2_nvs *nvs, struct arena *a, int64_t length);

#endif
