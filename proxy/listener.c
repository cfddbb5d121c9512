/* SPDX-License-Identifier: Apache-2.0 */
/* The addresses one worker accepts on. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "proxy/conn.h"
#include "proxy/worker.h"

enum {
	ACCEPT_BATCH = 64,         /* connections taken per turn: those that are open want their turn, too */
	ACCEPT_FAILED_MSEC = 5000, /* how long it must have been quiet for the log to be told again */
};

void listener_unref(struct listener *l)
{
	if (--l->users > 0)
		return;
	free(l->address);
	free(l);
}

static void on_listener_closed(uv_handle_t *handle)
{
	struct listener *l = handle->data;

	close(l->fd);
	listener_unref(l);
}

/* There are no descriptors for one more connection. It is closed, lest it waits in vain and keeps the loop awake. */
static void turn_away(struct listener *l, int error)
{
	struct worker *w = l->worker;
	uint64_t now = uv_now(w->loop);
	int fd;

	if (w->accept_failed == 0 || now - w->accept_failed > ACCEPT_FAILED_MSEC)
		log_warning("accept_failed", LOG_Z("address", l->address), LOG_Z("error", strerror(error)));
	w->accept_failed = now;
	if ((error != EMFILE && error != ENFILE) || w->reserve_fd < 0)
		return;
	close(w->reserve_fd);
	fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		close(fd);
	w->reserve_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void on_connection(uv_poll_t *poll, int status, int events)
{
	struct listener *l = poll->data;
	int fd, i;

	(void)events;
	for (i = 0; status == 0 && i < ACCEPT_BATCH; i++) {
		fd = accept4(l->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
		if (fd >= 0) {
			conn_accept(l, fd);
			continue;
		}
		if (errno == EAGAIN || errno == EWOULDBLOCK)
			return;
		if (errno != EINTR && errno != ECONNABORTED)
			turn_away(l, errno);
	}
}

struct listener *listener_new(const struct listener_conf *conf, int fd)
{
	struct listener *l = calloc(1, sizeof(*l));

	if (l == NULL || (l->address = strndup(conf->address.text.p, conf->address.text.n)) == NULL) {
		free(l);
		return NULL;
	}
	l->fd = fd;
	l->unix_socket = conf->address.path.n > 0;
	l->conf = conf;
	l->users = 1;
	return l;
}

void listener_free(struct listener *l)
{
	if (l == NULL)
		return;
	close(l->fd);
	listener_unref(l);
}

void listener_open(struct worker *w, struct listener *l)
{
	int rc = uv_poll_init(w->loop, &l->poll, l->fd);

	if (rc < 0) {
		log_error("listen_failed", LOG_Z("address", l->address), LOG_Z("error", uv_strerror(rc)));
		listener_free(l);
		return;
	}
	l->worker = w;
	l->poll.data = l;
	l->next = w->listeners;
	w->listeners = l;
	uv_poll_start(&l->poll, UV_READABLE, on_connection);
}

void listener_close(struct listener *l)
{
	if (l->closing)
		return;
	l->closing = true;
	uv_close((uv_handle_t *)&l->poll, on_listener_closed);
}

struct listener *listener_of(struct worker *w, struct str address)
{
	struct listener *l;

	for (l = w->listeners; l != NULL; l = l->next)
		if (!l->closing && str_eq(str_of(l->address), address))
			return l;
	return NULL;
}
