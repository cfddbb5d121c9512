/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Signatures of JSON web tokens (RFC 7515, RFC 7518). A key goes with the algorithms of its own kind and with
 * no other, whatever a token claims; there is no "none". Keys are read-only once made: any thread may use
 * them.
 */
#ifndef MTLS_JWS_H
#define MTLS_JWS_H

#include "base/str.h"

struct jws_key;

/* text: a public key or certificate in PEM (RSA of at least 2048 bits, P-256 or P-384); secret: the bytes of
 * an HMAC key, at least 32. NULL with *why (static). Heap. */
struct jws_key *jws_key_new(struct str text, bool secret, const char **why);
void jws_key_free(void *key);

/* alg: RS256, RS384, RS512, ES256, ES384 or HS256, as the token's header says. false for every other, for one
 * that does not suit the key, and for a signature that is not the key's over input. */
bool jws_verify(const struct jws_key *k, struct str alg, struct str input, struct str signature);

#endif
