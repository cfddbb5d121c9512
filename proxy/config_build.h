/* SPDX-License-Identifier: Apache-2.0 */
/* What the files that build a config share. Private to proxy/config*.c. */
#ifndef PROXY_CONFIG_BUILD_H
#define PROXY_CONFIG_BUILD_H

#include "grammar/ast.h"
#include "proxy/config.h"

/* A zone, listener or pool while its block is read: the conf that stays and what only building needs. */
struct zone_build {
	struct zone_conf *conf;
	const struct ast_block *block;
	struct tls_zone_spec spec;
	struct tls_path *certificates, *keys, *cas, *crls;
	size_t ncertificates, nkeys, ncas, ncrls;
	struct str pool_name;
	struct span pool_span, auth_span, origin_span, transforms_span, crl_span, fetch_span, ocsp_span;
	struct pool_conf own_pool; /* of an origin line */
	const struct transform **transforms;
	size_t ntransforms;
	bool crl_required_given, served;
};

struct listener_build {
	struct listener_conf *conf;
	const struct ast_block *block;
	const struct ast_word *default_zone;
	const struct ast_word **zones;
	size_t nzones;
};

struct pool_build { /* beside the conf, what only building needs */
	struct pool_conf *conf;
	struct tls_client_spec tls;
	struct tls_path *cas;
	size_t ncas;
	struct span key_span;
	size_t nh2;       /* origins whose line says h2 */
	bool no_h2;       /* … and a line of the pool says http/1.1 */
};

struct build {
	struct config *config;
	struct arena *arena; /* the config's: what stays */
	struct arena scratch;
	struct diags *d;
	struct ast_file file;
	struct ast_block *last;
	struct zone_build *zones;
	struct listener_build *listeners;
	unsigned sources; /* read so far: diagnostics keep this order */
	bool nomem;
	bool unreadable; /* a file given by name could not be read */
};

/* Stores one line in its object; problems become diagnostics. False only when out of memory. */
typedef bool apply_f(struct build *b, void *object, const struct ast_setting *s);

#define BLOCK_SETTING(block, name, min, max, repeat, apply, form, prose) apply_f apply;
#include "proxy/block_settings.def"
#undef BLOCK_SETTING

/* config_files.c: reads files, follows includes, hangs all blocks in b->file. */
bool files_read(struct build *b, const char *const *paths, size_t n);

/* config_lists.c: the line `name VALUE` of a server block, or NULL. */
const struct ast_setting *server_line(const struct build *b, struct str name);

/* config_tickets.c: keys from a file for the tickets of all listeners, if server names one. After listeners_finish.
 * false: no memory. */
bool tickets_finish(struct build *b);

/* config_resolver.c: the name servers that server names. false: no memory. */
bool resolver_finish(struct build *b);

/* config_lists.c: the database that server { geoip … } names; *out NULL if none, or told. false: no memory. */
bool geoip_load(struct build *b, struct geoip **out);

/* config_revocation.c: has the files behind pattern looked at while this configuration serves; the second step of a
 * zone's CRLs. False: no memory. */
bool watch_path(struct build *b, struct str pattern);
bool revocation_finish(struct build *b, struct zone_build *z);

/* config_settings.c: the settings blocks. */
bool settings_is_block(struct str keyword);
void settings_default(struct settings *s);
bool settings_apply(struct build *b, const struct ast_block *block);

/* config_blocks.c: the lines of one listener, zone or pool by the table. */
bool block_apply(struct build *b, const char *block, void *object, const struct ast_block *ast);

/* config_zones.c, config_listeners.c: second step, once all blocks are known. */
bool zones_finish(struct build *b);
bool listeners_finish(struct build *b);
bool origin_parse(struct build *b, const struct ast_word *w, struct origin_conf *out); /* false: told, or no memory */

/* config_pools.c: before a pool's lines are read, and once they are. */
void pool_defaults(struct pool_build *p, struct pool_conf *conf);
bool pool_finish(struct build *b, struct pool_build *p);

/* config_words.c: values of settings. Each queues a diagnostic and returns false when the word does not fit. */
bool word_bool(struct build *b, const struct ast_word *w, bool *out);
bool word_enum(struct build *b, const struct ast_word *w, const char *values, int *out); /* "a|b|c" */
bool word_duration(struct build *b, const struct ast_word *w, int64_t min, int64_t max, int64_t *msec);
bool word_size(struct build *b, const struct ast_word *w, int64_t min, int64_t max, int64_t *bytes);
bool word_int(struct build *b, const struct ast_word *w, int64_t min, int64_t max, int64_t *out);
bool word_address(struct build *b, const struct ast_word *w, struct address *out);
bool word_name(struct build *b, const struct ast_word *w);
struct str word_path(struct build *b, const struct ast_word *w); /* resolved; p NULL: no memory */

/* Of n names the one nearest to s, or NULL: for "did you mean". */
struct str nearest(struct str s, const struct str *names, size_t n);

/* Appends x to an array in the arena, doubling it: n is the count before. NULL: no memory. */
void *array_push(struct arena *a, void *v, size_t n, size_t size, const void *x);

#endif
