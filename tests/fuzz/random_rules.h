/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random rule files and random requests out of a few bytes or a seed, made of so few words that rules match
 * often and in many ways; and the verdict of one ruleset on one request as text, for comparing. Shared by the
 * fuzzer and the unit test of the index.
 */
#ifndef TESTS_RANDOM_RULES_H
#define TESTS_RANDOM_RULES_H

#include <stdlib.h>

#include "base/buf.h"
#include "engine/field.h"
#include "engine/ruleset.h"

struct dice {
	const uint8_t *p; /* bytes first, then the generator */
	size_t n;
	uint64_t state;
};

static inline unsigned dice(struct dice *d, unsigned sides)
{
	if (d->n >= 1 && sides <= 256) {
		d->n--;
		return *d->p++ % sides;
	}
	d->state += 0x9e3779b97f4a7c15u;
	uint64_t z = d->state;
	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return (unsigned)((z ^ z >> 31) % sides);
}

#define PICK(d, table) ((table)[dice((d), sizeof(table) / sizeof((table)[0]))])

static const char *const random_words[] = {
    "",       "a",   "b",    "ab",     "ba",       "abc",        "AB",  "aB",  "/",
    "/a",     "/ab", "/a/b", "a.b",    "x.a.b",    "abab",       "bab", "cab", "/abc/a",
    "abcabc", "aab", "GET",  "/ABC/a", "abcdefgh", "xabcdefghx", "b.",  ".b",
};

static inline void random_string(struct dice *d, struct buf *out)
{
	buf_add(out, str_of(PICK(d, random_words)));
	if (dice(d, 3) == 0)
		buf_add(out, str_of(PICK(d, random_words)));
}

static const char *const random_bytes_fields[] = {
    "http.host",
    "http.request.uri.path",
    "http.request.uri.query",
    "http.user_agent",
    "http.request.method",
    "zone.name",
    "cf.tls_client_auth.cert_issuer_ski",
    "tls.client.subject.cn",
    "tls.sni",
    "http.request.headers[\"x-a\"][0]",
    "http.request.uri.args[\"a\"][0]",
    "lower(http.user_agent)",
    "lower(http.request.uri.path)",
    "upper(http.host)",
    "lower(http.request.headers[\"x-b\"][0])",
    "concat(http.host, http.request.uri.path)",
    "http.request.cookies[\"b\"][0]",
    "raw.http.request.uri.path",
};
static const char *const random_lists[] = {
    "http.request.headers[\"x-a\"][*]",        "http.request.headers.names[*]",
    "http.request.uri.args[\"a\"][*]",         "tls.client.san.dns[*]",
    "lower(http.request.headers.names[*])[*]", "http.request.headers[*][*]",
    "http.request.uri.args.values[*]",
};
static const char *const random_int_fields[] = {
    "cf.edge.server_port",         "len(http.request.uri.path)", "len(http.request.uri.query)",
    "http.request.timestamp.msec", "tls.client.days_left",       "len(http.request.headers[\"x-a\"])",
};
static const char *const random_bool_fields[] = {
    "ssl",
    "cf.tls_client_auth.cert_verified",
    "cf.tls_client_auth.cert_revoked",
    "tls.session.resumed",
    "true",
    "false",
    "ip.src.is_in_european_union",
};
static const char *const random_ints[] = {"0", "1", "2", "3", "5", "80", "443", "-1", "17", "0x10"};
static const char *const random_ranges[] = {"0", "1", "2..4", "5", "80", "400..500", "-5..1", "17"};
static const char *const random_nets[] = {
    "10.0.0.1",      "10.0.0.0/8",  "10.0.0.0/24", "192.0.2.7",          "192.0.2.0/25",    "0.0.0.0/0",
    "2001:db8::/32", "2001:db8::1", "::/0",        "10.0.0.1..10.0.0.9", "255.255.255.255",
};
static const char *const random_regexes[] = {
    "^/a",
    "ab",
    "(?i)ab",
    "a+b",
    "(?:a|ab|b)c",
    "^ab$",
    "b$",
    "[ab]{2,4}c",
    "^/(?:[a-z]+/)*abc",
    "(?i)/ABC[-_]?a",
    "a.b",
    "\\\\.b$",
    "abcd?e",
    "(?:abc)+",
    "^$",
    "x?",
    "(?:^|/)ab",
    "(?i)abcd|x",
    "^/a[0-9]*b?/ab",
    "(?:a|aa)+[bc]$",
};
static const char *const random_globs[] = {
    "*", "a*", "*b", "/a*/b", "*abc*", "ab", "*.b", "/*/a", "*ABC*", "A*b*", "",
};

