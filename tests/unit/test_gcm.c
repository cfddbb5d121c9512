/* SPDX-License-Identifier: Apache-2.0 */
/* AES-GCM of mtls/gcm.c: the specification's own cases, then beside the specification written out, a bit at a
 * time, for every length that has a shape. */
#include <mbedtls/aes.h>
#include <mbedtls/gcm.h>

#include "tests/unit/cases.h"

enum { TAG = 16, NONCE = 12, MOST = 16384 + 64 };

static size_t unhex(const char *hex, unsigned char *out)
{
	size_t n = 0;

	for (; hex[0] != 0; hex += 2)
		out[n++] = (unsigned char)(ascii_hex(hex[0]) << 4 | ascii_hex(hex[1]));
	return n;
}

#define KEY "feffe9928665731c6d6a8f9467308308"
#define TEXT                                                                                                 \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525"   \
	"b16aedf5aa0de657ba637b39"
#define ADD "feedfacedeadbeeffeedfacedeadbeefabaddad2"
#define ZEROS "00000000000000000000000000000000"

/* McGrew and Viega, The Galois/Counter Mode of Operation, appendix B: those with nonces of 96 bits */
static const struct {
	const char *key, *nonce, *add, *text, *secret, *tag;
} known[] =
    {
        {ZEROS, "000000000000000000000000", "", "", "", "58e2fccefa7e3061367f1d57a4e7455a"},
        {ZEROS, "000000000000000000000000", "", ZEROS, "0388dace60b6a392f328c2b971b2fe78",
         "ab6e47d42cec13bdf53a67b21257bddf"},
        {KEY, "cafebabefacedbaddecaf888", "", TEXT "1aafd255",
         "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa05"
         "1ba30b396a0aac973d58e091473f5985",
         "4d5c2af327cd64a62cf35abd2ba6fab4"},
        {KEY, "cafebabefacedbaddecaf888", ADD, TEXT,
         "42831ec2217774244b7221b784d0d49ce3aa212f2c02a4e035c17e2329aca12e21d514b25466931c7d8f6a5aac84aa05"
         "1ba30b396a0aac973d58e091",
         "5bc94fbc3221a5db94fae95ae7121a47"},
        {ZEROS ZEROS, "000000000000000000000000", "", "", "", "530f8afbc74536b9a963b4f1c4cb738b"},
        {ZEROS ZEROS, "000000000000000000000000", "", ZEROS, "cea7403d4d606b6e074ec5d3baf39d18",
         "d0d1c8a799996bf0265b98b5d48ab919"},
        {KEY KEY, "cafebabefacedbaddecaf888", ADD, TEXT,
         "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838"
         "c5f61e6393ba7a0abcc9f662",
         "76fc6ece0f4e1768cddf8853bb2d551b"},
},
  *k;

static void known_answers(void **state)
{
	unsigned char key[32], nonce[NONCE], add[64], text[64], secret[64], tag[TAG], out[64], got[TAG];

	(void)state;
	EACH(k, known)
	{
		size_t key_n = unhex(k->key, key), add_n = unhex(k->add, add), n = unhex(k->text, text);
		mbedtls_gcm_context ctx;

		unhex(k->nonce, nonce);
		unhex(k->secret, secret);
		unhex(k->tag, tag);
		mbedtls_gcm_init(&ctx);
		assert_int_equal(mbedtls_gcm_setkey(&ctx, MBEDTLS_CIPHER_ID_AES, key, (unsigned)key_n * 8),
		                 0);
		assert_int_equal(mbedtls_gcm_crypt_and_tag(&ctx, MBEDTLS_GCM_ENCRYPT, n, nonce, NONCE, add,
		                                           add_n, text, out, TAG, got),
		                 0);
		assert_memory_equal(out, secret, n);
		assert_memory_equal(got, tag, TAG);
		assert_int_equal(
		    mbedtls_gcm_auth_decrypt(&ctx, n, nonce, NONCE, add, add_n, tag, TAG, secret, out), 0);
		assert_memory_equal(out, text, n);
		mbedtls_gcm_free(&ctx);
	}
}

