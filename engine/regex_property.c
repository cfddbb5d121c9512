/* SPDX-License-Identifier: Apache-2.0 */
/*
 * \p{…}, \P{…} and, under (?u), \d \s \w: sets of characters by their Unicode properties. PCRE2 holds the tables; it
 * is asked by running the property over every character there is, once in the life of the process. What comes out
 * is a set of ranges like any other, so that matching stays a matter of bytes.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>
#include <pthread.h>
#include <stdlib.h>

#include "engine/regex_internal.h"

enum { PLANE = 0x10000, PLANES = 17 };

/* Long names of general categories, which PCRE2 does not know. */
static const struct {
	const char *name, *code;
} categories[] = {
    {"letter", "L"},
    {"casedletter", "Lc"},
    {"lowercaseletter", "Ll"},
    {"modifierletter", "Lm"},
    {"otherletter", "Lo"},
    {"titlecaseletter", "Lt"},
    {"uppercaseletter", "Lu"},
    {"mark", "M"},
    {"combiningmark", "M"},
    {"spacingmark", "Mc"},
    {"enclosingmark", "Me"},
    {"nonspacingmark", "Mn"},
    {"number", "N"},
    {"decimalnumber", "Nd"},
    {"digit", "Nd"},
    {"letternumber", "Nl"},
    {"othernumber", "No"},
    {"punctuation", "P"},
    {"punct", "P"},
    {"connectorpunctuation", "Pc"},
    {"dashpunctuation", "Pd"},
    {"closepunctuation", "Pe"},
    {"finalpunctuation", "Pf"},
    {"initialpunctuation", "Pi"},
    {"otherpunctuation", "Po"},
    {"openpunctuation", "Ps"},
    {"symbol", "S"},
    {"currencysymbol", "Sc"},
    {"modifiersymbol", "Sk"},
    {"mathsymbol", "Sm"},
    {"othersymbol", "So"},
    {"separator", "Z"},
    {"lineseparator", "Zl"},
    {"paragraphseparator", "Zp"},
    {"spaceseparator", "Zs"},
    {"other", "C"},
    {"control", "Cc"},
    {"cntrl", "Cc"},
    {"format", "Cf"},
    {"unassigned", "Cn"},
    {"privateuse", "Co"},
    {"surrogate", "Cs"},
};

/* Every character of a plane in order, and where in the text each begins. */
struct plane {
	unsigned char text[4 * PLANE];
	uint32_t starts[PLANE + 1];
	uint32_t chars[PLANE];
	size_t n;
};

static void plane_fill(struct plane *p, uint32_t number)
{
	size_t at = 0;

	p->n = 0;
	for (uint32_t c = number * PLANE; c < (number + 1) * PLANE; c++) {
		if (c >= 0xD800 && c <= 0xDFFF)
			continue;
		p->starts[p->n] = (uint32_t)at;
		p->chars[p->n++] = c;
		at += regex_utf8(c, p->text + at);
	}
	p->starts[p->n] = (uint32_t)at;
}

/* Adds the runs of one plane that code matches. */
static bool plane_add(struct regex_parser *parser, struct cset *s, const struct plane *p, const pcre2_code *code,
                      pcre2_match_data *data)
{
	const PCRE2_SIZE *found = pcre2_get_ovector_pointer(data);
	size_t i = 0, from;
	int rc = 0;

	while (i < p->n &&
	       (rc = pcre2_match(code, p->text, p->starts[p->n], p->starts[i], PCRE2_NO_UTF_CHECK, data, NULL)) >= 0) {
		while (p->starts[i] < found[0])
			i++;
		from = i;
		while (p->starts[i] < found[1])
			i++;
		if (!cset_add(parser, s, p->chars[from], p->chars[i - 1]))
			return false;
	}
	if (rc >= 0 || rc == PCRE2_ERROR_NOMATCH)
		return true;
	regex_nomem(parser); /* no limit is near: a run costs one step */
	return false;
}

static pcre2_code *compile(struct str property)
{
	char text[160];
	PCRE2_SIZE where;
	int error, n = snprintf(text, sizeof(text), "%.*s++", STR_FMT(property));

	if (n < 0 || (size_t)n >= sizeof(text))
		return NULL;
	return pcre2_compile((PCRE2_SPTR)text, (PCRE2_SIZE)n, PCRE2_UTF | PCRE2_UCP, &error, &where, NULL);
}

