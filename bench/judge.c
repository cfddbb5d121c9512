/* SPDX-License-Identifier: Apache-2.0 */
/*
 * judge PKI: what it costs to judge a client's certificates again, and to look a serial number up in CRLs of
 * three sizes. CPU time of one thread; PKI is a directory made by tests/pki/make.sh.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"
#include "base/file.h"
#include "mtls/crl.h"
#include "mtls/inspect.h"
#include "mtls/pem.h"
#include "mtls/trust.h"

static double cpu_usec(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e6 + (double)t.tv_nsec / 1e3;
}

static void give_up(const char *what)
{
	fprintf(stderr, "judge: %s\n", what);
	exit(1);
}

static struct str text_of(struct arena *a, const char *folder, const char *name)
{
	struct str path = arena_printf(a, "%s/%s", folder, name), text;

	if (file_read(a, path.p, 1 << 30, &text) < 0)
		give_up(path.p);
	return text;
}

static void add_ca(struct trust *t, struct str text)
{
	struct buf scratch = BUF_INIT;
	const mbedtls_x509_crt *added;
	const char *why;
	struct str der;

	if (pem_next(&text, STR("CERTIFICATE"), &scratch, &der) != 1 ||
	    trust_add_ca(t, der, &added, &why) < 0)
		give_up("CA");
	buf_fini(&scratch);
}

static void add_crl(struct trust *t, struct str text)
{
	struct buf scratch = BUF_INIT;
	struct shared_crl *added;
	const char *why;
	struct str der;

	if (pem_next(&text, STR("X509 CRL"), &scratch, &der) != 1 || trust_add_crl(t, der, &added, &why) < 0)
		give_up("CRL");
	buf_fini(&scratch);
}

/* One resumption's worth: the chain from a ticket is parsed and judged. */
static double judge_once(struct trust *t, const struct str *ders, int n)
{
	double before = cpu_usec();
	mbedtls_x509_crt chain;
	struct cert_facts *f;

	mbedtls_x509_crt_init(&chain);
	for (int i = 0; i < n; i++)
		cert_parse_der(&chain, (const unsigned char *)ders[i].p, ders[i].n);
	if (chain_judge(&f, t, &chain, clock_now()) < 0 || f->result != VERIFY_OK)
		give_up("the good client is not good");
	cert_facts_free(f);
	mbedtls_x509_crt_free(&chain);
	return cpu_usec() - before;
}

/* Every round has anchors of its own, so that its first judgement finds nothing remembered. */
static void judging(const char *folder, bool with_crls)
{
	static const char *const others[] = {"ca-b.pem", "ca-nc.pem", "ca-revoked.pem", "foreign-root.pem"};
	struct arena a = ARENA_INIT;
	struct buf scratch = BUF_INIT;
	struct str ders[4], der, text = text_of(&a, folder, "good-chain.pem");
	double miss = 0, hit = 0;
	enum { ROUNDS = 16, HITS = 500 };
	int n = 0;

	while (n < 4 && pem_next(&text, STR("CERTIFICATE"), &scratch, &der) == 1)
		ders[n++] = arena_str(&a, der);
	for (unsigned round = 0; round < ROUNDS; round++) {
		struct trust *t;

		if (trust_empty(&t) < 0)
			give_up("memory");
		add_ca(t, text_of(&a, folder, "root.pem"));
		for (unsigned i = 0; i < 4; i++) {
			if (round & 1u << i)
				add_ca(t, text_of(&a, folder, others[i]));
		}
		if (with_crls) {
			add_ca(t, text_of(&a, folder, "ca-a-again.pem"));
			t->crl_required = true;
			add_crl(t, text_of(&a, folder, "crl-root.pem"));
			add_crl(t, text_of(&a, folder, "crl-a.pem"));
		}
		if (trust_seal(t) < 0)
			give_up("memory");
		miss += judge_once(t, ders, n);
		for (int i = 0; i < HITS; i++)
			hit += judge_once(t, ders, n);
		trust_unref(t);
	}
	printf("judging a leaf and an issuing CA%s: %.0f us first, %.1f us again\n",
	       with_crls ? ", CRLs of both" : "", miss / ROUNDS, hit / (ROUNDS * HITS));
	buf_fini(&scratch);
	arena_fini(&a);
}

