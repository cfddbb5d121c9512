/* SPDX-License-Identifier: Apache-2.0 */
/*
 * AES-GCM of whole records, eight blocks at a time, where the processor multiplies without carries.
 *
 * The library does one block after the other, and each waits for the one before: that was three quarters of
 * all processor time of a download. This file steps in front of its two functions for whole messages (--wrap,
 * see the Makefile), with the library's own round keys. Everything else stays the library's: keys, other
 * lengths of nonces and tags, and every processor that lacks the instructions. As there, no branch and no
 * address depends on a secret.
 *
 * GHASH is NIST SP 800-38D, section 6.4, on bytes in reverse order: then a block is an integer, and products
 * of such integers come out with their bits in order, one place too low. So the hash key is kept times x. A
 * polynomial of 256 bits is reduced by x^128 + x^7 + x^2 + x + 1 in two folds of 64 bits from its low end. Up
 * to eight blocks are multiplied by powers of the key, and their sum is reduced once:
 *
 *     ((y ^ b1) h^8) ^ (b2 h^7) ^ ... ^ (b8 h)
 */
#include <mbedtls/aes.h>
#include <mbedtls/constant_time.h>
#include <mbedtls/gcm.h>
#include <mbedtls/platform_util.h>

#include "base/str.h"

int __real_mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context *ctx, int mode, size_t n, const unsigned char *iv,
                                     size_t iv_n, const unsigned char *add, size_t add_n,
                                     const unsigned char *in, unsigned char *out, size_t tag_n,
                                     unsigned char *tag);
int __wrap_mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context *ctx, int mode, size_t n, const unsigned char *iv,
                                     size_t iv_n, const unsigned char *add, size_t add_n,
                                     const unsigned char *in, unsigned char *out, size_t tag_n,
                                     unsigned char *tag);
int __real_mbedtls_gcm_auth_decrypt(mbedtls_gcm_context *ctx, size_t n, const unsigned char *iv, size_t iv_n,
                                    const unsigned char *add, size_t add_n, const unsigned char *tag,
                                    size_t tag_n, const unsigned char *in, unsigned char *out);
int __wrap_mbedtls_gcm_auth_decrypt(mbedtls_gcm_context *ctx, size_t n, const unsigned char *iv, size_t iv_n,
                                    const unsigned char *add, size_t add_n, const unsigned char *tag,
                                    size_t tag_n, const unsigned char *in, unsigned char *out);

enum { BLOCK = 16, BATCH = 8, NONCE = 12, MOST = 1 << 24 /* bytes: far below where the counter wraps */ };

#if defined(__x86_64__)

#include <immintrin.h>

#define FAST __attribute__((target("aes,pclmul,ssse3")))
#define INLINE FAST __attribute__((always_inline)) static inline

/* Blocks of a batch by name: the compiler keeps each in a register. */
#define EACH(f) f(0) f(1) f(2) f(3) f(4) f(5) f(6) f(7)

struct work {
	__m128i key[15]; /* of the rounds */
	int rounds;
	__m128i h[BATCH + 1]; /* h[i]: the i-th power of the hash key, times x */
	__m128i mask;         /* the first counter block encrypted: hides the tag */
	__m128i counter;      /* bytes in reverse order */
	__m128i hash;
	unsigned char text[BATCH * BLOCK]; /* the last bytes, filled up with zeros */
};

