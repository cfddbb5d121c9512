/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of functions share: room for results, checks of literal arguments. */
#include "engine/functions.h"

#include "base/err.h"
#include "base/limits.h"

char *call_bytes(struct call *c, size_t n)
{
	char *p = n <= LIMIT_VALUE_BYTES ? arena_alloc(c->arena, n ? n : 1) : NULL;

	if (p == NULL)
		c->error = n <= LIMIT_VALUE_BYTES ? -ERR_NOMEM : -ERR_LIMIT;
	return p;
}

bool prepare_flags(struct prepare *p, size_t i, const char *allowed)
{
	unsigned *bits = ARENA_NEW(p->arena, unsigned);
	struct str s = i < p->n ? p->args[i].s : STR("");

	if (bits == NULL)
		return false;
	p->out = bits;
	for (size_t j = 0; j < s.n; j++) {
		const char *at = s.p[j] != '\0' ? strchr(allowed, s.p[j]) : NULL;

		if (at == NULL || (*bits & 1u << (at - allowed)) != 0) {
			struct diag *g = diag_add(p->d, U1005, p->ast[i]->span,
			                          at == NULL ? "no such flag" : "a flag given twice");

			diag_help(p->d, g, "flags here are letters out of \"%s\"", allowed);
			return false;
		}
		*bits |= 1u << (at - allowed);
	}
	return true;
}

bool prepare_int(const struct prepare *p, size_t i, int64_t low, int64_t high, const char *what)
{
	if (i >= p->n || p->args[i].missing || (p->args[i].i >= low && p->args[i].i <= high))
		return true;
	diag_add(p->d, U1005, p->ast[i]->span, "%s lies between %lld and %lld", what, (long long)low,
	         (long long)high);
	return false;
}
