/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Measures the rule engine alone: engine-driver RULES.txt REQUESTS.jsonl [MATCHES.tsv]. README.md says what
 * is counted and what is printed. Environment: REPS timed passes; INDEX=0 asks every rule; MEMO=1 keeps what
 * depends on the connection, as a keep-alive connection does.
 */
#include <jansson.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "engine/field.h"
#include "engine/ruleset.h"

#define FAIL(...) (fprintf(stderr, __VA_ARGS__), fputc('\n', stderr), exit(2))

struct sample { /* one request, ready to be judged */
	struct arena arena;
	struct inputs in;
	struct request request;
	struct cert_facts cert;
	struct tls_facts tls;
	struct line *lines;
	size_t nlines;
	struct value country, asnum;
	struct fields *fields; /* set beforehand, for the first figure */
	struct residual *residual;
};

static struct sample *samples;
static size_t nsamples, nrules;
static struct arena scratch; /* of one evaluation */

static double cpu_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static long rss_kb(void)
{
	FILE *f = fopen("/proc/self/statm", "r");
	long size, resident = 0;

	if (f != NULL && fscanf(f, "%ld %ld", &size, &resident) != 2)
		resident = 0;
	if (f != NULL)
		fclose(f);
	return resident * (sysconf(_SC_PAGESIZE) / 1024);
}

static struct str text_of(struct arena *a, json_t *o, const char *key)
{
	const char *s = json_string_value(json_object_get(o, key));

	return s == NULL ? STR("") : arena_str(a, str_of(s));
}

static void read_headers(struct sample *s, json_t *o)
{
	const char *name;
	json_t *values, *value;
	size_t i;

	json_object_foreach(json_object_get(o, "http.request.headers"), name, values)
	    json_array_foreach(values, i, value) s->nlines++;
	s->lines = arena_array(&s->arena, s->nlines + 1, sizeof(*s->lines));
	s->nlines = 0;
	json_object_foreach(json_object_get(o, "http.request.headers"), name, values)
	    json_array_foreach(values, i, value) s->lines[s->nlines++] = (struct line){
	    arena_str(&s->arena, str_of(name)), arena_str(&s->arena, str_of(json_string_value(value)))};
}

static void read_sample(struct sample *s, json_t *o)
{
	struct str version, ip;

	arena_init(&s->arena, 0);
	s->request.arena = &s->arena;
	s->request.method = text_of(&s->arena, o, "http.request.method");
	s->request.host = s->request.authority = text_of(&s->arena, o, "http.host");
	s->request.target.uri = text_of(&s->arena, o, "http.request.uri");
	s->request.target.path = text_of(&s->arena, o, "http.request.uri.path");
	s->request.target.query = text_of(&s->arena, o, "http.request.uri.query");
	s->request.target.has_query = s->request.target.query.n > 0;
	s->request.raw = s->request.target;
	version = text_of(&s->arena, o, "http.request.version");
	s->request.version = str_eq(version, STR("HTTP/1.1")) ? HTTP_1_1 : HTTP_2;
	s->tls.tls = s->request.tls = json_is_true(json_object_get(o, "ssl"));
	read_headers(s, o);
	s->cert = *cert_facts_absent();
	s->cert.presented = json_is_true(json_object_get(o, "cf.tls_client_auth.cert_presented"));
	s->cert.verified = json_is_true(json_object_get(o, "cf.tls_client_auth.cert_verified"));
	s->cert.revoked = json_is_true(json_object_get(o, "cf.tls_client_auth.cert_revoked"));
	s->cert.issuer_ski = text_of(&s->arena, o, "cf.tls_client_auth.cert_issuer_ski");
	s->cert.fingerprint_sha256 = text_of(&s->arena, o, "cf.tls_client_auth.cert_fingerprint_sha256");
	s->cert.subject.dn = text_of(&s->arena, o, "cf.tls_client_auth.cert_subject_dn");
	s->country = VALUE_STR(text_of(&s->arena, o, "ip.src.country"));
	s->asnum = VALUE_INT(json_integer_value(json_object_get(o, "ip.src.asnum")));
	ip = text_of(&s->arena, o, "ip.src");
	if (!ip_parse(ip, &s->in.client_ip))
		FAIL("bad address %.*s", STR_FMT(ip));
	s->in.cert = &s->cert;
	s->in.tls = &s->tls;
	s->in.request = &s->request;
	s->in.now_msec = 1764000000000;
}

