/* SPDX-License-Identifier: Apache-2.0 */
/* Editing header lines, and the rules about which lines rules may edit (reference, section 5.6). */
#include "headers/edit.h"
#include "base/err.h"
#include "base/limits.h"
#include "headers/names.h"

static bool name_plain(struct str name)
{
	size_t i;

	for (i = 0; i < name.n; i++)
		if (!ascii_alpha(name.p[i]) && !ascii_digit(name.p[i]) && name.p[i] != '_' &&
		    name.p[i] != '-')
			return false;
	return name.n > 0;
}

static enum editable refuse(enum editable how, const char **why, const char *words)
{
	if (why)
		*why = words;
	return how;
}

enum editable header_editable(enum header_op op, bool response, struct str name, const char **why)
{
	unsigned flags = name_flags_twin(name);

	if (!name_plain(name))
		return refuse(EDITABLE_BAD_NAME, why,
		              "a header name is made of letters, digits, '_' and '-'");
	if (name_cloudflare(name)) {
		if (op == HEADER_REMOVE && !response && name_twin(name, STR("cf-connecting-ip")))
			return EDITABLE;
		return refuse(EDITABLE_RESERVED, why, "cf-* and x-cf-* headers are usher's own");
	}
	if (name_twin(name, STR("host")) && !response)
		return refuse(EDITABLE_FORBIDDEN, why, "Host is changed with `route host_header`");
	if ((flags & HOP) || (flags & (response ? NO_EDIT_RES : NO_EDIT)))
		return refuse(EDITABLE_FORBIDDEN, why,
		              "this header belongs to the connection or to the message's framing");
	if (op != HEADER_REMOVE && (flags & (response ? NO_SET_RES : NO_SET)))
		return refuse(EDITABLE_FORBIDDEN, why, "this header may be removed, not set");
	return EDITABLE;
}

static bool has_control(struct str value)
{
	size_t i;

	for (i = 0; i < value.n; i++)
		if ((unsigned char)value.p[i] < 0x20 || value.p[i] == 0x7f)
			return true;
	return false;
}

const char *header_value_fault(struct str value)
{
	if (has_control(value))
		return "a header value may not hold control characters";
	if (value.n > LIMIT_HEADER_VALUE)
		return "the header value is too long";
	return NULL;
}

int header_edit(struct lines *l, enum header_op op, struct str name, struct str value)
{
	if (op != HEADER_REMOVE) {
		if (has_control(value))
			return -ERR_INVALID;
		if (value.n > LIMIT_HEADER_VALUE)
			return -ERR_LIMIT;
		value = str_trim(value);
	}
	if (op == HEADER_REMOVE || value.n == 0) {
		lines_remove_twins(l, name);
		return 0;
	}
	if (!(op == HEADER_ADD ? lines_add(l, name, value) : lines_set(l, name, value)))
		return -ERR_NOMEM;
	lines_remove_other_spellings(l, name);
	return 0;
}
