/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The evaluator's work on whole arrays, for [*], any and all. A list that is missing is an empty list after
 * [*]; NO_ANSWER anywhere in it makes the whole list one without answer. Arrays are made in the exchange's
 * arena.
 */
#ifndef ENGINE_VM_EACH_H
#define ENGINE_VM_EACH_H

#include "engine/vm.h"

void each_elements(struct vm *m, struct value *v);            /* x[*] */
void each_flat(struct vm *m, struct value *v);                /* x[*][*] */
void each_index(struct vm *m, struct value *v, uint32_t i);   /* x[*][i] */
void each_key(struct vm *m, struct value *v, struct str key); /* x[*]["key"] */
void each_call(struct vm *m, const struct site *s,
               struct value *args); /* result in args[0]; missing ones dropped */
void each_test(struct vm *m, const struct test *t, struct value *v);
void each_compare(struct vm *m, enum test_kind kind, struct value *v, const struct value *right);
void each_not(struct vm *m, struct value *v);
void each_logic(struct vm *m, enum op op, struct value *v,
                const struct value *right); /* as long as the shorter */
enum truth
each_any(const struct value *v); /* a missing array: false, for all too; an empty one: all is true */
enum truth each_all(const struct value *v);
enum truth test_any(struct vm *m, const struct test *t,
                    const struct value *v); /* each_test and each_any at once */
enum truth test_all(struct vm *m, const struct test *t, const struct value *v);

void vm_call(struct vm *m, const struct site *s, const struct value *args, struct value *out);

#endif
