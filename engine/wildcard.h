/* SPDX-License-Identifier: Apache-2.0 */
/* `wildcard` and `strict wildcard`: globs over a whole value (reference 2.7). Sealed once compiled. */
#ifndef ENGINE_WILDCARD_H
#define ENGINE_WILDCARD_H

#include "base/diag.h"
#include "engine/match.h"
#include "engine/pattern.h"
#include "grammar/ast.h"

struct wildcard;

/* NULL after an error (U0009 queued at the exact place), or out of memory. Heap. strict: case counts. */
struct wildcard *wildcard_compile(const struct ast *literal, bool strict, struct diags *d);
void wildcard_free(void *w);
bool wildcard_match(const struct wildcard *w, struct str s); /* linear in s for each star; no failure */
/* The same, and what each of the first n stars stood for, as short as possible from left to right. */
bool wildcard_find(const struct wildcard *w, struct str s, struct match_place *stars, size_t n);
unsigned wildcard_stars(const struct wildcard *w);

/* Up to three necessary conditions, each a single literal: prefix, suffix, longest inner piece. */
size_t wildcard_literals(const struct wildcard *w, struct literals out[3]);

#endif
