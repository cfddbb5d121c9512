/* SPDX-License-Identifier: Apache-2.0 */
/* How a group of a regular expression begins: capturing or not, with a name, with flags; and the groups of other dialects. */
#include "engine/regex_internal.h"

/* Says what a group of another dialect is; false if it is none of them. p->at is after "(?". */
static bool group_refused(struct regex_parser *p, size_t open)
{
	static const struct {
		const char *begins, *what;
	} others[] = {
	    {"=", "look-ahead (?="},      {"!", "negative look-ahead (?!"},
	    {"<=", "look-behind (?<="},   {"<!", "negative look-behind (?<!"},
	    {">", "an atomic group (?>"}, {"|", "a branch reset (?|"},
	    {"#", "a comment (?#"},       {"P=", "a back-reference (?P="},
	    {"P>", "recursion (?P>"},     {"&", "recursion (?&"},
	    {"R)", "recursion (?R)"},     {"(", "a condition (?("},
	    {"C", "a call-out (?C"},      {"'", "a name in quotes (?'"},
	    {"+", "recursion (?+"},       {"^", "flags reset (?^"},
	    {"*", "look-around (?*"},
	};
	struct str rest = str_sub(p->s, p->at, p->s.n);

	if (rest.n > 0 &&
	    (ascii_digit(rest.p[0]) || (rest.n > 1 && rest.p[0] == '-' && ascii_digit(rest.p[1])))) {
		regex_fail(p, U4002, open, p->at + 1, "recursion (?%c…) is not part of this dialect",
		           rest.p[0]);
		return true;
	}
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++)
		if (str_starts(rest, str_of(others[i].begins))) {
			regex_fail(p, U4002, open, p->at + strlen(others[i].begins),
			           "%s is not part of this dialect", others[i].what);
			if (rest.p[0] == '#')
				regex_help(p, "(?x) allows comments from # to the end of the line");
			return true;
		}
	return false;
}

/* p->at is on the first byte of the name. */
static bool group_name(struct regex_parser *p)
{
	size_t from = p->at;
	struct str name;

	while (p->at < p->s.n && p->s.p[p->at] != '>') {
		char c = p->s.p[p->at];
		bool first = p->at == from;

		if (c != '_' && !ascii_alpha(c) && !((unsigned char)c >= 0x80) &&
		    (first || !(ascii_digit(c) || c == '.' || c == '[' || c == ']'))) {
			regex_fail(p, U4001, p->at, p->at + 1, "a character that a group's name cannot have");
			return false;
		}
		p->at++;
	}
	if (p->at == p->s.n || p->at == from) {
		regex_fail(p, U4001, from, p->at,
		           p->at == from ? "a group without a name" : "a name that '>' never ends");
		return false;
	}
	name = str_range(p->s.p + from, p->s.p + p->at);
	for (unsigned i = 0; i < p->nnames; i++)
		if (str_eq(p->names[i], name)) {
			regex_fail(p, U4001, from, p->at, "two groups named %.*s", STR_FMT(name));
			return false;
		}
	if (p->nnames == sizeof(p->names) / sizeof(*p->names)) {
		regex_fail(p, U4001, from, p->at, "more than %u named groups", p->nnames);
		return false;
	}
	p->names[p->nnames++] = name;
	p->at++;
	return true;
}

/* Flags up to ')' or ':', which stays. *any: there was at least one. */
static bool group_flags(struct regex_parser *p, bool *any)
{
	bool on = true, given[128] = {false};
	size_t minus = 0;

	for (*any = false; p->at < p->s.n && p->s.p[p->at] != ')' && p->s.p[p->at] != ':'; p->at++) {
		struct regex_flags *f = &p->flags;
		char c = p->s.p[p->at];
		bool *flag = c == 'i'   ? &f->i
		             : c == 'm' ? &f->m
		             : c == 's' ? &f->s
		             : c == 'U' ? &f->U
		             : c == 'x' ? &f->x
		             : c == 'u' ? &f->u
		             : c == 'R' ? &f->R
		                        : NULL;

		*any = true;
		if (c == '-' && on) {
			on = false;
			minus = p->at;
			continue;
		}
		if (flag == NULL || given[(unsigned char)c]) {
			regex_fail(p, U4001, p->at, p->at + 1, flag ? "a flag given twice" : "no such flag");
			regex_help(p, "flags are i m s U x u R, and - turns off those after it");
			return false;
		}
		given[(unsigned char)c] = true;
		*flag = on;
	}
	if (p->at < p->s.n && !on && minus + 1 == p->at) {
		regex_fail(p, U4001, minus, minus + 1, "'-' turns off the flags after it, and there is none");
		return false;
	}
	return true;
}

/* What follows "(?", which p->at is behind. */
static bool open_extended(struct regex_parser *p, size_t open, uint32_t *capture, bool *flags_only)
{
	bool any;

	if (group_refused(p, open))
		return false;
	if (regex_at(p, 0, '<') || (regex_at(p, 0, 'P') && regex_at(p, 1, '<'))) {
		p->at += regex_at(p, 0, 'P') ? 2 : 1;
		*capture = ++p->captures;
		return group_name(p);
	}
	if (!group_flags(p, &any))
		return false;
	if (p->at == p->s.n) {
		regex_fail(p, U4001, open, open + 1, "'(' is never closed");
		return false;
	}
	*flags_only = p->s.p[p->at++] == ')';
	if (*flags_only && !any) {
		regex_fail(p, U4001, open + 1, open + 2, "'?' has nothing to repeat");
		return false;
	}
	return true;
}

bool regex_group_open(struct regex_parser *p, size_t open, uint32_t *capture, bool *flags_only)
{
	*capture = 0;
	*flags_only = false;
	regex_skip_space(p);
	if (regex_at(p, 0, '*') && p->at + 1 < p->s.n && ascii_alpha(p->s.p[p->at + 1])) {
		regex_fail(p, U4002, open, p->at + 1, "a verb (*…) is not part of this dialect");
		return false;
	}
	if (!regex_at(p, 0, '?')) {
		*capture = ++p->captures;
		return true;
	}
	p->at++;
	return open_extended(p, open, capture, flags_only);
}
