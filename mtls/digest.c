/* SPDX-License-Identifier: Apache-2.0 */
/* Digests and randomness for the folders above, which do not know the library. */
#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>

#include <mbedtls/md.h>
#include <mbedtls/sha1.h>
#include <mbedtls/sha256.h>

#include "mtls/inspect.h"

/* With our configuration these fail only if the library was built without the digest: a mistake of ours. */
static void must(int rc)
{
	if (rc != 0)
		abort();
}

void digest_sha256(struct str s, uint8_t out[32])
{
	must(mbedtls_sha256((const unsigned char *)(s.n ? s.p : ""), s.n, out, 0));
}

void digest_sha1(struct str s, uint8_t out[20])
{
	must(mbedtls_sha1((const unsigned char *)(s.n ? s.p : ""), s.n, out));
}

void digest_hmac_sha256(struct str key, struct str s, uint8_t out[32])
{
	must(mbedtls_md_hmac(mbedtls_md_info_from_type(MBEDTLS_MD_SHA256),
	                     (const unsigned char *)(key.n ? key.p : ""), key.n,
	                     (const unsigned char *)(s.n ? s.p : ""), s.n, out));
}

bool random_bytes(void *out, size_t n)
{
	uint8_t *p = out;

	while (n) {
		ssize_t got = getrandom(p, n, 0);

		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		p += got;
		n -= (size_t)got;
	}
	return true;
}
