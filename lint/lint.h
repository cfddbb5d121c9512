/* SPDX-License-Identifier: Apache-2.0 */
/* Advice on rules that are correct and yet probably wrong. Works on the tree, knows no sockets and no config. */
#ifndef LINT_LINT_H
#define LINT_LINT_H

#include "base/diag.h"
#include "grammar/ast.h"

/* Runs every check over all rules of the file; findings are queued in d. */
void lint_file(const struct ast_file *file, struct diags *d);

#endif
