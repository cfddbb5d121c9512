/* SPDX-License-Identifier: Apache-2.0 */
/* Names that people get wrong: what exists, what existed once, what they may have meant. */
#include "engine/names.h"

#include "engine/field.h"
#include "engine/function.h"

static const struct foreign foreign[] = {
#define FOREIGN(name, type, reason) {name, type, 0, reason},
#define UNSCORED(name, value, reason) {name, TYPE_INT, value, reason},
#define FAMILY(prefix, reason)
#define ALIAS(old, new)
#include "engine/foreign.def"
#undef FOREIGN
#undef UNSCORED
#undef FAMILY
#undef ALIAS
};

static const struct {
	const char *prefix, *reason;
} families[] = {
#define FOREIGN(name, type, reason)
#define UNSCORED(name, value, reason)
#define FAMILY(prefix, reason) {prefix, reason},
#define ALIAS(old, new)
#include "engine/foreign.def"
#undef FOREIGN
#undef UNSCORED
#undef FAMILY
#undef ALIAS
};

static const struct {
	const char *old, *now;
} aliases[] = {
#define FOREIGN(name, type, reason)
#define UNSCORED(name, value, reason)
#define FAMILY(prefix, reason)
#define ALIAS(old, new) {old, new},
#include "engine/foreign.def"
#undef FOREIGN
#undef UNSCORED
#undef FAMILY
#undef ALIAS
};

const struct foreign *foreign_find(struct str name)
{
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		if (str_eq(name, str_of(foreign[i].name)))
			return &foreign[i];
	return NULL;
}

const char *foreign_family(struct str name)
{
	for (size_t i = 0; i < sizeof(families) / sizeof(families[0]); i++)
		if (str_starts(name, str_of(families[i].prefix)))
			return families[i].reason;
	return NULL;
}

struct value foreign_default(const struct foreign *f)
{
	static const struct array no_elements;
	static const struct map no_entries;

	switch (type_shape(f->type)) {
	case SHAPE_ARRAY:
		return (struct value){.type = f->type, .a = &no_elements};
	case SHAPE_MAP:
		return (struct value){.type = f->type, .m = &no_entries};
	case SHAPE_SCALAR:
		break;
	}
	return f->type == TYPE_BYTES ? VALUE_STR(STR("")) : (struct value){.type = f->type, .i = f->number};
}

const char *alias_find(struct str name)
{
	for (size_t i = 0; i < sizeof(aliases) / sizeof(aliases[0]); i++)
		if (str_eq(name, str_of(aliases[i].old)))
			return aliases[i].now;
	return NULL;
}

enum { BEGUN = 2 }; /* how far a name is that was only begun */

void nearest_offer(struct nearest *n, struct str candidate)
{
	size_t most = n->name.n / 4 + 1, distance;

	if (n->best.n > 0 && n->distance < most)
		most = n->distance;
	distance = str_distance(n->name, candidate, most);
	if (n->name.n >= 4 && str_starts(candidate, n->name) && distance > BEGUN)
		distance = BEGUN;
	if (distance <= most && (n->best.n == 0 || distance < n->distance)) {
		n->best = candidate;
		n->distance = distance;
	}
}

/* What other tools call some things. */
static const struct {
	const char *theirs, *ours;
} habits[] = {
    {"ip", "ip.src"},
    {"ip.addr", "ip.src"},
    {"ip.address", "ip.src"},
    {"ip.source", "ip.src"},
    {"client.ip", "ip.src"},
    {"client_ip", "ip.src"},
    {"remote_addr", "ip.src"},
    {"http.status", "http.response.code"},
    {"http.response.status", "http.response.code"},
    {"http.response.status_code", "http.response.code"},
    {"status", "http.response.code"},
    {"http.url", "http.request.full_uri"},
    {"url", "http.request.full_uri"},
    {"user_agent", "http.user_agent"},
    {"http.request.host", "http.host"},
    {"http.request.user_agent", "http.user_agent"},
};

static bool same_start(struct str a, struct str b)
{
	ptrdiff_t dot = str_find(a, '.');

	return dot > 0 && str_starts(b, str_sub(a, 0, (size_t)dot + 1));
}

static size_t dots(struct str s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += s.p[i] == '.';
	return n;
}

/* The field that ends as name does, the plainest of them, of those that begin alike if there is one. */
static struct str same_end(struct str name)
{
	ptrdiff_t dot = str_rfind(name, '.');
	struct str tail = str_sub(name, (size_t)(dot + 1), name.n), best = STR("");
	bool best_start = false, known = false;

	for (size_t i = 0; i < FIELD_COUNT && tail.n > 1; i++) {
		struct str f = str_of(field_table[i].name);
		bool start = same_start(name, f);

		known |= start;
		if (f.n <= tail.n || !str_ends(f, tail) || f.p[f.n - tail.n - 1] != '.')
			continue;
		if (best.n == 0 || start > best_start || (start == best_start && dots(f) < dots(best))) {
			best = f;
			best_start = start;
		}
	}
	return known && !best_start ? STR("") : best; /* http.x is of http, whatever else ends in .x */
}

struct str nearest_field(struct str name)
{
	char low[128];
	struct nearest n = {.name = {low, name.n < sizeof(low) ? name.n : sizeof(low)}};
	struct str end;

	for (size_t i = 0; i < n.name.n; i++)
		low[i] = ascii_lower(name.p[i]);
	for (size_t i = 0; i < sizeof(habits) / sizeof(habits[0]); i++)
		if (str_eq(n.name, str_of(habits[i].theirs)))
			return str_of(habits[i].ours);
	for (size_t i = 0; i < FIELD_COUNT; i++)
		nearest_offer(&n, str_of(field_table[i].name));
	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++)
		nearest_offer(&n, str_of(foreign[i].name));
	end = n.best.n == 0 || n.distance > BEGUN ? same_end(n.name) : STR("");
	return end.n > 0 && (n.best.n == 0 || same_start(n.name, end)) ? end : n.best;
}

struct str nearest_function(struct str name)
{
	struct nearest n = {.name = name};

	nearest_offer(&n, STR("any"));
	nearest_offer(&n, STR("all"));
	for (size_t i = 0; i < FUNCTION_COUNT; i++)
		nearest_offer(&n, str_of(function_table[i].name));
	return n.best;
}
