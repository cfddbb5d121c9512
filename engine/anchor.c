/* SPDX-License-Identifier: Apache-2.0 */
/* Choosing anchors: necessary conditions of a rule, the rarest first. */
#include "engine/index_parts.h"

#include <math.h>
#include <stdlib.h>

enum { OR_ATOMS = 4096, SUBJECTS = 1024, TEXTS = 1 << 16 };

bool anchors_init(struct anchors *a, struct compiler *c)
{
	*a = (struct anchors){.c = c};
	a->by_node = calloc(c->node_count + 1, sizeof(*a->by_node));
	a->seen = calloc(c->node_count + 1, 1);
	a->texts = calloc(TEXTS, sizeof(*a->texts));
	return a->by_node != NULL && a->seen != NULL && a->texts != NULL;
}

void anchors_fini(struct anchors *a)
{
	free(a->v);
	free(a->by_node);
	free(a->seen);
	free(a->texts);
	free(a->gains);
}

static bool connection_only(const struct expr *e)
{
	return (e->scopes & ~(SCOPE_BIT(SCOPE_CONNECTION) | SCOPE_BIT(SCOPE_RULESET))) == 0;
}

/* headers["k"], headers["k"][0] and headers["k"][*] are one subject: the lines of that name. */
static const struct expr *header_node(const struct expr *e)
{
	if (e->kind == EX_INDEX || e->kind == EX_EACH)
		e = e->kids[0];
	if (e->kind != EX_KEY || e->kids[0]->kind != EX_FIELD)
		return NULL;
	switch (field_id(e->kids[0]->field)) {
	case FIELD_HEADERS:
	case FIELD_RESPONSE_HEADERS:
		return e;
	default:
		return NULL;
	}
}

/* The subject of a test on e, from 0; -1 if there is none. lower(x) and upper(x) are x: texts are folded
 * anyway. */
static int64_t subject_of(struct anchors *a, const struct expr *e)
{
	const struct expr *header;
	struct subject s;

	while (e->kind == EX_CALL && e->n == 1 && !e->kids[0]->each &&
	       (e->function == &function_table[FN_LOWER] || e->function == &function_table[FN_UPPER]))
		e = e->kids[0];
	if (expr_const(e) || e->id == 0)
		return -1;
	if ((header = header_node(e)) != NULL)
		e = header;
	if (a->by_node[e->id] != 0)
		return (int64_t)a->by_node[e->id] - 1;
	s = (struct subject){.type = e->type, .expr = e, .connection = connection_only(e)};
	if (header != NULL) {
		s.kind = SUBJECT_HEADER;
		s.type = TYPE_BYTES;
		s.field = header->kids[0]->field;
		s.key = header->text;
	} else if (e->kind == EX_FIELD) {
		s.kind = SUBJECT_FIELD;
		s.field = e->field;
	} else {
		s.kind = e->each ? SUBJECT_LIST : SUBJECT_VALUE;
	}
	if (a->n == SUBJECTS)
		return -1; /* each costs every request a look */
	if (a->n == a->size) {
		uint32_t size = a->size ? 2 * a->size : 64;
		struct subject *v = reallocarray(a->v, size, sizeof(*v));

		if (v == NULL)
			return -1;
		a->v = v;
		a->size = size;
	}
	a->v[a->n] = s;
	a->by_node[e->id] = ++a->n;
	return (int64_t)a->n - 1;
}

static uint32_t *texts_at(struct anchors *a, int64_t subject, struct str text)
{
	return &a->texts[key_end(key_of_str(text) + (uint64_t)subject) % TEXTS];
}

static void look_literals(struct anchors *a, int64_t subject, const struct literals *l)
{
	for (size_t i = 0; i < l->n; i++)
		(*texts_at(a, subject, l->v[i]))++;
}

void anchors_look(struct anchors *a, const struct expr *e)
{
	struct literals parts[3];
	size_t n;
	int64_t at;

	if (a->seen[e->id])
		return;
	a->seen[e->id] = 1;
	for (size_t i = 0; i < e->n; i++)
		if (e->kind != EX_TEST)
			anchors_look(a, e->kids[i]);
	if (e->kind != EX_TEST || (at = subject_of(a, e->kids[0])) < 0)
		return;
	switch (e->test->kind) {
	case TEST_EQ:
		a->v[at].keys++;
		break;
	case TEST_IN:
		a->v[at].keys += (uint32_t)set_count(e->test->set);
		break;
	case TEST_PREFIX:
	case TEST_SUFFIX:
	case TEST_CONTAINS:
		(*texts_at(a, at, e->test->right.s))++;
		break;
	case TEST_MATCHES:
		look_literals(a, at, regex_literals(e->test->regex));
		look_literals(a, at, regex_other_literals(e->test->regex));
		break;
	case TEST_WILDCARD:
	case TEST_STRICT_WILDCARD:
		n = wildcard_literals(e->test->wildcard, parts);
		for (size_t i = 0; i < n; i++)
			look_literals(a, at, &parts[i]);
		break;
	default:
		break;
	}
}

