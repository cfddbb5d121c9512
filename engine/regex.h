/* SPDX-License-Identifier: Apache-2.0 */
/*
 * `matches`: the documented dialect, checked by our own front end, run by PCRE2 in byte mode under limits.
 * Sealed once compiled: any thread may run it (match data and JIT stack are per thread, inside).
 */
#ifndef ENGINE_REGEX_H
#define ENGINE_REGEX_H

#include "base/diag.h"
#include "engine/match.h"
#include "engine/pattern.h"
#include "grammar/ast.h"

struct regex;

/* literal is the AST_STRING as written: its form tells how to map an offset in the pattern to the source. NULL after
 * an error (U4001, U4002 queued in d at the exact place; or out of memory). Heap. */
struct regex *regex_compile(const struct ast *literal, struct diags *d);
/* The same for regex_find: keeps the pattern's groups. */
struct regex *regex_compile_captures(const struct ast *literal, struct diags *d);
void regex_free(void *r);

int regex_match(const struct regex *r, struct str s); /* 1, 0, or -ERR_LIMIT, -ERR_NOMEM: no answer */
/* The leftmost match and the groups 1 to 8; answers as regex_match. */
int regex_find(const struct regex *r, struct str s, struct match_place found[MATCH_CAPTURES]);
unsigned regex_captures(const struct regex *r);
size_t regex_bytes(const struct regex *r); /* memory it holds, JIT code included */
const struct literals *regex_literals(const struct regex *r); /* owned by r; never NULL */
const struct literals *regex_other_literals(const struct regex *r); /* another condition that must hold as well */

#endif
