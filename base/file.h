/* SPDX-License-Identifier: Apache-2.0 */
/* Reading whole files, and paths relative to the file that names them. */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/arena.h"
#include "base/str.h"

/* The whole regular file (or pipe) at path, at most cap bytes, into a (NUL-terminated too).
 * 0, -ERR_IO (errno says why; EFBIG over the cap, EISDIR), or -ERR_NOMEM. */
int file_read(struct arena *a, const char *path, size_t cap, struct str *out);

/* path as seen from directory dir ("" or absolute path: unchanged). NUL-terminated; p NULL when out of memory. */
struct str file_path(struct arena *a, struct str dir, struct str path);
struct str file_dir(struct arena *a, struct str path); /* directory part, "" if none */

#endif
