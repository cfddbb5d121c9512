/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of the connection: addresses, what TLS settled, the zone, timings, geography. */
#include "engine/field_get.h"
#include "engine/geoip.h"
#include "headers/proxied.h"

static const struct tls_facts no_tls = {.version = STR("none")};

static const struct tls_facts *tls_of(const struct fields *f)
{
	return f->in->tls != NULL ? f->in->tls : &no_tls;
}

static void text(struct str s, struct value *out)
{
	if (s.p != NULL)
		*out = VALUE_STR(s);
}

void get_connection(struct fields *f, const struct field *row, struct value *out)
{
	const struct inputs *in = f->in;
	const struct tls_facts *tls = tls_of(f);

	switch ((enum field_id)row->at) {
	case FIELD_SSL:
		*out = VALUE_BOOL(in->tls != NULL ? tls->tls : in->request != NULL && in->request->tls);
		break;
	case FIELD_IP_SRC:
		fields_out_ip(f, &in->client_ip, out);
		break;
	case FIELD_SERVER_IP:
		fields_out_ip(f, &in->server_ip, out);
		break;
	case FIELD_SERVER_PORT:
		*out = VALUE_INT(in->server_port);
		break;
	case FIELD_CLIENT_PORT:
		*out = VALUE_INT(in->client_port);
		break;
	case FIELD_CF_TLS_VERSION:
	case FIELD_TLS_VERSION:
		*out = VALUE_STR(tls->version);
		break;
	case FIELD_CF_TLS_CIPHER:
	case FIELD_TLS_CIPHER:
		*out = VALUE_STR(tls->cipher);
		break;
	case FIELD_HELLO_LENGTH:
		*out = VALUE_INT(tls->hello_length);
		break;
	case FIELD_CLIENT_RANDOM:
		*out = VALUE_STR(tls->client_random);
		break;
	case FIELD_EXTENSIONS_SHA1:
		*out = VALUE_STR(tls->extensions_sha1);
		break;
	case FIELD_EXTENSIONS_SHA1_LE:
		*out = VALUE_STR(tls->extensions_sha1_le);
		break;
	case FIELD_CIPHERS_SHA1:
		*out = VALUE_STR(tls->ciphers_sha1);
		break;
	case FIELD_RESUMED:
		*out = VALUE_BOOL(tls->resumed);
		break;
	case FIELD_REVERIFIED:
		*out = VALUE_BOOL(tls->reverified);
		break;
	case FIELD_SESSION_AGE:
		*out = VALUE_INT(tls->full_handshake_time > 0 ? in->now_msec / 1000 - tls->full_handshake_time
		                                              : 0);
		break;
	case FIELD_SNI:
		*out = VALUE_STR(tls->sni);
		break;
	case FIELD_ALPN:
		*out = VALUE_STR(tls->alpn);
		break;
	case FIELD_ZONE:
		*out = VALUE_STR(in->zone);
		break;
	case FIELD_RULES_VERSION:
		*out = VALUE_STR(f->ruleset != NULL ? ruleset_version(f->ruleset) : STR(""));
		break;
	default:
		break;
	}
}

/* What a PROXY header left unsaid is missing, but TLS is then not said to be there. */
void get_proxied(struct fields *f, const struct field *row, struct value *out)
{
	static const struct proxied nothing = {.said = false};
	const struct proxied *said = f->in->proxied != NULL ? f->in->proxied : &nothing;

	switch ((enum field_id)row->at) {
	case FIELD_PROXIED_TLS:
		*out = VALUE_BOOL(said->tls);
		break;
	case FIELD_PROXIED_VERIFIED:
		*out = VALUE_BOOL(said->verified);
		break;
	case FIELD_PROXIED_CN:
		text(said->cn, out);
		break;
	case FIELD_PROXIED_VERSION:
		text(said->tls_version, out);
		break;
	case FIELD_PROXIED_CIPHER:
		text(said->tls_cipher, out);
		break;
	case FIELD_PROXIED_AUTHORITY:
		text(said->authority, out);
		break;
	case FIELD_PROXIED_ALPN:
		text(said->alpn, out);
		break;
	case FIELD_PROXIED_ID:
		text(said->unique_id, out);
		break;
	default:
		break;
	}
}

void get_timing(struct fields *f, const struct field *row, struct value *out)
{
	switch ((enum field_id)row->at) {
	case FIELD_TCP_RTT:
		*out = VALUE_INT(f->in->tcp_rtt_msec);
		break;
	case FIELD_EDGE_MSEC:
		*out = VALUE_INT(f->in->edge_msec);
		break;
	case FIELD_ORIGIN_TTFB:
		*out = VALUE_INT(f->in->origin_ttfb_msec);
		break;
	default:
		break;
	}
}

static void place(struct str s, struct value *out)
{
	*out = VALUE_STR(s.p != NULL ? s : STR(""));
}

/* Missing as long as no database is named; "", 0 or false where it does not say. */
void get_geography(struct fields *f, const struct field *row, struct value *out)
{
	struct geo *geo = f->geo;

	if (f->geoip == NULL || f->in->client_ip.family == 0)
		return;
	if (geo == NULL) {
		geo = ARENA_NEW(f->arena, struct geo);
		if (geo == NULL || !geoip_look(f->geoip, f->arena, &f->in->client_ip, geo)) {
			fields_no_memory(f, out);
			return;
		}
		f->geo = geo;
	}
	switch ((enum field_id)row->at) {
	case FIELD_COUNTRY:
		place(geo->country, out);
		break;
	case FIELD_CONTINENT:
		place(geo->continent, out);
		break;
	case FIELD_CITY:
		place(geo->city, out);
		break;
	case FIELD_REGION:
		place(geo->region, out);
		break;
	case FIELD_REGION_CODE:
		place(geo->region_code, out);
		break;
	case FIELD_POSTAL_CODE:
		place(geo->postal_code, out);
		break;
	case FIELD_METRO_CODE:
		place(geo->metro_code, out);
		break;
	case FIELD_LAT:
		place(geo->lat, out);
		break;
	case FIELD_LON:
		place(geo->lon, out);
		break;
	case FIELD_TIMEZONE:
		place(geo->timezone, out);
		break;
	case FIELD_SUBDIVISION_1:
		place(geo->subdivision_1, out);
		break;
	case FIELD_SUBDIVISION_2:
		place(geo->subdivision_2, out);
		break;
	case FIELD_ASNUM:
		*out = VALUE_INT(geo->asnum);
		break;
	case FIELD_EU:
		*out = VALUE_BOOL(geo->eu);
		break;
	default:
		break;
	}
}
