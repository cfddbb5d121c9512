/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sets as sorted, disjoint intervals: integers, IPv4 and IPv6 (which never compare equal to each other).
 * Large IPv4 sets get a table over the first two bytes, so that a look-up searches only the few entries that
 * can hold it.
 */
#include <assert.h>
#include <stdlib.h>

#include "engine/set_internal.h"

enum {
	TOP_FROM = 64, /* below this many entries the table over the first bits costs more than it saves */
	TOP_BITS = 16,
};

struct set *set_new(enum set_type type)
{
	struct set *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	atomic_init(&s->refs, 1);
	s->type = type;
	return s;
}

struct set *set_ref(struct set *s)
{
	atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);
	return s;
}

void set_unref(void *object)
{
	struct set *s = object;

	if (s == NULL || atomic_fetch_sub_explicit(&s->refs, 1, memory_order_acq_rel) > 1)
		return;
	text_fini(&s->text);
	free(s->ints);
	free(s->v4);
	free(s->v6);
	free(s->top);
	free(s);
}

/* Room for one more of size bytes in *v; false when out of memory. */
static bool room(void **v, size_t n, size_t *cap, size_t size)
{
	size_t more = *cap ? 2 * *cap : 8;
	void *grown;

	if (n < *cap)
		return true;
	if ((grown = realloc(*v, more * size)) == NULL)
		return false;
	*v = grown;
	*cap = more;
	return true;
}

bool set_add_string(struct set *s, struct str item)
{
	bool host = s->type == SET_HOST, suffix = host && str_starts(item, STR("*."));

	assert(!s->sealed);
	return text_add(&s->text, suffix ? str_sub(item, 2, item.n) : item, suffix, host);
}

bool set_add_int(struct set *s, int64_t low, int64_t high)
{
	assert(!s->sealed && low <= high);
	if (!room((void **)&s->ints, s->nints, &s->cap_ints, sizeof(*s->ints)))
		return false;
	s->ints[s->nints++] = (struct span64){low, high};
	return true;
}

