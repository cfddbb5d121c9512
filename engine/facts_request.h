/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of a facts object that are messages or certificates, for facts_json.c. */
#ifndef ENGINE_FACTS_REQUEST_H
#define ENGINE_FACTS_REQUEST_H

#include "engine/facts_json.h"

/* Where the loader is: what it reads from and where it says what is wrong. */
struct facts_loader {
	struct facts *f;
	struct arena *a;
	json_t *object;
	struct str dir;
	struct str *why;
};

/* Each: 0, -ERR_INVALID with *why, or -ERR_NOMEM. */
int facts_request(struct facts_loader *l, const json_t *request);
int facts_response(struct facts_loader *l, const json_t *response);
int facts_certificate(struct facts_loader *l);

int facts_wrong(struct facts_loader *l, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
