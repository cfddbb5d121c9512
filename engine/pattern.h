/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What every string that satisfies a pattern must hold: at least one of the literals. Found when a regular
 * expression or wildcard is compiled, used by the index to pass over rules that cannot match.
 */
#ifndef ENGINE_PATTERN_H
#define ENGINE_PATTERN_H

#include "base/str.h"

enum literal_place { LITERAL_ANYWHERE, LITERAL_PREFIX, LITERAL_SUFFIX, LITERAL_WHOLE };

struct literals {
	const struct str *v; /* lower case if nocase; none is empty */
	size_t n;            /* 0: nothing is known */
	bool nocase;         /* ASCII case does not count */
	enum literal_place place;
	bool enough; /* holding one of them is also sufficient: the pattern need not run */
};

#endif
