/* SPDX-License-Identifier: Apache-2.0 */
/* From an object to inputs and pinned fields. */
#include "engine/facts_json.h"

#include <stdio.h>
#include <time.h>

#include "base/clock.h"
#include "base/err.h"
#include "engine/facts_request.h"
#include "engine/field.h"
#include "engine/names.h"
#include "engine/sealed.h"
#include "engine/value_json.h"
#include "mtls/inspect.h"

static int clock_of(struct facts_loader *l)
{
	const json_t *json = json_object_get(l->object, "time");
	int64_t *now = &l->f->in.now_msec;
	struct tm tm = {0};
	const char *end;

	if (json == NULL) {
		*now = clock_now_msec();
		return 0;
	}
	if (json_is_integer(json) && json_integer_value(json) > -100000000000 &&
	    json_integer_value(json) < 100000000000) {
		*now = json_integer_value(json) * 1000;
		return 0;
	}
	if (json_is_real(json) && json_real_value(json) > -1e11 && json_real_value(json) < 1e11) {
		*now = (int64_t)(json_real_value(json) * 1000 + 0.5);
		return 0;
	}
	end = json_is_string(json) ? strptime(json_string_value(json), "%Y-%m-%dT%H:%M:%SZ", &tm) : NULL;
	if (end == NULL || *end != '\0')
		return facts_wrong(l, "time: Unix seconds, or a text such as \"2026-11-24T12:00:00Z\"");
	*now = (int64_t)timegm(&tm) * 1000;
	return 0;
}

static const char *const parts[] = {
    "request", "response", "client_certificate", "client_ca", "client_crl", "time",
};

static bool is_part(const char *name)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		if (strcmp(name, parts[i]) == 0)
			return true;
	return false;
}

static int unknown(struct facts_loader *l, const char *name)
{
	struct nearest near = {.name = str_of(name)};
	struct str best;

	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++)
		nearest_offer(&near, str_of(parts[i]));
	best = near.best.n > 0 ? near.best : nearest_field(str_of(name));
	if (foreign_find(str_of(name)) != NULL)
		return facts_wrong(l, "%s: this field has no meaning here", name);
	if (best.n > 0)
		return facts_wrong(l, "%s: no such field; did you mean %.*s?", name, STR_FMT(best));
	return facts_wrong(l, "%s: no such field", name);
}

/* Keys of header maps are lower case, whatever case they were written in. */
static int lower_keys(struct facts_loader *l, const struct value *v)
{
	struct map_entry *e = (struct map_entry *)v->m->v; /* made for us by value_of_json */

	for (size_t i = 0; i < v->m->n; i++)
		if ((e[i].key = arena_lower(l->a, e[i].key)).p == NULL)
			return -ERR_NOMEM;
	map_sort(e, v->m->n);
	for (size_t i = 1; i < v->m->n; i++)
		if (str_eq(e[i].key, e[i - 1].key))
			return facts_wrong(l, "the header %.*s is given twice", STR_FMT(e[i].key));
	return 0;
}

static int fields_of(struct facts_loader *l)
{
	const char *name, *today, *wrong;
	json_t *json;
	int rc;

	json_object_foreach(l->object, name, json)
	{
		const struct field *row;
		struct value v;

		if (is_part(name))
			continue;
		today = alias_find(str_of(name));
		if ((row = field_find(str_of(today != NULL ? today : name))) == NULL)
			return unknown(l, name);
		if ((wrong = value_of_json(l->a, json, row->type, &v)) != NULL)
			return facts_wrong(l, "%s: %s", name, wrong);
		if (row->type == TYPE_MAP_ARRAY_BYTES && !v.missing &&
		    str_ends(str_of(row->name), STR(".headers")) && (rc = lower_keys(l, &v)) < 0)
			return rc;
		if (row == &field_table[FIELD_IP_SRC] && !v.missing)
			l->f->in.client_ip = *v.ip; /* geography follows from it */
		fields_pin(l->f->fields, row, &v);
	}
	return 0;
}

/* A certificate or an https request came by TLS; the rest of what TLS settled is not known. */
static void connection(struct facts *f)
{
	f->tls = (struct tls_facts){.version = STR("none"),
	                            .tls = f->cert != NULL || (f->in.request != NULL && f->request.tls)};
	f->in.tls = &f->tls;
}

int facts_of_json(struct facts *f, struct arena *a, json_t *object, struct str dir, const struct ruleset *r,
                  struct str *why)
{
	struct facts_loader l = {f, a, object, dir, why};
	const json_t *request = json_object_get(object, "request"),
	             *response = json_object_get(object, "response");
	int rc;

	memset(f, 0, sizeof(*f));
	*why = STR("");
	if (!json_is_object(object))
		return facts_wrong(&l, "a JSON object is needed here");
	f->in.request_id = STR("0000000000000000");
	if ((rc = clock_of(&l)) < 0 || (rc = facts_certificate(&l)) < 0 ||
	    (request != NULL && (rc = facts_request(&l, request)) < 0) ||
	    (response != NULL && (rc = facts_response(&l, response)) < 0))
		goto failed;
	connection(f);
	rc = -ERR_NOMEM;
	if (!random_bytes(f->in.random_seed, sizeof(f->in.random_seed)) ||
	    (f->fields = fields_new(a, &f->in)) == NULL)
		goto failed;
	if (r != NULL) {
		f->fields->ruleset = r;
		f->fields->geoip = r->geoip;
	}
	if ((rc = fields_of(&l)) < 0)
		goto failed;
	return 0;
failed:
	facts_fini(f);
	return rc;
}

void facts_fini(struct facts *f)
{
	cert_facts_free(f->cert);
	f->cert = NULL;
}
