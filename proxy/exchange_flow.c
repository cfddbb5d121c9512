/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Content on its way to the origin and back, and the events of both sides. Content is taken from one side only when
 * the other can take it; what may pile up is bounded by limits.body_inspect and the transports' high mark.
 */
#include "proxy/exchange_flow.h"

#include <assert.h>

#include "base/clock.h"
#include "base/limits.h"
#include "proxy/balance.h"
#include "proxy/glue.h"
#include "proxy/origin.h"
#include "proxy/websocket.h"

void exchange_let_go(struct exchange *x)
{
	struct upstream *u = x->up;

	x->origin_ready = false;
	if (u != NULL)
		u->ops->cancel(u);
	assert(x->up == NULL);
	origin_forget(x);
}

/* ---- the request ---- */

static void send_piece(struct exchange *x, struct str bytes)
{
	if (!x->content_lost && (!x->up->ops->may_refuse || x->sent.n + bytes.n > LIMIT_RESEND || !buf_add(&x->sent, bytes))) {
		x->content_lost = true;
		buf_fini(&x->sent);
	}
	x->up->ops->piece(x->up, bytes);
}

/* What an origin that refused the request had got of its content. */
static void send_again(struct exchange *x)
{
	struct buf sent = x->sent;

	x->sent = (struct buf)BUF_INIT;
	send_piece(x, buf_str(&sent));
	buf_fini(&sent);
}

static void send_kept(struct exchange *x)
{
	send_piece(x, buf_str(&x->kept));
	if (x->request.body.n == 0)
		buf_fini(&x->kept); /* else rules of the response may still read it */
}

void exchange_begin(struct exchange *x)
{
	x->request_ended = !x->request.has_body;
	exchange_advance(x);
}

void exchange_refuse(struct exchange *x, enum fault f)
{
	exchange_fail(x, f, STR_NONE);
}

static size_t keep_limit(const struct exchange *x)
{
	return (size_t)x->config->settings.limit_body_inspect;
}

static void inspect_done(struct exchange *x)
{
	struct request *req = &x->request;

	x->inspecting = false;
	req->body = buf_str(&x->kept);
	req->body_truncated = !x->request_ended;
	if (x->request_ended)
		req->body_size = (int64_t)x->request_bytes;
	else if (req->body_size < (int64_t)x->request_bytes)
		req->body_size = (int64_t)x->request_bytes;
}

static void send_continue(struct exchange *x)
{
	if (!x->request.expect_continue || x->sent_continue || x->request_bytes > 0)
		return;
	x->sent_continue = true;
	x->down->interim(x, 100, NULL);
}

bool exchange_keep(struct exchange *x)
{
	if (!x->inspecting && !x->request_ended && x->kept.n < keep_limit(x)) {
		x->inspecting = true;
		send_continue(x);
		x->down->wanted(x);
		return false;
	}
	if (x->inspecting && !x->request_ended && x->kept.n < keep_limit(x))
		return false;
	inspect_done(x);
	return true;
}

bool exchange_wants(const struct exchange *x)
{
	if (x->request_ended)
		return false;
	if (x->dropping || x->response_ended)
		return true;
	if (x->inspecting)
		return true;
	return x->origin_ready && x->up != NULL && !x->up->ops->full(x->up);
}

void exchange_piece(struct exchange *x, struct str bytes)
{
	int64_t limit = x->config->settings.limit_body;

	x->request_bytes += bytes.n;
	if (x->dropping || x->response_ended)
		return;
	if (limit > 0 && x->request_bytes > (uint64_t)limit && !x->upgraded) {
		exchange_fail(x, fault_of(REJECT_BODY_LARGE), STR_NONE);
		return;
	}
	if (x->origin_ready && x->up != NULL) {
		send_piece(x, bytes);
		return;
	}
	if (!buf_add(&x->kept, bytes)) {
		exchange_fail(x, FAULT_MEMORY, STR_NONE);
		return;
	}
	if (x->inspecting && x->kept.n >= keep_limit(x))
		exchange_advance(x);
}

