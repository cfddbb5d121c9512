/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The directory of server { state }: fetched CRLs, and the addresses that a zone has learned from
 * certificates. Files appear whole or not at all, and only usher's account reads them. Any thread; one writer
 * at a time for one name.
 */
#ifndef PROXY_STATE_H
#define PROXY_STATE_H

#include "base/arena.h"
#include "mtls/inspect.h"
#include "proxy/paths.h"

/* Where the list of url is kept; NUL-terminated, p NULL: no memory. */
struct str state_crl(struct arena *a, struct str dir, struct str url);
/* Whether there is a list at path that can be parsed. */
bool state_crl_good(struct str path);

/* The addresses that zone has learned, at most LIMIT_CRL_POINTS; none if the file is not there. 0 or
 * -ERR_NOMEM. */
int state_points(struct arena *a, struct str dir, struct str zone, struct paths *out);
/* Adds one. 0, -ERR_LIMIT, -ERR_IO (errno), -ERR_NOMEM. */
int state_points_add(struct str dir, struct str zone, struct str url);

/* Replaces the file at path (NUL-terminated) in dir, which is made if it is not there. 0, -ERR_IO (errno) or
 * -ERR_NOMEM. */
int state_write(struct str dir, struct str path, struct str text);

#endif
