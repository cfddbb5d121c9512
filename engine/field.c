/* SPDX-License-Identifier: Apache-2.0 */
/* The table of fields and the cache of their values. Fetching is in field_http.c, field_connection.c,
 * field_fact.c. */
#include "engine/field.h"

#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "engine/field_get.h"

#define FACT_TYPE_BOOL TYPE_BOOL
#define FACT_TYPE_STR TYPE_BYTES
#define FACT_TYPE_INT TYPE_INT
#define FACT_TYPE_STRS TYPE_ARRAY_BYTES
#define FACT_TYPE_IPS TYPE_ARRAY_IP
#define FACT_TYPE_LAST TYPE_BYTES
#define FACT_TYPE_RESULT TYPE_BYTES
#define FACT_TYPE_DAYS TYPE_INT
#define FACT_SCOPE_BOOL SCOPE_CONNECTION
#define FACT_SCOPE_STR SCOPE_CONNECTION
#define FACT_SCOPE_INT SCOPE_CONNECTION
#define FACT_SCOPE_STRS SCOPE_CONNECTION
#define FACT_SCOPE_IPS SCOPE_CONNECTION
#define FACT_SCOPE_LAST SCOPE_CONNECTION
#define FACT_SCOPE_RESULT SCOPE_CONNECTION
#define FACT_SCOPE_DAYS SCOPE_CLOCK

const struct field field_table[FIELD_COUNT] = {
#define FIELD(id, name, type, scope, get, prose) {name, type, scope, get, id, prose},
#include "engine/fields.def"
#undef FIELD
#define FACT(name, kind, member, doc)                                                                        \
	{name, FACT_TYPE_##kind, FACT_SCOPE_##kind, get_fact_##kind, offsetof(struct cert_facts, member),    \
	 doc},
#include "mtls/facts.def"
#undef FACT
};

/* Looked up while rules compile and for every header a transform fills: a small hash table, built once. */
_Static_assert(FIELD_COUNT <= UINT8_MAX, "a place is a byte");

static const struct field *by_name[1024];
static bool by_name_ready;

static void __attribute__((constructor)) index_names(void)
{
	for (size_t i = 0; i < FIELD_COUNT; i++) {
		uint64_t at = str_hash(str_of(field_table[i].name), 0);

		while (by_name[at & 1023] != NULL)
			at++;
		by_name[at & 1023] = &field_table[i];
	}
	by_name_ready = true;
}

const struct field *field_find(struct str name)
{
	assert(by_name_ready);
	for (uint64_t at = str_hash(name, 0); by_name[at & 1023] != NULL; at++)
		if (str_eq(name, str_of(by_name[at & 1023]->name)))
			return by_name[at & 1023];
	return NULL;
}

struct fields *fields_new(struct arena *a, const struct inputs *in)
{
	struct fields *f = arena_alloc(a, sizeof(*f));

	if (f == NULL)
		return NULL;
	f->arena = a;
	f->in = in;
	f->ruleset = NULL;
	f->geoip = NULL;
	f->geo = NULL;
	f->jwts = NULL;
	f->memo = NULL;
	f->generation = 0;
	f->error = 0;
	f->nplaces = 0;
	memset(f->place, 0, sizeof(f->place));
	return f;
}

void fields_changed(struct fields *f)
{
	f->generation++;
	for (unsigned i = 0; i < f->nplaces; i++) {
		enum scope s = field_table[f->at[i]].scope;

		if (f->state[i] == FIELD_CACHED &&
		    (s == SCOPE_REQUEST || s == SCOPE_BODY || s == SCOPE_RESPONSE))
			f->state[i] = FIELD_UNKNOWN;
	}
}

static inline unsigned place_of(struct fields *f, const struct field *row)
{
	uint8_t *place = &f->place[field_id(row)];

	if (*place == 0) {
		f->state[f->nplaces] = FIELD_UNKNOWN;
		f->at[f->nplaces] = (uint8_t)field_id(row);
		*place = (uint8_t)++f->nplaces;
	}
	return *place - 1u;
}

