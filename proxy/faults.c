/* SPDX-License-Identifier: Apache-2.0 */
/* The two tables of reasons as one. */
#include "proxy/faults.h"

static const struct row {
	int status;
	const char *word, *prose;
} rows[] = {
#define FAULT(id, status, word, prose) { status, word, prose },
#include "proxy/faults.def"
#undef FAULT
};

const char *fault_word(enum fault f)
{
	return f <= FAULT_REJECTS ? reject_reason((enum reject)f) : rows[f - FAULT_REJECTS - 1].word;
}

int fault_status(enum fault f)
{
	return f <= FAULT_REJECTS ? reject_status((enum reject)f) : rows[f - FAULT_REJECTS - 1].status;
}

const char *fault_prose(enum fault f)
{
	return f <= FAULT_REJECTS ? reject_prose((enum reject)f) : rows[f - FAULT_REJECTS - 1].prose;
}
