/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a trusted proxy says, in a PROXY header of version 2, of the client's connection to it. It is hearsay and stays
 * apart from what usher saw itself: no certificate fact comes from here.
 */
#ifndef HEADERS_PROXIED_H
#define HEADERS_PROXIED_H

#include "base/str.h"

struct proxied {
	bool said;               /* anything at all */
	bool tls;                /* the client spoke TLS with the proxy */
	bool verified;           /* … and gave a certificate that the proxy found good */
	struct str authority;    /* the server name the client asked for; p is NULL where nothing was said */
	struct str alpn;         /* the protocol they agreed on */
	struct str unique_id;    /* of the connection: any bytes */
	struct str tls_version, tls_cipher, cn;
};

#endif
