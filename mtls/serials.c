/* SPDX-License-Identifier: Apache-2.0 */
/* A million serial numbers in one piece of memory: keys, sorting, searching. */
#include <assert.h>
#include <stdlib.h>

#include "mtls/inspect.h"
#include "mtls/serials.h"

/* Rows fewer than this are sorted by insertion. */
enum { FEW = 24 };

/*
 * A serial number as a key of fixed length: leading zeros do not count, and what is longer than the 20 octets
 * of RFC 5280 is a digest behind a 1. A digest can only make two such numbers equal that are not.
 */
static void make_key(struct str serial, uint8_t key[SERIAL_KEY])
{
	uint8_t sum[32];

	while (serial.n && serial.p[0] == '\0')
		serial = str_sub(serial, 1, serial.n);
	memset(key, 0, SERIAL_KEY);
	if (serial.n < SERIAL_KEY) {
		if (serial.n)
			memcpy(key + SERIAL_KEY - serial.n, serial.p, serial.n);
		return;
	}
	digest_sha256(serial, sum);
	key[0] = 1;
	memcpy(key + 1, sum, SERIAL_KEY - 1);
}

static size_t key_width(const uint8_t key[SERIAL_KEY])
{
	size_t zeros = 0;

	while (zeros < SERIAL_KEY && key[zeros] == 0)
		zeros++;
	return SERIAL_KEY - zeros;
}

bool serials_init(struct serials *s, size_t room)
{
	*s = (struct serials){.room = room, .width = 1};
	return room == 0 || (s->rows = reallocarray(NULL, room, SERIAL_KEY)) != NULL;
}

void serials_fini(struct serials *s)
{
	free(s->rows);
	*s = (struct serials){.width = 1};
}

void serials_add(struct serials *s, struct str serial)
{
	uint8_t *key = s->rows + s->count * SERIAL_KEY;
	size_t width;

	assert(s->count < s->room);
	make_key(serial, key);
	width = key_width(key);
	if (width > s->width)
		s->width = width;
	s->count++;
}

static void swap(uint8_t *a, uint8_t *b, size_t width)
{
	uint8_t t[SERIAL_KEY];

	memcpy(t, a, width);
	memcpy(a, b, width);
	memcpy(b, t, width);
}

static void sort_few(uint8_t *rows, size_t n, size_t width)
{
	for (size_t i = 1; i < n; i++) {
		for (size_t k = i; k > 0 && memcmp(rows + (k - 1) * width, rows + k * width, width) > 0; k--)
			swap(rows + (k - 1) * width, rows + k * width, width);
	}
}

/* Rows that agree in their first bytes, at of them: dealt into 256 heaps by the next byte, in place, each
 * heap again. No deeper than a row is wide. */
static void sort(uint8_t *rows, size_t n, size_t width, size_t at)
{
	size_t from[257] = {0}, next[256];

	if (n < FEW || at == width) {
		sort_few(rows, at == width ? 0 : n, width);
		return;
	}
	for (size_t i = 0; i < n; i++)
		from[rows[i * width + at] + 1]++;
	for (unsigned h = 0; h < 256; h++) {
		from[h + 1] += from[h];
		next[h] = from[h];
	}
	for (unsigned h = 0; h < 256; h++) {
		while (next[h] < from[h + 1]) {
			uint8_t *row = rows + next[h] * width;
			unsigned wanted = row[at];

			if (wanted == h)
				next[h]++;
			else
				swap(row, rows + next[wanted]++ * width, width);
		}
	}
	for (unsigned h = 0; h < 256; h++)
		sort(rows + from[h] * width, from[h + 1] - from[h], width, at + 1);
}

void serials_seal(struct serials *s)
{
	uint8_t *smaller;

	for (size_t i = 0; i < s->count; i++)
		memmove(s->rows + i * s->width, s->rows + i * SERIAL_KEY + SERIAL_KEY - s->width, s->width);
	sort(s->rows, s->count, s->width, 0);
	if (s->count && (smaller = realloc(s->rows, s->count * s->width)))
		s->rows = smaller;
	s->room = s->count;
}

bool serials_have(const struct serials *s, struct str serial)
{
	uint8_t key[SERIAL_KEY];
	size_t low = 0, high = s->count;
	const uint8_t *tail;

	make_key(serial, key);
	if (key_width(key) > s->width)
		return false;
	tail = key + SERIAL_KEY - s->width;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int order = memcmp(s->rows + mid * s->width, tail, s->width);

		if (order == 0)
			return true;
		if (order < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}
