/* SPDX-License-Identifier: Apache-2.0 */
/* JSON in by jansson, out by hand. */
#include "engine/value_json.h"

#include <stdlib.h>

static const char no_memory[] = "out of memory";

static bool hex_bytes(struct arena *a, struct str hex, struct str *out)
{
	char *p = hex.n % 2 == 0 ? arena_alloc(a, hex.n / 2 + 1) : NULL;

	if (p == NULL)
		return false;
	for (size_t i = 0; i < hex.n; i += 2) {
		if (ascii_hex(hex.p[i]) < 0 || ascii_hex(hex.p[i + 1]) < 0)
			return false;
		p[i / 2] = (char)(ascii_hex(hex.p[i]) << 4 | ascii_hex(hex.p[i + 1]));
	}
	*out = (struct str){p, hex.n / 2};
	return true;
}

const char *bytes_of_json(struct arena *a, const json_t *json, struct str *out)
{
	const json_t *hex =
	    json_is_object(json) && json_object_size(json) == 1 ? json_object_get(json, "hex") : NULL;

	if (json_is_string(hex))
		return hex_bytes(a, (struct str){json_string_value(hex), json_string_length(hex)}, out)
		           ? NULL
		           : "\"hex\" takes an even number of hexadecimal digits";
	if (!json_is_string(json))
		return "a string, or {\"hex\":\"…\"}, is needed here";
	*out = arena_str(a, (struct str){json_string_value(json), json_string_length(json)});
	return out->p != NULL ? NULL : no_memory;
}

static int by_key(const void *x, const void *y)
{
	const struct map_entry *a = x, *b = y;

	return str_cmp(a->key, b->key);
}

void map_sort(struct map_entry *v, size_t n)
{
	if (n > 0)
		qsort(v, n, sizeof(*v), by_key);
}

static const char *array_of(struct arena *a, const json_t *json, enum type element, struct value *out)
{
	size_t n = json_array_size(json);
	struct value *v = arena_array(a, n, sizeof(*v));
	struct array *array = ARENA_NEW(a, struct array);
	const char *wrong;

	if (!json_is_array(json))
		return "an array is needed here";
	if (v == NULL || array == NULL)
		return no_memory;
	for (size_t i = 0; i < n; i++)
		if ((wrong = value_of_json(a, json_array_get(json, i), element, &v[i])) != NULL)
			return wrong;
	*array = (struct array){n, v};
	out->a = array;
	return NULL;
}

static const char *map_of(struct arena *a, json_t *json, enum type element, struct value *out)
{
	struct map_entry *v = arena_array(a, json_object_size(json), sizeof(*v));
	struct map *map = ARENA_NEW(a, struct map);
	const char *wrong;
	json_t *item;
	void *iter;

	if (!json_is_object(json))
		return "an object is needed here";
	if (v == NULL || map == NULL)
		return no_memory;
	for (iter = json_object_iter(json); iter != NULL; iter = json_object_iter_next(json, iter)) {
		struct map_entry *e = &v[map->n];
		struct str key = str_of(json_object_iter_key(iter));

		item = json_object_iter_value(iter);
		if ((e->key = arena_str(a, key)).p == NULL)
			return no_memory;
		if ((wrong = value_of_json(a, item, element, &e->value)) != NULL)
			return wrong;
		map->n += !e->value.missing;
	}
	map_sort(v, map->n);
	map->v = v;
	out->m = map;
	return NULL;
}

const char *value_of_json(struct arena *a, const json_t *json, enum type type, struct value *out)
{
	struct str text;
	struct ip *ip;

	*out = VALUE_MISSING(type);
	if (json_is_null(json))
		return NULL;
	out->missing = PRESENT;
	if (type_shape(type) == SHAPE_ARRAY)
		return array_of(a, json, type_element(type), out);
	if (type_shape(type) == SHAPE_MAP)
		return map_of(a, (json_t *)json, type_element(type), out);
	switch (type) {
	case TYPE_BOOL:
		out->b = json_is_true(json);
		return json_is_boolean(json) ? NULL : "true or false is needed here";
	case TYPE_INT:
		out->i = json_integer_value(json);
		return json_is_integer(json) ? NULL : "a whole number is needed here";
	case TYPE_IP:
		text = (struct str){json_string_value(json), json_string_length(json)};
		if ((ip = ARENA_NEW(a, struct ip)) == NULL)
			return no_memory;
		out->ip = ip;
		return json_is_string(json) && ip_parse(text, ip) ? NULL
		                                                  : "an IP address in quotes is needed here";
	default:
		return bytes_of_json(a, json, &out->s);
	}
}

/* ---- out ---------------------------------------------------------------------------------------------- */

static bool utf8(struct str s)
{
	const unsigned char *p = (const unsigned char *)s.p;

	for (size_t i = 0, n; i < s.n; i += n) {
		n = p[i] < 0x80   ? 1
		    : p[i] < 0xC2 ? 0
		    : p[i] < 0xE0 ? 2
		    : p[i] < 0xF0 ? 3
		    : p[i] < 0xF5 ? 4
		                  : 0;
		if (n == 0 || n > s.n - i)
			return false;
		for (size_t j = 1; j < n; j++)
			if ((p[i + j] & 0xC0) != 0x80)
				return false;
		if ((p[i] == 0xE0 && p[i + 1] < 0xA0) || (p[i] == 0xED && p[i + 1] > 0x9F) ||
		    (p[i] == 0xF0 && p[i + 1] < 0x90) || (p[i] == 0xF4 && p[i + 1] > 0x8F))
			return false;
	}
	return true;
}

static void put_bytes(struct buf *out, struct str s)
{
	if (utf8(s)) {
		buf_json(out, s);
		return;
	}
	buf_add(out, STR("{\"hex\":\""));
	for (size_t i = 0; i < s.n; i++)
		buf_printf(out, "%02x", (unsigned char)s.p[i]);
	buf_add(out, STR("\"}"));
}

static void put_ip(struct buf *out, const struct ip *ip)
{
	char text[IP_TEXT];

	buf_add(out, (struct str){text, ip_print(ip, text)});
}

void value_put_json(struct buf *out, const struct value *v)
{
	if (v->missing) {
		buf_add(out, STR("null"));
	} else if (type_shape(v->type) == SHAPE_ARRAY) {
		buf_addc(out, '[');
		for (size_t i = 0; i < v->a->n; i++) {
			if (i > 0)
				buf_addc(out, ',');
			value_put_json(out, &v->a->v[i]);
		}
		buf_addc(out, ']');
	} else if (type_shape(v->type) == SHAPE_MAP) {
		buf_addc(out, '{');
		for (size_t i = 0; i < v->m->n; i++) {
			if (i > 0)
				buf_addc(out, ',');
			buf_json(out, v->m->v[i].key);
			buf_addc(out, ':');
			value_put_json(out, &v->m->v[i].value);
		}
		buf_addc(out, '}');
	} else if (v->type == TYPE_BOOL) {
		buf_add(out, v->b ? STR("true") : STR("false"));
	} else if (v->type == TYPE_INT) {
		buf_printf(out, "%lld", (long long)v->i);
	} else if (v->type == TYPE_IP) {
		buf_addc(out, '"');
		put_ip(out, v->ip);
		buf_addc(out, '"');
	} else {
		put_bytes(out, v->s);
	}
}

void value_put_text(struct buf *out, const struct value *v)
{
	if (v->missing)
		buf_add(out, STR("missing"));
	else if (v->type == TYPE_BYTES)
		buf_add(out, v->s);
	else if (v->type == TYPE_IP)
		put_ip(out, v->ip);
	else
		value_put_json(out, v);
}
