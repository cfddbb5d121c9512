/* SPDX-License-Identifier: Apache-2.0 */
/* The stages of compilation as text, for usher lint --dump. */
#ifndef ENGINE_DUMP_H
#define ENGINE_DUMP_H

#include "base/buf.h"
#include "engine/sealed.h"

enum dump_stage { DUMP_TYPED, DUMP_FOLDED, DUMP_PROGRAM, DUMP_INDEX };

/* Compiles file as ruleset_compile does and prints the stage into out. Zones and pools are those the file
 * names. 0, -ERR_RULES (d says why; what was understood is printed for TYPED and FOLDED), or -ERR_NOMEM. */
int ruleset_dump(struct buf *out, const struct ast_file *file, enum dump_stage stage, struct diags *d);

/* ---- for ruleset.c, which knows the moment ---- */

struct dump {
	struct buf *out;
	enum dump_stage stage;
};

void dump_checked(const struct dump *d, struct rules *r);        /* names and types are known */
void dump_sealed(const struct dump *d, const struct ruleset *s); /* programs and indexes are there */
int compile_ruleset(struct ruleset **out, const struct ast_file *file, const struct ruleset_options *o,
                    const struct dump *dump, struct diags *d);

#endif
