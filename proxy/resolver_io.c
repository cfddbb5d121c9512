/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets of the resolver in the loop, and its channel, which is made again when what it was made from changes. */
#include "proxy/resolver_io.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "proxy/resolver_memory.h"

enum {
	TRIES = 3,
	LOOK_MSEC = 1000, /* resolv.conf is looked at no more often */
};

static const char resolv_conf[] = "/etc/resolv.conf";

struct watch { /* a socket of the library's */
	uv_poll_t poll;
	struct resolver *resolver;
	struct watch *next;
	ares_socket_t fd;
};

struct resolver {
	uv_loop_t *loop;
	ares_channel channel; /* NULL: not yet */
	uv_timer_t timer;
	struct watch *watches;
	char *servers; /* "": those of resolv.conf */
	int64_t patience;
	struct timespec changed; /* … when the channel was made */
	uint64_t looked;         /* loop milliseconds */
	unsigned depth;
	bool stale, closing;
};

int resolver_library_init(void)
{
	return ares_library_init_mem(ARES_LIB_INIT_ALL, resolver_malloc, resolver_mfree, resolver_realloc) == ARES_SUCCESS ? 0 : -ERR_NOMEM;
}

void resolver_library_fini(void)
{
	ares_library_cleanup();
}

ares_channel resolver_io_channel(const struct resolver *r)
{
	return r->channel;
}

uv_loop_t *resolver_io_loop(const struct resolver *r)
{
	return r->loop;
}

bool resolver_io_closing(const struct resolver *r)
{
	return r->closing;
}

/* ---- time ---- */

static void on_time(uv_timer_t *timer)
{
	struct resolver *r = timer->data;

	resolver_io_enter(r);
	ares_process_fd(r->channel, ARES_SOCKET_BAD, ARES_SOCKET_BAD);
	resolver_io_leave(r);
}

void resolver_io_enter(struct resolver *r)
{
	r->depth++;
}

void resolver_io_leave(struct resolver *r)
{
	struct timeval tv;

	if (--r->depth > 0 || r->closing)
		return;
	if (ares_timeout(r->channel, NULL, &tv) == NULL)
		uv_timer_stop(&r->timer);
	else
		uv_timer_start(&r->timer, on_time, (uint64_t)tv.tv_sec * 1000 + (uint64_t)tv.tv_usec / 1000 + 1, 0);
}

/* ---- sockets ---- */

static void on_watch_closed(uv_handle_t *handle)
{
	free(handle->data);
}

static void on_event(uv_poll_t *poll, int status, int events)
{
	struct watch *w = poll->data;
	struct resolver *r = w->resolver;
	ares_socket_t fd = w->fd;

	resolver_io_enter(r);
	ares_process_fd(r->channel, status < 0 || (events & UV_READABLE) ? fd : ARES_SOCKET_BAD,
			status < 0 || (events & UV_WRITABLE) ? fd : ARES_SOCKET_BAD);
	resolver_io_leave(r);
}

static struct watch *watch_new(struct resolver *r, ares_socket_t fd)
{
	struct watch *w = calloc(1, sizeof(*w));

	if (w == NULL || uv_poll_init(r->loop, &w->poll, fd) < 0) {
		free(w);
		return NULL;
	}
	w->poll.data = w;
	w->resolver = r;
	w->fd = fd;
	w->next = r->watches;
	r->watches = w;
	return w;
}

static struct watch **watch_of(struct resolver *r, ares_socket_t fd)
{
	struct watch **at = &r->watches;

	while (*at != NULL && (*at)->fd != fd)
		at = &(*at)->next;
	return at;
}

static void unwatch(struct resolver *r, ares_socket_t fd)
{
	struct watch **at = watch_of(r, fd), *w = *at;

	if (w == NULL)
		return;
	*at = w->next;
	uv_close((uv_handle_t *)&w->poll, on_watch_closed);
}

/* A socket that cannot be watched is one that does not answer. */
static void on_socket(void *arg, ares_socket_t fd, int readable, int writable)
{
	struct resolver *r = arg;
	struct watch *w;

	if (!readable && !writable)
		unwatch(r, fd);
	else if ((w = *watch_of(r, fd)) != NULL || (w = watch_new(r, fd)) != NULL)
		uv_poll_start(&w->poll, (readable ? UV_READABLE : 0) | (writable ? UV_WRITABLE : 0), on_event);
}

/*
 * The library's sockets are opened and closed here. Without memory it may close one and not say so, and the loop would
 * go on watching a number that is another socket's by then.
 */
static ares_socket_t open_socket(int family, int type, int protocol, void *arg)
{
	(void)arg;
	return socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol);
}

