/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Addresses of names, for one event loop: from /etc/hosts, then from the name servers of /etc/resolv.conf (with its search
 * domains) or those that server { resolver } names. A file that changes is read again. Nothing is remembered here: an answer
 * says how long it may be believed, and its asker keeps it.
 *
 * Its loop's thread alone touches it.
 */
#ifndef PROXY_RESOLVER_H
#define PROXY_RESOLVER_H

#include <netinet/in.h>
#include <uv.h>

#include "proxy/config.h"

struct resolver;
struct question;

enum { LOOKUP_ADDRESSES = 8 }; /* of one name that are looked at */

union ip_address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

struct answer {
	union ip_address addresses[LOOKUP_ADDRESSES]; /* the best first, families in turn (RFC 8305, section 4) */
	unsigned n;        /* 0: there are none, and error says why */
	int64_t msec;      /* they may be believed so long; -1: nobody says */
	bool last;         /* no other answer follows */
	bool no_memory;
	const char *error; /* constant */
};

/* One name that is looked up; the asker owns it. */
struct lookup {
	struct question *question; /* NULL: none is open */
	/* Where the answer about IPv6 is late, a first one is given without it; the last one follows unless it has nothing
	 * to add. May be called before resolver_ask returns. */
	void (*answered)(struct lookup *l, const struct answer *a);
};

int resolver_new(struct resolver **out, uv_loop_t *loop); /* 0 or -ERR_NOMEM */
/* Which servers are asked, and how patiently. Open questions are asked again, of others. */
void resolver_settings(struct resolver *r, const struct settings *s);
void resolver_close(struct resolver *r); /* nobody hears anything any more; the loop closes the handles */
void resolver_free(struct resolver *r);  /* after that; NULL is welcome */

/* port goes into the addresses. */
void resolver_ask(struct resolver *r, struct lookup *l, const char *name, uint16_t port);
void lookup_forget(struct lookup *l); /* the answer is not wanted any more */

int resolver_library_init(void); /* once, before the first; any thread. 0 or -ERR_NOMEM */
void resolver_library_fini(void);

#endif