void exchange_request_end(struct exchange *x)
{
	x->request_ended = true;
	trailers_clean(&x->request.trailers);
	glue_edited_trailers(x, false);
	if (x->dropping || x->response_ended)
		return;
	if (x->origin_ready && x->up != NULL)
		x->up->ops->end(x->up, &x->request.trailers);
	else if (x->inspecting)
		exchange_advance(x);
}

void exchange_client_drained(struct exchange *x)
{
	if (x->up != NULL)
		x->up->ops->drained(x->up);
}

void exchange_client_gone(struct exchange *x, enum fault f)
{
	if (!x->response_ended && x->fault == FAULT_NONE)
		x->fault = f;
	x->response_ended = true;
	exchange_let_go(x);
}

/* ---- the origin ---- */

void exchange_origin_ready(struct exchange *x)
{
	x->origin_ready = true;
	if (!x->request.has_body)
		return;
	if (!x->request_ended)
		send_continue(x);
	if (x->sent.n > 0)
		send_again(x);
	else if (x->kept.n > 0)
		send_kept(x);
	if (x->up == NULL)
		return;
	if (x->request_ended)
		x->up->ops->end(x->up, &x->request.trailers);
	else if (exchange_wants(x))
		x->down->wanted(x);
}

void exchange_connected(struct exchange *x)
{
	exchange_let_go(x);
	x->response_ended = true;
	x->down->end(x, NULL);
}

void exchange_origin_drained(struct exchange *x)
{
	if (exchange_wants(x))
		x->down->wanted(x);
}

bool exchange_interim(struct exchange *x, int status)
{
	if (++x->interims > LIMIT_INTERIM)
		return false;
	response_clean(&x->response);
	if (status != 100 && !x->head_sent) /* usher answers expectations itself */
		x->down->interim(x, status, &x->response.lines);
	return true;
}

void exchange_answer(struct exchange *x, int64_t length, bool content)
{
	enum fault f;
	bool undated;

	if (x->check != NULL) {
		x->head_sent = true;
		x->down->head(x, x->response.status, &x->response.lines, length, content);
		return;
	}
	f = websocket_answer(x);
	x->answered = clock_mono_nsec();
	buf_fini(&x->sent);
	x->content_lost = true;
	balance_good(x->member);
	if (f != FAULT_NONE) {
		exchange_fail(x, f, STR_NONE);
		return;
	}
	response_clean(&x->response);
	undated = lines_get(&x->response.lines, STR("date")) == NULL;
	if (!exchange_answer_rules(x))
		return;
	ruleset_count_response(x->config->rules, x->fields);
	x->status = x->response.status;
	/* RFC 9110, section 6.6.1. Not where a rule took it away. */
	if (undated && x->status != 101 && lines_get(&x->response.lines, STR("date")) == NULL &&
	    !lines_add(&x->response.lines, STR("Date"), worker_date(x->worker))) {
		exchange_fail(x, FAULT_MEMORY, STR_NONE);
		return;
	}
	x->head_sent = true;
	if (x->status == 101) {
		send_continue(x); /* RFC 9110, section 7.8: before the switch, if it was expected */
		x->upgraded = true;
		x->request_ended = false;
		x->down->upgrade(x, &x->response.lines);
		return;
	}
	x->down->head(x, x->status, &x->response.lines, length, content);
}

void exchange_answer_piece(struct exchange *x, struct str bytes)
{
	x->response_bytes += bytes.n;
	x->down->piece(x, bytes);
}

void exchange_answer_end(struct exchange *x)
{
	trailers_clean(&x->response.trailers);
	glue_edited_trailers(x, true);
	exchange_let_go(x);
	x->response_ended = true;
	x->down->end(x, &x->response.trailers);
}

void exchange_tunnel_broke(struct exchange *x, struct str detail)
{
	exchange_fail(x, fault_of(REJECT_ORIGIN_SHORT), detail);
}

void exchange_origin_failed(struct exchange *x, enum fault f, struct str detail, enum loss loss)
{
	bool begun = x->origin_ready;

	if ((loss == LOSS_UNKNOWN || x->attempts > 1) && x->member != NULL && f != FAULT_MEMORY)
		balance_bad(x->route.pool, x->member);
	exchange_let_go(x);
	if (origin_retries(x, f, loss, begun))
		exchange_again(x);
	else
		exchange_fail(x, f, detail);
}