static struct atom *atom_new(struct anchors *a, enum atom_kind kind, int64_t subject)
{
	struct atom *t = ARENA_NEW(a->c->scratch, struct atom);

	if (t != NULL) {
		t->kind = kind;
		t->subject = (uint32_t)subject;
	}
	return t;
}

static struct anchor none(void)
{
	return (struct anchor){NULL, 1};
}

static struct anchor one(struct atom *t, double odds)
{
	return t == NULL ? none() : (struct anchor){t, odds < 1 ? odds : 1};
}

static double odds_keys(const struct subject *s, double n)
{
	return n / (s->keys + 1.0);
}

/* Long literals are rare, unless many rules share one: then traffic probably has it too. */
static double odds_literal(struct anchors *a, enum atom_kind kind, int64_t subject, struct str text)
{
	double odds = pow(0.45, (double)text.n) * (kind == ATOM_HOLDS ? 8 : 1), shared;

	if (kind == ATOM_EQ)
		return odds_keys(&a->v[subject], 1);
	shared = 0.01 * *texts_at(a, subject, text);
	if (shared >= 0.04 && shared > odds)
		odds = shared < 0.5 ? shared : 0.5;
	return odds + 0.0005;
}

static struct anchor of_text(struct anchors *a, enum atom_kind kind, int64_t subject, struct str text)
{
	struct atom *t;

	if (kind == ATOM_HOLDS && text.n < 2)
		return none();
	if (text.n == 0 && kind != ATOM_EQ)
		return none();
	if ((t = atom_new(a, kind, subject)) == NULL)
		return none();
	t->text = text;
	return one(t, odds_literal(a, kind, subject, text));
}

static struct anchor of_literals(struct anchors *a, int64_t subject, const struct literals *l)
{
	static const enum atom_kind kinds[] = {
	    [LITERAL_ANYWHERE] = ATOM_HOLDS,
	    [LITERAL_PREFIX] = ATOM_PREFIX,
	    [LITERAL_SUFFIX] = ATOM_SUFFIX,
	    [LITERAL_WHOLE] = ATOM_EQ,
	};
	struct anchor all = {NULL, 0};

	if (l->n == 0 || l->n > OR_ATOMS)
		return none();
	for (size_t i = 0; i < l->n; i++) {
		struct anchor it = of_text(a, kinds[l->place], subject, l->v[i]);

		if (it.atoms == NULL)
			return none();
		it.atoms->next = all.atoms;
		all.atoms = it.atoms;
		all.odds += it.odds;
	}
	return all;
}

static struct anchor rarer(struct anchor x, struct anchor y)
{
	return y.atoms != NULL && (x.atoms == NULL || y.odds < x.odds) ? y : x;
}

static struct anchor of_wildcard(struct anchors *a, int64_t subject, const struct wildcard *w)
{
	struct literals parts[3];
	struct anchor best = none();
	size_t n = wildcard_literals(w, parts);

	for (size_t i = 0; i < n; i++)
		best = rarer(best, of_literals(a, subject, &parts[i]));
	return best;
}

/* From the share of all addresses that it holds; of a large set a sample will do. */
static double odds_addresses(const struct set *set)
{
	size_t step = set_count(set) / 1024 + 1;
	double share = 0;
	struct set_item item;

	for (size_t i = 0; i < set_count(set); i += step) {
		set_item(set, i, &item);
		if (item.from.family == 4)
			share += 1.0 / 4294967296 *
			         (1 + ((item.to.bytes[0] - item.from.bytes[0]) * 16777216.0 +
			               (item.to.bytes[1] - item.from.bytes[1]) * 65536.0 +
			               (item.to.bytes[2] - item.from.bytes[2]) * 256.0 +
			               (item.to.bytes[3] - item.from.bytes[3])));
		else if (memcmp(item.from.bytes, item.to.bytes, 2) != 0)
			share += (item.to.bytes[0] - item.from.bytes[0] + 1) / 256.0;
	}
	return share * (double)step + 0.0005 + 1e-6 * (double)set_count(set);
}

static struct anchor of_set(struct anchors *a, int64_t subject, const struct set *set)
{
	enum set_type type = set_type(set);
	struct atom *t = atom_new(a, type == SET_IP ? ATOM_IPS : ATOM_SET, subject);

	if (t != NULL)
		t->set = set;
	return one(t,
	           type == SET_IP ? odds_addresses(set) : odds_keys(&a->v[subject], (double)set_count(set)));
}

