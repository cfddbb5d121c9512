/* SPDX-License-Identifier: Apache-2.0 */
/* The test PKI for units. */
#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/file.h"
#include "tests/unit/pki.h"

static char folder[PATH_MAX];

static void give_up(const char *what)
{
	fprintf(stderr, "pki: %s: %s\n", what, strerror(errno));
	exit(1);
}

void pki_make(void)
{
	char command[PATH_MAX + 64], here[PATH_MAX];

	if (folder[0])
		return;
	if (!getcwd(here, sizeof(here)))
		give_up("getcwd");
	snprintf(folder, sizeof(folder), "%.*s/build/pki", (int)sizeof(folder) - 16, here);
	snprintf(command, sizeof(command), "mkdir -p build && sh tests/pki/make.sh '%s'", folder);
	if (system(command) != 0)
		give_up(command);
}

const char *pki_path(struct arena *a, const char *name)
{
	pki_make();
	return arena_printf(a, "%s/%s", folder, name).p;
}

struct str pki_read(struct arena *a, const char *name)
{
	const char *path = pki_path(a, name);
	struct str s;

	if (file_read(a, path, 1 << 30, &s) < 0)
		give_up(path);
	return s;
}

struct str pki_join(struct arena *a, const char *names)
{
	struct str s = str_of(names), all = STR("");

	while (s.n) {
		ptrdiff_t space = str_find(s, ' ');
		struct str name = str_sub(s, 0, space < 0 ? s.n : (size_t)space), parts[2];

		parts[0] = all;
		parts[1] = pki_read(a, arena_str(a, name).p);
		all = arena_concat(a, parts, 2);
		s = space < 0 ? STR("") : str_sub(s, (size_t)space + 1, s.n);
	}
	return all;
}

struct str pki_run(struct arena *a, const char *fmt, ...)
{
	struct buf command = BUF_INIT, out = BUF_INIT;
	char chunk[4096];
	struct str s;
	va_list ap;
	FILE *f;
	size_t n;

	va_start(ap, fmt);
	buf_vprintf(&command, fmt, ap);
	va_end(ap);
	buf_addc(&command, '\0');
	if (!(f = popen(command.p, "r")))
		give_up("popen");
	while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0)
		buf_add(&out, (struct str){chunk, n});
	if (pclose(f) != 0)
		give_up(command.p);
	s = buf_str(&out);
	if (s.n && s.p[s.n - 1] == '\n')
		s.n--;
	s = arena_str(a, s);
	buf_fini(&command);
	buf_fini(&out);
	return s;
}
