/* SPDX-License-Identifier: Apache-2.0 */
/* Asks PCRE2, jansson and libmaxminddb who they are. */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <jansson.h>
#include <maxminddb.h>
#include <pcre2.h>

#include "engine/libraries.h"

const char *pcre2_version_text(void)
{
	static char text[64];

	if (!text[0])
		pcre2_config(PCRE2_CONFIG_VERSION, text);
	return text;
}

bool pcre2_jit_on(void)
{
	uint32_t on = 0;

	pcre2_config(PCRE2_CONFIG_JIT, &on);
	return on != 0;
}

const char *jansson_version_text(void)
{
	return jansson_version_str();
}

const char *maxminddb_version_text(void)
{
	return MMDB_lib_version();
}
