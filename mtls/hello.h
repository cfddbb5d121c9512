/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The first ClientHello, read from raw bytes before the TLS library sees any of them: it names the zone, so
 * that the library starts with that zone's configuration, and it holds facts that the library does not hand
 * out. Reads what RFC 8446 4.1.2 and RFC 5246 7.4.1.2 lay out; what it finds odd, it refuses.
 */
#ifndef MTLS_HELLO_H
#define MTLS_HELLO_H

#include "base/str.h"

enum hello_status {
	HELLO_OK,
	HELLO_MORE,      /* not complete yet */
	HELLO_NOT_TLS,   /* the first bytes are no handshake record */
	HELLO_BAD,       /* malformed, or an extension twice */
	HELLO_TOO_LARGE, /* over what the library takes */
};

struct hello {
	size_t length; /* of the message without its header of four bytes */
	unsigned char random[32];
	bool has_sni;
	size_t nsni;
	char sni[256]; /* lower case, not checked for being a host name */
	const char
	    *alpn; /* the protocol that will be chosen, one of ours; NULL: none in common, or none offered */
	bool has_ems;    /* extended_master_secret (RFC 7627) */
	bool has_ticket; /* a session ticket of TLS 1.2 or a pre-shared key of TLS 1.3 */
	unsigned char extensions_sha1[20], extensions_sha1_le[20], ciphers_sha1[20];
};

/* bytes: all that was received, from the first on; nothing of it is kept. alpn: our protocols in order of
 * preference, NULL-terminated, or NULL. */
enum hello_status hello_read(struct hello *h, struct str bytes, const char *const *alpn);

#endif
