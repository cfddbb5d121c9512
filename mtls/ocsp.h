/* SPDX-License-Identifier: Apache-2.0 */
/*
 * OCSP (RFC 6960, RFC 5019) for client certificates, as pure functions over bytes: what to ask, and what an
 * answer is worth. Who carries requests to responders, and how often, is not known here.
 */
#ifndef MTLS_OCSP_H
#define MTLS_OCSP_H

#include "base/arena.h"
#include "base/str.h"

enum ocsp_status { OCSP_GOOD, OCSP_REVOKED, OCSP_UNKNOWN };

struct ocsp_answer {
	enum ocsp_status status;
	int64_t this_update, next_update; /* the answer holds up to and including next_update */
};

/* A request (without nonce, so that responders may answer from a cache) about cert, issued by issuer; both
 * DER. Sent as application/ocsp-request. 0, -ERR_INVALID for certificates that cannot be read, -ERR_NOMEM. */
int ocsp_request(struct arena *a, struct str cert, struct str issuer, struct str *out);

/*
 * Reads an answer at Unix time now. Good only if it is about this certificate, current, and signed by the
 * issuer's key or by a responder that this key has certified for OCSP (RFC 6960 4.2.2.2). issuer must be the
 * certificate on the signed path. Else -ERR_INVALID and *why, or -ERR_NOMEM; *out is then not to be used.
 */
int ocsp_read(struct ocsp_answer *out, struct str response, struct str cert, struct str issuer, int64_t now,
              const char **why);

#endif
