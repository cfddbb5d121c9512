/* SPDX-License-Identifier: Apache-2.0 */
/*
 * jwt NAME { header "authorization" | cookie "NAME"   key "FILE"…   secret "FILE"   issuer "…"   audience
 * "…"… leeway 30s }
 */
#include <errno.h>

#include "base/file.h"
#include "base/limits.h"
#include "engine/jwt.h"

struct loader {
	struct arena *a;
	struct owner *owner;
	struct diags *d;
	struct jwt_block *b;
	bool failed;
};

static void fault(struct loader *l, enum diag_code code, struct span span, const char *text)
{
	diag_add(l->d, code, span, "%s", text);
	l->failed = true;
}

static struct str kept(struct loader *l, struct str s)
{
	struct str copy = arena_str(l->a, s);

	l->failed |= copy.p == NULL;
	return copy;
}

static void key_add(struct loader *l, const struct ast_word *w, bool secret)
{
	struct arena scratch = ARENA_INIT;
	struct str path = file_path(&scratch, w->span.src != NULL ? w->span.src->dir : STR(""), w->text);
	struct jws_key **keys, *key;
	struct str text;
	const char *why;

	if (path.p == NULL || file_read(&scratch, path.p, LIMIT_STRING_BYTES, &text) < 0) {
		diag_add(l->d, U8002, w->span, "cannot read `%.*s`: %s", STR_FMT(w->text), strerror(errno));
		l->failed = true;
		goto done;
	}
	if (secret) /* the line end that editors leave is no part of it */
		while (text.n > 0 && (text.p[text.n - 1] == '\n' || text.p[text.n - 1] == '\r'))
			text.n--;
	if ((key = jws_key_new(text, secret, &why)) == NULL) {
		fault(l, U8001, w->span, why);
		goto done;
	}
	if (!owner_take(l->owner, key, jws_key_free) ||
	    (keys = arena_array(l->a, l->b->nkeys + 1, sizeof(*keys))) == NULL) {
		l->failed = true;
		goto done;
	}
	if (l->b->nkeys > 0)
		memcpy(keys, l->b->keys, l->b->nkeys * sizeof(*keys));
	keys[l->b->nkeys++] = key;
	l->b->keys = keys;
done:
	arena_fini(&scratch);
}

static void audience_add(struct loader *l, const struct ast_word *w)
{
	struct str *v = arena_array(l->a, l->b->naudiences + 1, sizeof(*v));

	if (v == NULL) {
		l->failed = true;
		return;
	}
	if (l->b->naudiences > 0)
		memcpy(v, l->b->audiences, l->b->naudiences * sizeof(*v));
	v[l->b->naudiences++] = kept(l, w->text);
	l->b->audiences = v;
}

static void leeway_set(struct loader *l, const struct ast_word *w)
{
	struct str digits = w->text;
	uint64_t seconds;

	if (digits.n > 0 && digits.p[digits.n - 1] == 's')
		digits.n--;
	if (!str_uint(digits, 600, &seconds))
		fault(l, U8001, w->span, "leeway is 0s to 600s");
	else
		l->b->leeway = (int64_t)seconds;
}

static void setting(struct loader *l, const struct ast_setting *s)
{
	struct jwt_block *b = l->b;

	if (s->nwords == 0 || s->block != NULL) {
		fault(l, U8001, s->span, "this setting takes a value");
		return;
	}
	for (size_t i = 0; i < s->nwords; i++) {
		const struct ast_word *w = &s->words[i];

		if (str_eq(s->name, STR("key")) || str_eq(s->name, STR("secret"))) {
			key_add(l, w, s->name.p[0] == 's');
		} else if (str_eq(s->name, STR("audience"))) {
			audience_add(l, w);
		} else if (i > 0) {
			fault(l, U8001, w->span, "this setting takes one value");
		} else if ((str_eq(s->name, STR("header")) || str_eq(s->name, STR("cookie"))) &&
		           w->text.n > 0) {
			if (b->header.n + b->cookie.n > 0)
				fault(l, U8001, s->span,
				      "a token is looked for in one place: a header or a cookie");
			*(s->name.p[0] == 'h' ? &b->header : &b->cookie) = kept(l, w->text);
		} else if (str_eq(s->name, STR("issuer"))) {
			b->issuer = kept(l, w->text);
		} else if (str_eq(s->name, STR("leeway"))) {
			leeway_set(l, w);
		} else {
			struct diag *g =
			    diag_add(l->d, U8001, s->name_span, "jwt has no setting %.*s", STR_FMT(s->name));

			diag_help(l->d, g,
			          "there are header, cookie, key, secret, issuer, audience and leeway");
			l->failed = true;
		}
	}
}

struct jwt_block *jwt_load(struct arena *a, struct owner *owner, const struct ast_file *file, struct diags *d)
{
	struct loader l = {.a = a, .owner = owner, .d = d};
	struct jwt_block *first = NULL, **last = &first;

	for (const struct ast_block *k = file->blocks; k != NULL; k = k->next) {
		const struct jwt_block *same;

		if (k->kind != AST_BLOCK_SETTINGS || !str_eq(k->keyword, STR("jwt")))
			continue;
		if ((l.b = ARENA_NEW(a, struct jwt_block)) == NULL)
			return first;
		l.b->name = kept(&l, k->name);
		l.b->span = k->name_span;
		if (k->name.n == 0) {
			fault(&l, U8001, k->keyword_span, "a jwt block has a name");
		} else if ((same = jwt_find(first, k->name)) != NULL) {
			struct diag *g =
			    diag_add(d, U1008, k->name_span, "two jwt blocks named %.*s", STR_FMT(k->name));

			diag_second(d, g, same->span, "first defined here");
		}
		for (const struct ast_setting *s = k->settings; s != NULL; s = s->next)
			setting(&l, s);
		if (l.b->nkeys == 0 && !l.failed)
			fault(&l, U8001, k->keyword_span, "without a key or secret no token can be valid");
		if (l.b->header.n + l.b->cookie.n == 0)
			l.b->header = STR("authorization");
		*last = l.b;
		last = &l.b->next;
	}
	return first;
}