static inline void random_items(struct dice *d, struct buf *out, unsigned kind)
{
	unsigned n = dice(d, 4);

	if (dice(d, 24) == 0)
		n = 80;
	buf_add(out, STR(" in {"));
	for (unsigned i = 0; i < n; i++) {
		buf_addc(out, ' ');
		if (kind == 0) {
			buf_addc(out, '"');
			random_string(d, out);
			buf_addc(out, '"');
		} else {
			buf_add(out, str_of(kind == 1 ? PICK(d, random_ranges) : PICK(d, random_nets)));
		}
	}
	buf_add(out, STR(" }"));
}

static inline void random_bytes_test(struct dice *d, struct buf *out, const char *left)
{
	static const char *const orders[] = {"eq", "ne", "lt", "le", "gt", "ge", "eq", "==", "eq"};
	unsigned what = dice(d, 9);

	if (what == 8) {
		buf_printf(out, "%s(%s, \"", dice(d, 2) ? "starts_with" : "ends_with", left);
		random_string(d, out);
		buf_add(out, STR("\")"));
		return;
	}
	buf_add(out, str_of(left));
	if (what <= 2)
		buf_printf(out, " %s \"", PICK(d, orders));
	else if (what == 3)
		buf_add(out, STR(" contains \""));
	else if (what == 4)
		buf_printf(out, " matches \"%s", PICK(d, random_regexes));
	else if (what == 5)
		buf_printf(out, " %s \"%s", dice(d, 2) ? "wildcard" : "strict wildcard",
		           PICK(d, random_globs));
	else if (what == 6 && dice(d, 2))
		buf_add(out, STR(" in $hosts"));
	else if (what == 6)
		buf_add(out, STR(" in $words"));
	else
		random_items(d, out, 0);
	if (what <= 3)
		random_string(d, out);
	if (what <= 5)
		buf_addc(out, '"');
}

static inline void random_condition(struct dice *d, struct buf *out, unsigned depth);

static inline void random_atom(struct dice *d, struct buf *out)
{
	static const char *const orders[] = {"eq", "ne", "lt", "le", "gt", "ge", "&"};
	const char *field;

	switch (dice(d, 12)) {
	case 0:
		buf_add(out, str_of(PICK(d, random_bool_fields)));
		return;
	case 1:
		buf_printf(out, "%s %s %s", PICK(d, random_int_fields), PICK(d, orders),
		           PICK(d, random_ints));
		return;
	case 2:
		buf_add(out, str_of(PICK(d, random_int_fields)));
		random_items(d, out, 1);
		return;
	case 3:
		buf_add(out, STR("ip.src"));
		if (dice(d, 4) == 0)
			buf_add(out, STR(" in $nets"));
		else
			random_items(d, out, 2);
		return;
	case 4:
		buf_printf(out, "ip.src %s 10.0.0.%u", dice(d, 2) ? "eq" : "ge", dice(d, 4));
		return;
	case 5:
	case 6:
		buf_printf(out, "%s(", dice(d, 3) ? "any" : "all");
		field = PICK(d, random_lists);
		random_bytes_test(d, out, field);
		buf_addc(out, ')');
		return;
	case 7:
		field = PICK(d, random_bytes_fields);
		buf_printf(out, "%s %s %s", field, dice(d, 2) ? "eq" : "ne", PICK(d, random_bytes_fields));
		return;
	default:
		field = PICK(d, random_bytes_fields);
		random_bytes_test(d, out, field);
	}
}

static inline void random_condition(struct dice *d, struct buf *out, unsigned depth)
{
	static const char *const words[] = {" and ", " and ", " or ", " xor "};
	unsigned n;

	if (depth == 0 || dice(d, 3) == 0) {
		if (dice(d, 4) == 0)
			buf_add(out, STR("not "));
		random_atom(d, out);
		return;
	}
	n = 2 + dice(d, 3);
	if (dice(d, 5) == 0)
		buf_add(out, STR("not "));
	buf_addc(out, '(');
	for (unsigned i = 0; i < n; i++) {
		if (i > 0)
			buf_add(out, str_of(PICK(d, words)));
		random_condition(d, out, depth - 1);
	}
	buf_addc(out, ')');
}

static const char *const random_actions[] = {
    "log",
    "log",
    "log \"t\"",
    "log",
    "log",
    "skip rules",
    "skip ruleset s1",
    "skip ruleset s2 quiet",
    "skip phase request_headers",
    "block 451",
    "skip phase request_firewall",
    "redirect concat(\"https://\", http.host)",
    "set request header \"x-q\" = http.host",
    "set request header \"x-r\" = http.request.headers[\"x-a\"][0]",
    "remove request header \"x-a\"",
    "rewrite path = http.request.uri.path",
    "rewrite query = \"a=1\"",
    "log",
    "log",
};

