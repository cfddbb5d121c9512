/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Fields read off the certificate, one getter per kind of mtls/facts.def. cf.* are never missing;
 * tls.client.* are without a certificate, but for the verify result.
 */
#include "engine/field_get.h"

static const void *member(const struct fields *f, const struct field *row)
{
	const struct cert_facts *cert = f->in->cert != NULL ? f->in->cert : cert_facts_absent();

	return (const char *)cert + row->at;
}

static bool absent(const struct fields *f, const struct field *row)
{
	return row->name[0] == 't' && (f->in->cert == NULL || !f->in->cert->presented);
}

static void strings(struct fields *f, const struct strs *s, struct value *out)
{
	struct value *v = fields_array(f, s->n);

	if (v != NULL)
		for (size_t i = 0; i < s->n; i++)
			v[i] = VALUE_STR(s->v[i]);
	fields_out_array(f, v, s->n, out);
}

void get_fact_BOOL(struct fields *f, const struct field *row, struct value *out)
{
	if (!absent(f, row))
		*out = VALUE_BOOL(*(const bool *)member(f, row));
}

void get_fact_STR(struct fields *f, const struct field *row, struct value *out)
{
	if (!absent(f, row))
		*out = VALUE_STR(*(const struct str *)member(f, row));
}

void get_fact_INT(struct fields *f, const struct field *row, struct value *out)
{
	if (!absent(f, row))
		*out = VALUE_INT(*(const int64_t *)member(f, row));
}

void get_fact_STRS(struct fields *f, const struct field *row, struct value *out)
{
	if (!absent(f, row))
		strings(f, member(f, row), out);
}

void get_fact_IPS(struct fields *f, const struct field *row, struct value *out)
{
	const struct cert_facts *cert = f->in->cert;
	struct value *v;

	if (absent(f, row))
		return;
	v = fields_array(f, cert->san_ip.n); /* the one row of this kind */
	if (v != NULL)
		for (size_t i = 0; i < cert->san_ip.n; i++)
			v[i] = VALUE_IP(&cert->san_ip.v[i]);
	fields_out_array(f, v, cert->san_ip.n, out);
}

void get_fact_LAST(struct fields *f, const struct field *row, struct value *out)
{
	const struct strs *s;

	if (absent(f, row))
		return;
	s = member(f, row);
	if (s->n > 0)
		*out = VALUE_STR(s->v[s->n - 1]);
}

void get_fact_RESULT(struct fields *f, const struct field *row, struct value *out)
{
	*out = VALUE_STR(str_of(verify_result_name(*(const enum verify_result *)member(f, row))));
}

void get_fact_DAYS(struct fields *f, const struct field *row, struct value *out)
{
	int64_t left;

	if (absent(f, row))
		return;
	left = *(const int64_t *)member(f, row) - f->in->now_msec / 1000;
	*out = VALUE_INT(left >= 0 ? left / 86400 : -((-left + 86399) / 86400));
}
