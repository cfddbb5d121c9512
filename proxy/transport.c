/* SPDX-License-Identifier: Apache-2.0 */
/* Sockets and TLS sessions behind one face. Who may connect, and what the bytes mean, is decided elsewhere. */
#include "proxy/transport.h"

#include <assert.h>
#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/ip.h"
#include "proxy/worker.h"

enum { KEPT_BUFFER = 8192 }; /* what a buffer of a connection at rest may hold on to */

static struct worker *worker_of(const struct transport *t)
{
	return t->h.any.loop->data;
}

static void clean(struct transport *t)
{
	if (t->prev_dirty == NULL)
		return;
	*t->prev_dirty = t->next_dirty;
	if (t->next_dirty != NULL)
		t->next_dirty->prev_dirty = t->prev_dirty;
	t->next_dirty = NULL;
	t->prev_dirty = NULL;
}

void transport_dirty(struct transport *t)
{
	struct worker *w = worker_of(t);

	t->resting = false;
	if (t->prev_dirty != NULL || t->closing)
		return;
	t->next_dirty = w->dirty;
	if (t->next_dirty != NULL)
		t->next_dirty->prev_dirty = &t->next_dirty;
	t->prev_dirty = &w->dirty;
	w->dirty = t;
}

void transport_init(struct transport *t, const struct transport_events *events)
{
	t->h.any.data = t;
	t->events = events;
	t->tls = NULL;
	t->in = t->out = t->flying = (struct buf)BUF_INIT;
	t->next_dirty = NULL;
	t->prev_dirty = NULL;
	t->received = t->sent = 0;
	t->error = 0;
	t->reading = t->writing = t->full = t->ending = t->notified = t->ended = t->closing = t->eof = t->broken = t->resting = false;
}

void transport_secure(struct transport *t, struct session *tls)
{
	assert(t->tls == NULL);
	t->tls = tls;
	if (t->in.n > 0)
		session_feed(tls, buf_str(&t->in));
	buf_fini(&t->in);
	transport_dirty(t);
}

struct buf *transport_input(struct transport *t)
{
	return t->tls != NULL ? session_plain(t->tls) : &t->in;
}

size_t transport_queued(const struct transport *t)
{
	return t->out.n + t->flying.n + (t->tls != NULL ? session_output(t->tls)->n : 0);
}

static void on_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
	struct worker *w = handle->loop->data;

	(void)suggested;
	*buf = uv_buf_init(w->scratch, sizeof(w->scratch));
}

static void on_read(uv_stream_t *stream, ssize_t n, const uv_buf_t *buf)
{
	struct transport *t = stream->data;
	struct worker *w = worker_of(t);

	if (n == 0)
		return;
	if (n < 0) {
		uv_read_stop(stream);
		t->reading = false;
		if (n == UV_EOF)
			t->eof = true;
		else if (t->error == 0)
			t->error = (int)n;
	} else {
		t->received += (uint64_t)n;
		if (t->tls != NULL) {
			session_feed(t->tls, (struct str){ buf->base, (size_t)n });
			if (session_output(t->tls)->n > 0)
				transport_dirty(t);
		} else if (!buf_add(&t->in, (struct str){ buf->base, (size_t)n })) {
			t->error = UV_ENOMEM;
		}
	}
	t->events->readable(t);
	w->reads++;
	if (w->eager)
		worker_flush(w);
}

void transport_read(struct transport *t, bool on)
{
	if (t->closing || on == t->reading || (on && (t->eof || t->error != 0)))
		return;
	if (on && uv_read_start(&t->h.stream, on_alloc, on_read) < 0)
		return;
	if (!on)
		uv_read_stop(&t->h.stream);
	t->reading = on;
}

/*
 * Nothing more can be sent. A peer that answered and closed before it had read everything makes writes fail while its
 * answer still waits to be read: so reading goes on.
 */
static void fail(struct transport *t, int error)
{
	if (t->error == 0 && (error == UV_ENOMEM || error == UV_EPROTO))
		t->error = error;
	t->broken = true;
	buf_fini(&t->out);
	transport_read(t, true);
	t->events->readable(t);
}

static void on_written(uv_write_t *req, int status)
{
	struct transport *t = req->handle->data;

	t->writing = false;
	if (status == 0)
		t->sent += t->flying.n;
	buf_fini(&t->flying);
	if (t->closing)
		return;
	if (status < 0)
		fail(t, status);
	else
		transport_flush(t);
}

static void finish(struct transport *t)
{
	uv_os_fd_t fd;

	t->ended = true;
	if (uv_fileno(&t->h.any, &fd) == 0)
		shutdown(fd, SHUT_WR);
}

static void relax(struct buf *b)
{
	if (b->n == 0 && b->size > KEPT_BUFFER)
		buf_fini(b);
}