static int close_socket(ares_socket_t fd, void *arg)
{
	unwatch(arg, fd);
	return close(fd);
}

static int connect_socket(ares_socket_t fd, const struct sockaddr *to, ares_socklen_t n, void *arg)
{
	(void)arg;
	return connect(fd, to, n);
}

static ares_ssize_t receive(ares_socket_t fd, void *to, size_t n, int flags, struct sockaddr *from, ares_socklen_t *from_n, void *arg)
{
	(void)arg;
	return recvfrom(fd, to, n, flags, from, from_n);
}

static ares_ssize_t send_pieces(ares_socket_t fd, const struct iovec *v, int n, void *arg)
{
	struct msghdr m = {.msg_iov = (struct iovec *)(uintptr_t)v, .msg_iovlen = (size_t)n};

	(void)arg;
	return sendmsg(fd, &m, MSG_NOSIGNAL);
}

static const struct ares_socket_functions socket_functions = {
    .asocket = open_socket, .aclose = close_socket, .aconnect = connect_socket, .arecvfrom = receive, .asendv = send_pieces};

/* ---- the channel ---- */

static struct timespec last_change(void)
{
	struct stat st;

	return stat(resolv_conf, &st) == 0 ? st.st_mtim : (struct timespec){0, 0};
}

static bool channel_new(struct resolver *r, ares_channel *out)
{
	struct ares_options o = {
	    .timeout = (int)r->patience, .tries = TRIES, .sock_state_cb = on_socket, .sock_state_cb_data = r};
	int mask = ARES_OPT_TIMEOUTMS | ARES_OPT_TRIES | ARES_OPT_SOCK_STATE_CB;
	int rc;

#ifdef ARES_OPT_QUERY_CACHE
	mask |= ARES_OPT_QUERY_CACHE; /* of no size: whoever asks remembers */
#endif
	if ((rc = ares_init_options(out, &o, mask)) == ARES_SUCCESS)
		ares_set_socket_functions(*out, &socket_functions, r);
	if (rc == ARES_SUCCESS && r->servers[0] != '\0' &&
	    (rc = ares_set_servers_ports_csv(*out, r->servers)) != ARES_SUCCESS)
		ares_destroy(*out);
	if (rc != ARES_SUCCESS)
		log_error("resolver_failed", LOG_Z("error", ares_strerror(rc)));
	return rc == ARES_SUCCESS;
}

/* Questions that the old channel has open are asked again of the new one, when destroying it calls them back. */
static void channel_replace(struct resolver *r)
{
	ares_channel old = r->channel;

	r->changed = last_change();
	if (!channel_new(r, &r->channel)) {
		r->channel = old;
		return;
	}
	r->stale = false;
	if (old == NULL)
		return;
	resolver_io_enter(r);
	ares_destroy(old);
	resolver_io_leave(r);
}

static void look(struct resolver *r)
{
	struct timespec now;

	if (uv_now(r->loop) - r->looked < LOOK_MSEC)
		return;
	r->looked = uv_now(r->loop);
	now = last_change();
	r->stale |= now.tv_sec != r->changed.tv_sec || now.tv_nsec != r->changed.tv_nsec;
}

bool resolver_io_open(struct resolver *r)
{
	if (r->depth > 0 || r->closing)
		return r->channel != NULL && !r->closing;
	if (r->channel != NULL)
		look(r);
	if (r->channel == NULL || r->stale)
		channel_replace(r);
	return r->channel != NULL;
}

void resolver_settings(struct resolver *r, const struct settings *s)
{
	char *servers = strndup(s->resolver.p, s->resolver.n);

	if (servers == NULL)
		return; /* those that were asked are asked on */
	r->stale |= r->servers == NULL || strcmp(servers, r->servers) != 0 || r->patience != s->timeout_dns;
	free(r->servers);
	r->servers = servers;
	r->patience = s->timeout_dns;
	if (r->channel != NULL && r->stale && r->depth == 0)
		channel_replace(r);
}

int resolver_new(struct resolver **out, uv_loop_t *loop)
{
	struct resolver *r = calloc(1, sizeof(*r));

	*out = NULL;
	if (r == NULL || (r->servers = strdup("")) == NULL) {
		free(r);
		return -ERR_NOMEM;
	}
	r->loop = loop;
	uv_timer_init(loop, &r->timer);
	r->timer.data = r;
	*out = r;
	return 0;
}

void resolver_close(struct resolver *r)
{
	if (r == NULL || r->closing)
		return;
	r->closing = true;
	if (r->channel != NULL)
		ares_destroy(r->channel);
	uv_close((uv_handle_t *)&r->timer, NULL);
}

void resolver_free(struct resolver *r)
{
	if (r == NULL)
		return;
	free(r->servers);
	free(r);
}
