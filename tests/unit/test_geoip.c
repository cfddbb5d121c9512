/* SPDX-License-Identifier: Apache-2.0 */
/* Geography from a database that tests/tools/mmdb.py writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "engine/geoip.h"

static char path[] = "/tmp/usher-geoip-XXXXXX";

static int make(void **state)
{
	char command[128];
	int fd = mkstemp(path);

	(void)state;
	if (fd < 0)
		return -1;
	close(fd);
	snprintf(command, sizeof(command), "/usr/bin/python3 tests/tools/mmdb.py %s", path);
	return system(command) == 0 ? 0 : -1;
}

static int drop(void **state)
{
	(void)state;
	return unlink(path);
}

static struct geo look(const struct geoip *g, struct arena *a, const char *text)
{
	struct ip ip;
	struct geo geo;

	assert_true(ip_parse(str_of(text), &ip));
	assert_true(geoip_look(g, a, &ip, &geo));
	return geo;
}

#define assert_str(s, text) assert_true(str_eq((s), STR(text)))

static void test_look(void **state)
{
	struct arena a = ARENA_INIT;
	const char *why;
	struct geoip *g = geoip_open(path, &why);
	struct geo geo;

	(void)state;
	assert_non_null(g);
	geo = look(g, &a, "192.0.2.77");
	assert_str(geo.country, "DE");
	assert_str(geo.continent, "EU");
	assert_str(geo.city, "Cologne");
	assert_str(geo.region, "North Rhine-Westphalia");
	assert_str(geo.region_code, "NW");
	assert_str(geo.subdivision_1, "DE-NW");
	assert_str(geo.subdivision_2, "DE-K");
	assert_str(geo.postal_code, "50667");
	assert_str(geo.lat, "50.9384");
	assert_str(geo.lon, "6.95");
	assert_str(geo.timezone, "Europe/Berlin");
	assert_null(geo.metro_code.p);
	assert_true(geo.eu && geo.asnum == 64500);
	geo = look(g, &a, "198.51.100.127");
	assert_str(geo.country, "US");
	assert_str(geo.metro_code, "807");
	assert_null(geo.subdivision_1.p);
	assert_str(geo.lat, "-1.0");
	assert_str(geo.lon, "100.12346");
	assert_true(!geo.eu && geo.asnum == 0);
	assert_str(look(g, &a, "198.51.100.128").country, "XX");
	assert_str(look(g, &a, "203.0.113.7").country, "FR");
	assert_str(look(g, &a, "203.0.113.6").country, "XX");
	assert_str(look(g, &a, "2001:db8::1").country, "JP");
	assert_str(look(g, &a, "2001:db9::1").country, "XX");
	geoip_unref(geoip_ref(g));
	geoip_unref(g);
	arena_fini(&a);
}

static void test_bad(void **state)
{
	const char *why = NULL;

	(void)state;
	assert_null(geoip_open("/nonexistent", &why));
	assert_non_null(why);
	assert_null(geoip_open("Makefile", &why));
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_look), cmocka_unit_test(test_bad)};

	return cmocka_run_group_tests(tests, make, drop);
}