static void put(struct buf *b, uint8_t tag, struct str value)
{
	size_t bytes = 0;

	buf_addc(b, (char)tag);
	while (value.n >= 0x80 && value.n >> 8 * bytes)
		bytes++;
	if (bytes)
		buf_addc(b, (char)(0x80 | bytes));
	do
		buf_addc(b, (char)(value.n >> 8 * (bytes ? bytes - 1 : 0)));
	while (bytes && --bytes);
	buf_add(b, value);
}

static struct str next_serial(uint64_t *seed, char serial[16])
{
	for (int i = 0; i < 16; i++) {
		*seed = *seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		serial[i] = (char)(*seed >> 56);
	}
	serial[0] = (char)((serial[0] & 0x3f) | 0x40);
	return (struct str){serial, 16};
}

/* A list of n random serial numbers whose signature nobody checks. */
static void make_list(struct buf *list, size_t n)
{
	const struct str algorithm = STR("\x30\x0a\x06\x08\x2a\x86\x48\xce\x3d\x04\x03\x02");
	struct buf entries = BUF_INIT, one = BUF_INIT, tbs = BUF_INIT, whole = BUF_INIT;
	uint64_t seed = 1;
	char serial[16];

	for (size_t i = 0; i < n; i++) {
		buf_clear(&one);
		put(&one, DER_INTEGER, next_serial(&seed, serial));
		put(&one, DER_UTC_TIME, STR("260101000000Z"));
		put(&entries, DER_SEQUENCE, buf_str(&one));
	}
	put(&tbs, DER_INTEGER, STR("\x01"));
	buf_add(&tbs, algorithm);
	put(&tbs, DER_SEQUENCE, STR(""));
	put(&tbs, DER_UTC_TIME, STR("260101000000Z"));
	put(&tbs, DER_UTC_TIME, STR("490101000000Z"));
	put(&tbs, DER_SEQUENCE, buf_str(&entries));
	put(&whole, DER_SEQUENCE, buf_str(&tbs));
	buf_add(&whole, algorithm);
	put(&whole, DER_BIT_STRING, STR("\0x"));
	put(list, DER_SEQUENCE, buf_str(&whole));
	buf_fini(&entries);
	buf_fini(&one);
	buf_fini(&tbs);
	buf_fini(&whole);
}

static void looking_up(size_t n)
{
	enum { LOOKUPS = 200000 };
	struct buf list = BUF_INIT;
	uint64_t seed = 1, stranger = 2;
	double before, parse, look;
	size_t listed = 0;
	char serial[16];
	const char *why;
	struct crl *c;

	make_list(&list, n);
	before = cpu_usec();
	if (crl_parse(&c, buf_str(&list), &why) < 0)
		give_up(why);
	parse = cpu_usec() - before;
	before = cpu_usec();
	for (size_t i = 0; i < LOOKUPS; i++) {
		if (i % n == 0)
			seed = 1;
		listed += serials_have(&c->serials, next_serial(i % 2 ? &seed : &stranger, serial));
	}
	look = cpu_usec() - before;
	if (listed != LOOKUPS / 2)
		give_up("a look-up went wrong");
	printf("CRL of %7zu entries: read in %.1f ms, %.1f MB kept, look-up %.0f ns\n", n, parse / 1e3,
	       (double)(c->serials.count * c->serials.width) / 1e6, look * 1e3 / LOOKUPS);
	crl_free(c);
	buf_fini(&list);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		give_up("which PKI?");
	judging(argv[1], false);
	judging(argv[1], true);
	looking_up(10);
	looking_up(10000);
	looking_up(1000000);
	return 0;
}
