/* SPDX-License-Identifier: Apache-2.0 */
/* The prose of the error codes. */
#include <stddef.h>

#include "base/err.h"

static const char *const texts[] = {"no error",
#define X(name, text) text,
                                    ERRORS(X)
#undef X
};

const char *err_text(int rc)
{
	unsigned code = rc < 0 ? 0u - (unsigned)rc : (unsigned)rc;

	return code < sizeof(texts) / sizeof(texts[0]) ? texts[code] : "an unknown error";
}
