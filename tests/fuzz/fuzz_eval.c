/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: an expression, and after a line that holds only "--" perhaps a facts object. Whatever compiles must
 * give the same after printing, and must agree with itself inside not, and, or and xor.
 */
#include <assert.h>
#include <stdlib.h>

#include "base/err.h"
#include "engine/facts_json.h"
#include "engine/value_json.h"
#include "mtls/context.h"

static const char some_facts[] =
    "{\"request\":{\"method\":\"POST\",\"uri\":\"/a/"
    "b.php?x=1&y=%41&x=2\",\"headers\":[[\"Host\",\"www.example.com\"],"
    "[\"Accept\",\"text/html\"],[\"X-A\",\"1\"],[\"x-a\",\"2\"],[\"Cookie\",\"a=1; "
    "b=2\"]],\"body\":\"{\\\"a\\\":[1,\\\"b\\\"]}\"},"
    "\"response\":{\"status\":404,\"headers\":[[\"Server\",\"x\"]]},\"ip.src\":\"192.0.2.1\",\"time\":"
    "1700000000,"
    "\"cf.random_seed\":\"0123456789abcdef\",\"cf.tls_client_auth.cert_verified\":true,\"tls.client.san."
    "dns\":[\"a\",\"b\"]}";

struct answer {
	int rc;
	bool missing;
	struct str json;
};

static struct answer run(const struct expression *e, struct fields *f, struct arena *a)
{
	struct buf out = BUF_INIT;
	struct answer o = {0};
	struct value v;

	o.rc = expression_eval(e, f, &v);
	o.missing = v.missing;
	if (o.rc == 0)
		value_put_json(&out, &v);
	o.json = arena_str(a, buf_str(&out));
	buf_fini(&out);
	return o;
}

/* What text gives; it must compile, because what it is made of did, unless it grew too deep or too long. */
static bool again(struct str text, struct fields *f, struct arena *a, struct answer *o)
{
	struct source src = {.name = STR(""), .text = text};
	struct expression *e;
	struct diags d;
	bool limited = false;

	diags_init(&d);
	e = expression_compile(&src, NULL, &d);
	for (const struct diag *g = d.first; g != NULL; g = g->next)
		limited |= g->code == U0012;
	assert(e != NULL || limited);
	if (e != NULL)
		*o = run(e, f, a);
	expression_free(e);
	diags_fini(&d);
	return e != NULL;
}

static struct str around(struct arena *a, const char *before, struct str text, const char *after)
{
	return arena_concat(a, (struct str[]){str_of(before), text, str_of(after)}, 3);
}

static void laws(struct str text, const struct expression *e, struct fields *f, struct arena *a)
{
	struct answer first = run(e, f, a), other;
	struct source src = {.name = STR(""), .text = text};
	struct buf printed = BUF_INIT;
	struct diags d;
	bool yes;

	diags_init(&d);
	assert(ast_print(&printed, parse_expression(a, &src, &d, NULL)));
	diags_fini(&d);
	if (again(buf_str(&printed), f, a, &other))
		assert(first.rc == other.rc && first.missing == other.missing &&
		       str_eq(first.json, other.json));
	if (expression_type(e) == TYPE_BOOL && first.rc == 0) {
		yes = !first.missing && str_eq(first.json, STR("true"));
		if (again(around(a, "not (", buf_str(&printed), ")"), f, a, &other))
			assert(other.rc == 0 && str_eq(other.json, yes ? STR("false") : STR("true")));
		if (again(around(a, "(", buf_str(&printed), ") and true"), f, a, &other))
			assert(other.rc == 0 && str_eq(other.json, yes ? STR("true") : STR("false")));
		if (again(around(a, "(", buf_str(&printed), ") xor ssl xor ssl"), f, a, &other))
			assert(other.rc == 0 && str_eq(other.json, yes ? STR("true") : STR("false")));
	}
	buf_fini(&printed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static bool ready;
	struct str text = {(const char *)data, size};
	const char *cut = memmem(data, size, "\n--\n", 4);
	struct source src = {.name = STR("")};
	struct arena a = ARENA_INIT;
	struct expression *e;
	struct facts facts;
	struct diags d;
	struct str why;
	json_t *object = NULL;

	if (!ready)
		ready = tls_global_init() == 0;
	if (cut != NULL) {
		object = json_loadb(cut + 4, (size_t)(text.p + text.n - cut - 4), JSON_ALLOW_NUL, NULL);
		text.n = (size_t)(cut - text.p);
	}
	if (object != NULL &&
	    (json_object_get(object, "client_certificate") != NULL || !json_is_object(object))) {
		json_decref(object); /* files are not read here */
		object = NULL;
	}
	src.text = text;
	diags_init(&d);
	e = expression_compile(&src, NULL, &d);
	assert(e != NULL || d.errors > 0);
	if (object == NULL)
		object = json_loads(some_facts, 0, NULL);
	if (facts_of_json(&facts, &a, object, STR(""), NULL, &why) == 0) {
		if (e != NULL)
			laws(text, e, facts.fields, &a);
		facts_fini(&facts);
	} else {
		assert(why.n > 0);
	}
	json_decref(object);
	expression_free(e);
	diags_fini(&d);
	arena_fini(&a);
	return 0;
}
