/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A media type from the content itself: magic bytes first, then the beginnings of texts. The type is evidence
 * for rules, not a promise: a file can look like two things.
 */
#include "headers/media.h"

/* LOOK: as much as is looked at to tell text from bytes. SURE: shorter magics can begin a text as well. */
enum { LOOK = 1024, SURE = 4 };

static const struct {
	size_t offset;
	struct str magic;
	const char *type;
} magics[] = {
#define SNIFF(offset, magic, type) {offset, {magic, sizeof(magic) - 1}, type},
#include "headers/sniff.def"
#undef SNIFF
};

static struct str space_skip(struct str s)
{
	while (s.n && s.p[0] && strchr(" \t\r\n\f", s.p[0]))
		s = str_sub(s, 1, s.n);
	return s;
}

static bool starts_nocase(struct str s, struct str prefix)
{
	return str_eq_nocase(str_sub(s, 0, prefix.n), prefix);
}

static bool is_text(struct str s)
{
	size_t i;

	for (i = 0; i < s.n && i < LOOK; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == 0x7f || (c < 0x20 && !(c && strchr("\t\n\r\f\x1b", c))))
			return false;
	}
	return true;
}

/* '{' or '[' and then what may follow it in JSON. */
static bool is_json(struct str s)
{
	struct str next = space_skip(str_sub(s, 1, s.n));

	if (s.n == 0 || (s.p[0] != '{' && s.p[0] != '['))
		return false;
	if (next.n == 0)
		return false;
	if (s.p[0] == '{')
		return next.p[0] == '"' || next.p[0] == '}';
	return next.p[0] && strchr("\"{[]-0123456789tfn", next.p[0]);
}

const char *mime_sniff(struct str content)
{
	bool printable = is_text(content);
	struct str text;
	size_t i;

	for (i = 0; i < sizeof(magics) / sizeof(magics[0]); i++)
		if (content.n > magics[i].offset && (!printable || magics[i].magic.n >= SURE) &&
		    str_starts(str_sub(content, magics[i].offset, content.n), magics[i].magic))
			return magics[i].type;
	if (!printable)
		return "application/octet-stream";
	text =
	    space_skip(str_starts(content, STR("\xef\xbb\xbf")) ? str_sub(content, 3, content.n) : content);
	if (is_json(text))
		return "application/json";
	if (starts_nocase(text, STR("<!doctype html")) || starts_nocase(text, STR("<html")))
		return "text/html";
	if (starts_nocase(text, STR("<?xml")))
		return "text/xml";
	return "text/plain";
}
