/* SPDX-License-Identifier: Apache-2.0 */
/* How TLS is spoken with origins: trust, a certificate of our own, version, from files. */
#include "mtls/client.h"

#include <errno.h>
#include <stdlib.h>

#include <mbedtls/error.h>

#include "base/err.h"
#include "base/file.h"
#include "mtls/inspect.h"
#include "mtls/state.h"

static const char system_anchors[] = "/etc/ssl/certs/ca-certificates.crt";

static bool load_anchors(struct tls_client *c, const struct tls_path *path, struct diags *d)
{
	struct arena scratch = ARENA_INIT;
	struct str text;
	bool ok = false;
	int rc;

	if (file_read(&scratch, path->path.p, LIMIT_FILE_BYTES, &text) < 0) {
		diag_add(d, U8002, path->span, "%.*s cannot be read: %s", STR_FMT(path->path), strerror(errno));
	} else if ((rc = mbedtls_x509_crt_parse(&c->anchors, (const unsigned char *)text.p, text.n + 1)) < 0) {
		diag_add(d, U3026, path->span, "%.*s holds no certificate: %s", STR_FMT(path->path),
			 mbedtls_high_level_strerr(rc) ? mbedtls_high_level_strerr(rc) : "not PEM");
	} else {
		ok = true; /* a system bundle may hold a few that the library does not know; the others serve */
	}
	arena_fini(&scratch);
	return ok;
}

static bool load_trust(struct tls_client *c, const struct tls_client_spec *spec, struct diags *d)
{
	struct tls_path all = { { system_anchors, sizeof(system_anchors) - 1 }, spec->span };
	bool ok = true;

	if (!spec->verify)
		return true;
	if (spec->nca == 0)
		return load_anchors(c, &all, d);
	for (size_t i = 0; i < spec->nca; i++)
		ok = load_anchors(c, &spec->ca[i], d) && ok;
	return ok;
}

static int configure(struct tls_client *c, const struct tls_client_spec *spec)
{
	mbedtls_ssl_config *conf = &c->conf;
	mbedtls_ssl_protocol_version version = spec->version == TLS_MIN_1_3 ? MBEDTLS_SSL_VERSION_TLS1_3
									    : MBEDTLS_SSL_VERSION_TLS1_2;
	int rc = mbedtls_ssl_config_defaults(conf, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
					     MBEDTLS_SSL_PRESET_DEFAULT);

	if (rc != 0)
		return rc;
	mbedtls_ssl_conf_rng(conf, tls_random, NULL);
	mbedtls_ssl_conf_min_tls_version(conf, version);
	mbedtls_ssl_conf_max_tls_version(conf, version);
	context_parameters(conf);
	mbedtls_ssl_conf_authmode(conf, spec->verify ? MBEDTLS_SSL_VERIFY_REQUIRED : MBEDTLS_SSL_VERIFY_NONE);
	mbedtls_ssl_conf_ca_chain(conf, &c->anchors, NULL);
	mbedtls_ssl_conf_session_tickets(conf, spec->session_seconds > 0);
	mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(conf, spec->session_seconds > 0);
	if (c->own.nkeys > 0 && (rc = mbedtls_ssl_conf_own_cert(conf, &c->own.chain, &c->own.keys[0])) != 0)
		return rc;
	return mbedtls_ssl_conf_alpn_protocols(conf, c->alpn);
}

int tls_client_new(struct tls_client **out, const struct tls_client_spec *spec, struct diags *d)
{
	struct tls_client *c = calloc(1, sizeof(*c));
	int rc = -ERR_RULES;
	bool ok;

	*out = NULL;
	if (!c)
		return -ERR_NOMEM;
	atomic_init(&c->refs, 1);
	mbedtls_ssl_config_init(&c->conf);
	mbedtls_x509_crt_init(&c->anchors);
	own_cert_init(&c->own);
	c->session_seconds = spec->session_seconds;
	c->alpn[0] = spec->http2 ? "h2" : "http/1.1";
	ok = load_trust(c, spec, d);
	if (spec->certificate.path.n > 0)
		ok = own_cert_load(&c->own, &spec->certificate, &spec->key, d) && ok;
	if (!ok)
		goto done;
	if (configure(c, spec) != 0) {
		rc = -ERR_NOMEM;
		goto done;
	}
	*out = c;
	return 0;
done:
	tls_client_unref(c);
	return rc;
}

struct tls_client *tls_client_ref(struct tls_client *c)
{
	atomic_fetch_add_explicit(&c->refs, 1, memory_order_relaxed);
	return c;
}

void tls_client_unref(struct tls_client *c)
{
	if (!c || atomic_fetch_sub_explicit(&c->refs, 1, memory_order_acq_rel) != 1)
		return;
	mbedtls_ssl_config_free(&c->conf);
	mbedtls_x509_crt_free(&c->anchors);
	own_cert_fini(&c->own);
	free(c);
}
