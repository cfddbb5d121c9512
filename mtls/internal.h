/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of mtls/ that read and judge certificates share. */
#ifndef MTLS_INTERNAL_H
#define MTLS_INTERNAL_H

#include <mbedtls/x509_crt.h>

#include "base/arena.h"
#include "base/str.h"
#include "mtls/facts.h"

/* Everything that the certificates themselves say, for a chain as the client sent it. Verdict, issuer_ski,
 * issuer_serial and valid_until stay as they are. 0 or -ERR_NOMEM. Text that cannot be read is left empty
 * (the judge refuses such a certificate). */
int facts_read(struct cert_facts *f, const mbedtls_x509_crt *chain);

struct str hex_upper(struct arena *a, struct str s);
struct str hex_lower(struct arena *a, struct str s);

#endif
