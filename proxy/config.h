/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything one reload replaces: listeners, zones, pools, settings and the compiled ruleset, read from rule
 * files, checked as a whole, sealed and counted. A request keeps the config it began with.
 */
#ifndef PROXY_CONFIG_H
#define PROXY_CONFIG_H

#include <stdatomic.h>
#include <sys/socket.h>

#include "base/arena.h"
#include "base/diag.h"
#include "engine/ruleset.h"
#include "headers/request.h"
#include "headers/transforms.h"
#include "mtls/client.h"
#include "mtls/context.h"
#include "proxy/url.h"

struct address {                   /* where to listen or connect */
	struct sockaddr_storage sa;    /* IP; ss_family AF_UNSPEC when a name must be resolved */
	socklen_t len;
	struct str host, path;         /* name for DNS; unix socket path */
	uint16_t port;
	struct str text;               /* as written */
};

/* Values of settings blocks; one member per row of settings.def. Durations in milliseconds, sizes in bytes. */
struct settings {
#define SETTING_INT(block, name, member, unit, dflt, min, max, prose) int64_t member;
#define SETTING_BOOL(block, name, member, dflt, prose) bool member;
#define SETTING_STR(block, name, member, dflt, prose) struct str member;
#define SETTING_ENUM(block, name, member, values, dflt, prose) int member;
#include "proxy/settings.def"
#undef SETTING_INT
#undef SETTING_BOOL
#undef SETTING_STR
#undef SETTING_ENUM
};

enum on_revoked { ON_REVOKED_CLOSE, ON_REVOKED_EVALUATE };

struct member;                     /* what is known of an origin's health: proxy/balance.h */

struct origin_conf {               /* one server requests are sent to */
	bool tls;
	struct address address;
	struct str authority;          /* host[:port] for Host when asked to override */
	unsigned weight;
	bool backup;
	struct member *member;         /* counted; NULL for a `route origin` URL */
};

enum balance { BALANCE_ROUND_ROBIN, BALANCE_LEAST_CONNECTIONS, BALANCE_HASH };
enum health_kind { HEALTH_NONE, HEALTH_TCP, HEALTH_HTTP };

struct health_conf {
	enum health_kind kind;
	struct str path, host;         /* of the request; host empty: the origin's authority */
	int64_t interval, timeout;     /* milliseconds */
	int64_t rise, fall;            /* checks in a row that change the mind */
	int64_t status_min, status_max;
};

struct pool_conf {
	struct str name;
	struct span span;
	struct origin_conf *origins;
	size_t n;
	enum balance balance;
	struct str hash_field;
	uint16_t *order;               /* origins in smooth weighted turn, backups left out; norder of them */
	size_t norder;
	_Atomic unsigned *turn;        /* counts on with every request, of whichever worker */
	int64_t retries;               /* attempts beyond the first, where that is safe */
	int64_t retry_budget;          /* per cent of the requests under way that may be retries; at least 3 may */
	int64_t eject_failures;        /* in a row; 0: never */
	int64_t eject_time, slow_start; /* milliseconds */
	int64_t max_requests;          /* under way at one origin, all workers together; 0: no limit */
	int64_t timeout_connect, timeout_first_byte, timeout_between_bytes; /* 0: as in the timeouts block */
	struct health_conf health;
	struct tls_client *tls;        /* counted; NULL: no origin is https */
	int proxy_protocol;            /* version of the PROXY header that connections begin with; 0: none */
	bool http2;                    /* spoken with its origins, instead of HTTP/1.1 */
	struct str tls_name;           /* empty: the origin's host */
};

struct zone_conf {
	unsigned index;
	struct str name;
	struct span span;
	struct str *hosts;             /* exact or "*.suffix" */
	size_t nhosts;
	struct tls_zone *tls;          /* NULL: served on plain listeners only */
	enum client_auth client_auth;
	enum on_revoked on_revoked;
	struct pool_conf *pool;        /* never NULL; an `origin` line makes a pool of one */
	bool own_pool;                 /* … and then it is this zone's own */
	transform_set transforms;
	enum normalize normalize;
	bool normalize_to_origin;
	struct str *crl_urls;          /* lists that are fetched: written, or learned from certificates */
	size_t ncrl_urls;
	bool crl_points;               /* addresses are learned from certificates on signed paths */
	struct url_host *crl_hosts;    /* where those may lead */
	size_t ncrl_hosts;
	int64_t crl_warning;           /* seconds before a list's end */
	enum ocsp_mode ocsp;
	struct str ocsp_url;           /* "": the certificate's, on these hosts */
	struct url_host *ocsp_hosts;
	size_t nocsp_hosts;
};

struct watched {                   /* files that zones were read from */
	struct str pattern;            /* of proxy/paths.h */
	uint64_t stamp;                /* before they were read */
};

struct listener_conf {
	struct str name;
	struct span span;
	struct address address;
	bool tls;
	bool http1, http2, http2_first; /* the order offered in ALPN */
	struct tls_context *context;   /* NULL when plain */
	struct zone_conf *default_zone; /* NULL: none */
	struct zone_conf **zones;      /* those it may serve */
	size_t nzones;
	struct cidr *proxy_protocol;   /* trusted peers; n 0: off */
	size_t nproxy_protocol;
	struct cidr *real_ip;          /* peers whose X-Forwarded-For is believed */
	size_t nreal_ip;
};

struct config {
	_Atomic unsigned refs;
	uint64_t generation;           /* 1, 2, … */
	struct arena arena;            /* owns everything below, names and texts too */
	struct settings settings;
	struct listener_conf *listeners;
	size_t nlisteners;
	struct zone_conf *zones;
	size_t nzones;
	struct pool_conf *pools;
	size_t npools;
	struct watched *watched;
	size_t nwatched;
	struct tls_client *tls;        /* for https origins that a rule computes; NULL: there is none to be had */
	struct ruleset *rules;
};

/* Reads files (n paths) with everything they name. Diagnostics in d, warnings too; *out is NULL if any is an
 * error. -ERR_RULES: the files are at fault; -ERR_IO: one of them (or of what they include) cannot be read. Opens no
 * socket and looks up no name. Any thread. The AST is gone afterwards: names and texts are copied. */
int config_load(struct config **out, const char *const *paths, size_t n, struct diags *d);
/* Only the lists of the files, as an empty ruleset for expression_compile: no certificate, zone or rule is looked at.
 * Answers as config_load. */
int config_lists(struct ruleset **out, const char *const *paths, size_t n, struct diags *d);
struct config *config_ref(struct config *c);
void config_unref(struct config *c);

/* The zone of a listener that serves host (authority_host's form): exact before the longest *.suffix. NULL: none. */
struct zone_conf *config_zone(const struct listener_conf *l, struct str host);
struct zone_conf *config_zone_named(const struct config *c, struct str name);
struct listener_conf *config_listener_named(const struct config *c, struct str name);

#endif