static uint64_t seed = 1;

static void fill(unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		seed = seed * UINT64_C(6364136223846793005) + 1442695040888963407;
		p[i] = (unsigned char)(seed >> 56);
	}
}

/* ---- NIST SP 800-38D as it is written, slow ---- */

/* y = (y ^ block) * h: section 6.3 */
static void times(unsigned char y[16], const unsigned char *block, size_t n, const unsigned char h[16])
{
	unsigned char z[16] = {0}, v[16];

	memcpy(v, h, 16);
	for (size_t i = 0; i < n; i++)
		y[i] ^= block[i];
	for (unsigned bit = 0; bit < 128; bit++) {
		bool odd = v[15] & 1;

		for (unsigned i = 0; i < 16 && y[bit / 8] >> (7 - bit % 8) & 1; i++)
			z[i] ^= v[i];
		for (unsigned i = 15; i > 0; i--)
			v[i] = (unsigned char)(v[i] >> 1 | v[i - 1] << 7);
		v[0] >>= 1;
		if (odd)
			v[0] ^= 0xe1;
	}
	memcpy(y, z, 16);
}

static void hash(unsigned char y[16], const unsigned char *p, size_t n, const unsigned char h[16])
{
	for (size_t at = 0; at < n; at += 16)
		times(y, p + at, n - at < 16 ? n - at : 16, h);
}

static void written_out(mbedtls_aes_context *aes, size_t n, const unsigned char *nonce,
                        const unsigned char *add, size_t add_n, const unsigned char *in, unsigned char *out,
                        unsigned char *tag)
{
	unsigned char h[16] = {0}, counter[16] = {0}, mask[16], stream[16], lengths[16] = {0}, y[16] = {0};

	mbedtls_aes_crypt_ecb(aes, MBEDTLS_AES_ENCRYPT, h, h);
	memcpy(counter, nonce, NONCE);
	counter[15] = 1;
	mbedtls_aes_crypt_ecb(aes, MBEDTLS_AES_ENCRYPT, counter, mask);
	for (size_t i = 0; i < n; i++) {
		if (i % 16 == 0) {
			uint32_t c = (uint32_t)(i / 16) + 2;

			counter[12] = (unsigned char)(c >> 24), counter[13] = (unsigned char)(c >> 16);
			counter[14] = (unsigned char)(c >> 8), counter[15] = (unsigned char)c;
			mbedtls_aes_crypt_ecb(aes, MBEDTLS_AES_ENCRYPT, counter, stream);
		}
		out[i] = in[i] ^ stream[i % 16];
	}
	for (unsigned i = 0; i < 8; i++) {
		lengths[7 - i] = (unsigned char)((uint64_t)add_n * 8 >> 8 * i);
		lengths[15 - i] = (unsigned char)((uint64_t)n * 8 >> 8 * i);
	}
	hash(y, add, add_n, h);
	hash(y, out, n, h);
	times(y, lengths, 16, h);
	for (unsigned i = 0; i < 16; i++)
		tag[i] = y[i] ^ mask[i];
}

/* out: where it is written, before or at the text in room */
static void beside_it(mbedtls_gcm_context *ctx, mbedtls_aes_context *aes, size_t n, size_t add_n,
                      size_t distance)
{
	static unsigned char text[MOST], want[MOST], room[MOST + 64];
	unsigned char nonce[NONCE], add[64], want_tag[TAG], tag[TAG];
	unsigned char *in = room + 64, *out = in - distance;

	fill(nonce, NONCE);
	fill(add, add_n);
	fill(text, n);
	written_out(aes, n, nonce, add, add_n, text, want, want_tag);
	memcpy(in, text, n);
	assert_int_equal(mbedtls_gcm_crypt_and_tag(ctx, MBEDTLS_GCM_ENCRYPT, n, nonce, NONCE, add, add_n, in,
	                                           out, TAG, tag),
	                 0);
	if (memcmp(out, want, n) != 0 || memcmp(tag, want_tag, TAG) != 0)
		fail_msg("encrypting %zu and %zu bytes at distance %zu differs", n, add_n, distance);
	memcpy(in, want, n);
	assert_int_equal(mbedtls_gcm_auth_decrypt(ctx, n, nonce, NONCE, add, add_n, want_tag, TAG, in, out),
	                 0);
	if (memcmp(out, text, n) != 0)
		fail_msg("decrypting %zu and %zu bytes at distance %zu differs", n, add_n, distance);
}