static void read_samples(const char *path)
{
	FILE *f = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t n;

	if (f == NULL)
		FAIL("%s: cannot be read", path);
	while ((n = getline(&line, &size, f)) > 0) {
		json_t *o = json_loadb(line, (size_t)n, 0, NULL);

		if (o == NULL || (samples = reallocarray(samples, nsamples + 1, sizeof(*samples))) == NULL)
			FAIL("%s:%zu: not a JSON object", path, nsamples + 1);
		memset(&samples[nsamples], 0, sizeof(*samples));
		read_sample(&samples[nsamples++], o);
		json_decref(o);
	}
	free(line);
	fclose(f);
}

/* Samples have moved while they were read: point into them only now. */
static void settle_samples(void)
{
	for (size_t i = 0; i < nsamples; i++) {
		struct sample *s = &samples[i];

		s->request.arena = &s->arena;
		s->request.lines = (struct lines){&s->arena, s->lines, s->nlines, s->nlines};
		s->in.cert = &s->cert;
		s->in.tls = &s->tls;
		s->in.request = &s->request;
	}
}

static struct str rule_file(const char *path, struct arena *a)
{
	struct str text, line;
	struct buf out = BUF_INIT;
	ptrdiff_t end;

	if (file_read(a, path, 1 << 30, &text) < 0)
		FAIL("%s: cannot be read", path);
	while (text.n > 0) {
		end = str_find(text, '\n');
		line = end < 0 ? text : str_sub(text, 0, (size_t)end);
		text = end < 0 ? STR_NONE : str_sub(text, (size_t)end + 1, text.n);
		buf_printf(&out, "rule r%zu { when %.*s then log }\n", ++nrules, STR_FMT(line));
	}
	text = arena_str(a, buf_str(&out));
	buf_fini(&out);
	return text;
}

static struct ruleset *compile(const struct source *src)
{
	struct ruleset_options o = {.no_index = getenv("INDEX") != NULL && *getenv("INDEX") == '0'};
	struct ruleset *r = NULL;
	struct ast_file *file;
	struct arena a;
	struct diags d;

	arena_init(&a, 0);
	diags_init(&d);
	if ((file = parse_file(&a, src, &d)) == NULL || ruleset_compile(&r, file, &o, &d) < 0) {
		diags_print(&d, stderr, false);
		FAIL("the rules do not compile");
	}
	diags_fini(&d);
	arena_fini(&a);
	malloc_trim(0); /* what the trees took is given back, as the proxy does after a reload */
	return r;
}

static struct fields *fields_of(struct sample *s, struct arena *a)
{
	struct fields *f = fields_new(a, &s->in);

	fields_pin(f, &field_table[FIELD_COUNTRY], &s->country);
	fields_pin(f, &field_table[FIELD_ASNUM], &s->asnum);
	return f;
}

static size_t judge(const struct ruleset *r, struct sample *s, struct fields *f, FILE *matches, size_t number)
{
	struct verdict v = {.outcome = OUTCOME_PASS};
	size_t n = 0;

	ruleset_run(r, PHASE_REQUEST_FIREWALL, f, s->residual, &v);
	for (const struct match *m = v.matches; m != NULL; m = m->next, n++)
		if (matches != NULL)
			fprintf(matches, "%zu\t%.*s\n", number, (int)m->rule->name.n - 1,
			        m->rule->name.p + 1);
	return n;
}

/* Fields set before: only the judging is counted. */
static void pass_exec(const struct ruleset *r)
{
	for (size_t i = 0; i < nsamples; i++) {
		arena_reset(&scratch);
		samples[i].fields->arena = &scratch;
		samples[i].fields->generation++;
		judge(r, &samples[i], samples[i].fields, NULL, 0);
	}
}

/* Everything a proxy does for a request once its lines are parsed. */
static void pass_full(const struct ruleset *r)
{
	for (size_t i = 0; i < nsamples; i++) {
		struct sample *s = &samples[i];

		arena_reset(&scratch);
		lines_init(&s->request.lines, &scratch);
		for (size_t k = 0; k < s->nlines; k++)
			lines_add(&s->request.lines, s->lines[k].name, s->lines[k].value);
		judge(r, s, fields_of(s, &scratch), NULL, 0);
	}
}

