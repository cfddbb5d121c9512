/* SPDX-License-Identifier: Apache-2.0 */
/*
 * x-forwarded-client-cert as Envoy writes it: "Hash=…;Cert="…";Chain="…";Subject="…";URI=…;DNS=…".
 * Certificates are PEM, percent-encoded; their base64 is taken from the RFC 9440 fields, which hold it
 * already.
 */
#include "base/buf.h"
#include "headers/internal.h"

enum { PEM_COLUMNS = 64 };

/* The first value of a field, "" if it has none; false when out of memory. */
static bool value_get(source_get *get, void *ctx, struct arena *a, struct str field, struct str *out)
{
	struct source_values values = {NULL, 0};

	*out = STR("");
	if (!get(ctx, field, a, &values))
		return false;
	if (values.n)
		*out = values.v[0];
	return true;
}

static void element_separate(struct buf *b)
{
	if (b->n)
		buf_addc(b, ';');
}

/* Base64 as lines of PEM, with what URLs treat apart percent-encoded. */
static void pem_add(struct buf *b, struct str base64)
{
	size_t i;

	buf_add(b, STR("-----BEGIN%20CERTIFICATE-----%0A"));
	for (i = 0; i < base64.n; i++) {
		char c = base64.p[i];

		if (c == '+' || c == '/' || c == '=')
			buf_printf(b, "%%%02X", c);
		else
			buf_addc(b, c);
		if (i % PEM_COLUMNS == PEM_COLUMNS - 1 || i + 1 == base64.n)
			buf_add(b, STR("%0A"));
	}
	buf_add(b, STR("-----END%20CERTIFICATE-----%0A"));
}

/* Items of a structured-field list of byte sequences, ":base64:, :base64:". */
static void items_add(struct buf *b, struct str list)
{
	struct str item;

	while (list_next(&list, &item))
		if (item.n > 2)
			pem_add(b, str_sub(item, 1, item.n - 1));
}

static bool quote_needed(struct str s)
{
	size_t i;

	for (i = 0; i < s.n; i++)
		if (strchr(" ,;=\"\\", s.p[i]))
			return true;
	return s.n == 0;
}

static void text_add(struct buf *b, const char *key, struct str s, bool quoted, bool *left_out)
{
	size_t i;

	if (!value_valid(s)) {
		*left_out = true;
		return;
	}
	element_separate(b);
	buf_add(b, str_of(key));
	if (!quoted && !quote_needed(s)) {
		buf_add(b, s);
		return;
	}
	buf_addc(b, '"');
	for (i = 0; i < s.n; i++) {
		if (s.p[i] == '"' || s.p[i] == '\\')
			buf_addc(b, '\\');
		buf_addc(b, s.p[i]);
	}
	buf_addc(b, '"');
}

static void texts_add(struct buf *b, const char *key, struct source_values values, bool *left_out)
{
	size_t i;

	for (i = 0; i < values.n; i++)
		text_add(b, key, values.v[i], false, left_out);
}

struct str xfcc_render(source_get *get, void *ctx, struct arena *a, bool *left_out)
{
	struct source_values uris = {NULL, 0}, names = {NULL, 0};
	struct str hash, leaf, chain, chain_cut, subject, out = STR_NONE;
	struct buf b = BUF_INIT;

	if (!value_get(get, ctx, a, STR("cf.tls_client_auth.cert_fingerprint_sha256"), &hash) ||
	    !value_get(get, ctx, a, STR("cf.tls_client_auth.cert_rfc9440"), &leaf) ||
	    !value_get(get, ctx, a, STR("cf.tls_client_auth.cert_chain_rfc9440"), &chain) ||
	    !value_get(get, ctx, a, STR("cf.tls_client_auth.cert_chain_rfc9440_too_large"), &chain_cut) ||
	    !value_get(get, ctx, a, STR("cf.tls_client_auth.cert_subject_dn_rfc2253"), &subject) ||
	    !get(ctx, STR("tls.client.san.uri"), a, &uris) || !get(ctx, STR("tls.client.san.dns"), a, &names))
		return STR_NONE;
	text_add(&b, "Hash=", hash, false, left_out);
	if (leaf.n) {
		element_separate(&b);
		buf_add(&b, STR("Cert=\""));
		items_add(&b, leaf);
		buf_addc(&b, '"');
	}
	if (leaf.n && !str_eq(chain_cut, STR("true"))) {
		element_separate(&b);
		buf_add(&b, STR("Chain=\""));
		items_add(&b, leaf);
		items_add(&b, chain);
		buf_addc(&b, '"');
	}
	text_add(&b, "Subject=", subject, true, left_out);
	texts_add(&b, "URI=", uris, left_out);
	texts_add(&b, "DNS=", names, left_out);
	if (!b.failed)
		out = arena_str(a, buf_str(&b));
	buf_fini(&b);
	return out;
}
