/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The engine's door. A ruleset is compiled from the blocks of a rule file (lists, rules, rulesets), sealed,
 * and shared read-only by all threads; it is counted. An evaluation reads fields on demand from what the
 * proxy lends it and gives a verdict: what was decided, by which rule, and the ordered edits. It changes
 * nothing itself.
 */
#ifndef ENGINE_RULESET_H
#define ENGINE_RULESET_H

#include "base/arena.h"
#include "base/diag.h"
#include "engine/value.h"
#include "grammar/ast.h"
#include "headers/request.h"
#include "mtls/facts.h"

struct ruleset;
struct geoip;

enum phase {
#define PHASE(id, name, response, prose) id,
#include "engine/phases.def"
#undef PHASE
	PHASE_COUNT
};

enum edit_kind {
	EDIT_SET,
	EDIT_ADD,
	EDIT_REMOVE, /* name, value; remove if the value was empty or missing */
	EDIT_PATH,
	EDIT_QUERY, /* value */
	EDIT_ORIGIN,
	EDIT_POOL,
	EDIT_HOST_HEADER,
	EDIT_SNI,    /* value */
	EDIT_CONFIG, /* name, value */
};

struct ruleset_options {
	const struct str *zones; /* names that `zones` of a rule may name */
	size_t nzones;
	const struct str *pools; /* names that `route pool` may name */
	size_t npools;
	/* Whoever carries `route` and `config` out says whether a fixed value of theirs serves; a diagnostic and false if
	 * it does not. NULL: any does. */
	bool (*serves)(void *arg, enum edit_kind kind, struct str name, const struct ast_word *value);
	void *serves_arg;
	bool foreign_fields_default; /* server { foreign_fields default } */
	struct geoip
	    *geoip; /* NULL: ip.src.* geography is missing; counted, the ruleset takes its own reference */
	bool no_index, no_fold; /* switches for tests and benchmarks: same answers, slower */
};

int ruleset_compile(struct ruleset **out, const struct ast_file *file, const struct ruleset_options *o,
                    struct diags *d);
struct ruleset *ruleset_ref(struct ruleset *r);
void ruleset_unref(struct ruleset *r);
struct str
ruleset_version(const struct ruleset *r); /* rules.version: hex digest of the rules' canonical text */
size_t ruleset_rules(const struct ruleset *r);

/* What the ruleset reads at all, so that the proxy prepares only that. */
enum ruleset_need { NEED_BODY = 1, NEED_RESPONSE_RULES = 2, NEED_HELLO = 4 };
unsigned ruleset_needs(const struct ruleset *r);
bool ruleset_has_phase(const struct ruleset *r, enum phase p, struct str zone);

/* ---- one exchange ------------------------------------------------------------------------------------- */

/* Everything a rule may read, lent by the proxy for the length of the exchange. NULL members: field defaults.
 */
struct inputs {
	const struct cert_facts *cert;
	const struct tls_facts *tls;
	const struct proxied *proxied; /* what a PROXY header says of the client */
	struct ip client_ip; /* ip.src */
	uint16_t client_port;
	struct ip server_ip;
	uint16_t server_port;
	struct str zone; /* zone.name */
	const struct request *request;
	const struct response *response; /* NULL until the origin answered */
	struct str request_id;           /* cf.ray_id: 16 hex digits */
	uint8_t random_seed[16];         /* cf.random_seed */
	int64_t now_msec;                /* the exchange's clock: Unix milliseconds */
	int64_t tcp_rtt_msec, edge_msec, origin_ttfb_msec;
};

/* Cache of field values for one exchange. Opaque; about 8 KB; from the arena. */
struct fields;
struct fields *fields_new(struct arena *a, const struct inputs *in); /* in is borrowed and may be updated … */
void fields_changed(
    struct fields *f); /* … if this is called afterwards: forgets all but raw.* and connection fields */
/* raw.* is what arrived: to be called before anything edits a request's lines, and again before a response's. */
void ruleset_keep_raw(const struct ruleset *r, struct fields *f);
/* A field by name as rules would see it (for transforms, logs, tools). false: no such field. */
bool fields_get(struct fields *f, struct str name, struct value *out);

/* What depends only on the connection, evaluated once: owned by the connection, for one ruleset. NULL is
 * allowed everywhere (then nothing is remembered). Drop it when the ruleset or the facts change. */
struct residual;
struct residual *residual_new(struct ruleset *r, const struct inputs *in); /* NULL when out of memory: fine */
void residual_free(struct residual *res);

/* ---- the verdict -------------------------------------------------------------------------------------- */

struct rule_info {
	struct str name, ruleset; /* ruleset "" at top level */
	struct str description;
};

enum outcome {
	OUTCOME_PASS,
	OUTCOME_BLOCK,
	OUTCOME_RESPOND,
	OUTCOME_REDIRECT,
	OUTCOME_FAIL, /* no answer could be had (match limit, memory): 500, fail closed; reason says why */
};

struct edit {
	enum edit_kind kind;
	bool response; /* header edits: of the response */
	struct str name, value;
	const struct rule_info *by;
	struct edit *next;
};

struct match { /* a rule that matched, in order; for log, metrics, trace */
	const struct rule_info *rule;
	struct str action; /* "block", "log", "skip", "set", … */
	struct str text;   /* log's text */
	bool dry_run;      /* of a ruleset in mode log: nothing was done */
	bool quiet;
	struct match *next;
};

struct verdict { /* accumulates over the phases of one exchange; zero-initialise it */
	enum outcome outcome;
	const struct rule_info *by; /* NULL for OUTCOME_PASS */
	int status;
	struct str media_type, body; /* block, respond */
	struct str location;         /* redirect */
	struct str reason;   /* OUTCOME_FAIL: "match_limit", "no_memory", "bad_value"; also set beside a block
	                        that   fired because there was no answer */
	int64_t retry_after; /* seconds, of a rate limit; 0 none */
	struct edit *edits, *last_edit; /* the proxy takes (and clears) them after each phase */
	struct match *matches, *last_match;
	uint64_t skipped[4]; /* engine's own: phases and rulesets left out by skip */
};

/* Runs the rules of one phase in order. Returns false when the request is decided (outcome is not PASS).
 * The arena of fields is used for what the verdict holds. */
bool ruleset_run(const struct ruleset *r, enum phase p, struct fields *f, struct residual *res,
                 struct verdict *v);

/* After the response: counting expressions of rate limits that look at it. */
void ruleset_count_response(const struct ruleset *r, struct fields *f);

/* ---- single expressions, for usher eval, usher cert and tests -------------------------------------------
 */

struct expression;
/* text: boolean or value expression. lists may be NULL. Heap; NULL after errors (in d). */
struct expression *expression_compile(const struct source *src, const struct ruleset *lists, struct diags *d);
void expression_free(struct expression *e);
enum type expression_type(const struct expression *e);
/* 0, or -ERR_LIMIT when a match limit was hit. */
int expression_eval(const struct expression *e, struct fields *f, struct value *out);

#endif
