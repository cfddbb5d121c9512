/* SPDX-License-Identifier: Apache-2.0 */
/* Versions of the libraries behind the engine, for usher --version. */
#ifndef ENGINE_LIBRARIES_H
#define ENGINE_LIBRARIES_H

#include <stdbool.h>

const char *pcre2_version_text(void);
bool pcre2_jit_on(void);
const char *jansson_version_text(void);
const char *maxminddb_version_text(void);

#endif