static void relax_all(struct transport *t)
{
	relax(&t->in);
	relax(&t->out);
	if (t->tls != NULL) {
		relax(session_plain(t->tls));
		relax(session_output(t->tls));
	}
}

void transport_rest(struct transport *t)
{
	t->resting = true;
	relax_all(t); /* what is still to be flushed gives back its memory then */
}

static void drop_empty(struct buf *b)
{
	if (b->n == 0)
		buf_fini(b);
}

void transport_trim(struct transport *t)
{
	drop_empty(&t->in);
	drop_empty(&t->out);
	if (t->tls != NULL)
		session_trim(t->tls);
}

void transport_flush(struct transport *t)
{
	struct buf *wire = &t->out;
	uv_buf_t iov;
	int n, rc;

	clean(t);
	if (t->events->fill != NULL)
		t->events->fill(t);
	if (t->closing || t->broken || t->error != 0)
		return;
	if (t->out.failed) {
		fail(t, UV_ENOMEM);
		return;
	}
	if (t->tls != NULL) {
		if (t->out.n > 0 && (rc = session_write(t->tls, buf_str(&t->out))) < 0) {
			fail(t, rc == -ERR_NOMEM ? UV_ENOMEM : UV_EPROTO);
			return;
		}
		buf_clear(&t->out);
		if (t->ending && !t->notified) {
			t->notified = true;
			session_close(t->tls);
		}
		wire = session_output(t->tls);
	}
	if (t->writing)
		return;
	if (wire->n > 0) {
		iov = uv_buf_init(wire->p + wire->off, (unsigned)wire->n);
		n = uv_try_write(&t->h.stream, &iov, 1);
		if (n < 0 && n != UV_EAGAIN) {
			fail(t, n);
			return;
		}
		if (n > 0) {
			t->sent += (uint64_t)n;
			buf_consume(wire, (size_t)n);
		}
		if (wire->n > 0) {
			t->flying = *wire;
			*wire = (struct buf)BUF_INIT;
			iov = uv_buf_init(t->flying.p + t->flying.off, (unsigned)t->flying.n);
			if ((rc = uv_write(&t->write, &t->h.stream, &iov, 1, on_written)) < 0) {
				fail(t, rc);
				return;
			}
			t->writing = true;
			return;
		}
	}
	if (t->resting)
		relax_all(t);
	if (t->ending && !t->ended) {
		finish(t);
		t->events->drained(t);
	} else if (t->full && transport_queued(t) < TRANSPORT_LOW) {
		t->full = false;
		t->events->drained(t);
	}
}

void transport_end(struct transport *t)
{
	if (t->ending)
		return;
	t->ending = true;
	transport_dirty(t);
}

static void on_closed(uv_handle_t *handle)
{
	struct transport *t = handle->data;

	session_free(t->tls);
	t->tls = NULL;
	buf_fini(&t->in);
	buf_fini(&t->out);
	buf_fini(&t->flying);
	t->events->closed(t);
}

void transport_close(struct transport *t)
{
	if (t->closing)
		return;
	clean(t);
	t->closing = true;
	t->reading = false;
	uv_close(&t->h.any, on_closed);
}

uint64_t transport_taken(const struct transport *t)
{
	uv_os_fd_t fd;
	int held = 0;

	if (uv_fileno(&t->h.any, &fd) < 0 || ioctl(fd, SIOCOUTQ, &held) < 0)
		held = 0;
	return t->sent - (uint64_t)(held > 0 && (uint64_t)held < t->sent ? held : 0);
}

bool transport_stale(const struct transport *t)
{
	struct pollfd p = { .events = POLLRDHUP };

	return uv_fileno(&t->h.any, &p.fd) < 0 || poll(&p, 1, 0) != 0;
}

void transport_reset(struct transport *t)
{
	struct linger linger = { 1, 0 };
	uv_os_fd_t fd;

	if (uv_fileno(&t->h.any, &fd) == 0)
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
}

bool transport_peer(const struct transport *t, struct ip *ip, uint16_t *port)
{
	struct sockaddr_storage sa;
	int len = sizeof(sa);

	return t->h.any.type == UV_TCP && uv_tcp_getpeername(&t->h.tcp, (struct sockaddr *)&sa, &len) == 0 &&
	       ip_of_sockaddr((struct sockaddr *)&sa, ip, port);
}

bool transport_local(const struct transport *t, struct ip *ip, uint16_t *port)
{
	struct sockaddr_storage sa;
	int len = sizeof(sa);

	return t->h.any.type == UV_TCP && uv_tcp_getsockname(&t->h.tcp, (struct sockaddr *)&sa, &len) == 0 &&
	       ip_of_sockaddr((struct sockaddr *)&sa, ip, port);
}
