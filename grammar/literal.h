/* SPDX-License-Identifier: Apache-2.0 */
/* Reading unquoted literals once their type is known (reference, sections 3.3 and 3.4). */
#ifndef GRAMMAR_LITERAL_H
#define GRAMMAR_LITERAL_H

#include "base/arena.h"
#include "base/ip.h"
#include "base/str.h"

/* What is wrong, in words for a message; NULL: nothing, *out is set. */
const char *literal_int(struct str s, int64_t *out);              /* decimal, 0x…, leading 0 octal, optional - on decimal */
const char *literal_bytes(struct arena *a, struct str s, struct str *out); /* 0A:B1, at least two bytes */
const char *literal_ip(struct str s, struct ip *out);
const char *literal_cidr(struct str s, struct cidr *out);          /* an address alone is its full length */
const char *literal_int_range(struct str s, int64_t *low, int64_t *high);    /* 1..5, or one integer */
const char *literal_kind(struct str s); /* "Integer", "IP" or "a network", for messages; NULL: none of them */
const char *literal_ip_range(struct str s, struct ip *low, struct ip *high); /* a..b, a/len, or one address */

#endif
