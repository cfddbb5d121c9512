/* SPDX-License-Identifier: Apache-2.0 */
/*
 * libmodsecurity over the same traffic: modsec-driver RULES.conf REQUESTS.tsv [MATCHES.tsv]. Environment:
 * REPS timed passes, LIMIT requests to use. Prints one line of JSON.
 */
#include <modsecurity/modsecurity.h>
#include <modsecurity/rules_set.h>
#include <modsecurity/transaction.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct req {
	char *f[128];
	int n;
};

static FILE *out;
static long hits;
static long current;

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static long rss_kb(void)
{
	char line[256];
	long v = 0;
	FILE *f = fopen("/proc/self/status", "r");
	while (fgets(line, sizeof line, f))
		if (sscanf(line, "VmRSS: %ld", &v) == 1)
			break;
	fclose(f);
	return v;
}

static void on_log(void *data, const void *msg)
{
	(void)data;
	const char *p = strstr(msg, "[id \"");
	hits++;
	if (out && p)
		fprintf(out, "%ld\t%d\n", current, atoi(p + 5));
}

static void one(ModSecurity *ms, RulesSet *rules, struct req *r)
{
	Transaction *t = msc_new_transaction(ms, rules, NULL);
	msc_process_connection(t, r->f[0], 40000, "192.0.2.1", 443);
	msc_process_uri(t, r->f[2], r->f[1], r->f[3]);
	for (int i = 4; i + 1 < r->n; i += 2)
		msc_add_request_header(t, (const unsigned char *)r->f[i], (const unsigned char *)r->f[i + 1]);
	msc_process_request_headers(t);
	msc_transaction_cleanup(t);
}

static int cmp(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return (d > 0) - (d < 0);
}

int main(int argc, char **argv)
{
	int reps = getenv("REPS") ? atoi(getenv("REPS")) : 5;
	long limit = getenv("LIMIT") ? atol(getenv("LIMIT")) : 1000000, n = 0, cap = 0;
	struct req *rs = NULL;
	char *line = NULL;
	size_t len = 0;
	if (argc < 3)
		return 2;
	FILE *f = fopen(argv[2], "r");
	while (n < limit && getline(&line, &len, f) > 0) {
		if (n == cap)
			rs = realloc(rs, (cap = cap ? cap * 2 : 256) * sizeof *rs);
		struct req *r = &rs[n++];
		char *s = strdup(line), *tok;
		s[strcspn(s, "\n")] = 0;
		for (r->n = 0; (tok = strsep(&s, "\t")) && r->n < 128;)
			r->f[r->n++] = tok;
	}
	fclose(f);
	ModSecurity *ms = msc_init();
	msc_set_connector_info(ms, "bench");
	msc_set_log_cb(ms, on_log);
	const char *err = NULL;
	long m0 = rss_kb();
	double c0 = now();
	RulesSet *rules = msc_create_rules_set();
	int k = msc_rules_add_file(rules, argv[1], &err);
	double c1 = now();
	long m1 = rss_kb();
	if (k < 0) {
		fprintf(stderr, "%s\n", err);
		return 1;
	}
	if (argc > 3) {
		out = fopen(argv[3], "w");
		for (current = 1; current <= n; current++)
			one(ms, rules, &rs[current - 1]);
		fclose(out);
		out = NULL;
	}
	double *v = malloc(reps * sizeof *v);
	for (int i = 0; i < reps; i++) {
		double t = now();
		for (long j = 0; j < n; j++)
			one(ms, rules, &rs[j]);
		v[i] = (now() - t) / n;
	}
	qsort(v, reps, sizeof *v, cmp);
	printf("{\"engine\":\"libmodsecurity\",\"rules_loaded\":%d,\"requests\":%ld,\"reps\":%d,\"full_ns_"
	       "per_request\":%.0f,\"full_min\":%.0f,"
	       "\"full_max\":%.0f,\"load_ms\":%.1f,\"rules_kb\":%ld,\"rss_kb\":%ld}\n",
	       k, n, reps, v[reps / 2], v[0], v[reps - 1], (c1 - c0) / 1e6, m1 - m0, rss_kb());
	return 0;
}
