/* SPDX-License-Identifier: Apache-2.0 */
/* The test PKI (tests/pki/make.sh) for units: made once under build/, files read by name. */
#ifndef TESTS_UNIT_PKI_H
#define TESTS_UNIT_PKI_H

#include "base/arena.h"
#include "base/str.h"

/* Makes the PKI if it is not there; exits the program when that fails. */
void pki_make(void);
const char *pki_path(struct arena *a, const char *name); /* "good.pem" → absolute path */
struct str pki_read(struct arena *a, const char *name);
struct str pki_join(struct arena *a, const char *names); /* "root.pem ca-a.pem": texts one after another */

/* What a shell command prints, without the last newline. Exits when the command fails. */
struct str pki_run(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
