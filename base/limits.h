/* SPDX-License-Identifier: Apache-2.0 */
/* The fixed caps of limits.def as constants. */
#ifndef BASE_LIMITS_H
#define BASE_LIMITS_H

enum {
#define LIMIT(name, value, reason) name = value,
#include "base/limits.def"
#undef LIMIT
};

#endif
