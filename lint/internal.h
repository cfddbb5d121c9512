/* SPDX-License-Identifier: Apache-2.0 */
/* One function per family of checks: it looks at one rule. */
#ifndef LINT_INTERNAL_H
#define LINT_INTERNAL_H

#include "base/diag.h"
#include "grammar/ast.h"

void lint_certificate(const struct ast_block *rule, struct diags *d);

#endif
