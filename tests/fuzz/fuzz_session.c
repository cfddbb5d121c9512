/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: a byte that says where the nonsense begins (0: at the first byte, 1: after a client's hello, 2: on
 * an open connection, 3: in a client's hello, whose bytes are changed), a byte for the size of pieces, then
 * the bytes. No session may crash, grow beyond its bounds, or open for a client that did not finish a
 * handshake.
 */
#include "tests/unit/tls_lab.c"

static struct tls_context *ctx;
static struct buf hello = BUF_INIT;
static mbedtls_ssl_session ticket;

static void set_up(void)
{
	static const struct lab_zone zone = {.name = "a",
	                                     .hosts = "a.test",
	                                     .client_auth = CLIENT_AUTH_OPTIONAL,
	                                     .ca = "root",
	                                     .resume = true};
	struct lab_client_spec spec = {.sni = "a.test", .cert = "good", .version = 12};
	struct lab_client c;

	ctx = lab_context(&zone, 1, -1, "http/1.1");
	session_free(lab_connect(&c, ctx, &spec));
	ticket = c.session;
	mbedtls_ssl_session_init(&c.session);
	lab_client_free(&c);
	spec.version = 0;
	lab_client_init(&c, &spec);
	mbedtls_ssl_handshake(&c.ssl);
	buf_add(&hello, buf_str(&c.out));
	lab_client_free(&c);
}

static void feed(struct session *s, struct str bytes, size_t piece)
{
	while (bytes.n) {
		size_t n = piece && piece < bytes.n ? piece : bytes.n;

		session_feed(s, str_sub(bytes, 0, n));
		bytes = str_sub(bytes, n, bytes.n);
	}
}

static void feed_changed_hello(struct session *s, const uint8_t *data, size_t size, size_t piece)
{
	struct buf changed = BUF_INIT;

	buf_add(&changed, buf_str(&hello));
	for (; size >= 3; data += 3, size -= 3)
		changed.p[((size_t)data[0] << 8 | data[1]) % changed.n] = (char)data[2];
	feed(s, buf_str(&changed), piece);
	buf_fini(&changed);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct lab_client_spec spec = {.sni = "a.test", .version = 12, .resume = &ticket};
	struct str bytes = {(const char *)data, size};
	struct lab_client c;
	struct session *s;

	if (!ctx)
		set_up();
	if (size < 2)
		return 0;
	bytes = str_sub(bytes, 2, size);
	MUST(session_new(&s, ctx));
	switch (data[0] % 4) {
	case 0:
		feed(s, bytes, data[1]);
		break;
	case 1:
		feed(s, buf_str(&hello), 0);
		feed(s, bytes, data[1]);
		break;
	case 2:
		lab_client_init(&c, &spec);
		MUST(lab_run(&c, s, 0) != SESSION_OPEN);
		feed(s, bytes, data[1]);
		lab_client_free(&c);
		break;
	case 3:
		feed_changed_hello(s, data + 2, size - 2, data[1]);
		break;
	}
	MUST(data[0] % 4 != 2 && session_state(s) == SESSION_OPEN);
	MUST(session_output(s)->n > 32768 || session_plain(s)->n > size);
	session_free(s);
	return 0;
}