static inline void random_rule(struct dice *d, struct buf *out, unsigned number)
{
	buf_printf(out, "rule r%u { when ", number);
	random_condition(d, out, 2);
	buf_printf(out, "\n then %s", PICK(d, random_actions));
	if (dice(d, 8) == 0)
		buf_add(out, STR("\n zones a, b"));
	buf_add(out, STR("\n}\n"));
}

static inline void random_rules(struct dice *d, struct buf *out)
{
	unsigned n = 4 + dice(d, 24), number = 0;

	buf_add(out, STR("list nets : ip { 10.0.0.0/9 192.0.2.0/24 2001:db8::/48 }\n"
	                 "list words : string { \"a\" \"ab\" \"/a\" \"abc\" }\n"
	                 "list hosts : host { \"a.b\" \"*.a.b\" \"*.b\" }\n"));
	for (unsigned i = 0; i < n / 2; i++)
		random_rule(d, out, number++);
	buf_printf(out, "ruleset s1 { mode %s\n", dice(d, 3) ? "enforce" : "log");
	for (unsigned i = 0; i < n / 4; i++)
		random_rule(d, out, number++);
	buf_add(out, STR("}\nruleset s2 {\n zones b\n"));
	for (unsigned i = 0; i < n / 4; i++)
		random_rule(d, out, number++);
	buf_add(out, STR("}\n"));
	random_rule(d, out, number++);
}

struct random_request {
	struct inputs in;
	struct request request;
	struct cert_facts cert;
	struct tls_facts tls;
	struct str names[2];
};

static inline struct str random_text(struct dice *d, struct arena *a)
{
	struct buf b = BUF_INIT;
	struct str s;

	random_string(d, &b);
	s = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return s;
}

static inline void random_request(struct dice *d, struct arena *a, struct random_request *r)
{
	static const char *const headers[] = {"x-a", "X-A", "x-b", "User-Agent", "Accept", "Cookie", "AB"};
	static const char *const addresses[] = {"10.0.0.1",    "10.0.0.3", "192.0.2.7",       "192.0.2.200",
	                                        "2001:db8::1", "::1",      "255.255.255.255", "0.0.0.0"};
	struct buf uri = BUF_INIT;
	unsigned n;

	memset(r, 0, sizeof(*r));
	r->request.arena = a;
	r->request.method = dice(d, 2) ? STR("GET") : random_text(d, a);
	r->request.version = HTTP_1_1;
	r->request.tls = dice(d, 2);
	r->request.host = random_text(d, a);
	random_string(d, &uri);
	if (dice(d, 2)) {
		buf_add(&uri, STR("?a="));
		random_string(d, &uri);
		if (dice(d, 2)) {
			buf_add(&uri, STR("&a="));
			random_string(d, &uri);
		}
	}
	r->request.target.uri = arena_str(a, buf_str(&uri));
	buf_fini(&uri);
	ptrdiff_t q = str_find(r->request.target.uri, '?');
	r->request.target.path = q < 0 ? r->request.target.uri : str_sub(r->request.target.uri, 0, (size_t)q);
	r->request.target.query =
	    q < 0 ? STR("") : str_sub(r->request.target.uri, (size_t)q + 1, r->request.target.uri.n);
	r->request.target.has_query = q >= 0;
	r->request.raw = r->request.target;
	r->request.time_msec = 1764000000000 + dice(d, 20);
	lines_init(&r->request.lines, a);
	n = dice(d, 6);
	for (unsigned i = 0; i < n; i++)
		lines_add(&r->request.lines, str_of(PICK(d, headers)), random_text(d, a));
	if (dice(d, 6) == 0) { /* long enough for a limit, should a pattern be slow */
		char *p = arena_alloc(a, 300);

		memset(p, 'a', 300);
		p[298] = 'b';
		lines_add(&r->request.lines, STR("x-a"), (struct str){p, 300});
	}
	r->cert = *cert_facts_absent();
	r->names[0] = random_text(d, a);
	r->names[1] = random_text(d, a);
	if ((r->cert.presented = dice(d, 2)) != 0) {
		r->cert.verified = dice(d, 2);
		r->cert.revoked = r->cert.verified && dice(d, 2);
		r->cert.issuer_ski = random_text(d, a);
		r->cert.subject.cn = (struct strs){r->names, dice(d, 3)};
		r->cert.san_dns = (struct strs){r->names, dice(d, 3)};
		r->cert.not_after_epoch = 1764000000 + (int64_t)dice(d, 40) * 86400 - 10 * 86400;
	}
	r->tls.tls = r->request.tls;
	r->tls.version = STR("TLSv1.3");
	r->tls.sni = random_text(d, a);
	r->tls.resumed = dice(d, 2);
	r->in.cert = &r->cert;
	r->in.tls = &r->tls;
	r->in.request = &r->request;
	r->in.zone = dice(d, 2) ? STR("a") : STR("b");
	r->in.server_port = dice(d, 2) ? 443 : 80;
	ip_parse(str_of(PICK(d, addresses)), &r->in.client_ip);
	r->in.now_msec = 1764000000000;
}

