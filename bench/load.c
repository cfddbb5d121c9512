/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that keeps one server busy and counts: full handshakes, resumed handshakes, or keep-alive requests, over
 * mutual TLS (OpenSSL, as most clients are) or plain. Blocking threads, a bounded time. Prints two lines of JSON: when
 * all is ready to begin, and at the end.
 *
 *   load MODE -a ADDR:PORT [-c CONNECTIONS] [-t SECONDS] [-r RATE] [-s SNI] [-C cert.pem -K key.pem] [-v 1.2|1.3] [-u PATH] [-p]
 *        [-2 [-m STREAMS]]
 *
 *   MODE  full: a new handshake and one request, each time. resume: a handshake with the session of the one before,
 *         and one request. request: requests on open connections. idle: opens CONNECTIONS, waits SECONDS, closes.
 *   -2    HTTP/2.  -m  in mode request without -r so many requests at a time on each connection.
 *   -p    plain HTTP.  -r  requests a second in all, for latency at a chosen load (0: as fast as they come).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <math.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <openssl/ssl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
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
static pthread_barrier_t connected_all, begin_all; /* main sets from and until between them */

struct client {
	pthread_t thread;
	int fd;
	SSL *ssl;
	struct http2_load h2;
	SSL_SESSION *session; /* newest ticket */
	long done, failed, resumed;
	float *latency; /* microseconds */
	size_t nlatency, size;
	unsigned short random[3];
};

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

static long receive(struct client *c, char *p, size_t n)
{
	return c->ssl ? SSL_read(c->ssl, p, (int)n) : read(c->fd, p, n);
}

static long put(void *io, const void *p, size_t n)
{
	struct client *c = io;

	return c->ssl ? SSL_write(c->ssl, p, (int)n) : write(c->fd, p, n);
}

