/* SPDX-License-Identifier: Apache-2.0 */
/* What the files of the regex front end share: the parser's state and sets of code points. */
#ifndef ENGINE_REGEX_INTERNAL_H
#define ENGINE_REGEX_INTERNAL_H

#include "engine/regex_tree.h"

struct regex_flags {
	bool i, m, s, U, x, u, R;
};

struct regex_unit;

struct regex_parser {
	struct arena *a;
	struct str s;
	size_t at;
	struct regex_flags flags;
	unsigned depth, captures;
	struct str names[64]; /* of named groups, to find a name given twice */
	unsigned nnames;
	struct regex_unit *units; /* the last first */
	unsigned nunits;
	struct regex_error *err;
	int rc; /* 0, or the first failure */
};

/* Ranges of code points (byte mode: of bytes), sorted and merged by cset_normal. */
struct cset_range {
	uint32_t low, high;
};

struct cset {
	struct cset_range *v;
	size_t n, cap;
};

/* A set of characters that was met before, and what it looks like in bytes. */
struct regex_unit {
	struct cset set;
	struct regex_node *node;
	struct regex_unit *next;
};

/* Records the first failure and returns NULL. */
void *regex_fail(struct regex_parser *p, enum diag_code code, size_t from, size_t to, const char *fmt, ...)
    __attribute__((format(printf, 5, 6)));
void regex_help(struct regex_parser *p, const char *text);
void *regex_nomem(struct regex_parser *p);
struct regex_node *regex_node_new(struct regex_parser *p, enum regex_kind kind, size_t from);
void regex_skip_space(struct regex_parser *p); /* in (?x): white space and # comments */
static inline bool regex_at(const struct regex_parser *p, size_t ahead, char c)
{
	return p->at + ahead < p->s.n && p->s.p[p->at + ahead] == c;
}
/* p->at is behind the '(' at open, then where the group's body begins. *capture: its number, 0: none. *flags_only: it was
 * flags for the rest of the group around it, and is closed. */
bool regex_group_open(struct regex_parser *p, size_t open, uint32_t *capture, bool *flags_only);
/* One UTF-8 character at p->at; false (failure recorded) if the bytes are no UTF-8. */
bool regex_char(struct regex_parser *p, uint32_t *c, size_t *n);

/* What a backslash stands for. */
enum regex_escape { ESCAPE_LITERAL, ESCAPE_PERL, ESCAPE_PROPERTY, ESCAPE_ASSERT };

struct regex_escaped {
	enum regex_escape kind;
	uint32_t c; /* literal: a code point, or a byte if raw */
	bool raw;   /* was written \xHH: a byte, not a character, in byte mode */
	char perl;  /* one of d D s S w W, or p P with the name still to be read */
	enum regex_assert assert;
};

/* p->at is on the backslash. */
bool regex_escape(struct regex_parser *p, struct regex_escaped *out, bool in_class);

bool cset_add(struct regex_parser *p, struct cset *s, uint32_t low, uint32_t high);
void cset_normal(struct cset *s);
bool cset_negate(struct regex_parser *p, struct cset *s); /* s is normal before and after */
bool cset_union(struct regex_parser *p, struct cset *s, const struct cset *other);
/* Under (?i): adds the other cases of every letter. s is normal before and after. */
bool cset_fold(struct regex_parser *p, struct cset *s);
bool cset_unicode_fold(struct regex_parser *p, struct cset *s);
bool cset_perl(struct regex_parser *p, struct cset *s, char which);
bool cset_unicode_perl(struct regex_parser *p, struct cset *s, char kind);              /* kind: d s w */
bool cset_property(struct regex_parser *p, struct cset *s, char which, size_t from);    /* p->at is on the name */
size_t regex_utf8(uint32_t c, unsigned char out[4]); /* bytes of a character */
struct regex_node *regex_class(struct regex_parser *p);                                 /* p->at is on '[' */
struct regex_node *regex_set_node(struct regex_parser *p, struct cset *s, size_t from); /* s is normal */
struct regex_node *regex_literal_node(struct regex_parser *p, uint32_t c, bool raw, size_t from);

#endif
