/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request as a JSON object, for usher eval, rule tests and traces. Its members are
 *
 *   a field's name        the field's value; null makes it missing. Fields that are not given have their
 * defaults "request"             { "method", "uri", "version", "headers": [[name, value], …], "body",
 * "scheme", "normalize" }: http.* as the proxy derives them, a request that it would refuse is an error
 *   "response"            { "status", "headers" }
 *   "client_certificate", "client_ca", "client_crl"   files (crl: one or an array) that cf.tls_client_auth.*
 * and tls.client.* are read off, relative to the directory of the object's file "time"                the
 * clock: Unix seconds, or "2026-11-24T12:00:00Z"
 */
#ifndef ENGINE_FACTS_JSON_H
#define ENGINE_FACTS_JSON_H

#include <jansson.h>

#include "engine/ruleset.h"

struct facts {
	struct inputs in;
	struct fields *fields;  /* what expression_eval and ruleset_run take */
	struct request request; /* in.request points here if there is one; likewise response */
	struct response response;
	struct tls_facts tls;
	struct cert_facts *cert; /* owned; NULL without certificate */
};

/* Fills *f from object; memory from a, which must outlive f. dir: where its files are, "" for the current
 * directory. r: NULL, or the ruleset whose geography and version are read. 0; -ERR_INVALID with *why (in a);
 * -ERR_NOMEM. */
int facts_of_json(struct facts *f, struct arena *a, json_t *object, struct str dir, const struct ruleset *r,
                  struct str *why);
void facts_fini(struct facts *f);

#endif
