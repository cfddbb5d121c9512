/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A client that keeps one server busy and counts: full handshakes, resumed handshakes, or keep-alive requests, over
 * mutual TLS (OpenSSL, as most clients are) or plain. Handshakes by blocking threads, requests by one that waits for all
 * connections; a bounded time. Prints two lines of JSON: when all is ready to begin, and at the end.
 *
 *   load MODE -a ADDR:PORT [-c CONNECTIONS] [-t SECONDS] [-r RATE] [-s SNI] [-C cert.pem -K key.pem] [-v 1.2|1.3] [-u PATH] [-p]
 *        [-2 [-m STREAMS]]
 *
 *   MODE  full: a new handshake and one request, each time. resume: a handshake with the session of the one before,
 *         and one request. request: requests on open connections. idle: opens CONNECTIONS, waits SECONDS, closes.
 *   -2    HTTP/2.  -m  in mode request so many requests at a time on each connection.
 *   -p    plain HTTP.  -r  in mode request so many requests a second in all, for latency at a chosen load.
 */
#include <openssl/err.h>
#include <signal.h>
#include <stdatomic.h>

#include "bench/load_client.h"
#include "bench/load_events.h"

static pthread_barrier_t connected_all, begin_all; /* main sets from and until between them */

static void *run(void *p)
{
	struct client *c = p;

	begin(c);
	if (opt.mode == REQUEST && !(connected(c) && request(c)))
		c->failed++;
	pthread_barrier_wait(&connected_all); /* no request waits for others' handshakes */
	pthread_barrier_wait(&begin_all);
	if (opt.mode == REQUEST)
		return NULL; /* main goes on with them all */
	while (now() < until && c->failed < 100) {
		double at = now();
		bool ok;

		ok = connected(c) && request(c);
		closed(c);
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
	    (opt.streams > 1 && !opt.http2) || ((opt.streams > 1 || opt.rate > 0) && opt.mode != REQUEST))
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
	for (int i = 0; i < opt.connections; i++)
		pthread_create(&clients[i].thread, NULL, run, &clients[i]);
	pthread_barrier_wait(&connected_all);
	say_ready(opt.connections);
	from = now() + 0.01; /* whoever reads that may want to look at a clock */
	until = from + opt.seconds;
	pthread_barrier_wait(&begin_all);
	for (int i = 0; i < opt.connections; i++)
		pthread_join(clients[i].thread, NULL);
	if (opt.mode == REQUEST)
		run_events(clients);
	report(clients, now() - from);
	return 0;
}
