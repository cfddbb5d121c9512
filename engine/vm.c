/* SPDX-License-Identifier: Apache-2.0 */
/* The evaluator's loop. What works on arrays is in vm_each.c. */
#include "engine/vm.h"

#include <assert.h>

#include "base/err.h"
#include "engine/vm_each.h"

struct memo *memo_for(struct fields *f, const void *owner, const struct slots *slots)
{
	struct memo *m = f->memo;

	if (m != NULL && m->owner == owner && m->generation == f->generation)
		return m;
	if (m == NULL || m->owner != owner) {
		m = ARENA_NEW(f->arena, struct memo);
		if (m == NULL)
			return NULL;
		m->truths = arena_zalloc(f->arena, slots->truths);
		m->have = arena_zalloc(f->arena, slots->values);
		m->values = arena_alloc(f->arena, slots->values * sizeof(struct value));
		if (m->truths == NULL || m->have == NULL || m->values == NULL)
			return NULL;
		m->owner = owner;
		f->memo = m;
	} else {
		memset(m->truths, 0, slots->truths);
		memset(m->have, 0, slots->values);
	}
	m->generation = f->generation;
	m->error = 0;
	return m;
}

static enum truth truth_of(const struct value *v)
{
	if (v->missing)
		return v->missing == NO_ANSWER ? UNKNOWN : FALSE;
	return v->b ? TRUE : FALSE;
}

static enum truth compare(enum test_kind kind, const struct value *a, const struct value *b)
{
	if (a->missing || b->missing)
		return a->missing == NO_ANSWER || b->missing == NO_ANSWER ? UNKNOWN : FALSE;
	return test_compare(kind, a, b) ? TRUE : FALSE;
}

static void index_at(struct value *v, uint32_t i)
{
	if (v->missing)
		v->type = type_element(v->type);
	else if (i < v->a->n)
		*v = v->a->v[i];
	else
		*v = VALUE_MISSING(type_element(v->type));
}

static void key_at(struct value *v, struct str key)
{
	const struct value *found = v->missing ? NULL : map_get(v->m, key);

	if (found != NULL)
		*v = *found;
	else
		*v = (struct value){.missing = v->missing ? v->missing : MISSING,
		                    .type = type_element(v->type)};
}

void vm_call(struct vm *m, const struct site *s, const struct value *args, struct value *out)
{
	struct call call = {m->fields->arena, s->prepared, 0};
	enum missing missing = PRESENT;

	for (unsigned i = 0; i < s->n; i++)
		if (args[i].missing > missing)
			missing = args[i].missing;
	*out = (struct value){.missing = MISSING, .type = s->type};
	if (missing == NO_ANSWER)
		out->missing = NO_ANSWER;
	else if (missing == PRESENT || s->function->flags & FN_NIL)
		s->function->run(&call, args, s->n, out);
	if (call.error < 0) {
		out->missing = NO_ANSWER;
		m->error = call.error;
	}
}

static enum truth truth_xor(enum truth a, enum truth b)
{
	return a == UNKNOWN || b == UNKNOWN ? UNKNOWN : a != b ? TRUE : FALSE;
}

