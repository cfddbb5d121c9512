/* SPDX-License-Identifier: Apache-2.0 */
/* rules.version: which rules are in force, in 32 hex digits that change when a rule or list does. */
#ifndef ENGINE_VERSION_H
#define ENGINE_VERSION_H

#include "engine/compile.h"

/* From the canonical text of every rule and the items of every list, in order. p NULL: no memory. */
struct str version_of(struct arena *a, const struct ast_file *file, const struct lists *lists);

#endif
