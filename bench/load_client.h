/* SPDX-License-Identifier: Apache-2.0 */
/* load.c's clients: a connection to the server, and requests on it, one at a time. */
#ifndef BENCH_LOAD_CLIENT_H
#define BENCH_LOAD_CLIENT_H

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

#include "bench/load_http2.h"

enum mode { FULL, RESUME, REQUEST, IDLE };

static struct {
	enum mode mode;
	struct sockaddr_in to;
	int connections, streams;
	double seconds, rate;
	const char *sni, *cert, *key, *version, *path, *host;
	bool plain, http2;
} opt = { .connections = 4, .streams = 1, .seconds = 3, .sni = "api.example.com", .version = "1.3", .path = "/" };

static SSL_CTX *ctx;
static double from, until;

struct client {
	pthread_t thread;
	int fd;
	SSL *ssl;
	struct http2_load h2;
	SSL_SESSION *session; /* newest ticket */
	long done, failed, resumed;
	float *latency; /* microseconds */
	size_t nlatency, size;
	size_t have, left; /* of the answer: bytes of its head in `in`, bytes of content to come; HEAD: not known yet */
	double due;        /* when the request that is under way should have gone */
	bool unsent;       /* HTTP/2: there are requests to send */
	char in[65536];
};

static const size_t HEAD = (size_t)-1;

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static int on_session(SSL *ssl, SSL_SESSION *session)
{
	struct client *c = SSL_get_app_data(ssl);

	SSL_SESSION_free(c->session);
	c->session = session;
	return 1;
}

static bool connected(struct client *c)
{
	int on = 1;
	struct linger hard = { 1, 0 };

	c->fd = socket(AF_INET, SOCK_STREAM, 0);
	if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&opt.to, sizeof(opt.to)) < 0)
		return false;
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &hard, sizeof(hard)); /* no TIME_WAIT: ports would run out */
	if (opt.http2 && !http2_load_begin(&c->h2))
		return false;
	if (opt.plain)
		return true;
	c->ssl = SSL_new(ctx);
	SSL_set_app_data(c->ssl, c);
	SSL_set_fd(c->ssl, c->fd);
	SSL_set_tlsext_host_name(c->ssl, opt.sni);
	if (opt.http2)
		SSL_set_alpn_protos(c->ssl, (const unsigned char *)"\2h2", 3);
	if (opt.mode == RESUME && c->session)
		SSL_set_session(c->ssl, c->session);
	if (SSL_connect(c->ssl) != 1)
		return false;
	c->resumed += SSL_session_reused(c->ssl);
	return true;
}

static void closed(struct client *c)
{
	http2_load_end(&c->h2);
	if (c->ssl) {
		SSL_shutdown(c->ssl);
		SSL_free(c->ssl);
	}
	c->ssl = NULL;
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* Bytes that came. 0: none yet, where the connection does not wait; less: the end. */
static long get(void *io, void *p, size_t n)
{
	struct client *c = io;
	long got = c->ssl ? SSL_read(c->ssl, p, (int)n) : read(c->fd, p, n);

	if (got > 0)
		return got;
	if (c->ssl ? SSL_get_error(c->ssl, (int)got) == SSL_ERROR_WANT_READ : got < 0 && errno == EAGAIN)
		return 0;
	return -1;
}

static long put(void *io, const void *p, size_t n)
{
	struct client *c = io;

	return c->ssl ? SSL_write(c->ssl, p, (int)n) : write(c->fd, p, n);
}

static void answered(void *io, bool ok, double since)
{
	struct client *c = io;

	(void)since;
	c->h2.good = ok;
}

static void begin(struct client *c)
{
	c->fd = -1;
	c->h2 = (struct http2_load){ .put = put, .get = get, .answered = answered, .io = c, .host = opt.sni, .path = opt.path };
}

/* Sends a request. */
static bool ask(struct client *c)
{
	char out[1024];
	int n;

	if (opt.http2)
		return http2_load_ask(&c->h2, 0) && http2_load_send(&c->h2);
	n = snprintf(out, sizeof(out), "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: load/1\r\nAccept: */*\r\n\r\n", opt.path, opt.sni);
	c->have = 0;
	c->left = HEAD;
	return put(c, out, (size_t)n) == n;
}

static bool head_read(struct client *c)
{
	char *end, *length;

	c->in[c->have] = 0;
	end = strstr(c->in, "\r\n\r\n");
	if (!end)
		return c->have < sizeof(c->in) - 1;
	for (char *p = c->in; p < end; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 32) : *p;
	length = strstr(c->in, "content-length:");
	c->left = length && length < end ? strtoul(length + 15, NULL, 10) : 0;
	c->left -= c->have - (size_t)(end + 4 - c->in);
	return strncmp(c->in, "http/1.1 200", 12) == 0;
}

/* Reads once. 1: the answer is whole; 0: not yet; less: failed. *nothing: there were no bytes to read. */
static int answer_http1(struct client *c, bool *nothing)
{
	size_t room = sizeof(c->in) - 1 - c->have;
	long n = c->left == HEAD ? get(c, c->in + c->have, room) : get(c, c->in, c->left < sizeof(c->in) ? c->left : sizeof(c->in));

	*nothing = n == 0;
	if (n <= 0)
		return (int)n;
	if (c->left != HEAD)
		c->left -= (size_t)n;
	else if (c->have += (size_t)n, !head_read(c))
		return -1;
	return c->left == 0;
}

static int answer(struct client *c, bool *nothing)
{
	long n;

	if (!opt.http2)
		return answer_http1(c, nothing);
	n = http2_load_read(&c->h2);
	*nothing = n == 0;
	if (n < 0 || (n > 0 && !http2_load_send(&c->h2)))
		return -1;
	return c->h2.open > 0 ? 0 : c->h2.good ? 1 : -1;
}

/* One request, its answer read whole, on a connection that waits. */
static bool request(struct client *c)
{
	bool nothing;
	int rc;

	if (!ask(c))
		return false;
	while ((rc = answer(c, &nothing)) == 0)
		;
	return rc > 0;
}

/* A request that went at `since` has been answered. */
static void note(struct client *c, double since)
{
	if (c->nlatency == c->size) {
		c->size = c->size ? c->size * 2 : 4096;
		c->latency = realloc(c->latency, c->size * sizeof(*c->latency));
		if (!c->latency)
			abort();
	}
	c->latency[c->nlatency++] = (float)((now() - since) * 1e6);
}

#endif
