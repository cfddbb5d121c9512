/* SPDX-License-Identifier: Apache-2.0 */
/* Reading whole files and joining paths. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/file.h"

enum { CHUNK = 65536 };

/* All of fd, at most cap bytes, appended to b. */
static int read_all(int fd, size_t cap, struct buf *b)
{
	for (;;) {
		ssize_t got;

		if (!buf_reserve(b, CHUNK))
			return -ERR_NOMEM;
		got = read(fd, b->p + b->off + b->n, CHUNK);
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -ERR_IO;
		if (got == 0)
			return 0;
		b->n += (size_t)got;
		if (b->n > cap) {
			errno = EFBIG;
			return -ERR_IO;
		}
	}
}

int file_read(struct arena *a, const char *path, size_t cap, struct str *out)
{
	struct buf b = BUF_INIT;
	struct stat st;
	int fd, saved, rc = -ERR_IO;

	*out = STR_NONE;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ERR_IO;
	if (fstat(fd, &st) < 0)
		goto done;
	if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		goto done;
	}
	if (S_ISREG(st.st_mode) && st.st_size > 0 && (uint64_t)st.st_size > cap) {
		errno = EFBIG;
		goto done;
	}
	if ((rc = read_all(fd, cap, &b)) < 0)
		goto done;
	*out = arena_str(a, buf_str(&b));
	if (!out->p)
		rc = -ERR_NOMEM;
done:
	saved = errno;
	buf_fini(&b);
	close(fd);
	errno = saved;
	return rc;
}

struct str file_path(struct arena *a, struct str dir, struct str path)
{
	if (dir.n == 0 || (path.n && path.p[0] == '/'))
		return arena_str(a, path);
	return arena_concat(a, (struct str[]){dir, str_ends(dir, STR("/")) ? STR("") : STR("/"), path}, 3);
}

struct str file_dir(struct arena *a, struct str path)
{
	ptrdiff_t slash = str_rfind(path, '/');

	if (slash < 0)
		return arena_str(a, STR(""));
	return arena_str(a, str_sub(path, 0, slash ? (size_t)slash : 1));
}