/* Runs p; the result is on the bottom of the stack it belongs to. */
static void run(struct vm *m, const struct program *p, struct value *values, enum truth *truths)
{
	struct value *v = values; /* next free */
	enum truth *t = truths;
	const struct instr *i = p->code;

	for (;; i++) {
		switch ((enum op)i->op) {
		case OP_FIELD:
			*v++ = *fields_value(m->fields, i->field);
			break;
		case OP_FIELD_KEY:
			fields_key(m->fields, &field_table[i->to], *i->key, v++);
			break;
		case OP_CONST:
			*v++ = *i->value;
			break;
		case OP_INDEX:
			index_at(&v[-1], i->to);
			break;
		case OP_KEY:
			key_at(&v[-1], *i->key);
			break;
		case OP_EACH:
			each_elements(m, &v[-1]);
			break;
		case OP_EACH_EACH:
			each_flat(m, &v[-1]);
			break;
		case OP_EACH_INDEX:
			each_index(m, &v[-1], i->to);
			break;
		case OP_EACH_KEY:
			each_key(m, &v[-1], *i->key);
			break;
		case OP_CALL: {
			struct value out;

			v -= i->site->n;
			vm_call(m, i->site, v, &out);
			*v++ = out;
			break;
		}
		case OP_CALL_EACH:
			v -= i->site->n;
			each_call(m, i->site, v);
			v++;
			break;
		case OP_TEST:
			*t++ = test_run(i->test, --v, &m->error);
			break;
		case OP_FIELD_TEST:
			*t++ = test_run(i->test, fields_value(m->fields, &field_table[i->to]), &m->error);
			break;
		case OP_TEST_EACH:
			each_test(m, i->test, &v[-1]);
			break;
		case OP_TEST_ANY:
			*t++ = test_any(m, i->test, --v);
			break;
		case OP_TEST_ALL:
			*t++ = test_all(m, i->test, --v);
			break;
		case OP_COMPARE:
			v -= 2;
			*t++ = compare(i->n, &v[0], &v[1]);
			break;
		case OP_COMPARE_EACH:
			v--;
			each_compare(m, i->n, &v[-1], &v[0]);
			break;
		case OP_TRUTH:
			*t++ = truth_of(--v);
			break;
		case OP_VALUE:
			t--;
			*v++ = (struct value){.missing = *t == UNKNOWN ? NO_ANSWER : PRESENT,
			                      .type = TYPE_BOOL,
			                      .b = *t == TRUE};
			break;
		case OP_ANY:
			*t++ = each_any(--v);
			break;
		case OP_ALL:
			*t++ = each_all(--v);
			break;
		case OP_NOT:
			t[-1] = TRUE - t[-1];
			break;
		case OP_AND:
			t--;
			t[-1] = t[0] < t[-1] ? t[0] : t[-1];
			break;
		case OP_OR:
			t--;
			t[-1] = t[0] > t[-1] ? t[0] : t[-1];
			break;
		case OP_XOR:
			t--;
			t[-1] = truth_xor(t[-1], t[0]);
			break;
		case OP_EACH_NOT:
			each_not(m, &v[-1]);
			break;
		case OP_EACH_AND:
		case OP_EACH_OR:
		case OP_EACH_XOR:
			v--;
			each_logic(m, i->op, &v[-1], &v[0]);
			break;
		case OP_JUMP_FALSE:
			if (t[-1] == FALSE)
				i = &p->code[i->to - 1];
			break;
		case OP_JUMP_TRUE:
			if (t[-1] == TRUE)
				i = &p->code[i->to - 1];
			break;
		case OP_RECALL:
			if (m->memo->truths[i->slot] != 0) {
				*t++ = m->memo->truths[i->slot] - 1;
				if (t[-1] == UNKNOWN)
					m->error = m->memo->error;
				i = &p->code[i->to - 1];
			}
			break;
		case OP_KEEP:
			m->memo->truths[i->slot] = (uint8_t)(t[-1] + 1);
			if (t[-1] == UNKNOWN)
				m->memo->error = m->error;
			break;
		case OP_RECALL_VALUE:
			if (m->memo->have[i->slot]) {
				*v++ = m->memo->values[i->slot];
				if (v[-1].missing == NO_ANSWER)
					m->error = m->memo->error;
				i = &p->code[i->to - 1];
			}
			break;
		case OP_KEEP_VALUE:
			m->memo->have[i->slot] = 1;
			m->memo->values[i->slot] = v[-1];
			if (v[-1].missing == NO_ANSWER)
				m->memo->error = m->error;
			break;
		case OP_RETURN:
			return;
		case INSTR_COUNT:
			assert(!"verified");
			return;
		}
	}
}

enum truth vm_condition(struct vm *m, const struct program *p)
{
	struct value values[p->values];
	enum truth truths[p->truths];

	run(m, p, values, truths);
	return truths[0];
}

void vm_value(struct vm *m, const struct program *p, struct value *out)
{
	struct value values[p->values];
	enum truth truths[p->truths];

	run(m, p, values, truths);
	*out = values[0];
}
