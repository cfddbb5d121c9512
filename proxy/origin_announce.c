/* SPDX-License-Identifier: Apache-2.0 */
/* What an origin hears first when its pool wants to be told who the client is: a PROXY header, before TLS even. */
#include "proxy/conn.h"
#include "proxy/exchange.h"
#include "proxy/origin_conn.h"
#include "proxy/origin_host.h"
#include "proxy/proxy_header.h"

void origin_announce(struct origin_conn *c, const struct exchange *x)
{
	const struct conn *client = x->conn;
	struct proxy_addresses a = { .known = false };

	if (client != NULL)
		a = (struct proxy_addresses){
			.known = x->client.family != 0 && client->local_ip.family != 0,
			.source = x->client,
			.destination = client->local_ip,
			/* of a client that another proxy names in a header line no port is known */
			.source_port = ip_eq(&x->client, &client->ip) ? client->port : 0,
			.destination_port = client->local_port,
		};
	proxy_header_write(&c->t.out, c->host->proxy, &a);
	transport_flush(&c->t);
}
