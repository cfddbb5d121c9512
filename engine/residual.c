/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Partial evaluation per connection. Guards are judged once; rules whose guard does not hold are out for
 * good, of the others only the rest is asked for each request. One request is no reason to work that out: it
 * is done at the second.
 */
#include "engine/residual.h"

#include <stdlib.h>

struct residual {
	struct ruleset *ruleset; /* counted */
	struct arena arena;
	/* what it was worked out from; anything else is another connection */
	const struct cert_facts *cert;
	const struct tls_facts *tls;
	struct ip client_ip, server_ip;
	uint16_t client_port, server_port;
	struct str zone;
	struct left phases[PHASE_COUNT];
};

struct residual *residual_new(struct ruleset *r, const struct inputs *in)
{
	struct residual *res = calloc(1, sizeof(*res));

	if (res == NULL)
		return NULL;
	arena_init(&res->arena, 0);
	res->ruleset = ruleset_ref(r);
	res->cert = in->cert;
	res->tls = in->tls;
	res->client_ip = in->client_ip;
	res->server_ip = in->server_ip;
	res->client_port = in->client_port;
	res->server_port = in->server_port;
	res->zone = arena_str(&res->arena, in->zone);
	if (res->zone.p != NULL)
		return res;
	residual_free(res);
	return NULL;
}

void residual_free(struct residual *res)
{
	if (res == NULL)
		return;
	ruleset_unref(res->ruleset);
	arena_fini(&res->arena);
	free(res);
}

static bool same_connection(const struct residual *res, const struct ruleset *r, const struct inputs *in)
{
	return res->ruleset == r && res->cert == in->cert && res->tls == in->tls &&
	       ip_eq(&res->client_ip, &in->client_ip) && ip_eq(&res->server_ip, &in->server_ip) &&
	       res->client_port == in->client_port && res->server_port == in->server_port &&
	       str_eq(res->zone, in->zone);
}

/* A guard's rules live on; sure: it holds, rather than having no answer. */
static void keep(const struct phase_rules *p, size_t guard, bool sure, struct left *out)
{
	const uint32_t *rules = p->guarded[guard];

	for (uint32_t i = 1; i <= rules[0]; i++) {
		out->alive.rules[rules[i] / 64] |= (uint64_t)1 << rules[i] % 64;
		if (sure)
			out->sure[rules[i] / 64] |= (uint64_t)1 << rules[i] % 64;
	}
}

static void judge(const struct phase_rules *p, size_t guard, struct vm *m, struct left *out)
{
	enum truth t = vm_condition(m, &p->guards[guard]->when);

	if (t != FALSE)
		keep(p, guard, t == TRUE, out);
}

static bool judge_guards(const struct phase_rules *p, struct vm *m, struct left *out)
{
	struct marks marks;
	void *memory;

	if (p->guard_index == NULL) {
		for (size_t g = 0; g < p->nguards; g++)
			judge(p, g, m, out);
		return true;
	}
	if ((memory = arena_alloc(m->fields->arena, index_marks_size(p->guard_index))) == NULL)
		return false;
	index_marks(p->guard_index, memory, &marks);
	index_look(p->guard_index, m, INDEX_CONNECTION | INDEX_REQUEST, NULL, &marks);
	for (size_t g = marks_next(&marks, 0); g != SIZE_MAX; g = marks_next(&marks, g + 1))
		judge(p, g, m, out);
	return true;
}

/* Rules that no look at the request will bring up, and that still can match. */
static bool base_build(const struct phase_rules *p, struct arena *a, struct vm *m, struct left *out)
{
	void *memory = arena_alloc(m->fields->arena, index_marks_size(p->index));
	struct marks marks;
	size_t n = 0;

	if (memory == NULL)
		return false;
	index_marks(p->index, memory, &marks);
	index_look(p->index, m, INDEX_CONNECTION, &out->alive, &marks);
	for (size_t i = marks_next(&marks, 0); i != SIZE_MAX; i = marks_next(&marks, i + 1))
		n++;
	if ((out->base = arena_array(a, n, sizeof(*out->base))) == NULL)
		return false;
	for (size_t i = marks_next(&marks, 0); i != SIZE_MAX; i = marks_next(&marks, i + 1))
		out->base[out->nbase++] = (uint32_t)i;
	return true;
}

static bool build(const struct phase_rules *p, struct arena *a, struct vm *m, struct left *out)
{
	size_t words = p->n / 64 + 1;

	out->alive.rules = arena_array(a, words, sizeof(uint64_t));
	out->sure = arena_array(a, words, sizeof(uint64_t));
	if (out->alive.rules == NULL || out->sure == NULL)
		return false;
	memcpy(out->alive.rules, p->unguarded, words * sizeof(uint64_t));
	if (!judge_guards(p, m, out))
		return false;
	if (p->index != NULL && (!index_alive(p->index, a, &out->alive) || !base_build(p, a, m, out)))
		return false;
	out->built = true;
	return true;
}

const struct left *residual_left(struct residual *res, const struct ruleset *r, enum phase p, struct vm *m)
{
	struct left *left;

	if (res == NULL || r->phases[p].nguards == 0 || !same_connection(res, r, m->fields->in))
		return NULL;
	left = &res->phases[p];
	if (left->runs < 2 && ++left->runs == 2)
		build(&r->phases[p], &res->arena, m, left);
	return left->built ? left : NULL;
}
