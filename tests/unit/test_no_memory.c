/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Memory that runs out at each allocation while a chain is judged: the verdict is the one it should be, or there is
 * none; never a better or another one, and none that is remembered wrong. Each allocation has a process of its own, so
 * that nothing is in a cache.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/clock.h"
#include "base/memory.h"
#include "mtls/inspect.h"
#include "tests/unit/pki.h"

/* ---- in place of base/memory.c ---- */

void *__real_malloc(size_t n);
void *__real_calloc(size_t n, size_t size);
void *__real_realloc(void *p, size_t n);
void *__wrap_malloc(size_t n);
void *__wrap_calloc(size_t n, size_t size);
void *__wrap_realloc(void *p, size_t n);

static unsigned seen, fail_first, fail_count, failures;

static bool fails(void)
{
	seen++;
	if (fail_first == 0 || seen < fail_first || seen - fail_first >= fail_count)
		return false;
	failures++;
	return true;
}

unsigned memory_failures(void)
{
	return failures;
}

void *__wrap_malloc(size_t n)
{
	return fails() ? NULL : __real_malloc(n);
}

void *__wrap_calloc(size_t n, size_t size)
{
	return fails() ? NULL : __real_calloc(n, size);
}

void *__wrap_realloc(void *p, size_t n)
{
	return fails() ? NULL : __real_realloc(p, n);
}

/* ---- chains ---- */

static const struct {
	const char *chain, *ca, *crls[3], *result;
} rows[] = {
    {"good-chain.pem", "root.pem", {"crl-root.pem", "crl-a.pem"}, "ok"},
    {"revoked-chain.pem", "root.pem", {"crl-root.pem", "crl-a-empty.pem", "crl-a.pem"}, "revoked"},
    {"issuer-revoked-chain.pem", "root.pem", {"crl-root.pem", "crl-revoked.pem"}, "issuer_revoked"},
    {"issuer-revoked.pem", "root.pem ca-revoked.pem", {"crl-root.pem", "crl-revoked.pem"}, "issuer_revoked"},
    {"nc-excluded-chain.pem", "root.pem", {NULL}, "name_constraint"},
    {"wrongeku-chain.pem", "root.pem", {NULL}, "bad_usage"},
    {"foreign-chain.pem", "ca-bundle.pem", {NULL}, "untrusted"},
    {"good-rsa-chain.pem", "root.pem", {"crl-root.pem", "crl-a.pem"}, "ok"},
};

struct texts {
	struct str chain, ca, crls[3];
	size_t n;
};

static struct texts read_row(struct arena *a, size_t i)
{
	struct texts t = {.chain = pki_read(a, rows[i].chain), .ca = pki_join(a, rows[i].ca)};

	while (t.n < 3 && rows[i].crls[t.n]) {
		t.crls[t.n] = pki_read(a, rows[i].crls[t.n]);
		t.n++;
	}
	return t;
}

/* The verdict; NULL: there is none. */
static const char *verdict(const struct texts *t)
{
	struct cert_facts *f;
	const char *why, *name;

	if (inspect_chain(&f, t->chain, t->ca, t->crls, t->n, clock_now(), &why) != 0)
		return NULL;
	name = verify_result_name(f->result);
	cert_facts_free(f);
	return name;
}

/* In a process of its own: 0 if all is well. */
static int one(const struct texts *t, const char *wanted, unsigned first, unsigned count)
{
	const char *got;

	seen = 0;
	fail_first = first;
	fail_count = count;
	got = verdict(t);
	fail_first = 0;
	if (got && strcmp(got, wanted) != 0) {
		fprintf(stderr, "allocation %u (%u fail): %s and not %s\n", first, count, got, wanted);
		return 1;
	}
	got = verdict(t);
	if (!got || strcmp(got, wanted) != 0) {
		fprintf(stderr, "after allocation %u (%u failed): %s and not %s\n", first, count, got ? got : "nothing",
			wanted);
		return 1;
	}
	return 0;
}

static int apart(const struct texts *t, const char *wanted, unsigned first, unsigned count)
{
	pid_t pid = fork();
	int status = -1;

	if (pid == 0)
		exit(one(t, wanted, first, count));
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* How many allocations there are, seen by a process of its own. */
static unsigned total_of(const struct texts *t)
{
	unsigned total = 0;
	int ends[2];
	pid_t pid;

	assert_int_equal(pipe(ends), 0);
	if ((pid = fork()) == 0) {
		seen = 0;
		exit(!verdict(t) || write(ends[1], &seen, sizeof(seen)) != sizeof(seen));
	}
	assert_true(pid > 0 && read(ends[0], &total, sizeof(total)) == sizeof(total));
	waitpid(pid, NULL, 0);
	close(ends[0]);
	close(ends[1]);
	return total;
}

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
enum { CASES = 12 };
#else
enum { CASES = 150 };
#endif

static void test_judging(void **state)
{
	const char *all = getenv("OOM");
	struct arena a = ARENA_INIT;
	int wrong = 0;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct texts t = read_row(&a, i);
		unsigned total = total_of(&t), step = all || total < CASES ? 1 : total / CASES;

		assert_true(total > 50);
		for (unsigned first = 1; first <= total; first += step) {
			wrong += apart(&t, rows[i].result, first, 1) != 0;
			wrong += apart(&t, rows[i].result, first, 1000000) != 0;
		}
	}
	arena_fini(&a);
	assert_int_equal(wrong, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_judging),
	};

	if (tls_global_init() < 0)
		return 1;
	pki_make();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
