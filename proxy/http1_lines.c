/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of heads and trailers, checked before anything else reads them. */
#include "proxy/http1_lines.h"

/* RFC 9112, section 3: 414 for a target that is too long, 501 for a method. */
static enum reject start_line_long(const struct http1_limits *limits, struct str line)
{
	return memchr(line.p, ' ', limits->line) != NULL ? REJECT_TARGET_LONG : REJECT_METHOD_UNKNOWN;
}

/* One line without its CR LF. */
static enum reject line_check(const struct http1_limits *limits, struct str line, bool start)
{
	ptrdiff_t colon;

	if (str_has_control(line))
		return memchr(line.p, '\r', line.n) != NULL ? REJECT_LINE_END : REJECT_VALUE;
	if (start)
		return line.n > limits->line ? start_line_long(limits, line) : REJECT_NONE;
	if (line.p[0] == ' ' || line.p[0] == '\t')
		return REJECT_FOLDED;
	colon = str_find(line, ':');
	if (colon > 0 && (line.p[colon - 1] == ' ' || line.p[colon - 1] == '\t'))
		return REJECT_SPACE;
	return colon > 0 ? REJECT_NONE : REJECT_NAME;
}

enum reject http1_section_scan(struct http1_section *s, const struct http1_limits *limits, struct str bytes,
			       struct str *whole)
{
	const char *lf;
	enum reject r;

	*whole = STR_NONE;
	while (bytes.n > s->looked && (lf = memchr(bytes.p + s->looked, '\n', bytes.n - s->looked)) != NULL) {
		struct str line = str_range(bytes.p + s->looked, lf);
		bool start = s->headed && s->looked == 0;

		if (line.n == 0 || lf[-1] != '\r')
			return REJECT_LINE_END;
		line.n--;
		if (line.n == 0) {
			*whole = str_range(bytes.p, lf + 1);
			return REJECT_NONE;
		}
		if ((r = line_check(limits, line, start)) != REJECT_NONE)
			return r;
		s->looked = (size_t)(lf + 1 - bytes.p);
		if (start)
			s->start = s->looked;
		if (s->looked - s->start > limits->bytes)
			return REJECT_LINES_LARGE;
	}
	if (s->headed && s->looked == 0)
		return bytes.n > limits->line + 2 ? start_line_long(limits, bytes) : REJECT_NONE;
	return bytes.n - s->start > limits->bytes + 2 ? REJECT_LINES_LARGE : REJECT_NONE;
}

static void blank(char *from, const char *to)
{
	while (from < to)
		*from++ = ' ';
}

enum reject http1_lines_read(struct lines *to, char *text, size_t n, size_t count)
{
	char *end = text + n;

	while (end - text > 2) {
		char *eol = (char *)memchr(text, '\n', (size_t)(end - text)) - 1;
		char *colon = memchr(text, ':', (size_t)(eol - text));
		struct str value = str_trim(str_range(colon + 1, eol));

		if (to->n >= count)
			return REJECT_LINES_MANY;
		if (!lines_add(to, str_range(text, colon), value))
			return REJECT_NO_MEMORY;
		blank(colon + 1, value.n > 0 ? value.p : eol);
		blank(value.n > 0 ? (char *)value.p + value.n : eol, eol);
		text = eol + 2;
	}
	return REJECT_NONE;
}
