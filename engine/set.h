/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The right-hand side of `in`: strings, integers and ranges, addresses and networks, host names with *.suffix.
 * Built once, sealed, counted (a named list is shared by many rules). A million entries load in seconds and cost
 * little more than their bytes.
 */
#ifndef ENGINE_SET_H
#define ENGINE_SET_H

#include "base/diag.h"
#include "engine/value.h"

enum set_type { SET_STRING, SET_INT, SET_IP, SET_HOST }; /* host: exact names and "*.suffix", ASCII case ignored */

struct set;

struct set_item {               /* one entry after merging; strings in the order given, the rest sorted */
	struct str s;               /* SET_STRING, SET_HOST ("*." taken off, suffix set) */
	bool suffix;
	int64_t low, high;          /* SET_INT */
	struct ip from, to;         /* SET_IP, inclusive, one family */
};

struct set *set_new(enum set_type type); /* NULL: out of memory. One reference */
struct set *set_ref(struct set *s);
void set_unref(void *s);
/* Add while building; bytes are copied. false when out of memory. */
bool set_add_string(struct set *s, struct str item);         /* SET_STRING, SET_HOST */
bool set_add_int(struct set *s, int64_t low, int64_t high);
bool set_add_ip(struct set *s, const struct ip *from, const struct ip *to);
bool set_seal(struct set *s);   /* sorts, merges, builds the look-up; nothing is added afterwards. false: no memory */

/* A list file: one item a line, # comments, blank lines. Errors (U8002 unreadable; U1003, U0007 … bad items with
 * file, line and column) are queued in d. path is relative to from.src->dir. NULL after any error. Sealed. */
struct set *set_load(enum set_type type, struct str path, struct span from, struct diags *d);

enum set_type set_type(const struct set *s);
size_t set_count(const struct set *s);
bool set_has(const struct set *s, const struct value *v); /* v not missing, of the set's type */
void set_item(const struct set *s, size_t i, struct set_item *out); /* i < set_count */

#endif
