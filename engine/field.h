/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields: rows of fields.def and of mtls/facts.def, and the cache of their values for one exchange. A value
 * is fetched the first time a rule asks for it; what a row's scope says decides how long it stays.
 */
#ifndef ENGINE_FIELD_H
#define ENGINE_FIELD_H

#include "engine/ruleset.h"

enum scope {
	SCOPE_CONNECTION, /* certificate, TLS, addresses, zone: the same for every request of a connection */
	SCOPE_CLOCK,      /* of the connection, but moves with the time */
	SCOPE_REQUEST,    /* the request as it stands: rewrites and edits show after their phase */
	SCOPE_RAW,        /* the request as received */
	SCOPE_BODY,       /* needs the buffered body */
	SCOPE_RESPONSE,   /* the response as it stands */
	SCOPE_RAW_RESPONSE, /* the response as received */
	SCOPE_RULESET,      /* of the ruleset itself */
};

#define SCOPE_BIT(s) (1u << (s))
#define SCOPES_RESPONSE (SCOPE_BIT(SCOPE_RESPONSE) | SCOPE_BIT(SCOPE_RAW_RESPONSE))

struct field;
/* Sets out's member and missing = 0; out is a missing value of the field's type on entry. */
typedef void field_f(struct fields *f, const struct field *row, struct value *out);

struct field {
	const char *name;
	enum type type;
	enum scope scope;
	field_f *get;
	size_t at; /* what get makes of it: an id, an offset */
	const char *prose;
};

enum field_id {
#define FIELD(id, name, type, scope, get, prose) id,
#include "engine/fields.def"
#undef FIELD
	FIELD_OWN_COUNT
};

#define FACT(name, kind, member, doc) +1
enum {
	FIELD_COUNT = FIELD_OWN_COUNT
#include "mtls/facts.def"
};
#undef FACT

extern const struct field field_table[FIELD_COUNT];

static inline unsigned field_id(const struct field *f)
{
	return (unsigned)(f - field_table);
}

const struct field *field_find(struct str name); /* NULL if there is none */

/* A field's value, from the cache or fetched now. Stays good until fields_changed. */
const struct value *fields_value(struct fields *f, const struct field *row);
/* Pins a value, as tools and tests do: it stays whatever changes. v's bytes outlive f. */
void fields_pin(struct fields *f, const struct field *row, const struct value *v);
/* http.request.headers["key"] and its like without making the whole map. */
void fields_key(struct fields *f, const struct field *row, struct str key, struct value *out);

/* ---- for the files that fetch values ------------------------------------------------------------------- */

struct memo;

struct fields {
	struct arena *arena;
	const struct inputs *in;
	const struct ruleset *ruleset; /* whose rules run: rules.version */
	const struct geoip *geoip;     /* borrowed from it */
	struct jwt *jwts;              /* judged tokens, by jwt block; NULL: not asked yet */
	struct geo *geo;               /* what it says of ip.src; NULL: not asked yet */
	struct memo *memo;             /* what a ruleset remembers between phases */
	uint32_t generation;           /* counts fields_changed */
	int error;                     /* -ERR_NOMEM once a value could not be made */
	/* Values lie in the order in which they were first asked for: a ruleset reads few fields of many, and
	 * those are near one another. */
	unsigned nplaces;
	uint8_t place[FIELD_COUNT]; /* of a field's value, from 1; 0: never asked for */
	uint8_t state[FIELD_COUNT]; /* enum field_state, by place - 1 */
	uint8_t at[FIELD_COUNT];    /* which field it is, by place - 1 */
	struct value v[FIELD_COUNT];
};

enum field_state { FIELD_UNKNOWN, FIELD_CACHED, FIELD_PINNED };

static inline enum field_state fields_state(const struct fields *f, unsigned id)
{
	return f->place[id] == 0 ? FIELD_UNKNOWN : (enum field_state)f->state[f->place[id] - 1];
}

/* Values made in the exchange's arena. NULL and f->error when memory is out. */
struct value *fields_array(struct fields *f, size_t n);
void fields_out_array(struct fields *f, const struct value *v, size_t n, struct value *out);
void fields_out_ip(struct fields *f, const struct ip *ip, struct value *out);
void fields_no_memory(struct fields *f, struct value *out);

/* Names and values in order → Map<Array<String>> sorted by key; lower: keys in lower case. */
void fields_out_map(struct fields *f, const struct lines *l, bool lower, struct value *out);
enum pairs_as { PAIRS_MAP, PAIRS_NAMES, PAIRS_VALUES };
void fields_out_pairs(struct fields *f, const struct lines *l, enum pairs_as as, struct value *out);

#endif
