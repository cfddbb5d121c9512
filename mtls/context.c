/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One listener: which zone serves which server name, and a complete configuration of the library for each of
 * them.
 *
 * mbedtls_ssl_config is read-only once it is built, so all workers share it: random numbers have no state
 * (global.c), and private keys are only read, RSA blinding aside, which the library locks.
 */
#include <stdlib.h>

#include "base/err.h"
#include "mtls/state.h"

/* AEAD with forward secrecy only; in this order. */
static const int suites[] = {
    MBEDTLS_TLS1_3_AES_128_GCM_SHA256,
    MBEDTLS_TLS1_3_AES_256_GCM_SHA384,
    MBEDTLS_TLS1_3_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
    MBEDTLS_TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
    MBEDTLS_TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
    0,
};

static const uint16_t groups[] = {
    MBEDTLS_SSL_IANA_TLS_GROUP_X25519,    MBEDTLS_SSL_IANA_TLS_GROUP_SECP256R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_SECP384R1, MBEDTLS_SSL_IANA_TLS_GROUP_SECP521R1,
    MBEDTLS_SSL_IANA_TLS_GROUP_NONE,
};

static const uint16_t signatures[] = {
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP256R1_SHA256, MBEDTLS_TLS1_3_SIG_ECDSA_SECP384R1_SHA384,
    MBEDTLS_TLS1_3_SIG_ECDSA_SECP521R1_SHA512, MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA256,
    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA384,    MBEDTLS_TLS1_3_SIG_RSA_PSS_RSAE_SHA512,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA256,       MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA384,
    MBEDTLS_TLS1_3_SIG_RSA_PKCS1_SHA512,       MBEDTLS_TLS1_3_SIG_NONE,
};

/* Naming hundreds of CAs makes every handshake longer and helps no client choose. */
static bool hint_fits(const mbedtls_x509_crt *ca)
{
	size_t n = 0;

	for (; ca; ca = ca->next)
		n += ca->subject_raw.len + 2;
	return n <= LIMIT_CA_HINT_BYTES;
}

void context_parameters(mbedtls_ssl_config *conf)
{
	mbedtls_ssl_conf_ciphersuites(conf, suites);
	mbedtls_ssl_conf_groups(conf, groups);
	mbedtls_ssl_conf_sig_algs(conf, signatures);
	mbedtls_ssl_conf_cert_profile(conf, trust_profile());
}

