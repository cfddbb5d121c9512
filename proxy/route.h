/* SPDX-License-Identifier: Apache-2.0 */
/* `route` and `config` actions: where one request goes, and the settings it goes under. */
#ifndef PROXY_ROUTE_H
#define PROXY_ROUTE_H

#include "proxy/exchange.h"

void route_defaults(struct exchange *x); /* of the zone and the settings blocks */
enum fault route_origin(struct exchange *x, struct str url);
enum fault route_pool(struct exchange *x, struct str name);
enum fault route_config(struct exchange *x, struct str name, struct str value);

/* ruleset_options.serves, the argument being the struct build: a fixed value of such an action is told when the file is
 * loaded, not when the first request meets it. */
bool route_serves(void *build, enum edit_kind kind, struct str name, const struct ast_word *value);

#endif
