/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of the libraries behind the wire, for usher --version. */
#ifndef PROXY_LIBRARIES_H
#define PROXY_LIBRARIES_H

const char *libuv_version_text(void);
const char *llhttp_version_text(void);
const char *nghttp2_version_text(void);
const char *cares_version_text(void);

#endif
