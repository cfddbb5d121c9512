/* SPDX-License-Identifier: Apache-2.0 */
/* Finding certificates and CRLs in files. */
#include "mtls/pem.h"
#include "base/base64.h"
#include "base/err.h"
#include "mtls/der.h"

#define BEGIN "-----BEGIN "
#define END "-----END "
#define DASHES "-----"

static bool find(struct str s, struct str needle, size_t *at)
{
	const char *p = s.n >= needle.n ? memmem(s.p, s.n, needle.p, needle.n) : NULL;

	if (p)
		*at = (size_t)(p - s.p);
	return p != NULL;
}

static bool is_der(struct str text)
{
	struct der d = der_of(text);

	return der_at(&d, DER_SEQUENCE) && der_any(&d, NULL, NULL, NULL);
}

static int next_der(struct str *text, struct str *der)
{
	struct der d = der_of(*text);

	if (!der_at(&d, DER_SEQUENCE) || !der_any(&d, NULL, NULL, der))
		return -ERR_INVALID;
	*text = str_trim(str_sub(*text, der->n, text->n));
	while (text->n && (text->p[0] == '\n' || text->p[0] == '\r'))
		*text = str_trim(str_sub(*text, 1, text->n));
	return text->n == 0 || is_der(*text) ? 1 : -ERR_INVALID;
}

static int decode(struct str body, struct buf *scratch, struct str *der)
{
	size_t n;

	buf_clear(scratch);
	if (!buf_reserve(scratch, body.n / 4 * 3 + 3))
		return -ERR_NOMEM;
	if (!base64_decode(body, (uint8_t *)scratch->p, &n) || n == 0)
		return -ERR_INVALID;
	*der = (struct str){scratch->p, n};
	return 1;
}

int pem_next(struct str *text, struct str label, struct buf *scratch, struct str *der)
{
	size_t at;

	if (is_der(*text))
		return next_der(text, der);
	while (find(*text, STR(BEGIN), &at)) {
		struct str name, body;

		*text = str_sub(*text, at + sizeof(BEGIN) - 1, text->n);
		if (!find(*text, STR(DASHES), &at))
			return -ERR_INVALID;
		name = str_sub(*text, 0, at);
		*text = str_sub(*text, at + sizeof(DASHES) - 1, text->n);
		if (!find(*text, STR(END), &at))
			return -ERR_INVALID;
		body = str_sub(*text, 0, at);
		*text = str_sub(*text, at + sizeof(END) - 1, text->n);
		if (!str_starts(*text, name) || !str_starts(str_sub(*text, name.n, text->n), STR(DASHES)))
			return -ERR_INVALID;
		*text = str_sub(*text, name.n + sizeof(DASHES) - 1, text->n);
		if (str_eq(name, label))
			return decode(body, scratch, der);
	}
	return 0;
}
