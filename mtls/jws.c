/* SPDX-License-Identifier: Apache-2.0 */
/* A key is kept as text and read for each use: the library changes what it verifies with. */
#include <stdlib.h>

#include <mbedtls/ecp.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/x509_crt.h>

#include "mtls/inspect.h"
#include "mtls/jws.h"

enum { SECRET_LEAST = 32, RSA_LEAST = 2048, EC_MOST = 48, DER_MOST = 2 * (EC_MOST + 3) + 3 };

struct jws_key {
	bool secret;
	size_t n; /* of text, with its final NUL where it is PEM */
	char text[];
};

static const struct {
	const char *name;
	mbedtls_md_type_t md;
	mbedtls_pk_type_t pk; /* MBEDTLS_PK_NONE: HMAC */
	size_t bits;          /* of an EC key */
} algorithms[] = {
    {"RS256", MBEDTLS_MD_SHA256, MBEDTLS_PK_RSA, 0},     {"RS384", MBEDTLS_MD_SHA384, MBEDTLS_PK_RSA, 0},
    {"RS512", MBEDTLS_MD_SHA512, MBEDTLS_PK_RSA, 0},     {"ES256", MBEDTLS_MD_SHA256, MBEDTLS_PK_ECKEY, 256},
    {"ES384", MBEDTLS_MD_SHA384, MBEDTLS_PK_ECKEY, 384}, {"HS256", MBEDTLS_MD_SHA256, MBEDTLS_PK_NONE, 0},
};

/* The public key of PEM text, which is one or is in a certificate. pk is initialised; false: nothing there.
 */
static bool public_key(mbedtls_pk_context *pk, mbedtls_x509_crt *crt, const char *text, size_t n,
                       mbedtls_pk_context **out)
{
	const unsigned char *p = (const unsigned char *)text;

	*out = pk;
	if (mbedtls_pk_parse_public_key(pk, p, n) == 0)
		return true;
	*out = &crt->pk;
	return mbedtls_x509_crt_parse(crt, p, n) == 0;
}

struct jws_key *jws_key_new(struct str text, bool secret, const char **why)
{
	struct jws_key *k = calloc(1, sizeof(*k) + text.n + 1);
	mbedtls_pk_context pk, *key;
	mbedtls_x509_crt crt;
	size_t bits = 0;

	*why = "out of memory";
	if (k == NULL)
		return NULL;
	k->secret = secret;
	k->n = text.n + !secret;
	if (text.n > 0)
		memcpy(k->text, text.p, text.n);
	mbedtls_pk_init(&pk);
	mbedtls_x509_crt_init(&crt);
	*why = NULL;
	if (secret)
		*why = text.n < SECRET_LEAST ? "a secret has at least 32 bytes" : NULL;
	else if (!public_key(&pk, &crt, k->text, k->n, &key))
		*why = "not a public key or certificate in PEM";
	else if ((bits = mbedtls_pk_get_bitlen(key)) < RSA_LEAST &&
	         mbedtls_pk_get_type(key) == MBEDTLS_PK_RSA)
		*why = "an RSA key has at least 2048 bits";
	else if (mbedtls_pk_get_type(key) != MBEDTLS_PK_RSA &&
	         (mbedtls_pk_get_type(key) != MBEDTLS_PK_ECKEY || (bits != 256 && bits != 384)))
		*why = "the key is none of RSA, P-256 and P-384";
	mbedtls_x509_crt_free(&crt);
	mbedtls_pk_free(&pk);
	if (*why == NULL)
		return k;
	jws_key_free(k);
	return NULL;
}

void jws_key_free(void *key)
{
	free(key);
}

/* One half of an ECDSA signature as a DER INTEGER; its length. */
static size_t der_integer(unsigned char *to, const unsigned char *from, size_t n)
{
	size_t sign;

	while (n > 1 && *from == 0) {
		from++;
		n--;
	}
	sign = *from >= 0x80;
	to[0] = 0x02;
	to[1] = (unsigned char)(n + sign);
	to[2] = 0;
	memcpy(to + 2 + sign, from, n);
	return 2 + sign + n;
}

static bool verify_ec(mbedtls_pk_context *pk, mbedtls_md_type_t md, const unsigned char *hash, size_t hash_n,
                      struct str signature, size_t bits)
{
	const unsigned char *s = (const unsigned char *)signature.p;
	unsigned char der[DER_MOST];
	size_t half = bits / 8, n;

	if (signature.n != 2 * half || mbedtls_pk_get_bitlen(pk) != bits)
		return false;
	n = der_integer(der + 2, s, half);
	n += der_integer(der + 2 + n, s + half, half);
	der[0] = 0x30;
	der[1] = (unsigned char)n; /* at most 102: one byte says it */
	return mbedtls_pk_verify(pk, md, hash, hash_n, der, n + 2) == 0;
}

static bool verify_public(const struct jws_key *k, size_t a, struct str input, struct str signature)
{
	const mbedtls_md_info_t *info = mbedtls_md_info_from_type(algorithms[a].md);
	unsigned char hash[MBEDTLS_MD_MAX_SIZE];
	mbedtls_pk_context pk, *key;
	mbedtls_x509_crt crt;
	bool good = false;

	mbedtls_pk_init(&pk);
	mbedtls_x509_crt_init(&crt);
	if (info == NULL || mbedtls_md(info, (const unsigned char *)input.p, input.n, hash) != 0 ||
	    !public_key(&pk, &crt, k->text, k->n, &key) || mbedtls_pk_get_type(key) != algorithms[a].pk)
		goto done;
	good = algorithms[a].pk == MBEDTLS_PK_RSA
	           ? mbedtls_pk_verify(key, algorithms[a].md, hash, mbedtls_md_get_size(info),
	                               (const unsigned char *)signature.p, signature.n) == 0
	           : verify_ec(key, algorithms[a].md, hash, mbedtls_md_get_size(info), signature,
	                       algorithms[a].bits);
done:
	mbedtls_x509_crt_free(&crt);
	mbedtls_pk_free(&pk);
	return good;
}

bool jws_verify(const struct jws_key *k, struct str alg, struct str input, struct str signature)
{
	uint8_t mac[32], differ = 0;
	size_t a = 0, n = sizeof(algorithms) / sizeof(*algorithms);

	while (a < n && !str_eq(alg, str_of(algorithms[a].name)))
		a++;
	if (a == n || k->secret != (algorithms[a].pk == MBEDTLS_PK_NONE) || signature.n == 0 || input.n == 0)
		return false;
	if (!k->secret)
		return verify_public(k, a, input, signature);
	digest_hmac_sha256((struct str){k->text, k->n}, input, mac);
	if (signature.n != sizeof(mac))
		return false;
	for (size_t i = 0; i < sizeof(mac); i++)
		differ |= mac[i] ^ (uint8_t)signature.p[i];
	return differ == 0;
}
