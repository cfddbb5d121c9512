/* SPDX-License-Identifier: Apache-2.0 */
/* A recursive walk with a depth cap over text that is checked as it passes. */
#include "engine/json.h"

#include "base/limits.h"

struct walk {
	const char *at, *end;
	const struct json_step *path;
	size_t n;
	struct str found;
	unsigned depth;
};

static void space(struct walk *w)
{
	while (w->at < w->end && (*w->at == ' ' || *w->at == '\t' || *w->at == '\n' || *w->at == '\r'))
		w->at++;
}

static bool take(struct walk *w, char c)
{
	if (w->at == w->end || *w->at != c)
		return false;
	w->at++;
	return true;
}

static int hex4(const char *p, const char *end)
{
	int value = 0;

	if (end - p < 4)
		return -1;
	for (int i = 0; i < 4; i++) {
		if (ascii_hex(p[i]) < 0)
			return -1;
		value = value << 4 | ascii_hex(p[i]);
	}
	return value;
}

/* Bytes of the UTF-8 character at p; 0 if it is none. */
static size_t utf8_length(const char *p, const char *end)
{
	const unsigned char *s = (const unsigned char *)p;
	size_t left = (size_t)(end - p), n = s[0] < 0x80   ? 1
	                                     : s[0] < 0xC2 ? 0
	                                     : s[0] < 0xE0 ? 2
	                                     : s[0] < 0xF0 ? 3
	                                     : s[0] < 0xF5 ? 4
	                                                   : 0;

	if (n == 0 || n > left)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((s[i] & 0xC0) != 0x80)
			return 0;
	if ((s[0] == 0xE0 && s[1] < 0xA0) || (s[0] == 0xED && s[1] > 0x9F) || (s[0] == 0xF0 && s[1] < 0x90) ||
	    (s[0] == 0xF4 && s[1] > 0x8F))
		return 0;
	return n;
}

/* One character of a string, escaped or not, from *p on; its UTF-8 to out. 0: not valid. */
static size_t character(const char **p, const char *end, char out[4])
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *s = *p, *simple;
	int c, low;
	size_t n;

	if (*s != '\\') {
		if ((unsigned char)*s < 0x20 || (n = utf8_length(s, end)) == 0)
			return 0;
		memcpy(out, s, n);
		*p += n;
		return n;
	}
	if (end - s < 2)
		return 0;
	if (s[1] != 'u') {
		if (s[1] == '\0' || (simple = strchr(from, s[1])) == NULL)
			return 0;
		out[0] = to[simple - from];
		*p += 2;
		return 1;
	}
	if ((c = hex4(s + 2, end)) < 0 || (c >= 0xDC00 && c <= 0xDFFF))
		return 0;
	*p += 6;
	if (c >= 0xD800 && c < 0xDC00) {
		if (end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u' || (low = hex4(*p + 2, end)) < 0xDC00 ||
		    low > 0xDFFF)
			return 0;
		*p += 6;
		c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
	}
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	n = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
	for (size_t i = n; i-- > 1; c >>= 6)
		out[i] = (char)(0x80 | (c & 0x3F));
	out[0] = (char)((n == 2 ? 0xC0 : n == 3 ? 0xE0 : 0xF0) | c);
	return n;
}

/* A string; raw is what stands between its quotes. */
static bool string(struct walk *w, struct str *raw)
{
	const char *from;

	if (!take(w, '"'))
		return false;
	from = w->at;
	while (w->at < w->end && *w->at != '"') {
		char bytes[4];

		if (*w->at != '\\' && (unsigned char)*w->at >= 0x20 && (unsigned char)*w->at < 0x80)
			w->at++;
		else if (character(&w->at, w->end, bytes) == 0)
			return false;
	}
	*raw = str_range(from, w->at);
	return take(w, '"');
}

static bool key_is(struct str raw, struct str key)
{
	const char *p = raw.p, *end = raw.p + raw.n;
	size_t at = 0;

	if (str_find(raw, '\\') < 0)
		return str_eq(raw, key);
	while (p < end) {
		char bytes[4];
		size_t n = character(&p, end, bytes);

		if (at + n > key.n || memcmp(key.p + at, bytes, n) != 0)
			return false;
		at += n;
	}
	return at == key.n;
}

