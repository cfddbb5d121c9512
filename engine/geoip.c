/* SPDX-License-Identifier: Apache-2.0 */
/* The one file that speaks to libmaxminddb. */
#include "engine/geoip.h"

#include <arpa/inet.h>
#include <maxminddb.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdlib.h>

struct geoip {
	atomic_uint refs;
	MMDB_s db;
};

struct geoip *geoip_open(const char *path, const char **why)
{
	struct geoip *g = calloc(1, sizeof(*g));
	int rc;

	*why = "out of memory";
	if (g == NULL)
		return NULL;
	if ((rc = MMDB_open(path, MMDB_MODE_MMAP, &g->db)) != MMDB_SUCCESS) {
		*why = MMDB_strerror(rc);
		free(g);
		return NULL;
	}
	atomic_init(&g->refs, 1);
	return g;
}

struct geoip *geoip_ref(struct geoip *g)
{
	if (g != NULL)
		atomic_fetch_add_explicit(&g->refs, 1, memory_order_relaxed);
	return g;
}

void geoip_unref(struct geoip *g)
{
	if (g == NULL || atomic_fetch_sub_explicit(&g->refs, 1, memory_order_acq_rel) > 1)
		return;
	MMDB_close(&g->db);
	free(g);
}

static bool get(MMDB_entry_s *entry, MMDB_entry_data_s *data, const char *const *path)
{
	return MMDB_aget_value(entry, data, path) == MMDB_SUCCESS && data->has_data;
}

static struct str text(MMDB_entry_s *entry, const char *const *path)
{
	MMDB_entry_data_s data;

	if (!get(entry, &data, path) || data.type != MMDB_DATA_TYPE_UTF8_STRING)
		return STR_NONE;
	return (struct str){data.utf8_string, data.data_size};
}

static bool number(MMDB_entry_s *entry, const char *const *path, int64_t *out)
{
	MMDB_entry_data_s data;

	if (!get(entry, &data, path))
		return false;
	switch (data.type) {
	case MMDB_DATA_TYPE_UINT16:
		*out = data.uint16;
		return true;
	case MMDB_DATA_TYPE_UINT32:
		*out = data.uint32;
		return true;
	case MMDB_DATA_TYPE_INT32:
		*out = data.int32;
		return true;
	default:
		return false;
	}
}

/* A coordinate as decimal text, without trailing zeros. */
static bool coordinate(MMDB_entry_s *entry, const char *const *path, struct arena *a, struct str *out)
{
	MMDB_entry_data_s data;

	if (!get(entry, &data, path) || data.type != MMDB_DATA_TYPE_DOUBLE)
		return true;
	*out = arena_printf(a, "%.5f", data.double_value);
	while (out->n > 1 && out->p[out->n - 1] == '0' && out->p[out->n - 2] != '.')
		out->n--;
	return out->p != NULL;
}

/* The ISO 3166-2 code: the database has it without the country, "ENG" for GB-ENG. false: out of memory. */
static bool subdivision(struct str country, struct str code, struct arena *a, struct str *out)
{
	if (country.p == NULL || code.p == NULL)
		return true;
	*out = arena_printf(a, "%.*s-%.*s", STR_FMT(country), STR_FMT(code));
	return out->p != NULL;
}

#define PATH(...)                                                                                            \
	(const char *const[])                                                                                \
	{                                                                                                    \
		__VA_ARGS__, NULL                                                                            \
	}

static bool entry_read(MMDB_entry_s *e, struct arena *a, struct geo *out)
{
	MMDB_entry_data_s data;
	int64_t metro;

	out->country = text(e, PATH("country", "iso_code"));
	if (out->country.p == NULL)
		out->country = text(e, PATH("registered_country", "iso_code"));
	out->continent = text(e, PATH("continent", "code"));
	out->city = text(e, PATH("city", "names", "en"));
	out->region = text(e, PATH("subdivisions", "0", "names", "en"));
	out->region_code = text(e, PATH("subdivisions", "0", "iso_code"));
	out->postal_code = text(e, PATH("postal", "code"));
	out->timezone = text(e, PATH("location", "time_zone"));
	out->eu = get(e, &data, PATH("country", "is_in_european_union")) &&
	          data.type == MMDB_DATA_TYPE_BOOLEAN && data.boolean;
	number(e, PATH("autonomous_system_number"), &out->asnum);
	if (number(e, PATH("location", "metro_code"), &metro)) {
		out->metro_code = arena_printf(a, "%lld", (long long)metro);
		if (out->metro_code.p == NULL)
			return false;
	}
	return subdivision(out->country, out->region_code, a, &out->subdivision_1) &&
	       subdivision(out->country, text(e, PATH("subdivisions", "1", "iso_code")), a,
	                   &out->subdivision_2) &&
	       coordinate(e, PATH("location", "latitude"), a, &out->lat) &&
	       coordinate(e, PATH("location", "longitude"), a, &out->lon);
}

bool geoip_look(const struct geoip *g, struct arena *a, const struct ip *ip, struct geo *out)
{
	struct sockaddr_in in = {.sin_family = AF_INET};
	struct sockaddr_in6 in6 = {.sin6_family = AF_INET6};
	MMDB_lookup_result_s found;
	int rc;

	*out = (struct geo){.country = STR("XX")};
	if (ip->family != 4 && ip->family != 6)
		return true;
	memcpy(&in.sin_addr, ip->bytes, sizeof(in.sin_addr));
	memcpy(&in6.sin6_addr, ip->bytes, sizeof(in6.sin6_addr));
	found = MMDB_lookup_sockaddr(&g->db,
	                             ip->family == 4 ? (struct sockaddr *)&in : (struct sockaddr *)&in6, &rc);
	if (rc != MMDB_SUCCESS || !found.found_entry)
		return true;
	if (!entry_read(&found.entry, a, out))
		return false;
	if (out->country.p == NULL)
		out->country = STR("XX");
	return true;
}