static int configure(struct served_zone *s, const struct tls_context *c)
{
	struct tls_zone *z = s->zone;
	mbedtls_ssl_config *conf = &s->conf;
	int rc;

	rc = mbedtls_ssl_config_defaults(conf, MBEDTLS_SSL_IS_SERVER, MBEDTLS_SSL_TRANSPORT_STREAM,
	                                 MBEDTLS_SSL_PRESET_DEFAULT);
	if (rc != 0)
		return rc;
	mbedtls_ssl_conf_rng(conf, tls_random, NULL);
	mbedtls_ssl_conf_min_tls_version(conf, z->minimum == TLS_MIN_1_3 ? MBEDTLS_SSL_VERSION_TLS1_3
	                                                                 : MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_max_tls_version(conf, MBEDTLS_SSL_VERSION_TLS1_3);
	mbedtls_ssl_conf_tls13_key_exchange_modes(conf,
	                                          MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_EPHEMERAL |
	                                              MBEDTLS_SSL_TLS1_3_KEY_EXCHANGE_MODE_PSK_EPHEMERAL);
	context_parameters(conf);
	mbedtls_ssl_conf_cert_cb(conf, handshake_cert_cb);
	mbedtls_ssl_conf_authmode(conf, z->client_auth == CLIENT_AUTH_OFF ? MBEDTLS_SSL_VERIFY_NONE
	                                                                  : MBEDTLS_SSL_VERIFY_OPTIONAL);
	mbedtls_ssl_conf_ca_chain(conf, trust_anchors(z->trust), NULL);
	mbedtls_ssl_conf_cert_req_ca_list(conf, hint_fits(trust_anchors(z->trust))
	                                            ? MBEDTLS_SSL_CERT_REQ_CA_LIST_ENABLED
	                                            : MBEDTLS_SSL_CERT_REQ_CA_LIST_DISABLED);
	if (z->resume)
		mbedtls_ssl_conf_session_tickets_cb(conf, ticket_write, ticket_parse, NULL);
	mbedtls_ssl_conf_new_session_tickets(conf, z->resume ? (uint16_t)z->tickets : 0);
	for (size_t i = 0; rc == 0 && i < z->ncerts; i++)
		rc = mbedtls_ssl_conf_own_cert(conf, &z->certs[i].chain, &z->certs[i].keys[0]);
	if (rc == 0 && c->alpn)
		rc = mbedtls_ssl_conf_alpn_protocols(conf, c->alpn);
	return rc;
}

static int by_name(const void *a, const void *b)
{
	return str_cmp(((const struct served_name *)a)->name, ((const struct served_name *)b)->name);
}

static bool index_names(struct tls_context *c)
{
	size_t n = 0;

	for (size_t i = 0; i < c->nzones; i++)
		n += c->zones[i].zone->nhosts;
	c->exact = arena_array(&c->arena, n, sizeof(*c->exact));
	c->suffix = arena_array(&c->arena, n, sizeof(*c->suffix));
	if (!c->exact || !c->suffix)
		return false;
	for (size_t i = 0; i < c->nzones; i++) {
		const struct tls_zone *z = c->zones[i].zone;

		for (size_t k = 0; k < z->nhosts; k++) {
			struct str host = z->hosts[k];

			if (str_starts(host, STR("*.")))
				c->suffix[c->nsuffix++] =
				    (struct served_name){str_sub(host, 1, host.n), (unsigned)i};
			else
				c->exact[c->nexact++] = (struct served_name){host, (unsigned)i};
		}
	}
	qsort(c->exact, c->nexact, sizeof(*c->exact), by_name);
	qsort(c->suffix, c->nsuffix, sizeof(*c->suffix), by_name);
	return true;
}

static bool copy_alpn(struct tls_context *c, const struct str *alpn, size_t n)
{
	if (n == 0)
		return true;
	c->alpn = arena_array(&c->arena, n + 1, sizeof(*c->alpn));
	for (size_t i = 0; c->alpn && i < n; i++) {
		c->alpn[i] = arena_str(&c->arena, alpn[i]).p;
		if (!c->alpn[i])
			return false;
	}
	return c->alpn != NULL;
}

int tls_context_new(struct tls_context **out, struct tls_zone *const *zones, size_t n,
                    struct tls_zone *default_zone, const struct str *alpn, size_t nalpn)
{
	struct tls_context *c = calloc(1, sizeof(*c));
	int rc = -ERR_NOMEM;

	*out = NULL;
	if (!c)
		return rc;
	atomic_init(&c->refs, 1);
	arena_init(&c->arena, 0);
	c->default_zone = -1;
	if (ticket_keys_default())
		c->keys = ticket_keys_ref(ticket_keys_default());
	c->zones = calloc(n ? n : 1, sizeof(*c->zones));
	if (!c->zones || !copy_alpn(c, alpn, nalpn))
		goto fail;
	for (; c->nzones < n; c->nzones++) {
		struct served_zone *s = &c->zones[c->nzones];

		s->zone = tls_zone_ref(zones[c->nzones]);
		mbedtls_ssl_config_init(&s->conf);
		if (s->zone == default_zone)
			c->default_zone = (int)c->nzones;
	}
	if (!index_names(c))
		goto fail;
	for (size_t i = 0; i < n; i++) {
		if (configure(&c->zones[i], c) != 0) {
			rc = -ERR_TLS;
			goto fail;
		}
	}
	*out = c;
	return 0;
fail:
	tls_context_unref(c);
	return rc;
}

void tls_context_use_keys(struct tls_context *c, struct ticket_keys *k)
{
	ticket_keys_unref(c->keys);
	c->keys = ticket_keys_ref(k);
}

struct tls_context *tls_context_ref(struct tls_context *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void tls_context_unref(struct tls_context *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	for (size_t i = 0; i < c->nzones; i++) {
		mbedtls_ssl_config_free(&c->zones[i].conf);
		tls_zone_unref(c->zones[i].zone);
	}
	free(c->zones);
	ticket_keys_unref(c->keys);
	arena_fini(&c->arena);
	free(c);
}

static struct served_zone *find(const struct tls_context *c, const struct served_name *names, size_t n,
                                struct str host)
{
	struct served_name key = {host, 0};
	const struct served_name *hit = n ? bsearch(&key, names, n, sizeof(*names), by_name) : NULL;

	return hit ? &c->zones[hit->zone] : NULL;
}

struct served_zone *context_serve(const struct tls_context *c, struct str host)
{
	char lower[256];
	struct served_zone *z;

	if (host.n == 0 || host.n >= sizeof(lower))
		return NULL;
	for (size_t i = 0; i < host.n; i++)
		lower[i] = ascii_lower(host.p[i]);
	host.p = lower;
	z = find(c, c->exact, c->nexact, host);
	/* the first dot from the left that leads to a zone is the longest suffix; a label must stand before
	 * it */
	for (size_t i = 1; !z && i < host.n; i++)
		if (host.p[i] == '.')
			z = find(c, c->suffix, c->nsuffix, str_sub(host, i, host.n));
	return z;
}

struct tls_zone *tls_context_zone(const struct tls_context *c, struct str host)
{
	struct served_zone *z = context_serve(c, host);

	return z ? z->zone : NULL;
}
