/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields of JSON web tokens: maps from the name of a jwt block to what its token says. Claims are those of
 * tokens that hold; jwt.result says of each why it does or does not. All tokens are judged at the first
 * question.
 */
#include "base/err.h"
#include "engine/field_get.h"
#include "engine/json.h"
#include "engine/jwt.h"
#include "engine/sealed.h"
#include "engine/value_json.h"

static size_t count(const struct jwt_block *b)
{
	size_t n = 0;

	for (; b != NULL; b = b->next)
		n++;
	return n;
}

static const struct jwt *judged(struct fields *f, const struct jwt_block *first, size_t n)
{
	struct jwt *all = f->jwts;

	if (all != NULL)
		return all;
	if ((all = arena_array(f->arena, n + 1, sizeof(*all))) == NULL)
		return NULL;
	for (size_t i = 0; first != NULL; first = first->next, i++)
		if (jwt_judge(first, f->in->request, f->in->now_msec / 1000, f->arena, &all[i]) < 0)
			return NULL;
	return f->jwts = all;
}

/* The values of one claim: a string, an array of strings (aud), or a whole number. */
static size_t claim_values(struct fields *f, struct str claims, const char *name, bool number,
                           struct value **out)
{
	struct json_step path[2] = {{.key = str_of(name)}, {.is_index = true}};
	struct str raw = claims.n > 0 ? json_find(claims, path, 1) : STR_NONE, text;
	bool many = raw.n > 0 && raw.p[0] == '[';
	size_t n = 0, room = 1;
	int64_t i;

	if (many)
		for (room = 0; json_find(claims, path, 2).p != NULL && room < 64; path[1].index++)
			room++;
	if (raw.p == NULL || (*out = fields_array(f, room ? room : 1)) == NULL)
		return 0;
	for (path[1].index = 0; path[1].index < room; path[1].index++) {
		if (many)
			raw = json_find(claims, path, 2);
		if (number && json_int(raw, &i))
			(*out)[n++] = VALUE_INT(i);
		else if (!number && json_unquote(f->arena, raw, &text) && text.p != NULL)
			(*out)[n++] = VALUE_STR(text);
	}
	return n;
}

static const struct {
	const char *claim;
	bool number;
} claims[] = {
    {"aud", false}, {"iss", false}, {"jti", false}, {"sub", false}, {"iat", true}, {"nbf", true},
};

static void results(struct fields *f, const struct jwt_block *first, size_t n, const struct jwt *all,
                    struct value *out)
{
	struct map_entry *e = arena_array(f->arena, n + 1, sizeof(*e));
	struct map *m = ARENA_NEW(f->arena, struct map);

	if (e == NULL || m == NULL) {
		fields_no_memory(f, out);
		return;
	}
	for (size_t i = 0; first != NULL; first = first->next, i++)
		e[i] = (struct map_entry){first->name, VALUE_STR(jwt_result_text(all[i].result))};
	map_sort(e, n);
	*m = (struct map){n, e};
	out->m = m;
	out->missing = PRESENT;
}

/* row->at counts from FIELD_JWT_AUD: for each claim the map, the names, the values. */
void get_jwt(struct fields *f, const struct field *row, struct value *out)
{
	const struct jwt_block *first = f->ruleset != NULL ? f->ruleset->jwts : NULL, *b;
	size_t n = count(first), which = row->at - FIELD_JWT_AUD, entries = 0, total = 0, i = 0;
	const struct jwt *all = judged(f, first, n);
	struct map_entry *e = arena_array(f->arena, n + 1, sizeof(*e));
	struct array *arrays = arena_array(f->arena, n + 1, sizeof(*arrays));
	struct map *m = ARENA_NEW(f->arena, struct map);
	struct value *column;

	if (all == NULL || e == NULL || arrays == NULL || m == NULL) {
		fields_no_memory(f, out);
		return;
	}
	if (row->at == FIELD_JWT_RESULT) {
		results(f, first, n, all, out);
		return;
	}
	for (b = first; b != NULL; b = b->next, i++) {
		bool number = claims[which / 3].number;
		struct value *v = NULL;
		size_t some = claim_values(f, all[i].claims, claims[which / 3].claim, number, &v);

		if (some == 0)
			continue;
		arrays[entries] = (struct array){some, v};
		e[entries].key = b->name;
		e[entries].value = (struct value){.type = number ? TYPE_ARRAY_INT : TYPE_ARRAY_BYTES};
		e[entries].value.a = &arrays[entries];
		total += some;
		entries++;
	}
	map_sort(e, entries);
	if (which % 3 == 0) {
		*m = (struct map){entries, e};
		out->m = m;
		out->missing = PRESENT;
		return;
	}
	column = fields_array(f, total);
	for (i = 0, n = 0; column != NULL && i < entries; i++)
		for (size_t j = 0; j < e[i].value.a->n; j++)
			column[n++] = which % 3 == 1 ? VALUE_STR(e[i].key) : e[i].value.a->v[j];
	fields_out_array(f, column, total, out);
}
