/* SPDX-License-Identifier: Apache-2.0 */
/* lookup_json_string and lookup_json_integer. The path is read when the rule is compiled. */
#include "engine/functions.h"

#include "base/err.h"
#include "engine/json.h"

struct path {
	size_t n;
	struct json_step steps[];
};

bool prepare_lookup_json(struct prepare *p)
{
	struct path *path = arena_zalloc(p->arena, sizeof(*path) + p->n * sizeof(*path->steps));

	if (path == NULL)
		return false;
	for (size_t i = 1; i < p->n; i++) {
		struct json_step *step = &path->steps[path->n++];

		if (p->args[i].type == TYPE_BYTES) {
			step->key = p->args[i].s;
			continue;
		}
		if (!prepare_int(p, i, 0, UINT32_MAX, "an index into a JSON array"))
			return false;
		step->is_index = true;
		step->index = (uint64_t)p->args[i].i;
	}
	p->out = path;
	return true;
}

void run_lookup_json_integer(struct call *c, const struct value *args, size_t n, struct value *out)
{
	const struct path *path = c->prepared;
	struct str raw = json_find(args[0].s, path->steps, path->n);
	int64_t i;

	(void)n;
	if (raw.p != NULL && json_int(raw, &i))
		give_int(out, i);
}

void run_lookup_json_string(struct call *c, const struct value *args, size_t n, struct value *out)
{
	const struct path *path = c->prepared;
	struct str raw = json_find(args[0].s, path->steps, path->n), s;

	(void)n;
	if (raw.p == NULL || !json_unquote(c->arena, raw, &s))
		return;
	if (s.p == NULL)
		c->error = -ERR_NOMEM;
	else
		give_bytes(out, s.p, s.n);
}