static void as_it_is_written(void **state)
{
	static const size_t distances[] = {0, 16, 13, 64}, large[] = {1400, 4096, 16383, 16384}, *d, *l;
	unsigned bits;

	(void)state;
	for (bits = 128; bits <= 256; bits += 64) {
		unsigned char key[32];
		mbedtls_gcm_context ctx;
		mbedtls_aes_context aes;
		size_t n;

		fill(key, sizeof(key));
		mbedtls_gcm_init(&ctx);
		mbedtls_aes_init(&aes);
		assert_int_equal(mbedtls_gcm_setkey(&ctx, MBEDTLS_CIPHER_ID_AES, key, bits), 0);
		assert_int_equal(mbedtls_aes_setkey_enc(&aes, key, bits), 0);
		EACH(d, distances)
		{
			for (n = 0; n <= 150; n++)
				beside_it(&ctx, &aes, n, n % 41, *d);
			EACH(l, large)
			beside_it(&ctx, &aes, *l, 5, *d);
		}
		mbedtls_gcm_free(&ctx);
		mbedtls_aes_free(&aes);
	}
}

/* One bit anywhere, and nothing of the text is handed out. */
static void refuses_what_was_changed(void **state)
{
	static const unsigned char nothing[300];
	unsigned char key[32], nonce[NONCE], add[13], text[300], out[300], tag[TAG];
	struct {
		unsigned char *p;
		size_t n;
	} parts[] = {{nonce, NONCE}, {add, sizeof(add)}, {text, sizeof(text)}, {tag, TAG}}, *p;
	mbedtls_gcm_context ctx;

	(void)state;
	fill(key, sizeof(key));
	fill(nonce, NONCE);
	fill(add, sizeof(add));
	fill(text, sizeof(text));
	mbedtls_gcm_init(&ctx);
	assert_int_equal(mbedtls_gcm_setkey(&ctx, MBEDTLS_CIPHER_ID_AES, key, 256), 0);
	assert_int_equal(mbedtls_gcm_crypt_and_tag(&ctx, MBEDTLS_GCM_ENCRYPT, sizeof(text), nonce, NONCE, add,
	                                           sizeof(add), text, text, TAG, tag),
	                 0);
	EACH(p, parts)
	for (size_t bit = 0; bit < p->n * 8; bit++) {
		p->p[bit / 8] ^= (unsigned char)(1 << bit % 8);
		memset(out, 1, sizeof(out));
		assert_int_equal(mbedtls_gcm_auth_decrypt(&ctx, sizeof(text), nonce, NONCE, add, sizeof(add),
		                                          tag, TAG, text, out),
		                 MBEDTLS_ERR_GCM_AUTH_FAILED);
		assert_memory_equal(out, nothing, sizeof(out));
		p->p[bit / 8] ^= (unsigned char)(1 << bit % 8);
	}
	assert_int_equal(
	    mbedtls_gcm_auth_decrypt(&ctx, sizeof(text), nonce, NONCE, add, sizeof(add), tag, TAG, text, out),
	    0);
	mbedtls_gcm_free(&ctx);
}

