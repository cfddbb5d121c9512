/* SPDX-License-Identifier: Apache-2.0 */
/* Parser of one ClientHello over raw records. Bounded: never reads past what it was given, never allocates
 * more than one message. */
#include <stdlib.h>

#include "mtls/hello.h"
#include "mtls/inspect.h"
#include "mtls/reader.h"

enum {
	RECORD_HEADER = 5,
	RECORD_HANDSHAKE = 22,
	RECORD_MAX = 16384,
	MESSAGE_HEADER = 4,
	MESSAGE_CLIENT_HELLO = 1,
	MESSAGE_MAX = 16384, /* header included: the library's incoming buffer */
	EXTENSIONS_MAX = 128,
	EXT_SERVER_NAME = 0,
	EXT_ALPN = 16,
	EXT_EXTENDED_MASTER_SECRET = 23,
	EXT_SESSION_TICKET = 35,
	EXT_PRE_SHARED_KEY = 41,
};

/* RFC 6066 3: the first host_name counts, as for the library. */
static bool read_sni(struct hello *h, struct reader ext)
{
	struct reader list = reader_vector(&ext, 2);

	if (ext.bad || ext.n != 0)
		return false;
	while (list.n > 0) {
		uint64_t type = reader_number(&list, 1);
		struct reader name = reader_vector(&list, 2);

		if (list.bad)
			return false;
		if (type != 0)
			continue;
		if (name.n == 0 || name.n > sizeof(h->sni) - 1)
			return false;
		for (size_t i = 0; i < name.n; i++)
			h->sni[i] = ascii_lower((char)name.p[i]);
		h->nsni = name.n;
		h->sni[name.n] = '\0';
		h->has_sni = true;
		return true;
	}
	return true;
}

/* RFC 7301 3.1: the first of our names that the client offers. */
static bool read_alpn(struct hello *h, struct reader ext, const char *const *ours)
{
	struct reader offered = reader_vector(&ext, 2);

	if (ext.bad || ext.n != 0)
		return false;
	for (; ours && *ours && !h->alpn; ours++) {
		struct reader list = offered;

		while (list.n > 0) {
			struct reader name = reader_vector(&list, 1);

			if (list.bad || name.n == 0)
				return false;
			if (str_eq(reader_str(name), str_of(*ours)))
				h->alpn = *ours;
		}
	}
	return true;
}

static bool read_extensions(struct hello *h, struct reader all, const char *const *alpn)
{
	unsigned char be[EXTENSIONS_MAX * 2], le[EXTENSIONS_MAX * 2];
	size_t n = 0;

	while (all.n > 0) {
		uint64_t id = reader_number(&all, 2);
		struct reader ext = reader_vector(&all, 2);

		if (all.bad || n == EXTENSIONS_MAX)
			return false;
		for (size_t i = 0; i < n; i++)
			if (be[2 * i] == id >> 8 && be[2 * i + 1] == (id & 0xff))
				return false;
		be[2 * n] = le[2 * n + 1] = (unsigned char)(id >> 8);
		be[2 * n + 1] = le[2 * n] = (unsigned char)id;
		n++;
		if ((id == EXT_SERVER_NAME && !read_sni(h, ext)) ||
		    (id == EXT_ALPN && !read_alpn(h, ext, alpn)))
			return false;
		h->has_ems |= id == EXT_EXTENDED_MASTER_SECRET;
		h->has_ticket |= (id == EXT_SESSION_TICKET && ext.n > 0) || id == EXT_PRE_SHARED_KEY;
	}
	digest_sha1((struct str){(char *)be, 2 * n}, h->extensions_sha1);
	digest_sha1((struct str){(char *)le, 2 * n}, h->extensions_sha1_le);
	return true;
}

static bool read_body(struct hello *h, struct reader body, const char *const *alpn)
{
	struct reader random, ciphers, compression, extensions = {body.p, 0, false};

	h->length = body.n;
	reader_number(&body, 2); /* legacy_version: the library judges versions */
	random = reader_take(&body, sizeof(h->random));
	reader_vector(&body, 1); /* legacy_session_id */
	ciphers = reader_vector(&body, 2);
	compression = reader_vector(&body, 1);
	if (body.bad || ciphers.n == 0 || ciphers.n % 2 || compression.n == 0)
		return false;
	memcpy(h->random, random.p, sizeof(h->random));
	digest_sha1((struct str){(const char *)ciphers.p, ciphers.n}, h->ciphers_sha1);
	if (body.n > 0) { /* TLS 1.2 may do without */
		extensions = reader_vector(&body, 2);
		if (body.bad || body.n != 0)
			return false;
	}
	return read_extensions(h, extensions, alpn);
}

/* One walk over the records: finds out how long the message is, and copies it to out if that is not NULL.
 * *whole: the message, if it lies within one record. */
static enum hello_status walk(struct reader r, unsigned char *out, size_t *want, struct reader *whole)
{
	unsigned char header[MESSAGE_HEADER];
	size_t have = 0;

	*want = 0;
	while (r.n > 0) {
		struct reader record = r, fragment;

		if (r.p[0] != RECORD_HANDSHAKE || (r.n > 1 && r.p[1] != 3))
			return have ? HELLO_BAD : HELLO_NOT_TLS;
		reader_take(&record, 3);
		fragment = reader_vector(&record, 2);
		if (r.n >= RECORD_HEADER &&
		    ((r.p[3] << 8 | r.p[4]) == 0 || (r.p[3] << 8 | r.p[4]) > RECORD_MAX))
			return HELLO_BAD;
		if (record.bad)
			return HELLO_MORE;
		r = record;
		for (size_t i = have; i < MESSAGE_HEADER && i - have < fragment.n; i++)
			header[i] = fragment.p[i - have];
		if (!*want && have + fragment.n >= MESSAGE_HEADER) {
			*want =
			    MESSAGE_HEADER + ((size_t)header[1] << 16 | (size_t)header[2] << 8 | header[3]);
			if (header[0] != MESSAGE_CLIENT_HELLO)
				return HELLO_BAD;
			if (*want > MESSAGE_MAX)
				return HELLO_TOO_LARGE;
			if (have == 0 && fragment.n >= *want)
				*whole = (struct reader){fragment.p, *want, false};
		}
		if (*want && fragment.n > *want - have)
			return HELLO_BAD; /* another message behind the hello: no client sends one */
		if (out)
			memcpy(out + have, fragment.p, fragment.n);
		have += fragment.n;
		if (*want && have == *want)
			return r.n == 0 || r.p[0] != RECORD_HANDSHAKE ? HELLO_OK : HELLO_BAD;
	}
	return HELLO_MORE;
}

enum hello_status hello_read(struct hello *h, struct str bytes, const char *const *alpn)
{
	struct reader all = {(const unsigned char *)bytes.p, bytes.n, false}, message = {NULL, 0, false};
	unsigned char *copy = NULL;
	enum hello_status status;
	size_t want;

	*h = (struct hello){0};
	status = walk(all, NULL, &want, &message);
	if (status != HELLO_OK)
		return status;
	if (!message.p) {
		copy = malloc(want);
		if (!copy)
			return HELLO_TOO_LARGE; /* no memory for it: refused all the same */
		walk(all, copy, &want, &message);
		message = (struct reader){copy, want, false};
	}
	reader_take(&message, MESSAGE_HEADER);
	status = read_body(h, message, alpn) ? HELLO_OK : HELLO_BAD;
	free(copy);
	return status;
}
