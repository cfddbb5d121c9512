/* SPDX-License-Identifier: Apache-2.0 */
/* Programs are verified and printed here; lower.c makes them, vm.c runs them. */
#include "engine/program.h"

#include <assert.h>
#include <stdlib.h>

#include "base/limits.h"

enum operand {
	OPERAND_NONE,
	OPERAND_FIELD,
	OPERAND_FIELD_KEY,
	OPERAND_VALUE,
	OPERAND_NUMBER,
	OPERAND_KEY,
	OPERAND_SITE,
	OPERAND_TEST,
	OPERAND_FIELD_TEST,
	OPERAND_ORDER,
	OPERAND_JUMP,
	OPERAND_JUMP_SLOT,
	OPERAND_TRUTH_SLOT,
	OPERAND_VALUE_SLOT,
};

static const struct shape_of {
	const char *name;
	enum operand operand;
	uint8_t pops, pushes, tpops, tpushes;
} shapes[INSTR_COUNT] = {
#define INSTR(id, name, operand, pops, pushes, tpops, tpushes, prose)                                        \
	{name, operand, pops, pushes, tpops, tpushes},
#include "engine/instrs.def"
#undef INSTR
};

struct depths { /* at one instruction */
	bool known;
	uint16_t values, truths;
};

static const char *operand_wrong(const struct program *p, uint32_t at, bool truth_slot, const struct slots *s)
{
	const struct instr *i = &p->code[at];

	switch (shapes[i->op].operand) {
	case OPERAND_NONE:
	case OPERAND_NUMBER:
		return NULL;
	case OPERAND_FIELD:
		return i->field >= field_table && i->field < field_table + FIELD_COUNT ? NULL
		                                                                       : "no such field";
	case OPERAND_FIELD_KEY:
		return i->to < FIELD_COUNT && i->key != NULL ? NULL : "no such field or key";
	case OPERAND_FIELD_TEST:
		return i->to < FIELD_COUNT && i->test != NULL && i->test->type == field_table[i->to].type
		           ? NULL
		           : "no such field, or a test of another type";
	case OPERAND_VALUE:
		return i->value != NULL ? NULL : "no constant";
	case OPERAND_KEY:
		return i->key != NULL ? NULL : "no key";
	case OPERAND_SITE:
		return i->site != NULL && i->site->function->run != NULL && i->site->n <= FUNCTION_ARGS
		           ? NULL
		           : "no function to call";
	case OPERAND_TEST:
		return i->test != NULL ? NULL : "no test";
	case OPERAND_ORDER:
		return i->n <= TEST_GE ? NULL : "not a comparison of two values";
	case OPERAND_JUMP:
		return i->to > at && i->to < p->n ? NULL : "a jump that does not go forward";
	case OPERAND_JUMP_SLOT:
		if (i->to <= at || i->to >= p->n)
			return "a jump that does not go forward";
		return i->slot < (truth_slot ? s->truths : s->values) ? NULL : "no such slot";
	case OPERAND_TRUTH_SLOT:
		return i->slot < s->truths ? NULL : "no such slot";
	case OPERAND_VALUE_SLOT:
		return i->slot < s->values ? NULL : "no such slot";
	}
	return "an unknown operand";
}

static const char *arrive(struct depths *at, unsigned values, unsigned truths)
{
	if (at->known && (at->values != values || at->truths != truths))
		return "ways that join with different stacks";
	*at = (struct depths){true, (uint16_t)values, (uint16_t)truths};
	return NULL;
}

static const char *step(struct program *p, uint32_t at, struct depths *d, const struct slots *slots)
{
	const struct instr *i = &p->code[at];
	const struct shape_of *s;
	unsigned pops, values, truths;
	const char *wrong;

	if (!d[at].known)
		return "code that is never reached";
	if (i->op >= INSTR_COUNT)
		return "an unknown instruction";
	s = &shapes[i->op];
	if ((wrong = operand_wrong(p, at, i->op == OP_RECALL, slots)) != NULL)
		return wrong;
	pops = s->operand == OPERAND_SITE ? i->site->n : s->pops;
	if (d[at].values < pops || d[at].truths < s->tpops)
		return "a stack that runs empty";
	values = d[at].values - pops + s->pushes;
	truths = d[at].truths - s->tpops + s->tpushes;
	if (values > LIMIT_STACK || truths > LIMIT_STACK)
		return "a stack that is too deep";
	p->values = values > p->values ? (uint16_t)values : p->values;
	p->truths = truths > p->truths ? (uint16_t)truths : p->truths;
	switch (i->op) {
	case OP_RETURN:
		return at + 1 == p->n ? NULL : "a return before the end";
	case OP_JUMP_FALSE:
	case OP_JUMP_TRUE:
		wrong = arrive(&d[i->to], values, truths);
		break;
	case OP_RECALL:
		wrong = arrive(&d[i->to], values, truths + 1);
		break;
	case OP_RECALL_VALUE:
		wrong = arrive(&d[i->to], values + 1, truths);
		break;
	}
	if (wrong != NULL)
		return wrong;
	return at + 1 < p->n ? arrive(&d[at + 1], values, truths) : "no return at the end";
}

