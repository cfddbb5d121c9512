/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The chunked transfer coding (RFC 9112, section 7.1), read as the grammar has it: chunk sizes in any number of
 * hexadecimal digits, extensions with the white space that a recipient must bear (BWS), and nothing else. Extensions
 * are dropped, and more of them than content is somebody playing games. The trailer section is left to the caller.
 */
#ifndef PROXY_HTTP1_CHUNKS_H
#define PROXY_HTTP1_CHUNKS_H

#include "base/buf.h"
#include "headers/check.h"

struct http1_chunks {
	unsigned state;  /* of the table in http1_chunks.c; 0: before the first chunk */
	uint64_t left;   /* of the chunk that is being read */
	size_t overhead; /* bytes of leading zeros and extensions that no content has paid for */
};

enum http1_chunk {
	CHUNK_MORE,  /* needs more bytes */
	CHUNK_PIECE, /* *piece is content; good until the buffer is added to */
	CHUNK_LAST,  /* the trailer section follows */
	CHUNK_FAULT, /* *fault says what */
};

/* The next event; consumes what it used of in. */
enum http1_chunk http1_chunk_next(struct http1_chunks *c, struct buf *in, struct str *piece, enum reject *fault);

#endif