const struct value *fields_value(struct fields *f, const struct field *row)
{
	unsigned place = place_of(f, row);
	struct value *v = &f->v[place];

	if (f->state[place] != FIELD_UNKNOWN)
		return v;
	*v = VALUE_MISSING(row->type);
	row->get(f, row, v);
	f->state[place] = FIELD_CACHED;
	return v;
}

void fields_pin(struct fields *f, const struct field *row, const struct value *v)
{
	unsigned place = place_of(f, row);

	assert(v->type == row->type);
	f->v[place] = *v;
	f->state[place] = FIELD_PINNED;
	f->generation++;
}

bool fields_get(struct fields *f, struct str name, struct value *out)
{
	const struct field *row = field_find(name);

	if (row == NULL)
		return false;
	*out = *fields_value(f, row);
	return true;
}

void fields_key(struct fields *f, const struct field *row, struct str key, struct value *out)
{
	const struct value *v, *found;

	if (fields_state(f, field_id(row)) == FIELD_UNKNOWN && row->get == get_headers) {
		const struct lines *lines = headers_lines(f, (enum field_id)row->at);

		*out = VALUE_MISSING(type_element(row->type));
		if (lines != NULL)
			headers_key(f, lines, key, out);
		return;
	}
	v = fields_value(f, row);
	found = v->missing ? NULL : map_get(v->m, key);
	if (found != NULL)
		*out = *found;
	else
		*out = (struct value){.missing = v->missing ? v->missing : MISSING,
		                      .type = type_element(row->type)};
}

void fields_no_memory(struct fields *f, struct value *out)
{
	f->error = -ERR_NOMEM;
	out->missing = NO_ANSWER;
}

struct value *fields_array(struct fields *f, size_t n)
{
	return arena_alloc(f->arena, n * sizeof(struct value));
}

void fields_out_array(struct fields *f, const struct value *v, size_t n, struct value *out)
{
	struct array *a = ARENA_NEW(f->arena, struct array);

	if (a == NULL || (v == NULL && n > 0)) {
		fields_no_memory(f, out);
		return;
	}
	*a = (struct array){n, v};
	out->a = a;
	out->missing = PRESENT;
}

void fields_out_ip(struct fields *f, const struct ip *ip, struct value *out)
{
	(void)f;
	if (ip->family == 0)
		return;
	out->ip = ip;
	out->missing = PRESENT;
}

struct numbered { /* a pair and its place, so that sorting keeps the order within a name */
	struct str name, value;
	size_t at;
};

static int by_name_then_place(const void *x, const void *y)
{
	const struct numbered *a = x, *b = y;
	int c = str_cmp(a->name, b->name);

	return c != 0 ? c : (a->at > b->at) - (a->at < b->at);
}

void fields_out_map(struct fields *f, const struct lines *l, bool lower, struct value *out)
{
	size_t n = l->n;
	struct numbered *sorted = arena_alloc(f->arena, n * sizeof(*sorted));
	struct value *values = fields_array(f, n);
	struct map_entry *entries = arena_alloc(f->arena, n * sizeof(*entries));
	struct array *arrays = arena_alloc(f->arena, n * sizeof(*arrays));
	struct map *m = ARENA_NEW(f->arena, struct map);

	if (sorted == NULL || values == NULL || entries == NULL || arrays == NULL || m == NULL) {
		fields_no_memory(f, out);
		return;
	}
	for (size_t i = 0; i < n; i++) {
		struct str name = lower ? arena_lower(f->arena, l->v[i].name) : l->v[i].name;

		if (name.p == NULL && l->v[i].name.n > 0) {
			fields_no_memory(f, out);
			return;
		}
		sorted[i] = (struct numbered){name, l->v[i].value, i};
	}
	qsort(sorted, n, sizeof(*sorted), by_name_then_place);
	for (size_t i = 0; i < n; i++) {
		values[i] = VALUE_STR(sorted[i].value);
		if (i > 0 && str_eq(sorted[i].name, sorted[i - 1].name)) {
			arrays[m->n - 1].n++;
			continue;
		}
		arrays[m->n] = (struct array){1, &values[i]};
		entries[m->n].key = sorted[i].name;
		entries[m->n].value = (struct value){.type = TYPE_ARRAY_BYTES, .a = &arrays[m->n]};
		m->n++;
	}
	m->v = entries;
	out->m = m;
	out->missing = PRESENT;
}