/* Nonces and tags of other lengths, and back to the usual ones. */
static void other_shapes(void **state)
{
	unsigned char key[16] = {0}, nonce[8] = {1}, usual[NONCE] = {3}, text[40] = {2}, secret[40], tag[TAG];
	mbedtls_gcm_context ctx;

	(void)state;
	mbedtls_gcm_init(&ctx);
	assert_int_equal(mbedtls_gcm_setkey(&ctx, MBEDTLS_CIPHER_ID_AES, key, 128), 0);
	assert_int_equal(mbedtls_gcm_crypt_and_tag(&ctx, MBEDTLS_GCM_ENCRYPT, sizeof(text), nonce,
	                                           sizeof(nonce), NULL, 0, text, secret, 12, tag),
	                 0);
	assert_int_equal(mbedtls_gcm_auth_decrypt(&ctx, sizeof(text), nonce, sizeof(nonce), NULL, 0, tag, 12,
	                                          secret, secret),
	                 0);
	assert_memory_equal(text, secret, sizeof(text));
	tag[11] ^= 1;
	assert_int_equal(mbedtls_gcm_auth_decrypt(&ctx, sizeof(text), nonce, sizeof(nonce), NULL, 0, tag, 12,
	                                          secret, secret),
	                 MBEDTLS_ERR_GCM_AUTH_FAILED);
	assert_int_equal(mbedtls_gcm_crypt_and_tag(&ctx, MBEDTLS_GCM_ENCRYPT, sizeof(text), usual,
	                                           sizeof(usual), NULL, 0, text, secret, 16, tag),
	                 0);
	assert_int_equal(mbedtls_gcm_auth_decrypt(&ctx, sizeof(text), usual, sizeof(usual), NULL, 0, tag, 16,
	                                          secret, secret),
	                 0);
	assert_memory_equal(text, secret, sizeof(text));
	mbedtls_gcm_free(&ctx);
}

/* What would hand out a text that nobody has judged, keys and sizes that are none, and a context without a
 * key. */
static void what_is_not_done(void **state)
{
	unsigned char key[32] = {0}, nonce[NONCE] = {0}, text[16] = {0}, tag[TAG] = {0};
	mbedtls_gcm_context ctx;

	(void)state;
	mbedtls_gcm_init(&ctx);
	assert_int_not_equal(mbedtls_gcm_crypt_and_tag(&ctx, MBEDTLS_GCM_ENCRYPT, 16, nonce, NONCE, NULL, 0,
	                                               text, text, TAG, tag),
	                     0);
	assert_int_not_equal(mbedtls_gcm_auth_decrypt(&ctx, 16, nonce, NONCE, NULL, 0, tag, TAG, text, text),
	                     0);
	assert_int_not_equal(mbedtls_gcm_setkey(&ctx, MBEDTLS_CIPHER_ID_AES, key, 64), 0);
	assert_int_not_equal(mbedtls_gcm_setkey(&ctx, MBEDTLS_CIPHER_ID_AES, key, 512), 0);
	assert_int_not_equal(mbedtls_gcm_setkey(&ctx, MBEDTLS_CIPHER_ID_ARIA, key, 128), 0);
	assert_int_equal(mbedtls_gcm_setkey(&ctx, MBEDTLS_CIPHER_ID_AES, key, 128), 0);
	assert_int_not_equal(mbedtls_gcm_crypt_and_tag(&ctx, MBEDTLS_GCM_DECRYPT, 16, nonce, NONCE, NULL, 0,
	                                               text, text, TAG, tag),
	                     0);
	for (size_t n = 0; n < 20; n++)
		assert_int_equal(mbedtls_gcm_crypt_and_tag(&ctx, MBEDTLS_GCM_ENCRYPT, 16, nonce, NONCE, NULL,
		                                           0, text, text, n, tag) == 0,
		                 n >= 4 && n <= 16);
	assert_int_not_equal(mbedtls_gcm_starts(&ctx, MBEDTLS_GCM_ENCRYPT, nonce, NONCE), 0);
	mbedtls_gcm_free(&ctx);
	mbedtls_gcm_free(&ctx);
	mbedtls_gcm_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(known_answers),
	    cmocka_unit_test(as_it_is_written),
	    cmocka_unit_test(refuses_what_was_changed),
	    cmocka_unit_test(other_shapes),
	    cmocka_unit_test(what_is_not_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