static uint32_t narrow_of(const struct ip *ip)
{
	const uint8_t *b = ip->bytes;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static struct ip ip_of_narrow(uint32_t a)
{
	return (struct ip){4, {(uint8_t)(a >> 24), (uint8_t)(a >> 16), (uint8_t)(a >> 8), (uint8_t)a}};
}

static struct wide wide_of(const struct ip *ip)
{
	struct wide w = {0, 0};

	for (int i = 0; i < 8; i++) {
		w.high = w.high << 8 | ip->bytes[i];
		w.low = w.low << 8 | ip->bytes[8 + i];
	}
	return w;
}

static struct ip ip_of_wide(struct wide w)
{
	struct ip ip = {.family = 6};

	for (int i = 0; i < 8; i++) {
		ip.bytes[i] = (uint8_t)(w.high >> (56 - 8 * i));
		ip.bytes[8 + i] = (uint8_t)(w.low >> (56 - 8 * i));
	}
	return ip;
}

static int wide_cmp(struct wide a, struct wide b)
{
	if (a.high != b.high)
		return a.high < b.high ? -1 : 1;
	return a.low < b.low ? -1 : a.low > b.low;
}

bool set_add_ip(struct set *s, const struct ip *from, const struct ip *to)
{
	assert(!s->sealed && from->family == to->family);
	if (from->family == 4) {
		if (!room((void **)&s->v4, s->n4, &s->cap4, sizeof(*s->v4)))
			return false;
		s->v4[s->n4++] = (struct span4){narrow_of(from), narrow_of(to)};
		return true;
	}
	if (!room((void **)&s->v6, s->n6, &s->cap6, sizeof(*s->v6)))
		return false;
	s->v6[s->n6++] = (struct span6){wide_of(from), wide_of(to)};
	return true;
}

static int order64(const void *a, const void *b)
{
	const struct span64 *x = a, *y = b;

	return x->low < y->low ? -1 : x->low > y->low;
}

static int order4(const void *a, const void *b)
{
	const struct span4 *x = a, *y = b;

	return x->low < y->low ? -1 : x->low > y->low;
}

static int order6(const void *a, const void *b)
{
	const struct span6 *x = a, *y = b;

	return wide_cmp(x->low, y->low);
}

static void merge64(struct set *s)
{
	size_t n = 0;

	for (size_t i = 1; i < s->nints; i++) {
		if (s->ints[n].high == INT64_MAX || s->ints[i].low <= s->ints[n].high + 1) {
			if (s->ints[i].high > s->ints[n].high)
				s->ints[n].high = s->ints[i].high;
		} else {
			s->ints[++n] = s->ints[i];
		}
	}
	s->nints = s->nints ? n + 1 : 0;
}

static void merge4(struct set *s)
{
	size_t n = 0;

	for (size_t i = 1; i < s->n4; i++) {
		if (s->v4[n].high == UINT32_MAX || s->v4[i].low <= s->v4[n].high + 1) {
			if (s->v4[i].high > s->v4[n].high)
				s->v4[n].high = s->v4[i].high;
		} else {
			s->v4[++n] = s->v4[i];
		}
	}
	s->n4 = s->n4 ? n + 1 : 0;
}

static void merge6(struct set *s)
{
	size_t n = 0;

	for (size_t i = 1; i < s->n6; i++) {
		struct wide next = s->v6[n].high;
		bool last = ++next.low == 0 && ++next.high == 0;

		if (last || wide_cmp(s->v6[i].low, next) <= 0) {
			if (wide_cmp(s->v6[i].high, s->v6[n].high) > 0)
				s->v6[n].high = s->v6[i].high;
		} else {
			s->v6[++n] = s->v6[i];
		}
	}
	s->n6 = s->n6 ? n + 1 : 0;
}

/* top[b] is the first entry whose end reaches the block of addresses that begin with the bits b. There are no more blocks
 * than entries: ten thousand rules with a list each would pay for empty ones. */
static bool top_build(struct set *s)
{
	unsigned bits = 0;
	size_t i = 0;

	if (s->n4 < TOP_FROM)
		return true;
	while (bits < TOP_BITS && (size_t)2 << bits <= s->n4)
		bits++;
	s->top_shift = 32 - bits;
	if ((s->top = malloc((((size_t)1 << bits) + 1) * sizeof(*s->top))) == NULL)
		return false;
	for (uint32_t b = 0; b < (uint32_t)1 << bits; b++) {
		while (i < s->n4 && s->v4[i].high < b << s->top_shift)
			i++;
		s->top[b] = (uint32_t)i;
	}
	s->top[(size_t)1 << bits] = (uint32_t)s->n4;
	return true;
}

static void tighten(void **v, size_t n, size_t size)
{
	void *tight = n > 0 ? realloc(*v, n * size) : NULL;

	if (tight != NULL)
		*v = tight;
}

bool set_seal(struct set *s)
{
	assert(!s->sealed);
	s->sealed = true;
	if (s->nints > 0)
		qsort(s->ints, s->nints, sizeof(*s->ints), order64);
	if (s->n4 > 0)
		qsort(s->v4, s->n4, sizeof(*s->v4), order4);
	if (s->n6 > 0)
		qsort(s->v6, s->n6, sizeof(*s->v6), order6);
	merge64(s);
	merge4(s);
	merge6(s);
	tighten((void **)&s->ints, s->nints, sizeof(*s->ints));
	tighten((void **)&s->v4, s->n4, sizeof(*s->v4));
	tighten((void **)&s->v6, s->n6, sizeof(*s->v6));
	return top_build(s) && text_seal(&s->text);
}

enum set_type set_type(const struct set *s)
{
	return s->type;
}

size_t set_count(const struct set *s)
{
	return s->text.n + s->nints + s->n4 + s->n6;
}

static bool has_int(const struct set *s, int64_t i)
{
	size_t low = 0, high = s->nints;

	while (low < high) { /* first entry that does not end below i */
		size_t mid = low + (high - low) / 2;

		if (s->ints[mid].high < i)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->nints && s->ints[low].low <= i;
}

static bool has_v4(const struct set *s, uint32_t a)
{
	size_t low = 0, high = s->n4;

	if (s->top != NULL) {
		low = s->top[a >> s->top_shift];
		high = s->top[(a >> s->top_shift) + 1];
		high += high < s->n4; /* the entry that begins here and ends beyond */
	}
	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (s->v4[mid].high < a)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->n4 && s->v4[low].low <= a;
}

static bool has_v6(const struct set *s, struct wide a)
{
	size_t low = 0, high = s->n6;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (wide_cmp(s->v6[mid].high, a) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low < s->n6 && wide_cmp(s->v6[low].low, a) <= 0;
}

bool set_has(const struct set *s, const struct value *v)
{
	switch (s->type) {
	case SET_STRING:
		return text_has(&s->text, v->s);
	case SET_HOST:
		return text_has_host(&s->text, v->s);
	case SET_INT:
		return has_int(s, v->i);
	case SET_IP:
		return v->ip->family == 4 ? has_v4(s, narrow_of(v->ip))
		                          : v->ip->family == 6 && has_v6(s, wide_of(v->ip));
	}
	return false;
}

void set_item(const struct set *s, size_t i, struct set_item *out)
{
	memset(out, 0, sizeof(*out));
	if (i < s->text.n) {
		out->s = (struct str){s->text.bytes + s->text.v[i].at, s->text.v[i].n};
		out->suffix = s->text.v[i].suffix;
	} else if (i < s->nints) {
		out->low = s->ints[i].low;
		out->high = s->ints[i].high;
	} else if (i < s->n4) {
		out->from = ip_of_narrow(s->v4[i].low);
		out->to = ip_of_narrow(s->v4[i].high);
	} else if (i - s->n4 < s->n6) {
		out->from = ip_of_wide(s->v6[i - s->n4].low);
		out->to = ip_of_wide(s->v6[i - s->n4].high);
	}
}
