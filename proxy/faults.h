/* SPDX-License-Identifier: Apache-2.0 */
/* Every reason for not serving a request: those of the message (headers/check.h), then the proxy's own. */
#ifndef PROXY_FAULTS_H
#define PROXY_FAULTS_H

#include "headers/check.h"

enum fault {
	FAULT_NONE = REJECT_NONE,
	FAULT_REJECTS = REJECT_COUNT - 1, /* up to here the numbers are those of enum reject */
#define FAULT(id, status, word, prose) id,
#include "proxy/faults.def"
#undef FAULT
};

static inline enum fault fault_of(enum reject r)
{
	return (enum fault)r;
}

const char *fault_word(enum fault f);
int fault_status(enum fault f);
const char *fault_prose(enum fault f);

#endif
