/* SPDX-License-Identifier: Apache-2.0 */
/*
 * regex_replace and wildcard_replace: pattern and replacement are read when the rule is compiled, so that a
 * run only joins pieces.
 */
#include "engine/functions.h"

#include "engine/regex.h"
#include "engine/spelling.h"
#include "engine/wildcard.h"

struct part {
	struct str text;  /* before the capture */
	unsigned capture; /* 1 to 8; 0: none follows */
};

struct replacement {
	const struct regex *regex; /* one of these two */
	const struct wildcard *wildcard;
	struct part *parts;
	size_t n;
};

/* What a '$' at s begins: its length, and the capture it names (0 for $$). 0: a plain dollar sign. */
static size_t dollar(struct str s, unsigned *capture, bool *bad)
{
	size_t i = 2;

	*bad = false;
	*capture = 0;
	if (s.n > 1 && s.p[1] == '$')
		return 2;
	*bad = s.n > 1 && ascii_digit(s.p[1]);
	if (s.n < 2 || s.p[1] != '{')
		return *bad ? 2 : 0;
	for (; i < s.n && ascii_digit(s.p[i]); i++)
		*capture = *capture < 1000 ? *capture * 10 + (unsigned)(s.p[i] - '0') : *capture;
	*bad = i == 2 || i == s.n || s.p[i] != '}';
	return i < s.n ? i + 1 : i;
}

/* Splits the replacement (argument 2) at its captures, of which the pattern has available. */
static bool parts_read(struct prepare *p, struct replacement *r, unsigned available, const char *what)
{
	struct str s = p->args[2].s;
	char *text = arena_alloc(p->arena, s.n + 1);
	size_t used = 0, from = 0, most = 1;

	for (size_t i = 0; i < s.n; i++)
		most += s.p[i] == '$';
	if (text == NULL || (r->parts = arena_array(p->arena, most, sizeof(*r->parts))) == NULL)
		return false;
	for (size_t i = 0; i < s.n;) {
		unsigned capture;
		bool bad;
		size_t n = s.p[i] == '$' ? dollar(str_sub(s, i, s.n), &capture, &bad) : 0;
		struct span span = spelling_span(p->ast[2], i, i + (n ? n : 1));
		struct diag *g;

		if (n > 0 && bad) {
			g = diag_add(p->d, U1005, span, "captures are written ${1} to ${8}");
			diag_help(p->d, g, "a literal dollar sign is written $$");
			return false;
		}
		if (n > 0 && s.p[i + 1] == '{') {
			if (capture < 1 || capture > 8 || capture > available) {
				diag_add(p->d, U1010, span, "${%u}: the pattern has %u %s%s", capture,
				         available, what,
				         capture > 8 && available > 8 ? ", and captures end at ${8}" : "");
				return false;
			}
			r->parts[r->n++] = (struct part){{text + from, used - from}, capture};
			from = used;
			i += n;
			continue;
		}
		text[used++] = s.p[i];
		i += n ? n : 1;
	}
	r->parts[r->n++] = (struct part){{text + from, used - from}, 0};
	return true;
}

bool prepare_regex_replace(struct prepare *p)
{
	struct replacement *r = ARENA_NEW(p->arena, struct replacement);
	struct regex *regex = r != NULL ? regex_compile_captures(p->ast[1], p->d) : NULL;

	if (regex == NULL || !owner_take(p->owner, regex, regex_free))
		return false;
	r->regex = regex;
	p->out = r;
	return parts_read(p, r, regex_captures(regex), "groups");
}

bool prepare_wildcard_replace(struct prepare *p)
{
	struct replacement *r = ARENA_NEW(p->arena, struct replacement);
	struct wildcard *w;

	if (r == NULL || !prepare_flags(p, 3, "s"))
		return false;
	if ((w = wildcard_compile(p->ast[1], *(unsigned *)p->out != 0, p->d)) == NULL ||
	    !owner_take(p->owner, w, wildcard_free))
		return false;
	r->wildcard = w;
	p->out = r;
	return parts_read(p, r, wildcard_stars(w), "stars");
}

/* s with the bytes from places[0] replaced; captures are places[1] and up. */
static void rebuild(struct call *c, const struct replacement *r, struct str s,
                    const struct match_place *places, struct value *out)
{
	size_t total = s.n - (places[0].to - places[0].from), tail = s.n - places[0].to;
	char *p, *at;

	for (size_t i = 0; i < r->n; i++) {
		const struct match_place *m = &places[r->parts[i].capture];

		total += r->parts[i].text.n + (r->parts[i].capture ? m->to - m->from : 0);
	}
	if ((p = at = call_bytes(c, total)) == NULL)
		return;
	if (places[0].from > 0)
		at = mempcpy(at, s.p, places[0].from);
	for (size_t i = 0; i < r->n; i++) {
		const struct match_place *m = &places[r->parts[i].capture];

		if (r->parts[i].text.n > 0)
			at = mempcpy(at, r->parts[i].text.p, r->parts[i].text.n);
		if (r->parts[i].capture && m->to > m->from)
			at = mempcpy(at, s.p + m->from, m->to - m->from);
	}
	if (tail > 0)
		memcpy(at, s.p + places[0].to, tail);
	give_bytes(out, p, total);
}

void run_regex_replace(struct call *c, const struct value *args, size_t n, struct value *out)
{
	const struct replacement *r = c->prepared;
	struct match_place places[MATCH_CAPTURES];
	int rc = regex_find(r->regex, args[0].s, places);

	(void)n;
	if (rc < 0)
		c->error = rc;
	else if (rc == 0)
		*out = args[0];
	else
		rebuild(c, r, args[0].s, places, out);
}

void run_wildcard_replace(struct call *c, const struct value *args, size_t n, struct value *out)
{
	const struct replacement *r = c->prepared;
	struct match_place places[MATCH_CAPTURES] = {{true, 0, args[0].s.n}};

	(void)n;
	if (!wildcard_find(r->wildcard, args[0].s, places + 1, MATCH_CAPTURES - 1))
		*out = args[0];
	else
		rebuild(c, r, args[0].s, places, out);
}
