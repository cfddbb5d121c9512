/* SPDX-License-Identifier: Apache-2.0 */
/* See tls_lab.h. */
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>

#include <mbedtls/error.h>
#include <mbedtls/pem.h>

#include "base/file.h"
#include "mtls/state.h"
#include "tests/unit/tls_lab.h"

#define MUST(x)                                                                                              \
	do {                                                                                                 \
		int must_rc = (x);                                                                           \
		if (must_rc != 0) {                                                                          \
			fprintf(stderr, "%s:%d: %s: %d\n", __FILE__, __LINE__, #x, must_rc);                 \
			abort();                                                                             \
		}                                                                                            \
	} while (0)

static struct arena kept = ARENA_INIT; /* what lives until the program ends */

static void clean_up(void)
{
	arena_fini(&kept);
	tls_global_fini();
}

static const char *pki_dir(void)
{
	static const char *dir;
	char command[512];

	if (dir)
		return dir;
	MUST(tls_global_init());
	atexit(clean_up);
	dir = getenv("USHER_TEST_PKI");
	if (!dir)
		dir = "build/pki";
	snprintf(command, sizeof(command), "sh tests/pki/make.sh '%s'", dir);
	MUST(system(command));
	return dir;
}

const char *lab_pki(const char *name)
{
	return arena_printf(&kept, "%s/%s", pki_dir(), name).p;
}

int64_t lab_pki_age(void)
{
	struct stat st;

	MUST(stat(lab_pki("crl-a.pem"), &st));
	return (int64_t)(time(NULL) - st.st_mtime);
}

struct str lab_file(const char *path)
{
	struct str text;

	MUST(file_read(&kept, path, 1 << 26, &text));
	return text;
}

/* Splits a list at spaces; returns how many. */
static size_t split(const char *list, struct str *out, size_t max)
{
	size_t n = 0;

	while (list && *list) {
		size_t len = strcspn(list, " ");

		if (n == max)
			abort();
		if (len)
			out[n++] = arena_str(&kept, (struct str){list, len});
		list += len + (list[len] == ' ');
	}
	return n;
}

static struct tls_path pki_path(struct str name, const char *suffix)
{
	return (struct tls_path){str_of(lab_pki(arena_printf(&kept, "%.*s%s", STR_FMT(name), suffix).p)),
	                         SPAN_NONE};
}

struct tls_zone *lab_zone(const struct lab_zone *spec)
{
	struct str hosts[16], certs[4], cas[4], crls[8];
	struct tls_path cert_paths[4], key_paths[4], ca_paths[4], crl_paths[8];
	struct tls_zone_spec z = {
	    .name = str_of(spec->name),
	    .hosts = hosts,
	    .nhosts = split(spec->hosts, hosts, 16),
	    .certificates = cert_paths,
	    .keys = key_paths,
	    .ncertificates = split(spec->certs ? spec->certs : "server-ecdsa", certs, 4),
	    .client_auth = spec->client_auth,
	    .client_ca = ca_paths,
	    .nclient_ca = split(spec->ca, cas, 4),
	    .client_crl = crl_paths,
	    .nclient_crl = split(spec->crl, crls, 8),
	    .minimum = spec->minimum,
	    .resume = spec->resume,
	    .ticket_lifetime = spec->lifetime ? spec->lifetime : 3600,
	    .ticket_reuse = spec->reuse,
	    .tickets = spec->tickets ? spec->tickets : 1,
	};
	struct diags d;
	struct tls_zone *out;

	for (size_t i = 0; i < z.ncertificates; i++) {
		cert_paths[i] = pki_path(certs[i], "-chain.pem");
		key_paths[i] = pki_path(certs[i], ".key");
	}
	for (size_t i = 0; i < z.nclient_ca; i++)
		ca_paths[i] = pki_path(cas[i], ".pem");
	for (size_t i = 0; i < z.nclient_crl; i++)
		crl_paths[i] = pki_path(crls[i], ".pem");
	z.crl_required = z.nclient_crl > 0;
	diags_init(&d);
	if (tls_zone_new(&out, &z, &d) != 0) {
		diags_print(&d, stderr, false);
		abort();
	}
	diags_fini(&d);
	return out;
}

struct tls_context *lab_context(const struct lab_zone *specs, size_t n, int dflt, const char *alpn)
{
	struct tls_zone *zones[8];
	struct str names[8];
	size_t nnames = split(alpn, names, 8);
	struct tls_context *ctx;

	for (size_t i = 0; i < n; i++)
		zones[i] = lab_zone(&specs[i]);
	MUST(tls_context_new(&ctx, zones, n, dflt >= 0 ? zones[dflt] : NULL, names, nnames));
	for (size_t i = 0; i < n; i++)
		tls_zone_unref(zones[i]);
	return ctx;
}

static int client_recv(void *p, unsigned char *out, size_t n)
{
	struct lab_client *c = p;
	struct str all = buf_str(&c->in);

	if (all.n == 0)
		return MBEDTLS_ERR_SSL_WANT_READ;
	if (n > all.n)
		n = all.n;
	memcpy(out, all.p, n);
	buf_consume(&c->in, n);
	return (int)n;
}

static int client_send(void *p, const unsigned char *bytes, size_t n)
{
	struct lab_client *c = p;

	buf_add(&c->out, (struct str){(const char *)bytes, n});
	return (int)n;
}

/* The library's own reader of PEM files stops at critical name constraints. */
static void load_chain(mbedtls_x509_crt *crt, struct str text)
{
	size_t used;

	for (const char *p = text.p; strstr(p, "-----BEGIN"); p += used) {
		mbedtls_pem_context pem;

		mbedtls_pem_init(&pem);
		MUST(mbedtls_pem_read_buffer(&pem, "-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----",
		                             (const unsigned char *)p, NULL, 0, &used));
		MUST(cert_parse_der(crt, pem.MBEDTLS_PRIVATE(buf), pem.MBEDTLS_PRIVATE(buflen)));
		mbedtls_pem_free(&pem);
	}
}

static void client_init(struct lab_client *c, const struct lab_client_spec *spec)
{
	struct str names[8], root = lab_file(lab_pki("root.pem"));
	size_t n = split(spec->alpn, names, 7);

	*c = (struct lab_client){.rc = MBEDTLS_ERR_SSL_WANT_READ};
	mbedtls_ssl_init(&c->ssl);
	mbedtls_ssl_config_init(&c->conf);
	mbedtls_x509_crt_init(&c->ca);
	mbedtls_x509_crt_init(&c->chain);
	mbedtls_pk_init(&c->key);
	mbedtls_ssl_session_init(&c->session);
	MUST(mbedtls_ssl_config_defaults(&c->conf, MBEDTLS_SSL_IS_CLIENT, MBEDTLS_SSL_TRANSPORT_STREAM,
	                                 MBEDTLS_SSL_PRESET_DEFAULT));
	mbedtls_ssl_conf_rng(&c->conf, tls_random, NULL);
	MUST(mbedtls_x509_crt_parse(&c->ca, (const unsigned char *)root.p, root.n + 1));
	mbedtls_ssl_conf_ca_chain(&c->conf, &c->ca, NULL);
	mbedtls_ssl_conf_authmode(&c->conf, spec->sni && !spec->careless ? MBEDTLS_SSL_VERIFY_REQUIRED
	                                                                 : MBEDTLS_SSL_VERIFY_NONE);
	mbedtls_ssl_conf_min_tls_version(&c->conf, spec->version == 13 ? MBEDTLS_SSL_VERSION_TLS1_3
	                                                               : MBEDTLS_SSL_VERSION_TLS1_2);
	mbedtls_ssl_conf_max_tls_version(&c->conf, spec->version == 12 ? MBEDTLS_SSL_VERSION_TLS1_2
	                                                               : MBEDTLS_SSL_VERSION_TLS1_3);
	mbedtls_ssl_conf_tls13_enable_signal_new_session_tickets(
	    &c->conf, MBEDTLS_SSL_TLS1_3_SIGNAL_NEW_SESSION_TICKETS_ENABLED);
	if (spec->cert) {
		struct str chain = lab_file(lab_pki(arena_printf(&kept, "%s-chain.pem", spec->cert).p));
		struct str key = lab_file(lab_pki(arena_printf(&kept, "%s.key", spec->cert).p));

		load_chain(&c->chain, chain);
		MUST(mbedtls_pk_parse_key(&c->key, (const unsigned char *)key.p, key.n + 1, NULL, 0,
		                          tls_random, NULL));
		MUST(mbedtls_ssl_conf_own_cert(&c->conf, &c->chain, &c->key));
	}
	for (size_t i = 0; i < n; i++)
		c->alpn[i] = names[i].p;
	if (n)
		MUST(mbedtls_ssl_conf_alpn_protocols(&c->conf, c->alpn));
	if (spec->group) {
		c->groups[0] = spec->group;
		mbedtls_ssl_conf_groups(&c->conf, c->groups);
	}
	if (spec->suite) {
		c->suites[0] = spec->suite;
		mbedtls_ssl_conf_ciphersuites(&c->conf, c->suites);
	}
	MUST(mbedtls_ssl_setup(&c->ssl, &c->conf));
	MUST(mbedtls_ssl_set_hostname(&c->ssl, spec->sni));
	if (spec->resume)
		MUST(mbedtls_ssl_set_session(&c->ssl, spec->resume));
	mbedtls_ssl_set_bio(&c->ssl, c, client_send, client_recv, NULL);
}

void lab_client_init(struct lab_client *c, const struct lab_client_spec *spec)
{
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* for what is kept */

	pthread_mutex_lock(&lock);
	client_init(c, spec);
	pthread_mutex_unlock(&lock);
}

void lab_client_free(struct lab_client *c)
{
	mbedtls_ssl_free(&c->ssl);
	mbedtls_ssl_config_free(&c->conf);
	mbedtls_x509_crt_free(&c->ca);
	mbedtls_x509_crt_free(&c->chain);
	mbedtls_pk_free(&c->key);
	mbedtls_ssl_session_free(&c->session);
	buf_fini(&c->in);
	buf_fini(&c->out);
	buf_fini(&c->got);
}

static void keep_session(struct lab_client *c)
{
	mbedtls_ssl_session_free(&c->session);
	mbedtls_ssl_session_init(&c->session);
	c->has_session = mbedtls_ssl_get_session(&c->ssl, &c->session) == 0;
}

/* Lets the client do what it can. */
static void client_step(struct lab_client *c)
{
	char plain[4096];
	int n;

	if (c->rc != 0 && c->rc != MBEDTLS_ERR_SSL_WANT_READ)
		return;
	if (!c->done) {
		c->rc = mbedtls_ssl_handshake(&c->ssl);
		if (c->rc != 0)
			return;
		c->done = true;
		if (mbedtls_ssl_get_version_number(&c->ssl) == MBEDTLS_SSL_VERSION_TLS1_2)
			keep_session(c);
	}
	for (;;) {
		n = mbedtls_ssl_read(&c->ssl, (unsigned char *)plain, sizeof(plain));
		if (n == MBEDTLS_ERR_SSL_RECEIVED_NEW_SESSION_TICKET) {
			keep_session(c);
			continue;
		}
		if (n <= 0)
			break;
		buf_add(&c->got, (struct str){plain, (size_t)n});
	}
	if (n != MBEDTLS_ERR_SSL_WANT_READ)
		c->rc = n;
}

enum session_state lab_run(struct lab_client *c, struct session *s, size_t chunk)
{
	for (int idle = 0; idle < 2;) {
		struct str bytes;

		client_step(c);
		bytes = buf_str(&c->out);
		idle = bytes.n ? 0 : idle + 1;
		while (bytes.n) {
			size_t n = chunk && chunk < bytes.n ? chunk : bytes.n;

			session_feed(s, str_sub(bytes, 0, n));
			bytes = str_sub(bytes, n, bytes.n);
		}
		buf_clear(&c->out);
		bytes = buf_str(session_output(s));
		buf_add(&c->in, bytes);
		buf_consume(session_output(s), bytes.n);
	}
	return session_state(s);
}

struct session *lab_connect(struct lab_client *c, struct tls_context *ctx, const struct lab_client_spec *spec)
{
	struct session *s;

	lab_client_init(c, spec);
	MUST(session_new(&s, ctx));
	if (lab_run(c, s, 0) == SESSION_OPEN) {
		lab_say(c, "hello");
		lab_run(c, s, 0);
		MUST(!str_eq(buf_str(session_plain(s)), STR("hello")));
		buf_consume(session_plain(s), 5);
		MUST(session_write(s, STR("world")));
		lab_run(c, s, 0);
		MUST(!str_eq(buf_str(&c->got), STR("world")));
	}
	return s;
}

void lab_say(struct lab_client *c, const char *text)
{
	MUST(mbedtls_ssl_write(&c->ssl, (const unsigned char *)text, strlen(text)) != (int)strlen(text));
}

int lab_alert(const struct lab_client *c)
{
	if (c->rc != MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE)
		return -1;
	return c->ssl.MBEDTLS_PRIVATE(in_msg)[1];
}