static inline struct ruleset *random_compile(struct str text, bool no_index, bool no_fold)
{
	static const struct str zones[] = {{"a", 1}, {"b", 1}};
	struct ruleset_options o = {.zones = zones, .nzones = 2, .no_index = no_index, .no_fold = no_fold};
	struct source src = {.name = STR("random"), .text = text, .dir = STR("")};
	struct ruleset *r = NULL;
	struct ast_file *file;
	struct arena a;
	struct diags d;

	arena_init(&a, 0);
	diags_init(&d);
	if ((file = parse_file(&a, &src, &d)) == NULL || ruleset_compile(&r, file, &o, &d) < 0) {
		diags_print(&d, stderr, false);
		fprintf(stderr, "%.*s", STR_FMT(text));
		abort(); /* the generator writes correct rules only */
	}
	diags_fini(&d);
	arena_fini(&a);
	return r;
}

/* Everything that a ruleset decides about a request, as text. */
static inline void random_judge(const struct ruleset *r, const struct inputs *in, struct residual *res,
                                struct arena *a, struct buf *out)
{
	struct verdict v = {.outcome = OUTCOME_PASS};
	struct fields *f = fields_new(a, in);

	for (enum phase p = 0; p < PHASE_COUNT; p++) {
		bool on = ruleset_run(r, p, f, res, &v);

		buf_printf(out, "phase %d:", p);
		for (struct edit *e = v.edits; e != NULL; e = e->next)
			buf_printf(out, " edit %d %.*s=%.*s by %.*s", e->kind, STR_FMT(e->name),
			           STR_FMT(e->value), STR_FMT(e->by->name));
		v.edits = v.last_edit = NULL;
		buf_addc(out, '\n');
		if (!on)
			break;
		if (p == PHASE_REQUEST_REWRITE)
			fields_changed(f);
	}
	buf_printf(out, "outcome %d status %d by %.*s reason %.*s location %.*s\n", v.outcome, v.status,
	           v.by ? (int)v.by->name.n : 0, v.by ? v.by->name.p : "", STR_FMT(v.reason),
	           STR_FMT(v.location));
	for (struct match *m = v.matches; m != NULL; m = m->next)
		buf_printf(out, "match %.*s %.*s %.*s%s%s\n", STR_FMT(m->rule->name), STR_FMT(m->action),
		           STR_FMT(m->text), m->dry_run ? " dry" : "", m->quiet ? " quiet" : "");
}

/* One random ruleset on some random requests, in every way it can be run. false: they disagree (told on
 * stderr). */
static inline bool random_round(struct dice *d, unsigned requests)
{
	struct buf text = BUF_INIT, plain = BUF_INIT, other = BUF_INIT;
	struct ruleset *r[4];
	struct random_request q;
	struct arena a;
	bool same = true;

	random_rules(d, &text);
	for (int i = 0; i < 4; i++)
		r[i] = random_compile(buf_str(&text), !(i & 1), i & 2);
	arena_init(&a, 0);
	for (unsigned k = 0; k < requests && same; k++) {
		arena_reset(&a);
		random_request(d, &a, &q);
		buf_clear(&plain);
		random_judge(r[2], &q.in, NULL, &a, &plain);
		for (int i = 0; i < 8 && same; i++) {
			struct residual *res = i >= 4 ? residual_new(r[i % 4], &q.in) : NULL;

			for (int twice = 0; twice < 2 && same; twice++) {
				buf_clear(&other);
				random_judge(r[i % 4], &q.in, res, &a, &other);
				same = str_eq(buf_str(&plain), buf_str(&other));
			}
			if (!same)
				fprintf(stderr, "%.*s\nway %d, request %u\n--- plain:\n%.*s--- other:\n%.*s",
				        STR_FMT(buf_str(&text)), i, k, STR_FMT(buf_str(&plain)),
				        STR_FMT(buf_str(&other)));
			residual_free(res);
		}
	}
	for (int i = 0; i < 4; i++)
		ruleset_unref(r[i]);
	buf_fini(&text);
	buf_fini(&plain);
	buf_fini(&other);
	arena_fini(&a);
	return same;
}

#endif
