/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Input: the first bytes of a connection from a trusted proxy. However they arrive, the same is read; what is read
 * lies within them; and addresses, written again, are read again.
 */
#include <assert.h>
#include <stdlib.h>

#include "proxy/proxy_header.h"
#include "proxy/proxy_tlv.h"

static enum proxy_header read_in(struct str input, size_t step, struct proxy_addresses *out, struct buf *in)
{
	enum proxy_header got = PROXY_HEADER_MORE;
	size_t at;

	for (at = 0; at < input.n && got == PROXY_HEADER_MORE; at += step) {
		buf_add(in, str_sub(input, at, at + step));
		got = proxy_header_read(in, out);
	}
	if (at < input.n)
		buf_add(in, str_sub(input, at, input.n));
	return got;
}

static void check_within(const struct buf *in, struct str s)
{
	assert(s.n == 0 || (s.p >= in->p && s.p + s.n <= in->p + in->size));
}

static void check_said(const struct buf *in, const struct proxied *p)
{
	struct proxied *copy = proxied_copy(p);

	check_within(in, p->authority);
	check_within(in, p->alpn);
	check_within(in, p->unique_id);
	check_within(in, p->tls_version);
	check_within(in, p->tls_cipher);
	check_within(in, p->cn);
	assert(!p->verified || p->tls);
	if (copy == NULL)
		return;
	assert(str_eq(copy->authority, p->authority) && str_eq(copy->cn, p->cn) && str_eq(copy->unique_id, p->unique_id));
	free(copy);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = { (const char *)data, size };
	struct proxy_addresses whole = { .known = false }, pieces = { .known = false }, again;
	struct buf a = BUF_INIT, b = BUF_INIT, c = BUF_INIT;
	enum proxy_header got = read_in(input, size + 1, &whole, &a);

	assert(got == read_in(input, 1, &pieces, &b));
	if (got == PROXY_HEADER_DONE) {
		assert(whole.known == pieces.known && a.n == b.n);
		assert(ip_eq(&whole.source, &pieces.source) && whole.source_port == pieces.source_port);
		check_said(&a, &whole.client);
		proxy_header_write(&c, 2, &whole);
		assert(proxy_header_read(&c, &again) == PROXY_HEADER_DONE);
		assert(ip_eq(&whole.source, &again.source) && whole.source_port == again.source_port);
	}
	buf_fini(&a);
	buf_fini(&b);
	buf_fini(&c);
	return 0;
}
