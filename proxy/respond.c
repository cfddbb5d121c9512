/* SPDX-License-Identifier: Apache-2.0 */
/* Own answers. They are short and whole; the client's protocol decides how to frame them. */
#include "proxy/respond.h"

#include "headers/status.h"
#include "proxy/websocket.h"

#define METHODS "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS"

static bool bodiless(int status)
{
	return status < 200 || status == 204 || status == 304;
}

/* To a client of RFC 8441 success would mean that the WebSocket is open. */
static int status_for(const struct exchange *x, int status)
{
	return status / 100 == 2 && websocket_extended(x) ? 403 : status;
}

static void send_answer(struct exchange *x, int status, struct lines *lines, struct str media_type, struct str body)
{
	bool content = !bodiless(status) && body.n > 0 && !str_eq(x->request.method, STR("HEAD"));

	if (!bodiless(status) && body.n > 0 && !lines_add(lines, STR("Content-Type"), media_type))
		goto no_memory;
	if (!lines_add(lines, STR("Date"), worker_date(x->worker)))
		goto no_memory;
	x->status = status;
	x->head_sent = true;
	x->down->head(x, status, lines, bodiless(status) ? -1 : (int64_t)body.n, content);
	if (content) {
		x->down->piece(x, body);
		x->response_bytes += body.n;
	}
	x->response_ended = true;
	x->down->end(x, NULL);
	return;

no_memory:
	x->fault = FAULT_MEMORY;
	x->response_ended = true;
	x->down->abort(x);
}

/* "403 Forbidden" and a line feed: nothing that says which rule or why. */
static struct str status_text(struct exchange *x, int status)
{
	struct str s = arena_printf(&x->arena, "%d %s\n", status, status_reason(status));

	return s.p != NULL ? s : STR("");
}

void respond_fault(struct exchange *x, enum fault f)
{
	struct lines lines;
	int status = fault_status(f);

	lines_init(&lines, &x->arena);
	if (f == fault_of(REJECT_METHOD_REFUSED))
		lines_add(&lines, STR("Allow"), STR(METHODS));
	send_answer(x, status, &lines, STR("text/plain"), status_text(x, status));
}

void respond_verdict(struct exchange *x)
{
	struct verdict *v = &x->verdict;
	struct str body = v->body, media_type = v->media_type.n > 0 ? v->media_type : STR("text/plain"), after;
	struct lines lines;

	lines_init(&lines, &x->arena);
	if (v->outcome == OUTCOME_REDIRECT) {
		body = status_text(x, v->status);
		if (v->location.n == 0 || !value_valid(v->location)) {
			x->fault = FAULT_VALUE;
			respond_fault(x, FAULT_VALUE);
			return;
		}
		lines_add(&lines, STR("Location"), v->location);
	} else if (v->outcome == OUTCOME_BLOCK && body.n == 0) {
		body = status_text(x, v->status);
	}
	if (v->retry_after > 0) {
		after = arena_decimal(&x->arena, v->retry_after);
		if (after.p != NULL)
			lines_add(&lines, STR("Retry-After"), after);
	}
	send_answer(x, status_for(x, v->status), &lines, media_type, body);
}

void respond_options(struct exchange *x)
{
	struct lines lines;

	lines_init(&lines, &x->arena);
	lines_add(&lines, STR("Allow"), STR(METHODS));
	send_answer(x, 200, &lines, STR("text/plain"), STR(""));
}
