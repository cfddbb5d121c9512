/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A TLS 1.2 client that only resumes (RFC 5077 3.4), written out byte by byte, for hellos that no
 * well-behaved client sends: extensions in any order or twice, a name that was not the ticket's, a master
 * secret that is a guess.
 */
#ifndef TESTS_TLS_RAW_H
#define TESTS_TLS_RAW_H

#include "base/buf.h"
#include "mtls/session.h"

struct raw_hello {
	const char *sni;  /* NULL: none */
	const char *alpn; /* one name, or NULL */
	struct str ticket;
	int copies;    /* of the ticket's extension */
	bool sni_last; /* the ticket goes before the name */
	bool sni_twice;
	bool ems;
	int suite; /* with AES-128-GCM and SHA-256 */
};

/* The records of the hello. */
void raw_hello_write(struct buf *out, const struct raw_hello *h, const unsigned char random[32]);

/* A TLS 1.3 hello that offers the ticket copies times and cannot go on otherwise: it has no key share, so the
 * server looks at the tickets and gives up. mode: RFC 8446 4.2.9, 0 without (EC)DHE, 1 with. */
void raw_offer_write(struct buf *out, const char *sni, struct str ticket, int copies, int mode);

/* Feeds the hello and, if the server resumes, finishes the handshake with that master secret. True: the
 * session is open, that is, the server took ticket and secret. */
bool raw_resume(struct session *s, const struct raw_hello *h, const unsigned char master[48]);

#endif
