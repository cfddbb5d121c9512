/* SPDX-License-Identifier: Apache-2.0 */
/* Reading DER, element by element. */
#include "mtls/der.h"

bool der_any(struct der *d, uint8_t *tag, struct str *value, struct str *whole)
{
	const uint8_t *p = d->p;
	size_t left = (size_t)(d->end - d->p), n;

	if (left < 2 || (p[0] & 0x1f) == 0x1f)
		return false;
	n = p[1];
	p += 2;
	left -= 2;
	if (n >= 0x80) {
		size_t count = n & 0x7f;

		if (count == 0 || count > 4 || count > left || p[0] == 0)
			return false;
		n = 0;
		for (size_t i = 0; i < count; i++)
			n = n << 8 | p[i];
		if (n < 0x80)
			return false;
		p += count;
		left -= count;
	}
	if (n > left)
		return false;
	if (tag)
		*tag = d->p[0];
	if (value)
		*value = (struct str){(const char *)p, n};
	if (whole)
		*whole = str_range((const char *)d->p, (const char *)p + n);
	d->p = p + n;
	return true;
}

bool der_take(struct der *d, uint8_t tag, struct str *value)
{
	return der_at(d, tag) && der_any(d, NULL, value, NULL);
}

bool der_enter(struct der *d, uint8_t tag, struct der *inside)
{
	struct str value;

	if (!der_take(d, tag, &value))
		return false;
	*inside = der_of(value);
	return true;
}

bool der_bool(struct der *d, bool *value)
{
	struct der at = *d;
	struct str s;

	if (!der_take(&at, DER_BOOLEAN, &s) || s.n != 1 || (s.p[0] != 0 && (uint8_t)s.p[0] != 0xff))
		return false;
	*value = s.p[0] != 0;
	*d = at;
	return true;
}

bool der_small(struct der *d, uint8_t tag, int64_t *value)
{
	struct der at = *d;
	struct str s;
	int64_t v = 0;

	if (!der_take(&at, tag, &s) || s.n == 0 || s.n > 4 || (s.p[0] & 0x80))
		return false;
	for (size_t i = 0; i < s.n; i++)
		v = v << 8 | (uint8_t)s.p[i];
	*value = v;
	*d = at;
	return true;
}

bool der_bits(struct der *d, struct str *bytes)
{
	struct der at = *d;
	struct str s;

	if (!der_take(&at, DER_BIT_STRING, &s) || s.n == 0 || s.p[0] != 0)
		return false;
	*bytes = str_sub(s, 1, s.n);
	*d = at;
	return true;
}

static bool leap(int year)
{
	return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

bool time_of_date(int year, int month, int day, int hour, int minute, int second, int64_t *out)
{
	static const int lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	int64_t days;
	int y, era, of_era;

	if (year < 0 || year > 9999 || month < 1 || month > 12 || day < 1 ||
	    day > lengths[month - 1] + (month == 2 && leap(year)) || hour < 0 || hour > 23 || minute < 0 ||
	    minute > 59 || second < 0 || second > 59)
		return false;
	/* Years that begin in March, in eras of 400 years: the leap day is the last day of its year. */
	y = month <= 2 ? year - 1 : year;
	era = (y >= 0 ? y : y - 399) / 400;
	of_era = y - era * 400;
	days = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	days += of_era * 365 + of_era / 4 - of_era / 100;
	days += (int64_t)era * 146097 - 719468;
	*out = ((days * 24 + hour) * 60 + minute) * 60 + second;
	return true;
}

static int two(const char *p)
{
	return (p[0] - '0') * 10 + (p[1] - '0');
}

bool der_time(struct der *d, int64_t *unix_time)
{
	struct der at = *d;
	struct str s;
	uint8_t tag;
	int year;
	const char *p;

	if (!der_any(&at, &tag, &s, NULL))
		return false;
	if (tag == DER_UTC_TIME ? s.n != 13 : tag != DER_GENERALIZED_TIME || s.n != 15)
		return false;
	for (size_t i = 0; i + 1 < s.n; i++) {
		if (!ascii_digit(s.p[i]))
			return false;
	}
	if (s.p[s.n - 1] != 'Z')
		return false;
	p = s.p;
	if (tag == DER_UTC_TIME) {
		year = two(p);
		year += year < 50 ? 2000 : 1900;
		p += 2;
	} else {
		year = two(p) * 100 + two(p + 2);
		p += 4;
	}
	if (!time_of_date(year, two(p), two(p + 2), two(p + 4), two(p + 6), two(p + 8), unix_time))
		return false;
	*d = at;
	return true;
}

bool der_next_extension(struct der *d, struct der_extension *e)
{
	struct der at = *d, in;

	*e = (struct der_extension){STR_NONE, STR_NONE, false};
	if (!der_enter(&at, DER_SEQUENCE, &in) || !der_take(&in, DER_OID, &e->oid))
		return false;
	if (der_at(&in, DER_BOOLEAN) && !der_bool(&in, &e->critical))
		return false;
	if (!der_take(&in, DER_OCTET_STRING, &e->value) || !der_end(&in))
		return false;
	*d = at;
	return true;
}