static bool digits(struct walk *w)
{
	const char *from = w->at;

	while (w->at < w->end && ascii_digit(*w->at))
		w->at++;
	return w->at > from;
}

static bool number(struct walk *w)
{
	take(w, '-');
	if (!take(w, '0') && !digits(w))
		return false;
	if (take(w, '.') && !digits(w))
		return false;
	if (take(w, 'e') || take(w, 'E')) {
		if (!take(w, '+'))
			take(w, '-');
		return digits(w);
	}
	return true;
}

static bool word(struct walk *w, struct str text)
{
	if (!str_starts(str_range(w->at, w->end), text))
		return false;
	w->at += text.n;
	return true;
}

static bool value(struct walk *w, size_t level);

/* level: how many steps of the path lead here; SIZE_MAX: this is beside the path. */
static bool object(struct walk *w, size_t level)
{
	const struct json_step *step = level < w->n ? &w->path[level] : NULL;

	w->at++;
	space(w);
	if (take(w, '}'))
		return true;
	for (;;) {
		struct str key;
		bool ours;

		if (!string(w, &key))
			return false;
		space(w);
		if (!take(w, ':'))
			return false;
		ours = step != NULL && !step->is_index && key_is(key, step->key);
		if (ours)
			w->found = STR_NONE;
		if (!value(w, ours ? level + 1 : SIZE_MAX))
			return false;
		if (take(w, '}'))
			return true;
		if (!take(w, ','))
			return false;
		space(w);
	}
}

static bool array(struct walk *w, size_t level)
{
	const struct json_step *step = level < w->n ? &w->path[level] : NULL;
	uint64_t i = 0;

	w->at++;
	space(w);
	if (take(w, ']'))
		return true;
	for (;; i++) {
		if (!value(w, step != NULL && step->is_index && step->index == i ? level + 1 : SIZE_MAX))
			return false;
		if (take(w, ']'))
			return true;
		if (!take(w, ','))
			return false;
	}
}

/* A value and the white space around it. */
static bool value(struct walk *w, size_t level)
{
	const char *from;
	struct str raw;
	bool ok;

	space(w);
	from = w->at;
	if (w->at == w->end || w->depth == LIMIT_JSON_DEPTH)
		return false;
	w->depth++;
	switch (*w->at) {
	case '{':
		ok = object(w, level);
		break;
	case '[':
		ok = array(w, level);
		break;
	case '"':
		ok = string(w, &raw);
		break;
	case 't':
		ok = word(w, STR("true"));
		break;
	case 'f':
		ok = word(w, STR("false"));
		break;
	case 'n':
		ok = word(w, STR("null"));
		break;
	default:
		ok = number(w);
	}
	w->depth--;
	if (ok && level == w->n)
		w->found = str_range(from, w->at);
	space(w);
	return ok;
}

struct str json_find(struct str text, const struct json_step *path, size_t n)
{
	struct walk w = {.at = text.p, .end = text.p + text.n, .path = path, .n = n};

	if (text.n == 0 || !value(&w, 0) || w.at != w.end)
		return STR_NONE;
	return w.found;
}

bool json_int(struct str raw, int64_t *out)
{
	bool negative = raw.n > 0 && raw.p[0] == '-';
	uint64_t n;

	if (!str_uint(str_sub(raw, negative, raw.n), (uint64_t)INT64_MAX + negative, &n))
		return false;
	*out = negative ? (int64_t)(0 - n) : (int64_t)n;
	return true;
}

bool json_unquote(struct arena *a, struct str raw, struct str *out)
{
	struct str inner;
	const char *p, *end;
	char *to;
	size_t n = 0;

	if (raw.n < 2 || raw.p[0] != '"')
		return false;
	inner = str_sub(raw, 1, raw.n - 1);
	*out = inner;
	if (str_find(inner, '\\') < 0)
		return true;
	out->p = to = arena_alloc(a, inner.n);
	for (p = inner.p, end = p + inner.n; to != NULL && p < end;) {
		char bytes[4];
		size_t len = character(&p, end, bytes);

		memcpy(to + n, bytes, len);
		n += len;
	}
	out->n = to != NULL ? n : 0;
	return true;
}
