/* SPDX-License-Identifier: Apache-2.0 */
/* c-ares's channel, its sockets and its time on a libuv loop. resolver.c's own. */
#ifndef PROXY_RESOLVER_IO_H
#define PROXY_RESOLVER_IO_H

#define CARES_NO_DEPRECATED /* Debian 12 has none of the new names */
#include <ares.h>

#include "proxy/resolver.h"

/* There is a channel, made from the files as they are now. Not between enter and leave, for the channel may be replaced:
 * there the one that is serves on. */
bool resolver_io_open(struct resolver *r);
ares_channel resolver_io_channel(const struct resolver *r);
uv_loop_t *resolver_io_loop(const struct resolver *r);
bool resolver_io_closing(const struct resolver *r);

/* Around whatever calls the library, which may call back. */
void resolver_io_enter(struct resolver *r);
void resolver_io_leave(struct resolver *r);

#endif
