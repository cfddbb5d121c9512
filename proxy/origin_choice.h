/* SPDX-License-Identifier: Apache-2.0 */
/* Which origin an exchange goes to; connections are origin.c's. */
#ifndef PROXY_ORIGIN_CHOICE_H
#define PROXY_ORIGIN_CHOICE_H

#include "proxy/exchange.h"

struct tls_client;

/* The origin for the next attempt; NULL: none, *why says so. */
const struct origin_conf *origin_choose(struct exchange *x, enum fault *why);
/* Counts x at its origin, until origin_leave. */
void origin_enter(struct exchange *x, const struct origin_conf *conf);
void origin_leave(struct exchange *x);

/* Whether asking twice is as good as asking once (RFC 9110, section 9.2.2). */
bool origin_idempotent(const struct exchange *x);

/* How to speak TLS to an https origin (NULL: not at all). */
struct tls_client *origin_tls_client(const struct exchange *x);
/* By which name, if no rule gives another. p NULL: a rule computed the origin. */
struct str origin_server_name(const struct pool_conf *p, const struct origin_conf *o);

#endif
