/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an address is, from one MaxMind database (City, Country or ASN edition, or one that joins them).
 * Opened once, counted, shared read-only by threads.
 */
#ifndef ENGINE_GEOIP_H
#define ENGINE_GEOIP_H

#include "base/arena.h"
#include "base/ip.h"

struct geoip;

/* What the database knows; p NULL, 0 and false: nothing. Texts borrow from the database and the arena. */
struct geo {
	struct str country, continent, city, region, region_code, postal_code, metro_code, lat, lon, timezone;
	struct str subdivision_1, subdivision_2;
	bool eu;
	int64_t asnum;
};

/* NULL with *why (static) when the file cannot be read or is no such database. */
struct geoip *geoip_open(const char *path, const char **why);
struct geoip *geoip_ref(struct geoip *g);
void geoip_unref(struct geoip *g);

/* false: out of memory. An address that the database does not have leaves *out empty, with country "XX". */
bool geoip_look(const struct geoip *g, struct arena *a, const struct ip *ip, struct geo *out);

#endif
