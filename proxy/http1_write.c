/* SPDX-License-Identifier: Apache-2.0 */
/*
 * HTTP/1 messages as bytes. Start line, Host, framing and connection options are made here; of the lines only those
 * that are none of these are copied, so that a message says its length once and in one way.
 */
#include "proxy/http1.h"

#include <stdio.h>

#include "headers/names.h"
#include "headers/status.h"

/* Written with its last CR LF, or not at all. */
static bool line_add(struct buf *out, struct str name, struct str value)
{
	char *p;

	if (!buf_reserve(out, name.n + value.n + 4))
		return false;
	p = out->p + out->off + out->n;
	memcpy(p, name.p, name.n);
	p += name.n;
	*p++ = ':';
	*p++ = ' ';
	if (value.n > 0)
		memcpy(p, value.p, value.n);
	p += value.n;
	*p++ = '\r';
	*p++ = '\n';
	out->n += name.n + value.n + 4;
	return true;
}

/* Lines that this file writes itself or that end at each connection. */
static bool own_line(struct str name)
{
	return str_eq_nocase(name, STR("content-length")) || str_eq_nocase(name, STR("host")) ||
	       (name_flags(name) & HOP) != 0;
}

static bool lines_write(struct buf *out, const struct lines *lines)
{
	size_t i;

	for (i = 0; i < lines->n; i++)
		if (!own_line(lines->v[i].name) && !line_add(out, lines->v[i].name, lines->v[i].value))
			return false;
	return true;
}

static bool framing_write(struct buf *out, const struct http1_framing *f)
{
	if (f->upgrade.n > 0 &&
	    !(line_add(out, STR("Connection"), STR("upgrade")) && line_add(out, STR("Upgrade"), f->upgrade)))
		return false;
	if (f->close && !line_add(out, STR("Connection"), STR("close")))
		return false;
	if (f->keep_alive && !line_add(out, STR("Connection"), STR("keep-alive")))
		return false;
	if (f->chunked)
		return line_add(out, STR("Transfer-Encoding"), STR("chunked")) && buf_add(out, STR("\r\n"));
	if (f->length < 0)
		return buf_add(out, STR("\r\n"));
	return buf_add(out, STR("Content-Length: ")) && buf_addi(out, f->length) && buf_add(out, STR("\r\n\r\n"));
}

bool http1_write_request(struct buf *out, const struct request *req, struct str uri, struct str host,
			 const struct http1_framing *f)
{
	return buf_add(out, req->method) && buf_addc(out, ' ') && buf_add(out, uri) &&
	       buf_add(out, STR(" HTTP/1.1\r\n")) && line_add(out, STR("Host"), host) &&
	       lines_write(out, &req->lines) && framing_write(out, f);
}

bool http1_write_response(struct buf *out, int status, const struct lines *lines, const struct http1_framing *f)
{
	return buf_add(out, STR("HTTP/1.1 ")) && buf_addi(out, status) && buf_addc(out, ' ') && buf_add(out, str_of(status_reason(status))) &&
	       buf_add(out, STR("\r\n")) && (lines == NULL || lines_write(out, lines)) && framing_write(out, f);
}

bool http1_write_chunk(struct buf *out, struct str piece)
{
	char text[24];
	int n = snprintf(text, sizeof(text), "%zx\r\n", piece.n);

	return piece.n == 0 ||
	       (buf_reserve(out, piece.n + (size_t)n + 2) && buf_add(out, (struct str){ text, (size_t)n }) &&
		buf_add(out, piece) && buf_add(out, STR("\r\n")));
}

bool http1_write_last_chunk(struct buf *out, const struct lines *trailers)
{
	return buf_add(out, STR("0\r\n")) && (trailers == NULL || lines_write(out, trailers)) &&
	       buf_add(out, STR("\r\n"));
}
