/* SPDX-License-Identifier: Apache-2.0 */
/* From a place inside a decoded string literal back to the place where it was written, for messages about
 * patterns. */
#ifndef ENGINE_SPELLING_H
#define ENGINE_SPELLING_H

#include "grammar/ast.h"

/* from and to count bytes of literal->text; the answer lies inside literal->span. */
struct span spelling_span(const struct ast *literal, size_t from, size_t to);

#endif
