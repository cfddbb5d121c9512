/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What no rule engine can be quicker than: one hash of host and path, one probe, one comparison.
 * floor HOSTPATH.txt REQUESTS.tsv; in the requests the host is the value after the name "host", and the path
 * ends at '?'.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct key {
	const char *h, *p;
	uint32_t hl, pl;
	uint64_t hash;
};

static uint64_t mix(uint64_t a, uint64_t b)
{
	__uint128_t m = (__uint128_t)a * b;
	return (uint64_t)m ^ (uint64_t)(m >> 64);
}

static uint64_t hash(const char *s, uint32_t n, uint64_t seed)
{
	uint64_t a, h = seed ^ n;
	for (; n >= 8; s += 8, n -= 8) {
		memcpy(&a, s, 8);
		h = mix(h ^ a, 0x9E3779B97F4A7C15u);
	}
	a = 0;
	memcpy(&a, s, n);
	return mix(h ^ a, 0xD6E8FEB86659FD93u);
}

static uint64_t hash2(const struct key *k)
{
	return hash(k->p, k->pl, hash(k->h, k->hl, 1));
}

static double now(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1e9 + t.tv_nsec;
}

static int cmp(const void *a, const void *b)
{
	double d = *(const double *)a - *(const double *)b;

	return (d > 0) - (d < 0);
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t len = 0;
	long n = 0, q = 0, hits = 0;
	if (argc < 3)
		return 2;
	struct key *ks = calloc(1000000, sizeof(*ks)), *rs = calloc(1000000, sizeof(*rs));
	FILE *f = fopen(argv[1], "r");
	while (getline(&line, &len, f) > 0) {
		char *s = strdup(line), *t = strchr(s, '\t');
		s[strcspn(s, "\n")] = 0;
		struct key k = {s, t + 1, t - s, strlen(t + 1), 0};
		k.hash = hash2(&k);
		ks[n++] = k;
	}
	fclose(f);
	f = fopen(argv[2], "r");
	while (getline(&line, &len, f) > 0) {
		char *s = strdup(line), *h = strstr(s, "\thost\t") + 6,
		     *p = strchr(strchr(s, '\t') + 1, '\t') + 1;
		rs[q++] = (struct key){h, p, strcspn(h, "\t\n"), strcspn(p, "?\t"), 0};
	}
	fclose(f);
	size_t size = 16;
	while (size < (size_t)n * 2)
		size *= 2;
	struct key *tab = calloc(size, sizeof(*tab));
	for (long i = 0; i < n; i++) {
		size_t j = ks[i].hash & (size - 1);
		while (tab[j].h)
			j = (j + 1) & (size - 1);
		tab[j] = ks[i];
	}
	double v[9];
	for (int rep = 0; rep < 9; rep++) {
		double t = now();
		hits = 0;
		for (int loop = 0; loop < 100; loop++)
			for (long i = 0; i < q; i++) {
				uint64_t h = hash2(&rs[i]);
				for (size_t j = h & (size - 1); tab[j].h; j = (j + 1) & (size - 1))
					if (tab[j].hash == h && tab[j].hl == rs[i].hl &&
					    tab[j].pl == rs[i].pl && !memcmp(tab[j].h, rs[i].h, rs[i].hl) &&
					    !memcmp(tab[j].p, rs[i].p, rs[i].pl)) {
						hits++;
						break;
					}
			}
		v[rep] = (now() - t) / q / 100;
	}
	qsort(v, 9, sizeof *v, cmp);
	printf("{\"engine\":\"floor\",\"rules\":%ld,\"requests\":%ld,\"reps\":9,\"full_ns_per_request\":%.1f,"
	       "\"full_min\":%.1f,\"full_max\":%.1f,\"hits\":%ld}\n",
	       n, q, v[4], v[0], v[8], hits / 100);
	return 0;
}