static struct anchor of_ints(struct anchors *a, int64_t subject, int64_t low, int64_t high)
{
	struct atom *t = atom_new(a, ATOM_INTS, subject);

	if (t == NULL || low > high)
		return none();
	t->low = low;
	t->high = high;
	return one(t, low == high ? odds_keys(&a->v[subject], 1) : 0.3);
}

static struct anchor of_order(struct anchors *a, int64_t subject, const struct test *t)
{
	int64_t x = t->right.i;
	struct atom *ip;

	if (t->type == TYPE_IP && t->kind == TEST_EQ && (ip = atom_new(a, ATOM_IPS, subject)) != NULL) {
		ip->from = ip->to = *t->right.ip;
		return one(ip, 0.0005);
	}
	if (t->type == TYPE_BYTES && t->kind == TEST_EQ)
		return of_text(a, ATOM_EQ, subject, t->right.s);
	if (t->type != TYPE_INT)
		return none();
	switch (t->kind) {
	case TEST_EQ:
		return of_ints(a, subject, x, x);
	case TEST_LT:
		return x == INT64_MIN ? none() : of_ints(a, subject, INT64_MIN, x - 1);
	case TEST_LE:
		return of_ints(a, subject, INT64_MIN, x);
	case TEST_GT:
		return x == INT64_MAX ? none() : of_ints(a, subject, x + 1, INT64_MAX);
	case TEST_GE:
		return of_ints(a, subject, x, INT64_MAX);
	default:
		return none();
	}
}

static struct anchor of_test(struct anchors *a, const struct expr *e)
{
	const struct test *t = e->test;
	int64_t subject = subject_of(a, e->kids[0]);

	if (subject < 0)
		return none();
	switch (t->kind) {
	case TEST_CONTAINS:
		return of_text(a, ATOM_HOLDS, subject, t->right.s);
	case TEST_PREFIX:
		return of_text(a, ATOM_PREFIX, subject, t->right.s);
	case TEST_SUFFIX:
		return of_text(a, ATOM_SUFFIX, subject, t->right.s);
	case TEST_MATCHES:
		return rarer(of_literals(a, subject, regex_literals(t->regex)),
		             of_literals(a, subject, regex_other_literals(t->regex)));
	case TEST_WILDCARD:
	case TEST_STRICT_WILDCARD:
		return of_wildcard(a, subject, t->wildcard);
	case TEST_IN:
		return of_set(a, subject, t->set);
	default:
		return of_order(a, subject, t);
	}
}

static struct anchor of_truth(struct anchors *a, const struct expr *e, bool wanted)
{
	int64_t subject = e->kind == EX_FIELD ? subject_of(a, e) : -1;

	if (subject < 0)
		return none();
	return one(atom_new(a, wanted ? ATOM_TRUE : ATOM_FALSE, subject), wanted ? 0.4 : 0.6);
}

static struct anchor find(struct anchors *a, const struct expr *e, bool wanted);

/* All of e's operands must hold: the rarest will do. */
static struct anchor rarest(struct anchors *a, const struct expr *e, bool wanted)
{
	struct anchor best = none();

	for (size_t i = 0; i < e->n; i++)
		best = rarer(best, find(a, e->kids[i], wanted));
	return best;
}

/* One of them must hold: all are needed. */
static struct anchor any_of(struct anchors *a, const struct expr *e, bool wanted)
{
	struct anchor all = {NULL, 0}, it;
	struct atom *last;
	size_t n = 0;

	for (size_t i = 0; i < e->n; i++) {
		it = find(a, e->kids[i], wanted);
		if (it.atoms == NULL)
			return none();
		for (last = it.atoms; last->next != NULL; last = last->next)
			n++;
		if (++n > OR_ATOMS)
			return none();
		last->next = all.atoms;
		all.atoms = it.atoms;
		all.odds += it.odds;
	}
	return all;
}

static struct anchor find(struct anchors *a, const struct expr *e, bool wanted)
{
	switch (e->kind) {
	case EX_FIELD:
		return of_truth(a, e, wanted);
	case EX_TEST:
		return wanted ? of_test(a, e) : none();
	case EX_NOT:
		return find(a, e->kids[0], !wanted);
	case EX_AND:
		return wanted ? rarest(a, e, wanted) : any_of(a, e, wanted);
	case EX_OR:
		return wanted ? any_of(a, e, wanted) : rarest(a, e, wanted);
	case EX_ANY:
		return wanted && e->kids[0]->kind == EX_TEST ? of_test(a, e->kids[0]) : none();
	default:
		return none();
	}
}

struct anchor anchor_of(struct anchors *a, const struct expr *e)
{
	return find(a, e, true);
}