/* Over so many planes from the first. */
static bool scan(struct regex_parser *p, struct cset *s, pcre2_code *code, uint32_t planes)
{
	pcre2_match_data *data = pcre2_match_data_create(1, NULL);
	struct plane *plane = malloc(sizeof(*plane));
	bool good = data != NULL && plane != NULL;

	if (!good)
		regex_nomem(p);
	else
		pcre2_jit_compile(code, PCRE2_JIT_COMPLETE); /* faster where there is one */
	for (uint32_t i = 0; good && i < planes; i++) {
		plane_fill(plane, i);
		good = plane_add(p, s, plane, code, data);
	}
	free(plane);
	pcre2_match_data_free(data);
	if (good)
		cset_normal(s);
	return good;
}

/* ---- what was asked before ---------------------------------------------------------------------------- */

struct answer {
	struct str name;
	struct cset set;
	struct answer *next;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct answer *answers; /* as many as there are properties, to the end of the process */

static const struct answer *answer_find(struct str name)
{
	const struct answer *a;

	pthread_mutex_lock(&lock);
	for (a = answers; a != NULL && !str_eq(a->name, name); a = a->next)
		;
	pthread_mutex_unlock(&lock);
	return a;
}

/* Where memory is short it is asked again another time. */
static void answer_keep(struct str name, const struct cset *set)
{
	size_t bytes = set->n * sizeof(*set->v);
	struct answer *a = malloc(sizeof(*a) + bytes + name.n);

	if (a == NULL)
		return;
	*a = (struct answer){.set = {.v = (struct cset_range *)(a + 1), .n = set->n, .cap = set->n}};
	if (bytes > 0)
		memcpy(a->set.v, set->v, bytes);
	a->name = (struct str){(char *)(a + 1) + bytes, name.n};
	memcpy((char *)(a + 1) + bytes, name.p, name.n);
	pthread_mutex_lock(&lock);
	a->next = answers;
	answers = a;
	pthread_mutex_unlock(&lock);
}

/* Adds what code matches, which goes by that name; frees it. */
static bool answer(struct regex_parser *p, struct cset *s, struct str name, pcre2_code *code)
{
	bool good = scan(p, s, code, PLANES);

	if (good)
		answer_keep(name, s);
	pcre2_code_free(code);
	return good;
}

bool cset_unicode_perl(struct regex_parser *p, struct cset *s, char kind)
{
	const struct answer *known = answer_find((struct str){&kind, 1});
	pcre2_code *code;

	if (known != NULL)
		return cset_union(p, s, &known->set);
	code = compile(kind == 'd'   ? STR("\\p{Nd}")
	               : kind == 's' ? STR("\\p{White_Space}")
	                             : STR("[\\p{Alphabetic}\\p{M}\\p{Nd}\\p{Pc}\\p{Join_Control}]"));
	if (code == NULL) {
		regex_nomem(p); /* these there are */
		return false;
	}
	return answer(p, s, (struct str){&kind, 1}, code);
}

/* ---- case --------------------------------------------------------------------------------------------- */

bool cset_unicode_fold(struct regex_parser *p, struct cset *s)
{
	enum { CASED = 2 }; /* planes in which letters have cases */
	struct buf text = BUF_INIT;
	pcre2_code *code = NULL;
	PCRE2_SIZE where;
	bool good = buf_addc(&text, '[');
	int error;

	for (size_t i = 0; i < s->n && good; i++) { /* surrogates are no characters to PCRE2 either */
		uint32_t low = s->v[i].low, high = s->v[i].high;

		low = low >= 0xD800 && low <= 0xDFFF ? 0xE000 : low;
		high = high >= 0xD800 && high <= 0xDFFF ? 0xD7FF : high;
		if (low <= high)
			good = buf_printf(&text, "\\x{%x}-\\x{%x}", (unsigned)low, (unsigned)high);
	}
	if (good && buf_str(&text).n == 1) { /* nothing but surrogates */
		buf_fini(&text);
		return true;
	}
	if (good && buf_add(&text, STR("]++")))
		code = pcre2_compile((PCRE2_SPTR)buf_str(&text).p, buf_str(&text).n,
		                     PCRE2_UTF | PCRE2_UCP | PCRE2_CASELESS, &error, &where, NULL);
	buf_fini(&text);
	if (code == NULL) {
		regex_nomem(p);
		return false;
	}
	good = scan(p, s, code, CASED);
	pcre2_code_free(code);
	return good;
}

/* ---- names -------------------------------------------------------------------------------------------- */

/* Case, blanks, _ and - do not count. */
static struct str loose(struct regex_parser *p, struct str name)
{
	char *to = arena_alloc(p->a, name.n + 1);
	size_t n = 0;

