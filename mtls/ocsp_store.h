/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What OCSP responders have said, and whom to ask next. Judging looks answers up and never waits; a
 * certificate without a fresh answer becomes a question, which somebody outside mtls/ carries to its
 * responder. One store for the process, bounded; any thread.
 */
#ifndef MTLS_OCSP_STORE_H
#define MTLS_OCSP_STORE_H

#include "base/arena.h"
#include "mtls/ocsp.h"

struct ocsp_question {
	struct arena arena; /* owns the slices */
	struct str url;     /* http://…: POST, content-type application/ocsp-request */
	struct str request;
	struct str cert, issuer; /* DER */
	uint8_t key[32];
};

/* The next question; NULL if none came within msec. The caller owns it until ocsp_answered. */
struct ocsp_question *ocsp_take(int msec);

/* Reads and keeps what the responder sent (body of a 200 response; "" when there was none), and frees q. 0,
 * or as ocsp_read: then the certificate is asked about again later, each time a little later. */
int ocsp_answered(struct ocsp_question *q, struct str response, int64_t now, const char **why);

/* ---- for judging ---- */

enum ocsp_known { OCSP_KNOWN_GOOD, OCSP_KNOWN_REVOKED, OCSP_KNOWN_UNKNOWN, OCSP_NOT_KNOWN };

/* What is known today about cert (DER), whose issuer on the signed path is issuer (DER). Asks url when
 * nothing fresh is there ("": nobody can be asked). *until is lowered to the moment when this is worth
 * looking at again. */
enum ocsp_known ocsp_lookup(struct str cert, struct str issuer, struct str url, int64_t now, int64_t *until);

#endif
