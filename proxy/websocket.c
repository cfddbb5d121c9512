/* SPDX-License-Identifier: Apache-2.0 */
/* Keys and the answers to them. */
#include "proxy/websocket.h"

#include "base/base64.h"
#include "mtls/inspect.h"

enum { KEY_BYTES = 16, SHA1_BYTES = 20, ACCEPT_CHARS = 28 };

bool websocket_extended(const struct exchange *x)
{
	return x->request.version == HTTP_2 && x->request.upgrade.n > 0;
}

bool websocket_key(struct exchange *x)
{
	struct lines *lines = &x->request.lines;
	uint8_t bytes[KEY_BYTES];
	char text[(KEY_BYTES + 2) / 3 * 4];
	struct str key;

	if (!websocket_extended(x))
		return true;
	if (!worker_seed(x->worker, bytes))
		return false;
	base64_encode((struct str){ (const char *)bytes, sizeof(bytes) }, text);
	key = arena_str(&x->arena, (struct str){ text, sizeof(text) });
	lines_remove_twins(lines, STR("sec-websocket-key"));
	return key.p != NULL && lines_add(lines, STR("sec-websocket-key"), key);
}

static const struct line *only(const struct lines *lines, struct str name)
{
	const struct line *line = lines_get(lines, name);

	return line != NULL && lines_next(lines, line, name) == NULL ? line : NULL;
}

bool websocket_key_good(const struct exchange *x)
{
	const struct line *key = only(&x->request.lines, STR("sec-websocket-key"));
	uint8_t bytes[(KEY_BYTES + 2) / 3 * 3 + 3];
	size_t n;

	return key != NULL && key->value.n == (KEY_BYTES + 2) / 3 * 4 && base64_decode(key->value, bytes, &n) && n == KEY_BYTES;
}

/* What Sec-WebSocket-Accept has to be. false: no key, or no memory. */
static bool answer_to_key(const struct exchange *x, char text[ACCEPT_CHARS])
{
	const struct line *key = lines_get(&x->request.lines, STR("sec-websocket-key"));
	uint8_t hash[SHA1_BYTES];
	struct str both;

	if (key == NULL)
		return false;
	both = arena_printf(x->request.arena, "%.*s258EAFA5-E914-47DA-95CA-C5AB0DC85B11", (int)key->value.n, key->value.p);
	if (both.p == NULL)
		return false;
	digest_sha1(both, hash);
	base64_encode((struct str){ (const char *)hash, sizeof(hash) }, text);
	return true;
}

/* The origin has read this very handshake and knows what a WebSocket is. */
static bool key_answered(const struct exchange *x)
{
	const struct line *accept = only(&x->response.lines, STR("sec-websocket-accept"));
	char text[ACCEPT_CHARS];

	return accept != NULL && answer_to_key(x, text) && str_eq(accept->value, (struct str){ text, sizeof(text) });
}

bool websocket_opened(struct exchange *x)
{
	struct lines *lines = &x->response.lines;
	char text[ACCEPT_CHARS];
	struct str accept;

	lines_remove_twins(lines, STR("sec-websocket-accept"));
	lines_remove(lines, STR("content-length"));
	if (!answer_to_key(x, text))
		return false;
	accept = arena_str(&x->arena, (struct str){ text, sizeof(text) });
	x->response.status = 101;
	return accept.p != NULL && lines_add(lines, STR("upgrade"), STR("websocket")) &&
	       lines_add(lines, STR("connection"), STR("upgrade")) && lines_add(lines, STR("sec-websocket-accept"), accept);
}

enum fault websocket_answer(struct exchange *x)
{
	const struct lines *lines = &x->response.lines;

	if (x->response.status != 101)
		return websocket_extended(x) && x->response.status / 100 == 2 ? fault_of(REJECT_ORIGIN_UPGRADE) : FAULT_NONE;
	if (!lines_list_has(lines, STR("upgrade"), STR("websocket")) ||
	    !lines_list_has(lines, STR("connection"), STR("upgrade")))
		return fault_of(REJECT_ORIGIN_UPGRADE);
	if (!websocket_extended(x)) /* the client checks the answer to its own key */
		return FAULT_NONE;
	if (!key_answered(x))
		return fault_of(REJECT_ORIGIN_UPGRADE);
	lines_remove(&x->response.lines, STR("sec-websocket-accept")); /* it asked for none: RFC 8441, section 5 */
	return FAULT_NONE;
}