const char *program_verify(struct program *p, bool condition, const struct slots *slots)
{
	struct depths few[64] = {{false, 0, 0}}, *d = few;
	const char *wrong = p->n > 0 ? NULL : "no code";

	if (p->n > 64 && (d = calloc(p->n, sizeof(*d))) == NULL)
		return "out of memory";
	p->values = p->truths = 0;
	d[0].known = true;
	for (uint32_t at = 0; at < p->n && wrong == NULL; at++)
		wrong = step(p, at, d, slots);
	if (wrong == NULL && (d[p->n - 1].values != !condition || d[p->n - 1].truths != condition))
		wrong = "not one result at the end";
	if (d != few)
		free(d);
	/* stacks are never empty arrays, and what a remembered result pushes has room */
	p->values++;
	p->truths++;
	return wrong;
}

void value_print(struct buf *out, const struct value *v)
{
	char text[IP_TEXT];

	if (v->missing) {
		buf_add(out, STR("missing"));
		return;
	}
	switch (v->type) {
	case TYPE_BOOL:
		buf_add(out, v->b ? STR("true") : STR("false"));
		break;
	case TYPE_INT:
		buf_printf(out, "%lld", (long long)v->i);
		break;
	case TYPE_BYTES:
		buf_json(out, v->s);
		break;
	case TYPE_IP:
		ip_print(v->ip, text);
		buf_add(out, str_of(text));
		break;
	default:
		buf_add(out, str_of(type_name(v->type)));
	}
}

void test_print(struct buf *out, const struct test *t)
{
	buf_printf(out, "%s ", test_name(t->kind));
	if (t->kind == TEST_IN && t->text.n == 0)
		buf_printf(out, "{%zu items}", set_count(t->set));
	else if (t->kind == TEST_IN)
		buf_printf(out, "$%.*s", STR_FMT(t->text));
	else if (t->kind == TEST_MATCHES || t->kind == TEST_WILDCARD || t->kind == TEST_STRICT_WILDCARD)
		buf_json(out, t->text);
	else
		value_print(out, &t->right);
}

static void print_operand(struct buf *out, const struct instr *i)
{
	switch (shapes[i->op].operand) {
	case OPERAND_NONE:
		break;
	case OPERAND_FIELD:
		buf_printf(out, " %s", i->field->name);
		break;
	case OPERAND_FIELD_KEY:
		buf_printf(out, " %s ", field_table[i->to].name);
		buf_json(out, *i->key);
		break;
	case OPERAND_FIELD_TEST:
		buf_printf(out, " %s ", field_table[i->to].name);
		test_print(out, i->test);
		break;
	case OPERAND_VALUE:
		buf_addc(out, ' ');
		value_print(out, i->value);
		break;
	case OPERAND_NUMBER:
		buf_printf(out, " %u", i->to);
		break;
	case OPERAND_KEY:
		buf_addc(out, ' ');
		buf_json(out, *i->key);
		break;
	case OPERAND_SITE:
		buf_printf(out, " %s/%u", i->site->function->name, i->site->n);
		break;
	case OPERAND_TEST:
		buf_addc(out, ' ');
		test_print(out, i->test);
		break;
	case OPERAND_ORDER:
		buf_printf(out, " %s", test_name(i->n));
		break;
	case OPERAND_JUMP:
		buf_printf(out, " -> %u", i->to);
		break;
	case OPERAND_JUMP_SLOT:
		buf_printf(out, " slot %u -> %u", i->slot, i->to);
		break;
	case OPERAND_TRUTH_SLOT:
	case OPERAND_VALUE_SLOT:
		buf_printf(out, " slot %u", i->slot);
		break;
	}
}

bool program_print(struct buf *out, const struct program *p)
{
	for (uint32_t at = 0; at < p->n; at++) {
		buf_printf(out, "%4u  %s", at, shapes[p->code[at].op].name);
		print_operand(out, &p->code[at]);
		buf_addc(out, '\n');
	}
	return !out->failed;
}