INLINE __m128i reversed(__m128i block)
{
	return _mm_shuffle_epi8(block, _mm_set_epi8(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
}

INLINE __m128i load(const unsigned char *p)
{
	return _mm_loadu_si128((const __m128i *)(const void *)p);
}

INLINE void store(unsigned char *p, __m128i block)
{
	_mm_storeu_si128((__m128i *)(void *)p, block);
}

/* ---- GHASH ---- */

struct product {
	__m128i low, middle, high; /* of 256 bits, the middle 64 bits up */
};

INLINE void add_product(struct product *p, __m128i a, __m128i b)
{
	p->low ^= _mm_clmulepi64_si128(a, b, 0x00);
	p->middle ^= _mm_clmulepi64_si128(a, b, 0x01) ^ _mm_clmulepi64_si128(a, b, 0x10);
	p->high ^= _mm_clmulepi64_si128(a, b, 0x11);
}

/* x^7 + x^2 + x as reversed bits; with the 1 of x^128 folding is a swap of halves and one multiplication. */
INLINE __m128i polynomial(void)
{
	return _mm_set_epi64x((long long)0xc200000000000000, 1);
}

INLINE __m128i folded(__m128i low, __m128i rest)
{
	return rest ^ _mm_shuffle_epi32(low, 0x4e) ^ _mm_clmulepi64_si128(low, polynomial(), 0x10);
}

INLINE __m128i reduced(const struct product *p)
{
	return folded(folded(p->low, p->middle), p->high);
}

INLINE __m128i product_of(__m128i a, __m128i b)
{
	struct product p = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};

	add_product(&p, a, b);
	return reduced(&p);
}

INLINE __m128i times_x(__m128i h)
{
	__m128i carries = _mm_srli_epi64(h, 63);
	__m128i top = _mm_shuffle_epi32(_mm_srai_epi32(h, 31), 0xff); /* all ones if x^127 was there */

	return _mm_slli_epi64(h, 1) ^ _mm_slli_si128(carries, 8) ^ (top & polynomial());
}

FAST static void powers(struct work *w, __m128i h, size_t most)
{
	w->h[1] = times_x(reversed(h));
	for (size_t i = 2; i <= most; i++)
		w->h[i] = product_of(w->h[i - i / 2], w->h[i / 2]);
}

FAST static void hash_blocks(struct work *w, const unsigned char *p, size_t n)
{
	struct product sum = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
	__m128i before = w->hash;

	for (size_t i = 0; i < n; i++) {
		add_product(&sum, reversed(load(p + i * BLOCK)) ^ before, w->h[n - i]);
		before = _mm_setzero_si128();
	}
	w->hash = reduced(&sum);
}

static FAST void hash_text(struct work *w, const unsigned char *p, size_t n)
{
	unsigned char last[BLOCK] = {0};

	for (; n >= BLOCK; p += BLOCK, n -= BLOCK)
		hash_blocks(w, p, 1);
	if (n > 0) {
		memcpy(last, p, n);
		hash_blocks(w, last, 1);
	}
}

/* ---- AES in counter mode ---- */

INLINE void encrypt(const struct work *w, __m128i b[BATCH])
{
#define FIRST(i) b[i] ^= w->key[0];
#define ROUND(i) b[i] = _mm_aesenc_si128(b[i], key);
#define LAST(i) b[i] = _mm_aesenclast_si128(b[i], key);
	__m128i key;

	EACH(FIRST)
	for (int r = 1; r < w->rounds; r++) {
		key = w->key[r];
		EACH(ROUND)
	}
	key = w->key[w->rounds];
	EACH(LAST)
#undef FIRST
#undef ROUND
#undef LAST
}

INLINE void key_stream(struct work *w, __m128i b[BATCH])
{
#define COUNT(i) b[i] = reversed(_mm_add_epi32(w->counter, _mm_set_epi32(0, 0, 0, i)));
	EACH(COUNT)
#undef COUNT
	w->counter = _mm_add_epi32(w->counter, _mm_set_epi32(0, 0, 0, BATCH));
	encrypt(w, b);
}

/* Eight blocks. All are read before one is written: out may be in, or lie before it. */
INLINE void batch(struct work *w, bool decrypt, const unsigned char *in, unsigned char *out)
{
#define READ(i) text[i] = load(in + i * BLOCK);
#define WRITE(i)                                                                                             \
	b[i] ^= text[i];                                                                                     \
	store(out + i * BLOCK, b[i]);                                                                        \
	text[i] = reversed(decrypt ? text[i] : b[i]);
#define HASH(i) add_product(&sum, text[i], w->h[BATCH - i]);
	struct product sum = {_mm_setzero_si128(), _mm_setzero_si128(), _mm_setzero_si128()};
	__m128i b[BATCH], text[BATCH];

	key_stream(w, b);
	EACH(READ)
	EACH(WRITE)
	text[0] ^= w->hash;
	EACH(HASH)
	w->hash = reduced(&sum);
#undef READ
#undef WRITE
#undef HASH
}

/* Fewer bytes than a batch has. */
FAST static void rest(struct work *w, bool decrypt, const unsigned char *in, size_t n, unsigned char *out)
{
	__m128i b[BATCH], text;
	size_t i;

	memset(w->text, 0, sizeof(w->text));
	memcpy(w->text, in, n);
	key_stream(w, b);
	if (decrypt)
		hash_blocks(w, w->text, (n + BLOCK - 1) / BLOCK);
	for (i = 0; i < BATCH; i++) {
		text = load(w->text + i * BLOCK) ^ b[i];
		store(w->text + i * BLOCK, text);
	}
	memcpy(out, w->text, n);
	memset(w->text + n, 0, sizeof(w->text) - n);
	if (!decrypt)
		hash_blocks(w, w->text, (n + BLOCK - 1) / BLOCK);
}

FAST static void crypt(struct work *w, bool decrypt, const unsigned char *in, size_t n, unsigned char *out)
{
	for (; n >= BATCH * BLOCK; n -= BATCH * BLOCK) {
		if (decrypt)
			batch(w, true, in, out);
		else
			batch(w, false, in, out);
		in += BATCH * BLOCK;
		out += BATCH * BLOCK;
	}
	if (n > 0)
		rest(w, decrypt, in, n, out);
}

/* ---- one message ---- */

FAST static void begin(struct work *w, const mbedtls_aes_context *aes, size_t n, const unsigned char *nonce)
{
	const uint32_t *keys = aes->MBEDTLS_PRIVATE(buf) + aes->MBEDTLS_PRIVATE(rk_offset);
	size_t blocks = (n + BLOCK - 1) / BLOCK;
	unsigned char first[BLOCK] = {[BLOCK - 1] = 1};
	__m128i b[BATCH] = {0};
	int i;

	w->rounds = aes->MBEDTLS_PRIVATE(nr);
	for (i = 0; i <= w->rounds; i++)
		w->key[i] = load((const unsigned char *)(keys + 4 * i));
	memcpy(first, nonce, NONCE);
	b[1] = load(first);
	w->counter = _mm_add_epi32(reversed(b[1]), _mm_set_epi32(0, 0, 0, 1));
	encrypt(w, b);
	w->mask = b[1];
	w->hash = _mm_setzero_si128();
	powers(w, b[0], blocks < 1 ? 1 : blocks < BATCH ? blocks : BATCH);
}

FAST static void end(struct work *w, size_t add_n, size_t n, unsigned char tag[BLOCK])
{
	__m128i lengths = _mm_set_epi64x((long long)add_n * 8, (long long)n * 8);

	w->hash = product_of(w->hash ^ lengths, w->h[1]);
	store(tag, reversed(w->hash) ^ w->mask);
}

static void run(const mbedtls_aes_context *aes, bool decrypt, size_t n, const unsigned char *nonce,
                struct str add, const unsigned char *in, unsigned char *out, unsigned char tag[BLOCK])
{
	struct work w;

	begin(&w, aes, n, nonce);
	hash_text(&w, (const unsigned char *)add.p, add.n);
	crypt(&w, decrypt, in, n, out);
	end(&w, add.n, n, tag);
	mbedtls_platform_zeroize(&w, sizeof(w));
}

/* The round keys, if this file does such a message on this processor. */
static const mbedtls_aes_context *taken(const mbedtls_gcm_context *ctx, size_t n, size_t nonce_n,
                                        size_t add_n, size_t tag_n)
{
	const mbedtls_cipher_context_t *cipher = &ctx->MBEDTLS_PRIVATE(cipher_ctx);
	const mbedtls_cipher_info_t *info = cipher->MBEDTLS_PRIVATE(cipher_info);

	if (n > MOST || add_n > MOST || nonce_n != NONCE || tag_n != BLOCK || info == NULL)
		return NULL;
	switch (mbedtls_cipher_info_get_type(info)) {
	case MBEDTLS_CIPHER_AES_128_ECB:
	case MBEDTLS_CIPHER_AES_192_ECB:
	case MBEDTLS_CIPHER_AES_256_ECB:
		break;
	default:
		return NULL;
	}
	if (!__builtin_cpu_supports("aes") || !__builtin_cpu_supports("pclmul") ||
	    !__builtin_cpu_supports("ssse3"))
		return NULL;
	return cipher->MBEDTLS_PRIVATE(cipher_ctx);
}

#else

static const mbedtls_aes_context *taken(const mbedtls_gcm_context *ctx, size_t n, size_t nonce_n,
                                        size_t add_n, size_t tag_n)
{
	(void)ctx, (void)n, (void)nonce_n, (void)add_n, (void)tag_n;
	return NULL;
}

static void run(const mbedtls_aes_context *aes, bool decrypt, size_t n, const unsigned char *nonce,
                struct str add, const unsigned char *in, unsigned char *out, unsigned char tag[BLOCK])
{
	(void)aes, (void)decrypt, (void)n, (void)nonce, (void)add, (void)in, (void)out, (void)tag;
}

#endif

int __wrap_mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context *ctx, int mode, size_t n, const unsigned char *iv,
                                     size_t iv_n, const unsigned char *add, size_t add_n,
                                     const unsigned char *in, unsigned char *out, size_t tag_n,
                                     unsigned char *tag)
{
	const mbedtls_aes_context *aes = taken(ctx, n, iv_n, add_n, tag_n);

	if (aes == NULL)
		return __real_mbedtls_gcm_crypt_and_tag(ctx, mode, n, iv, iv_n, add, add_n, in, out, tag_n,
		                                        tag);
	run(aes, mode == MBEDTLS_GCM_DECRYPT, n, iv, (struct str){(const char *)add, add_n}, in, out, tag);
	return 0;
}

int __wrap_mbedtls_gcm_auth_decrypt(mbedtls_gcm_context *ctx, size_t n, const unsigned char *iv, size_t iv_n,
                                    const unsigned char *add, size_t add_n, const unsigned char *tag,
                                    size_t tag_n, const unsigned char *in, unsigned char *out)
{
	const mbedtls_aes_context *aes = taken(ctx, n, iv_n, add_n, tag_n);
	unsigned char good[BLOCK];
	int differs;

	if (aes == NULL)
		return __real_mbedtls_gcm_auth_decrypt(ctx, n, iv, iv_n, add, add_n, tag, tag_n, in, out);
	run(aes, true, n, iv, (struct str){(const char *)add, add_n}, in, out, good);
	differs = mbedtls_ct_memcmp(good, tag, BLOCK);
	mbedtls_platform_zeroize(good, sizeof(good));
	if (differs == 0)
		return 0;
	mbedtls_platform_zeroize(out, n);
	return MBEDTLS_ERR_GCM_AUTH_FAILED;
}
