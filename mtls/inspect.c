/* SPDX-License-Identifier: Apache-2.0 */
/* Certificates from texts, judged by the code that judges handshakes. */
#include "mtls/inspect.h"
#include "base/err.h"
#include "mtls/pem.h"
#include "mtls/trust.h"

static int read_chain(mbedtls_x509_crt *chain, struct str text, const char **why)
{
	struct buf scratch = BUF_INIT;
	struct str der;
	size_t n = 0;
	int rc;

	while ((rc = pem_next(&text, STR("CERTIFICATE"), &scratch, &der)) == 1) {
		n++;
		switch (cert_parse_der(chain, (const unsigned char *)der.p, der.n)) {
		case 0:
			continue;
		case MBEDTLS_ERR_X509_ALLOC_FAILED:
			rc = -ERR_NOMEM;
			break;
		default:
			*why = "a certificate cannot be read by the TLS library";
			rc = -ERR_INVALID;
		}
		break;
	}
	if (rc == -ERR_INVALID && !*why)
		*why = "the certificate file is broken";
	if (rc == 0 && n == 0) {
		*why = "there is no certificate";
		rc = -ERR_INVALID;
	}
	buf_fini(&scratch);
	return rc;
}

static int read_ca(struct trust *t, struct str text, const char **why)
{
	struct buf scratch = BUF_INIT;
	const mbedtls_x509_crt *added;
	struct str der;
	int rc;

	while ((rc = pem_next(&text, STR("CERTIFICATE"), &scratch, &der)) == 1) {
		if ((rc = trust_add_ca(t, der, &added, why)) < 0)
			break;
	}
	if (rc == -ERR_INVALID && !*why)
		*why = "the CA file is broken";
	buf_fini(&scratch);
	return rc;
}

static int read_crl(struct trust *t, struct str text, const char **why)
{
	struct buf scratch = BUF_INIT;
	struct str der;
	struct shared_crl *c;
	size_t n = 0;
	int rc;

	while ((rc = pem_next(&text, STR("X509 CRL"), &scratch, &der)) == 1) {
		n++;
		if ((rc = trust_add_crl(t, der, &c, why)) < 0)
			break;
		*why = NULL;
	}
	if (rc == -ERR_INVALID && !*why)
		*why = "the CRL file is broken";
	if (rc == 0 && n == 0) {
		*why = "there is no CRL in the CRL file";
		rc = -ERR_INVALID;
	}
	buf_fini(&scratch);
	return rc;
}

int inspect_chain(struct cert_facts **out, struct str pem, struct str ca, const struct str *crls, size_t n,
                  int64_t at, const char **why)
{
	mbedtls_x509_crt chain;
	struct trust *t;
	int rc;

	*out = NULL;
	*why = NULL;
	if ((rc = trust_empty(&t)) < 0)
		return rc;
	mbedtls_x509_crt_init(&chain);
	t->crl_required = n > 0;
	if ((rc = read_chain(&chain, pem, why)) < 0 || (rc = read_ca(t, ca, why)) < 0)
		goto done;
	for (size_t i = 0; i < n; i++) {
		if ((rc = read_crl(t, crls[i], why)) < 0)
			goto done;
	}
	if ((rc = trust_seal(t)) == 0)
		rc = chain_judge(out, t, &chain, at);
done:
	mbedtls_x509_crt_free(&chain);
	trust_unref(t);
	return rc;
}

int inspect_crl(struct crl_facts *out, struct str text, const char **why)
{
	struct buf scratch = BUF_INIT;
	struct str der;
	int rc;

	*out = (struct crl_facts){.this_update = INT64_MIN, .next_update = INT64_MAX};
	*why = NULL;
	while ((rc = pem_next(&text, STR("X509 CRL"), &scratch, &der)) == 1) {
		struct crl *c;

		if ((rc = crl_parse(&c, der, why)) < 0)
			break;
		*why = NULL;
		out->lists++;
		out->entries += c->serials.count;
		if (c->this_update > out->this_update)
			out->this_update = c->this_update;
		if (c->next_update < out->next_update)
			out->next_update = c->next_update;
		crl_free(c);
	}
	buf_fini(&scratch);
	if (rc == 0 && out->lists == 0)
		rc = -ERR_INVALID;
	if (rc == -ERR_INVALID && !*why)
		*why = out->lists ? "the CRL file is broken" : "there is no CRL in the CRL file";
	return rc;
}
