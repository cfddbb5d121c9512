/* SPDX-License-Identifier: Apache-2.0 */
/* Files of the state directory, named by digests, so that no address and no zone's name is ever a path. */
#include "proxy/state.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"
#include "base/limits.h"

static struct str file_of(struct arena *a, struct str dir, const char *kind, struct str name,
                          const char *suffix)
{
	uint8_t digest[32];
	char hex[65];

	digest_sha256(name, digest);
	for (int i = 0; i < 32; i++)
		snprintf(hex + 2 * i, 3, "%02x", digest[i]);
	return arena_printf(a, "%.*s/%s-%.40s%s", STR_FMT(dir), kind, hex, suffix);
}

struct str state_crl(struct arena *a, struct str dir, struct str url)
{
	return file_of(a, dir, "list", url, ".crl");
}

bool state_crl_good(struct str path)
{
	struct arena scratch = ARENA_INIT;
	struct crl_facts facts;
	struct str text;
	const char *why;
	bool good;

	good =
	    file_read(&scratch, path.p, LIMIT_FILE_BYTES, &text) == 0 && inspect_crl(&facts, text, &why) == 0;
	arena_fini(&scratch);
	return good;
}

int state_points(struct arena *a, struct str dir, struct str zone, struct paths *out)
{
	struct str path = file_of(a, dir, "points", zone, ".txt"), text;
	int rc;

	*out = (struct paths){NULL, 0};
	if (path.p == NULL || (out->v = arena_array(a, LIMIT_CRL_POINTS, sizeof(*out->v))) == NULL)
		return -ERR_NOMEM;
	rc = file_read(a, path.p, LIMIT_CRL_POINTS * LIMIT_CRL_POINT_BYTES, &text);
	if (rc < 0)
		return rc == -ERR_NOMEM ? rc : 0;
	while (text.n > 0 && out->n < LIMIT_CRL_POINTS) {
		ptrdiff_t end = str_find(text, '\n');
		size_t n = end < 0 ? text.n : (size_t)end;

		if (n > 0)
			out->v[out->n++] = str_sub(text, 0, n);
		text = str_sub(text, n + 1, text.n);
	}
	return 0;
}

int state_points_add(struct str dir, struct str zone, struct str url)
{
	struct arena scratch = ARENA_INIT;
	struct buf text = BUF_INIT;
	struct paths urls;
	struct str path;
	int rc = state_points(&scratch, dir, zone, &urls);

	if (rc < 0)
		goto done;
	for (size_t i = 0; i < urls.n; i++) {
		if (str_eq(urls.v[i], url)) {
			rc = 0;
			goto done;
		}
		buf_add(&text, urls.v[i]);
		buf_addc(&text, '\n');
	}
	rc = -ERR_LIMIT;
	if (urls.n == LIMIT_CRL_POINTS || url.n >= LIMIT_CRL_POINT_BYTES)
		goto done;
	buf_add(&text, url);
	buf_addc(&text, '\n');
	path = file_of(&scratch, dir, "points", zone, ".txt");
	rc = text.failed || path.p == NULL ? -ERR_NOMEM : state_write(dir, path, buf_str(&text));
done:
	buf_fini(&text);
	arena_fini(&scratch);
	return rc;
}

static bool write_all(int fd, struct str text)
{
	while (text.n > 0) {
		ssize_t n = write(fd, text.p, text.n);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		text = str_sub(text, (size_t)n, text.n);
	}
	return fsync(fd) == 0;
}

int state_write(struct str dir, struct str path, struct str text)
{
	struct arena scratch = ARENA_INIT;
	struct str name = arena_printf(&scratch, "%.*s.%d.new", STR_FMT(path), (int)getpid());
	struct str made = arena_str(&scratch, dir);
	int fd = -1, rc = -ERR_NOMEM, saved;

	if (name.p == NULL || made.p == NULL)
		goto done;
	rc = -ERR_IO;
	if (mkdir(made.p, 0700) < 0 && errno != EEXIST)
		goto done;
	unlink(name.p); /* of a process that had this number and died */
	fd = open(name.p, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd >= 0 && write_all(fd, text) && rename(name.p, path.p) == 0)
		rc = 0;
	saved = errno;
	if (fd >= 0)
		close(fd);
	if (fd >= 0 && rc < 0)
		unlink(name.p);
	errno = saved;
done:
	arena_fini(&scratch);
	return rc;
}
