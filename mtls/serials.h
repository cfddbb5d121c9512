/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A set of certificate serial numbers, as compact as they allow: rows of equal width, sorted, searched by
 * halves. Built once, then sealed. Private to mtls/.
 */
#ifndef MTLS_SERIALS_H
#define MTLS_SERIALS_H

#include "base/str.h"

enum { SERIAL_KEY = 21 };

struct serials {
	uint8_t *rows; /* owned */
	size_t count, width;
	size_t room; /* rows of SERIAL_KEY bytes, before serials_seal */
};

bool serials_init(struct serials *s, size_t room); /* false: no memory */
void serials_fini(struct serials *s);

/* serial: content of an INTEGER. Not more often than there is room. */
void serials_add(struct serials *s, struct str serial);
void serials_seal(struct serials *s);

/* Leading zeros do not count: 00FF and FF are one number, as sloppy software has it. */
bool serials_have(const struct serials *s, struct str serial);

#endif
