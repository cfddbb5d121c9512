/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Name constraints (RFC 5280 4.2.1.10), which the library ignores when they are not critical and refuses to
 * parse when they are. Critical or not, usher enforces them, those of the anchor too. Private to mtls/.
 */
#ifndef MTLS_CONSTRAINTS_H
#define MTLS_CONSTRAINTS_H

#include "base/arena.h"
#include "mtls/cert.h"

/*
 * Whether every name of subject lies inside ca's constraints: subjectAltName, the subject itself as a
 * directory name, its emailAddress attributes, and for a leaf without DNS names those common names that look
 * like one. False also for what cannot be decided: a malformed extension, a form of name that is constrained
 * and not understood, a minimum or maximum, too much work, no memory.
 */
bool constraints_allow(struct arena *scratch, const struct cert *ca, const struct cert *subject, bool leaf);

#endif