struct timing {
	double median, least, most;
};

static int by_size(const void *x, const void *y)
{
	double a = *(const double *)x, b = *(const double *)y;

	return (a > b) - (a < b);
}

static struct timing measure(void (*pass)(const struct ruleset *), const struct ruleset *r, int reps)
{
	double *t = calloc((size_t)reps, sizeof(*t));
	struct timing out;
	int loops = 1;

	pass(r);
	for (int i = 0; i < reps; i++) {
		double from = cpu_ns(), took;

		for (int k = 0; k < loops; k++)
			pass(r);
		took = cpu_ns() - from;
		t[i] = took / loops / (double)nsamples;
		if (took < 2e7 && i == 0 && loops == 1) {
			loops = (int)(5e7 / (took + 1)) + 1;
			i--;
		}
	}
	qsort(t, (size_t)reps, sizeof(*t), by_size);
	out = (struct timing){t[reps / 2], t[0], t[reps - 1]};
	free(t);
	return out;
}

int main(int argc, char **argv)
{
	struct source src = {.name = STR("rules"), .dir = STR("")};
	int reps = getenv("REPS") != NULL ? atoi(getenv("REPS")) : 5;
	bool memo = getenv("MEMO") != NULL && *getenv("MEMO") == '1';
	double times[3], from;
	struct ruleset *r = NULL;
	struct timing exec, full;
	long before, rules_kb = 0, lazy_kb;
	FILE *out = NULL;
	size_t matches = 0;
	struct arena a;

	if (argc < 3)
		FAIL("usage: engine-driver RULES.txt REQUESTS.jsonl [MATCHES.tsv]");
	arena_init(&a, 0);
	arena_init(&scratch, 0);
	src.text = rule_file(argv[1], &a);
	read_samples(argv[2]);
	settle_samples();
	for (int i = 0; i < 3; i++) {
		ruleset_unref(r);
		before = rss_kb();
		from = cpu_ns();
		r = compile(&src);
		times[i] = cpu_ns() - from;
		if (i == 0)
			rules_kb = rss_kb() - before;
	}
	qsort(times, 3, sizeof(times[0]), by_size);
	if (argc > 3 && (out = fopen(argv[3], "w")) == NULL)
		FAIL("%s: cannot be written", argv[3]);
	before = rss_kb();
	for (size_t i = 0; i < nsamples; i++) {
		samples[i].fields = fields_of(&samples[i], &samples[i].arena);
		if (memo)
			samples[i].residual = residual_new(r, &samples[i].in);
		matches += judge(r, &samples[i], samples[i].fields, out, i + 1);
	}
	lazy_kb = rss_kb() - before;
	if (out != NULL)
		fclose(out);
	exec = measure(pass_exec, r, reps > 0 ? reps : 1);
	full = measure(pass_full, r, reps > 0 ? reps : 1);
	printf(
	    "{\"engine\":\"usher\",\"rules\":%zu,\"requests\":%zu,\"reps\":%d,\"exec_ns_per_request\":%.1f,"
	    "\"exec_min\":%.1f,"
	    "\"exec_max\":%.1f,\"full_ns_per_request\":%.1f,\"full_min\":%.1f,\"full_max\":%.1f,\"ns_per_"
	    "rule\":%.2f,"
	    "\"matches\":%zu,\"compile_us_per_1000\":%.1f,\"rules_kb\":%ld,\"lazy_kb\":%ld,\"rss_kb\":%ld}\n",
	    nrules, nsamples, reps, exec.median, exec.least, exec.most, full.median, full.least, full.most,
	    exec.median / (double)(nrules ? nrules : 1), matches, times[1] / (double)nrules, rules_kb,
	    lazy_kb, rss_kb());
	for (size_t i = 0; i < nsamples; i++) {
		residual_free(samples[i].residual);
		arena_fini(&samples[i].arena);
	}
	free(samples);
	ruleset_unref(r);
	arena_fini(&scratch);
	arena_fini(&a);
	return 0;
}
