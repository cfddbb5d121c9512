/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client's certificate as plain data, in the formats that rules, headers and logs use (reference 1.7 and
 * language.md). Read once per connection and again whenever the chain is judged again; constant in between.
 * All slices live in one arena owned by the facts.
 */
#ifndef MTLS_FACTS_H
#define MTLS_FACTS_H

#include "base/arena.h"
#include "base/ip.h"
#include "base/str.h"

enum verify_result {
#define VERIFY_RESULT(id, name, title) id,
#include "mtls/verify_results.def"
#undef VERIFY_RESULT
};

struct strs {
	const struct str *v;
	size_t n;
};

struct name_facts { /* a distinguished name */
	struct str dn, dn_rfc2253, dn_legacy;
	struct strs cn, o, ou; /* values, UTF-8, in certificate order; the rules' subject.cn is the last cn */
};

struct cert_facts {
	struct arena arena;
	unsigned refs;                   /* beyond the first; those of one thread */
	bool presented, verified, revoked;
	enum verify_result result;       /* VERIFY_ABSENT without a certificate */
	struct name_facts subject, issuer;
	struct str serial, issuer_serial;
	struct str fingerprint_sha256, fingerprint_sha1, spki_sha256; /* lower-case hex */
	struct str not_before, not_after; /* "Mar  1 13:35:00 2022 GMT" */
	int64_t not_before_epoch, not_after_epoch;
	struct str ski, issuer_ski;       /* upper-case hex; issuer's from the verified path only */
	struct str rfc9440, chain_rfc9440; /* Client-Cert, Client-Cert-Chain; "" when too large */
	bool rfc9440_too_large, chain_rfc9440_too_large;
	struct strs san_dns, san_uri, san_email;
	struct { const struct ip *v; size_t n; } san_ip;
	struct strs eku;                  /* dotted OIDs */
	struct str key_type;              /* "rsa", "ec" */
	int64_t key_bits;
	struct str signature_algorithm;   /* OpenSSL's long name, e.g. ecdsa-with-SHA256 */
	int64_t chain_length;             /* certificates the client sent, leaf included */
	struct strs chain_fingerprints_sha256;
	struct str der, chain_pem;        /* leaf DER; URL-encoded PEM is made by the transform that needs it */
	struct strs chain_der;            /* as sent, leaf first */
	/* http:// addresses that the certificates of a signed path name, leaf first; no facts for rules */
	struct strs crl_urls, ocsp_urls;
	int64_t valid_until;              /* judged result rests on nothing that expires before this Unix time */
};

const char *verify_result_name(enum verify_result r);  /* "ok", "absent", … as in tls.client.verify_result */

/* Facts of a connection without certificate: one constant object, result VERIFY_ABSENT. Never freed. */
const struct cert_facts *cert_facts_absent(void);

/* Facts that somebody goes on reading although the session may be judged anew: one count more, one less. */
const struct cert_facts *cert_facts_ref(const struct cert_facts *f);
void cert_facts_unref(const struct cert_facts *f); /* NULL is welcome */

/* The connection's side: what TLS settled. Lives in the session, constant after the handshake (or a re-judgement). */
struct tls_facts {
	bool tls;
	struct str version;      /* "TLSv1.2", "TLSv1.3"; "none" without TLS */
	struct str cipher;       /* cf.tls_cipher's spelling: ECDHE-RSA-AES128-GCM-SHA256, AEAD-AES128-GCM-SHA256 */
	struct str sni, alpn;    /* "" if none */
	bool resumed, reverified;
	struct str ticket_refused; /* why a ticket that was offered did not open, "" if none was or it did */
	int64_t full_handshake_time; /* Unix seconds of the original full handshake; age = now - this */
	int64_t hello_length;
	struct str client_random, extensions_sha1, extensions_sha1_le, ciphers_sha1; /* base64, "" until known */
};

#endif
