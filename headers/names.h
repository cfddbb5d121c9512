/* SPDX-License-Identifier: Apache-2.0 */
/* What is known about header names: the flags of names.def and the reserved names of reserved.def. */
#ifndef HEADERS_NAMES_H
#define HEADERS_NAMES_H

#include "base/str.h"

enum name_flag {
	HOP = 1 << 0,
	NO_TRAILER = 1 << 1,
	ONCE = 1 << 2,
	NO_EDIT = 1 << 3,
	NO_EDIT_RES = 1 << 4,
	NO_SET = 1 << 5,
	NO_SET_RES = 1 << 6,
	NO_CONNECTION = 1 << 7,
};

unsigned name_flags(struct str name);      /* in any case; 0 for a name without a row */
unsigned name_flags_twin(struct str name); /* the same for twins of a name, too */
bool name_reserved(struct str name);   /* no client may say this; any spelling that reserved.def speaks of */
bool name_cloudflare(struct str name); /* cf-* or x-cf-*, '_' for '-' too: rules leave these alone */

#endif
