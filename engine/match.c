/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where PCRE2 matches; regex_property.c asks its tables of characters. Patterns come from our own translation, so
 * an error of the compiler other than size or memory is our mistake. Each thread owns one JIT stack and one block
 * for results, made at its first match and released when it ends.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <assert.h>
#include <pcre2.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/limits.h"
#include "engine/match.h"
#include "engine/regex_nfa.h"

struct matcher {
	pcre2_code *code;
	bool jit;
	unsigned captures;
	struct nfa *nfa; /* finishes what PCRE2 would take too long for; NULL: nothing does */
};

struct thread_state {
	pcre2_match_context *context;
	pcre2_match_data *data;
	pcre2_jit_stack *stack;
	struct nfa_room *room;
};

static pthread_once_t once = PTHREAD_ONCE_INIT;
static pthread_key_t key;
static bool key_made;
static _Thread_local struct thread_state *mine;

static void state_free(void *arg)
{
	struct thread_state *m = arg;

	if (m == NULL)
		return;
	pcre2_match_data_free(m->data);
	pcre2_match_context_free(m->context);
	pcre2_jit_stack_free(m->stack);
	nfa_room_free(m->room);
	free(m);
}

static void key_make(void)
{
	key_made = pthread_key_create(&key, state_free) == 0;
}

/* The main thread's destructor does not run when main returns. */
static void __attribute__((destructor)) main_fini(void)
{
	if (mine != NULL && key_made)
		pthread_setspecific(key, NULL);
	state_free(mine);
	mine = NULL;
}

static struct thread_state *state_get(void)
{
	struct thread_state *m = mine;

	if (m != NULL)
		return m;
	pthread_once(&once, key_make);
	if (!key_made || (m = calloc(1, sizeof(*m))) == NULL)
		return NULL;
	m->context = pcre2_match_context_create(NULL);
	m->data = pcre2_match_data_create(MATCH_CAPTURES, NULL);
	m->stack = pcre2_jit_stack_create(32 * 1024, LIMIT_REGEX_STACK, NULL);
	m->room = nfa_room_new();
	if (m->context == NULL || m->data == NULL || m->stack == NULL || m->room == NULL ||
	    pthread_setspecific(key, m) != 0) {
		state_free(m);
		return NULL;
	}
	pcre2_set_heap_limit(m->context, LIMIT_REGEX_STACK / 1024);
	pcre2_jit_stack_assign(m->context, NULL, m->stack);
	mine = m;
	return m;
}

static int code_new(pcre2_code **out, struct str pattern, struct arena *a, struct regex_error *err,
                    size_t written)
{
	pcre2_compile_context *context = pcre2_compile_context_create(NULL);
	PCRE2_UCHAR text[200];
	PCRE2_SIZE at;
	int code;

	if (context == NULL)
		return -ERR_NOMEM;
	pcre2_set_newline(context, PCRE2_NEWLINE_LF);
	pcre2_set_parens_nest_limit(context, 4 * LIMIT_REGEX_NESTING);
	*out = pcre2_compile((PCRE2_SPTR)pattern.p, pattern.n,
	                     PCRE2_DOLLAR_ENDONLY | PCRE2_NEVER_UTF | PCRE2_NEVER_UCP, &code, &at, context);
	pcre2_compile_context_free(context);
	if (*out != NULL)
		return 0;
	if (code == PCRE2_ERROR_NOMEMORY || code == PCRE2_ERROR_HEAP_FAILED)
		return -ERR_NOMEM;
	pcre2_get_error_message(code, text, sizeof(text));
	*err = (struct regex_error){.code = U4001, .from = 0, .to = (uint32_t)written};
	err->message = arena_printf(a, "the pattern does not compile: %s", (const char *)text);
	return err->message.p != NULL ? -ERR_RULES : -ERR_NOMEM;
}

int matcher_new(struct matcher **out, const struct regex_tree *t, bool captures, struct arena *a,
                struct regex_error *err)
{
	struct matcher *r = calloc(1, sizeof(*r));
	struct buf pattern = BUF_INIT;
	int rc = -ERR_NOMEM;
	bool large;

	*out = NULL;
	if (r == NULL || !regex_translate(&pattern, t, captures))
		goto done;
	if ((rc = code_new(&r->code, buf_str(&pattern), a, err, t->pattern.n)) < 0)
		goto done;
	r->jit = pcre2_jit_compile(r->code, PCRE2_JIT_COMPLETE) == 0;
	r->captures = captures ? t->captures : 0;
	if (!regex_ambiguous(t) && (r->nfa = nfa_new(t, &large)) == NULL && !large) {
		rc = -ERR_NOMEM;
		goto done;
	}
	*out = r;
	r = NULL;
done:
	buf_fini(&pattern);
	matcher_free(r);
	return rc;
}

void matcher_free(struct matcher *r)
{
	if (r == NULL)
		return;
	pcre2_code_free(r->code);
	nfa_free(r->nfa);
	free(r);
}

size_t matcher_bytes(const struct matcher *r)
{
	size_t size = 0, jit = 0;

	pcre2_pattern_info(r->code, PCRE2_INFO_SIZE, &size);
	pcre2_pattern_info(r->code, PCRE2_INFO_JITSIZE, &jit);
	return sizeof(*r) + size + jit + nfa_bytes(r->nfa);
}

/* PCRE2 counts a step where it begins a repetition or a group, and a step may walk over the whole subject:
 * what is bounded is the product. */
static int run(const struct matcher *r, struct thread_state *m, struct str subject)
{
	uint64_t limit = LIMIT_REGEX_WORK / (subject.n + 1);
	PCRE2_SPTR p = (PCRE2_SPTR)(subject.n ? subject.p : "");
	int rc;

	pcre2_set_match_limit(m->context, limit > LIMIT_REGEX_MATCH ? LIMIT_REGEX_MATCH
	                                  : limit                   ? (uint32_t)limit
	                                                            : 1);
	rc = r->jit ? pcre2_jit_match(r->code, p, subject.n, 0, 0, m->data, m->context)
	            : pcre2_match(r->code, p, subject.n, 0, 0, m->data, m->context);

	if (rc >= 0)
		return 1;
	if (rc == PCRE2_ERROR_NOMATCH)
		return 0;
	return rc == PCRE2_ERROR_NOMEMORY ? -ERR_NOMEM : -ERR_LIMIT;
}

int matcher_match(const struct matcher *r, struct str subject)
{
	struct thread_state *m = state_get();
	int rc;

	if (m == NULL)
		return -ERR_NOMEM;
	rc = run(r, m, subject);
	return rc == -ERR_LIMIT && r->nfa != NULL ? nfa_match(r->nfa, m->room, subject) : rc;
}

int matcher_find(const struct matcher *r, struct str subject, struct match_place found[MATCH_CAPTURES])
{
	struct thread_state *m = state_get();
	const PCRE2_SIZE *v;
	int rc;

	if (m == NULL)
		return -ERR_NOMEM;
	if ((rc = run(r, m, subject)) == -ERR_LIMIT && r->nfa != NULL &&
	    nfa_match(r->nfa, m->room, subject) == 0)
		return 0; /* where the match is nobody knows, but there is none */
	if (rc != 1)
		return rc;
	v = pcre2_get_ovector_pointer(m->data);
	for (unsigned i = 0; i < MATCH_CAPTURES; i++) {
		found[i].set = i <= r->captures && v[2 * i] != PCRE2_UNSET;
		found[i].from = found[i].set ? v[2 * i] : 0;
		found[i].to = found[i].set ? v[2 * i + 1] : 0;
	}
	return 1;
}