	if (to == NULL)
		return STR_NONE;
	for (size_t i = 0; i < name.n; i++)
		if (name.p[i] != ' ' && name.p[i] != '_' && name.p[i] != '-')
			to[n++] = ascii_lower(name.p[i]);
	return (struct str){to, n};
}

static bool word(struct str s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!ascii_alpha(s.p[i]) && !ascii_digit(s.p[i]))
			return false;
	return s.n > 0 && s.n < 64;
}

static pcre2_code *category(struct regex_parser *p, struct str name)
{
	for (size_t i = 0; i < sizeof(categories) / sizeof(*categories); i++)
		if (str_eq(name, str_of(categories[i].name)))
			return compile(arena_printf(p->a, "\\p{%s}", categories[i].code));
	return name.n <= 2 ? compile(arena_printf(p->a, "\\p{%.*s}", STR_FMT(name))) : NULL;
}

/* key: "" or what stands before =. NULL: no such property, as far as PCRE2 knows. */
static pcre2_code *property(struct regex_parser *p, struct str key, struct str name)
{
	pcre2_code *code;

	if (!word(name) || (name.n == 3 && name.p[0] == 'x')) /* Xan and others are PCRE2's own */
		return NULL;
	if (str_eq(key, STR("sc")) || str_eq(key, STR("script")))
		return compile(arena_printf(p->a, "\\p{sc:%.*s}", STR_FMT(name)));
	if (str_eq(key, STR("scx")) || str_eq(key, STR("scriptextensions")))
		return compile(arena_printf(p->a, "\\p{scx:%.*s}", STR_FMT(name)));
	if (str_eq(key, STR("gc")) || str_eq(key, STR("generalcategory")))
		return category(p, name);
	if (key.n > 0)
		return NULL;
	if (str_eq(name, STR("assigned")))
		return compile(STR("\\P{Cn}"));
	if (str_starts(name, STR("is")) && name.n > 2 && !str_eq(name, STR("isc")))
		name = str_sub(name, 2, name.n);
	if ((code = category(p, name)) == NULL)
		code = compile(arena_printf(p->a, "\\p{sc:%.*s}", STR_FMT(name))); /* alone it would mean scx */
	return code != NULL ? code : compile(arena_printf(p->a, "\\p{%.*s}", STR_FMT(name)));
}

/* The name after \p: one letter, or anything in braces. */
static bool name_read(struct regex_parser *p, struct str *key, struct str *name, bool *not, size_t from)
{
	struct str rest = str_sub(p->s, p->at, p->s.n), text = str_sub(rest, 0, 1);
	ptrdiff_t end = 0, equals;

	*key = STR("");
	*not = false;
	if (rest.n > 0 && rest.p[0] == '{') {
		end = str_find(rest, '}');
		text = str_sub(rest, 1, end > 0 ? (size_t)end : 1);
	}
	if (rest.n == 0 || end < 0 || text.n == 0) {
		regex_fail(p, U4001, from, p->at, "a property's name is missing: one letter, or a name in braces");
		return false;
	}
	p->at += (size_t)end + 1;
	if ((equals = str_find(text, '=')) < 0)
		equals = str_find(text, ':');
	if (equals >= 0) {
		*not = equals > 0 && text.p[equals - 1] == '!';
		*key = loose(p, str_sub(text, 0, (size_t)(equals - *not)));
		text = str_sub(text, (size_t)equals + 1, text.n);
	}
	*name = loose(p, text);
	if (name->p == NULL || key->p == NULL) {
		regex_nomem(p);
		return false;
	}
	return true;
}

bool cset_property(struct regex_parser *p, struct cset *s, char which, size_t from)
{
	const struct answer *known;
	struct str key, name, id;
	struct cset own = {0};
	pcre2_code *code;
	bool not;

	if (!p->flags.u) {
		regex_fail(p, U4002, from, p->at, "\\%c speaks of characters, and this pattern matches bytes", which);
		regex_help(p, "(?u) at its beginning turns Unicode on");
		return false;
	}
	if (!name_read(p, &key, &name, &not, from))
		return false;
	if ((id = arena_printf(p->a, "%.*s=%.*s", STR_FMT(key), STR_FMT(name))).p == NULL) {
		regex_nomem(p);
		return false;
	}
	if ((known = answer_find(id)) != NULL) {
		if (!cset_union(p, &own, &known->set))
			return false;
	} else if ((code = property(p, key, name)) == NULL) {
		regex_fail(p, U4001, from, p->at, "there is no such property of characters");
		return false;
	} else if (!answer(p, &own, id, code)) {
		return false;
	}
	return ((which == 'P') == not || cset_negate(p, &own)) && cset_union(p, s, &own);
}