static long get(void *io, void *p, size_t n)
{
	return receive(io, p, n);
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

static bool request_http2(struct client *c)
{
	if (!http2_load_ask(&c->h2, 0))
		return false;
	while (c->h2.open > 0)
		if (!http2_load_step(&c->h2))
			return false;
	return c->h2.good;
}

/* One request, its head and content read whole. */
static bool request(struct client *c)
{
	if (opt.http2)
		return request_http2(c);

	char out[1024], in[65536], *end;
	size_t have = 0, need;
	long n = snprintf(out, sizeof(out), "GET %s HTTP/1.1\r\nHost: %s\r\nUser-Agent: load/1\r\nAccept: */*\r\n\r\n", opt.path,
			  opt.sni);

	if ((c->ssl ? SSL_write(c->ssl, out, (int)n) : write(c->fd, out, (size_t)n)) != n)
		return false;
	do {
		n = receive(c, in + have, sizeof(in) - 1 - have);
		if (n <= 0)
			return false;
		have += (size_t)n;
		in[have] = 0;
		end = strstr(in, "\r\n\r\n");
	} while (!end && have < sizeof(in) - 1);
	if (!end || strncmp(in, "HTTP/1.1 200", 12) != 0)
		return false;
	for (char *p = in; p < end; p++)
		*p = *p >= 'A' && *p <= 'Z' ? (char)(*p | 32) : *p;
	char *length = strstr(in, "content-length:");

	need = (size_t)(end - in) + 4 + (length && length < end ? strtoul(length + 15, NULL, 10) : 0);
	while (have < need) {
		n = receive(c, in, need - have < sizeof(in) ? need - have : sizeof(in));
		if (n <= 0)
			return false;
		have += (size_t)n;
	}
	return true;
}

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

/*
 * Waits until the next request is due. Gaps are drawn anew each time (exponential, as of many clients that do not know
 * of each other): with equal ones all connections would ask at the same instant, again and again.
 */
static void pace(struct client *c, double *next)
{
	struct timespec at;

	if (opt.rate <= 0)
		return;
	*next += -log(1 - erand48(c->random)) * opt.connections / opt.rate;
	at.tv_sec = (time_t)*next;
	at.tv_nsec = (long)((*next - (double)at.tv_sec) * 1e9);
	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
		;
}

static void counted(void *io, bool ok, double since)
{
	struct client *c = io;

	if (!ok) {
		c->failed++;
		return;
	}
	c->done++;
	note(c, since);
}

/* Many requests at a time on one connection. */
static void run_streams(struct client *c)
{
	c->h2.answered = counted;
	while (now() < until && c->failed < 100) {
		while (c->h2.open < opt.streams && http2_load_ask(&c->h2, now()))
			;
		if (http2_load_step(&c->h2))
			continue;
		c->failed++;
		closed(c);
		if (!connected(c))
			break;
	}
}

static void *run(void *p)
{
	struct client *c = p;
	double next;

	begin(c);
	prctl(PR_SET_TIMERSLACK, 1UL); /* sleep as long as asked, not 50 us more */
	if (opt.mode == REQUEST && !(connected(c) && request(c)))
		c->failed++;
	pthread_barrier_wait(&connected_all); /* no request waits for others' handshakes */
	pthread_barrier_wait(&begin_all);
	next = from;
	if (opt.streams > 1)
		run_streams(c);
	while (now() < until && c->failed < 100) {
		double at;
		bool ok;

		pace(c, &next);
		at = opt.rate > 0 ? next : now(); /* from when it should have gone: no omission is coordinated */
		if (opt.mode == REQUEST) {
			ok = c->fd >= 0 && request(c);
			if (!ok) {
				closed(c);
				connected(c);
			}
		} else {
			ok = connected(c) && request(c);
			closed(c);
		}
		if (ok) {
			c->done++;
			note(c, at);
		} else {
			c->failed++;
		}
	}
	closed(c);
	SSL_SESSION_free(c->session);
	return NULL;
}

static int by_value(const void *a, const void *b)
{
	float x = *(const float *)a, y = *(const float *)b;

	return (x > y) - (x < y);
}

static void report(struct client *clients, double took)
{
	long done = 0, failed = 0, resumed = 0;
	size_t n = 0, k = 0;
	float *all;

	for (int i = 0; i < opt.connections; i++) {
		done += clients[i].done;
		failed += clients[i].failed;
		resumed += clients[i].resumed;
		n += clients[i].nlatency;
	}
	all = malloc((n + 1) * sizeof(*all));
	if (!all)
		abort();
	for (int i = 0; i < opt.connections; i++) {
		if (clients[i].nlatency)
			memcpy(all + k, clients[i].latency, clients[i].nlatency * sizeof(*all));
		k += clients[i].nlatency;
	}
	qsort(all, n, sizeof(*all), by_value);
	printf("{\"done\":%ld,\"failed\":%ld,\"resumed\":%ld,\"seconds\":%.3f,\"per_second\":%.1f,\"p50_us\":%.0f,\"p99_us\":%.0f}\n",
	       done, failed, resumed, took, (double)done / took, n ? (double)all[n / 2] : 0,
	       n ? (double)all[n * 99 / 100] : 0);
	free(all);
}

static void say_ready(int open)
{
	printf("{\"ready\":%d}\n", open);
	fflush(stdout);
}

enum { OPENERS = 16 }; /* one after the other, ten thousand would take longer than idle connections are kept */

static struct client *to_open;
static atomic_int next_to_open, opened;

static void *open_some(void *unused)
{
	int i;

	(void)unused;
	while ((i = atomic_fetch_add(&next_to_open, 1)) < opt.connections) {
		begin(&to_open[i]);
		if (connected(&to_open[i]) && request(&to_open[i]))
			atomic_fetch_add(&opened, 1);
	}
	return NULL;
}

static void idle(struct client *clients)
{
	pthread_t threads[OPENERS];

	to_open = clients;
	for (int i = 0; i < OPENERS; i++)
		pthread_create(&threads[i], NULL, open_some, NULL);
	for (int i = 0; i < OPENERS; i++)
		pthread_join(threads[i], NULL);
	say_ready(opened);
	usleep((useconds_t)(opt.seconds * 1e6));
	for (int i = 0; i < opt.connections; i++)
		closed(&clients[i]);
}

static void context(void)
{
	int version = strcmp(opt.version, "1.2") == 0 ? TLS1_2_VERSION : TLS1_3_VERSION;

	ctx = SSL_CTX_new(TLS_client_method());
	SSL_CTX_set_min_proto_version(ctx, version);
	SSL_CTX_set_max_proto_version(ctx, version);
	SSL_CTX_set_ciphersuites(ctx, "TLS_AES_256_GCM_SHA384"); /* the same work for every server */
	SSL_CTX_set_cipher_list(ctx, "ECDHE+AESGCM+AES256");
	SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_verify(ctx, SSL_VERIFY_NONE, NULL); /* the server is measured, not trusted */
	SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_CLIENT | SSL_SESS_CACHE_NO_INTERNAL);
	SSL_CTX_sess_set_new_cb(ctx, on_session);
	if (opt.cert && (SSL_CTX_use_certificate_chain_file(ctx, opt.cert) != 1 ||
			 SSL_CTX_use_PrivateKey_file(ctx, opt.key, SSL_FILETYPE_PEM) != 1)) {
		ERR_print_errors_fp(stderr);
		exit(2);
	}
}

