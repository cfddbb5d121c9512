/* SPDX-License-Identifier: Apache-2.0 */
/* Opening addresses to listen on. */
#include "proxy/sockets.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/err.h"
#include "base/ip.h"
#include "base/log.h"

struct open_address {
	struct open_address *next;
	char *text, *path;
	struct sockaddr_storage bound; /* with the port the system chose */
	int *fds;                      /* one per worker, until they are taken */
};

struct sockets {
	unsigned workers;
	struct open_address *list;
};

struct sockets *sockets_new(unsigned workers)
{
	struct sockets *s = calloc(1, sizeof(*s));

	if (s != NULL)
		s->workers = workers;
	return s;
}

static void address_free(struct sockets *s, struct open_address *a)
{
	unsigned i;

	for (i = 0; a->fds != NULL && i < s->workers; i++)
		if (a->fds[i] >= 0)
			close(a->fds[i]);
	free(a->fds);
	free(a->text);
	free(a->path);
	free(a);
}

void sockets_free(struct sockets *s)
{
	struct open_address *a;

	while (s != NULL && (a = s->list) != NULL) {
		s->list = a->next;
		if (a->path != NULL)
			unlink(a->path);
		address_free(s, a);
	}
	free(s);
}

static struct open_address *find(const struct sockets *s, struct str text)
{
	struct open_address *a;

	for (a = s->list; a != NULL; a = a->next)
		if (str_eq(str_of(a->text), text))
			return a;
	return NULL;
}

/* Another process may share a port with SO_REUSEPORT and take connections away; without it, bind says so. */
static int probe(const struct sockaddr *sa, socklen_t len)
{
	int on = 1, rc, fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (sa->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	rc = bind(fd, sa, len);
	close(fd);
	return rc;
}

static int open_ip(const struct sockaddr *sa, socklen_t len)
{
	int on = 1, fd = socket(sa->sa_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0)
		return -1;
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (sa->sa_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on)) == 0 && bind(fd, sa, len) == 0 &&
	    listen(fd, SOMAXCONN) == 0)
		return fd;
	close(fd);
	return -1;
}

static bool open_ip_all(struct sockets *s, struct open_address *a, const struct address *conf)
{
	socklen_t len = sizeof(a->bound);
	unsigned i;

	if (conf->port != 0 && probe((const struct sockaddr *)&conf->sa, conf->len) < 0)
		return false;
	a->bound = conf->sa;
	for (i = 0; i < s->workers; i++) {
		a->fds[i] = open_ip((const struct sockaddr *)&a->bound, conf->len);
		if (a->fds[i] < 0)
			return false;
		if (i == 0 && getsockname(a->fds[0], (struct sockaddr *)&a->bound, &len) < 0)
			return false;
	}
	return true;
}

/* A socket file that nobody listens on any more is left over from a process that died. */
static void unlink_stale(const struct sockaddr_un *un)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)un, sizeof(*un)) < 0 && errno == ECONNREFUSED)
		unlink(un->sun_path);
	close(fd);
}

static bool open_unix_all(struct sockets *s, struct open_address *a, const struct address *conf)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	unsigned i;

	if (conf->path.n >= sizeof(un.sun_path)) {
		errno = ENAMETOOLONG;
		return false;
	}
	memcpy(un.sun_path, conf->path.p, conf->path.n);
	unlink_stale(&un);
	a->fds[0] = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (a->fds[0] < 0 || bind(a->fds[0], (struct sockaddr *)&un, sizeof(un)) < 0 ||
	    listen(a->fds[0], SOMAXCONN) < 0)
		return false;
	a->path = strdup(un.sun_path);
	for (i = 1; i < s->workers; i++)
		if ((a->fds[i] = fcntl(a->fds[0], F_DUPFD_CLOEXEC, 3)) < 0)
			return false;
	return true;
}

static int open_one(struct sockets *s, const struct listener_conf *l)
{
	struct open_address *a = calloc(1, sizeof(*a));
	unsigned i;
	bool ok;

	if (a == NULL)
		return -ERR_NOMEM;
	a->text = strndup(l->address.text.p, l->address.text.n);
	a->fds = calloc(s->workers, sizeof(*a->fds));
	if (a->text == NULL || a->fds == NULL) {
		free(a->fds);
		a->fds = NULL;
		address_free(s, a);
		return -ERR_NOMEM;
	}
	for (i = 0; i < s->workers; i++)
		a->fds[i] = -1;
	ok = l->address.path.n > 0 ? open_unix_all(s, a, &l->address) : open_ip_all(s, a, &l->address);
	if (!ok) {
		log_error("listen_failed", LOG_S("listener", l->name), LOG_S("address", l->address.text),
			  LOG_Z("error", strerror(errno)));
		address_free(s, a);
		return -ERR_NET;
	}
	a->next = s->list;
	s->list = a;
	return 0;
}

int sockets_open(struct sockets *s, const struct config *config)
{
	struct open_address *before = s->list, *a;
	size_t i;
	int rc = 0;

	for (i = 0; i < config->nlisteners && rc == 0; i++)
		if (find(s, config->listeners[i].address.text) == NULL)
			rc = open_one(s, &config->listeners[i]);
	while (rc < 0 && s->list != before) {
		a = s->list;
		s->list = a->next;
		if (a->path != NULL)
			unlink(a->path);
		address_free(s, a);
	}
	return rc;
}

int *sockets_take(struct sockets *s, const struct config *config, unsigned worker)
{
	int *fds = calloc(config->nlisteners + 1, sizeof(*fds));
	struct open_address *a;
	size_t i;

	if (fds == NULL)
		return NULL;
	for (i = 0; i < config->nlisteners; i++) {
		a = find(s, config->listeners[i].address.text);
		fds[i] = a->fds[worker];
		a->fds[worker] = -1;
	}
	return fds;
}

void sockets_commit(struct sockets *s, const struct config *config)
{
	struct open_address **at = &s->list, *a;
	size_t i;

	while ((a = *at) != NULL) {
		for (i = 0; i < config->nlisteners; i++)
			if (str_eq(config->listeners[i].address.text, str_of(a->text)))
				break;
		if (i < config->nlisteners) {
			at = &a->next;
			continue;
		}
		*at = a->next;
		if (a->path != NULL)
			unlink(a->path);
		address_free(s, a);
	}
}

struct str sockets_text(const struct sockets *s, const struct config *config, struct arena *arena)
{
	struct str all = STR("");
	char printed[IP_TEXT];
	size_t i;

	for (i = 0; i < config->nlisteners && all.p != NULL; i++) {
		const struct listener_conf *l = &config->listeners[i];
		const struct open_address *a = find(s, l->address.text);
		const char *comma = i > 0 ? ", " : "";
		struct ip ip;
		uint16_t port;

		if (a == NULL || !ip_of_sockaddr((const struct sockaddr *)&a->bound, &ip, &port)) {
			all = arena_printf(arena, "%.*s%s%.*s", STR_FMT(all), comma, STR_FMT(l->address.text));
			continue;
		}
		ip_print(&ip, printed);
		all = arena_printf(arena, ip.family == 6 ? "%.*s%s[%s]:%u" : "%.*s%s%s:%u", STR_FMT(all), comma, printed,
				   (unsigned)port);
	}
	return all;
}