static void usage(void)
{
	fputs("usage: load full|resume|request|idle -a ADDR:PORT [options]; see the top of load.c\n", stderr);
	exit(2);
}

static void options(int argc, char **argv)
{
	static const char *const modes[] = { "full", "resume", "request", "idle" };
	int c, mode = -1;
	char *colon;

	for (int i = 0; argc > 1 && i < 4; i++)
		if (strcmp(argv[1], modes[i]) == 0)
			mode = i;
	if (mode < 0)
		usage();
	opt.mode = (enum mode)mode;
	optind = 2;
	while ((c = getopt(argc, argv, "a:c:t:r:s:C:K:v:u:pm:2")) != -1)
		switch (c) {
		case 'a':
			colon = strrchr(optarg, ':');
			if (!colon)
				usage();
			*colon = 0;
			opt.to.sin_family = AF_INET;
			opt.to.sin_port = htons((uint16_t)atoi(colon + 1));
			if (inet_pton(AF_INET, optarg, &opt.to.sin_addr) != 1)
				usage();
			break;
		case 'c': opt.connections = atoi(optarg); break;
		case 't': opt.seconds = atof(optarg); break;
		case 'r': opt.rate = atof(optarg); break;
		case 's': opt.sni = optarg; break;
		case 'C': opt.cert = optarg; break;
		case 'K': opt.key = optarg; break;
		case 'v': opt.version = optarg; break;
		case 'u': opt.path = optarg; break;
		case 'p': opt.plain = true; break;
		case 'm': opt.streams = atoi(optarg); break;
		case '2': opt.http2 = true; break;
		default: usage();
		}
	if (!opt.to.sin_port || opt.connections < 1 || opt.streams < 1 ||
	    (opt.streams > 1 && (!opt.http2 || opt.mode != REQUEST || opt.rate > 0)))
		usage();
}

int main(int argc, char **argv)
{
	struct client *clients;

	options(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	if (!opt.plain)
		context();
	clients = calloc((size_t)opt.connections, sizeof(*clients));
	if (!clients)
		return 2;
	if (opt.mode == IDLE) {
		idle(clients);
		return 0;
	}
	pthread_barrier_init(&connected_all, NULL, (unsigned)opt.connections + 1);
	pthread_barrier_init(&begin_all, NULL, (unsigned)opt.connections + 1);
	for (int i = 0; i < opt.connections; i++) {
		clients[i].random[0] = (unsigned short)i; /* the same arrivals for every server */
		pthread_create(&clients[i].thread, NULL, run, &clients[i]);
	}
	pthread_barrier_wait(&connected_all);
	say_ready(opt.connections);
	from = now() + 0.01; /* whoever reads that may want to look at a clock */
	until = from + opt.seconds;
	pthread_barrier_wait(&begin_all);
	for (int i = 0; i < opt.connections; i++)
		pthread_join(clients[i].thread, NULL);
	report(clients, now() - from);
	return 0;
}
