/* SPDX-License-Identifier: Apache-2.0 */
/* Lines of the access log; the thread that writes them is in access_writer.c. */
#include "proxy/access.h"

#include <time.h>

#include "base/clock.h"
#include "base/limits.h"
#include "proxy/access_writer.h"
#include "proxy/conn.h"
#include "proxy/exchange.h"
#include "proxy/judge.h"
#include "proxy/server.h"

/* A member's name with what stands before and after it; the first member of an object is written by hand. */
#define KEY(name) STR(",\"" name "\":")

static void text(struct buf *b, struct str key, struct str s)
{
	if (s.n == 0)
		return;
	buf_add(b, key);
	buf_json(b, str_sub(s, 0, LIMIT_LOG_FIELD));
}

static void integer(struct buf *b, struct str key, int64_t n)
{
	buf_add(b, key);
	buf_addi(b, n);
}

static void flag(struct buf *b, struct str key, bool on)
{
	buf_add(b, key);
	buf_add(b, on ? STR("true") : STR("false"));
}

static void address(struct buf *b, struct str key, const struct ip *ip)
{
	char printed[IP_TEXT];

	if (ip->family != 0)
		text(b, key, (struct str){ printed, ip_print(ip, printed) });
}

/* RFC 3339 with milliseconds, UTC. The seconds are printed once and kept. */
static void when(struct buf *b, int64_t msec)
{
	static _Thread_local time_t printed = -1;
	static _Thread_local char seconds[32];
	time_t t = (time_t)(msec / 1000);
	char stamp[48];
	struct tm tm;

	if (t != printed && gmtime_r(&t, &tm) != NULL) {
		strftime(seconds, sizeof(seconds), "%Y-%m-%dT%H:%M:%S", &tm);
		printed = t;
	}
	memcpy(stamp, seconds, 19);
	stamp[19] = '.';
	stamp[20] = (char)('0' + msec / 100 % 10);
	stamp[21] = (char)('0' + msec / 10 % 10);
	stamp[22] = (char)('0' + msec % 10);
	memcpy(stamp + 23, "Z", 2);
	text(b, STR("{\"time\":"), str_of(stamp));
}

/* What a PROXY header says, under names of its own. */
static void proxied(struct buf *b, const struct proxied *p)
{
	if (p->tls)
		flag(b, KEY("proxy_tls_verified"), p->verified);
	text(b, KEY("proxy_tls"), p->tls_version);
	text(b, KEY("proxy_cn"), p->cn);
	text(b, KEY("proxy_authority"), p->authority);
	text(b, KEY("proxy_id"), p->unique_id);
}

/* client NULL: the connection's. */
static void begin(struct buf *b, const char *kind, int64_t msec, const struct conn *c, const struct ip *client)
{
	c->worker->log_line = b->n;
	when(b, msec);
	text(b, KEY("kind"), str_of(kind));
	if (c->listener->conf != NULL)
		text(b, KEY("listener"), c->listener->conf->name);
	if (client != NULL && !ip_eq(client, &c->ip)) {
		address(b, KEY("client"), client);
		address(b, KEY("proxy"), &c->ip);
		return;
	}
	address(b, KEY("client"), &c->ip);
	if (c->port != 0)
		integer(b, KEY("client_port"), c->port);
	address(b, KEY("proxy"), &c->proxy_ip);
	if (c->proxied != NULL)
		proxied(b, c->proxied);
}

/* A line is whole, or it is counted as lost and those before it stay. */
static void end(struct worker *w)
{
	struct buf *b = &w->log;

	buf_add(b, STR("}\n"));
	if (!b->failed)
		return;
	b->n = w->log_line;
	b->failed = false;
	access_lost(server_access(w->server), 1);
}

static void certificate(struct buf *b, const struct cert_facts *cert)
{
	text(b, KEY("verify_result"), str_of(verify_result_name(cert->result)));
	text(b, KEY("fingerprint"), cert->fingerprint_sha256);
	text(b, KEY("issuer_ski"), cert->issuer_ski);
	text(b, KEY("serial"), cert->serial);
}

/* cert NULL: the facts are those of now. */
static void session(struct buf *b, const struct conn *c, const struct cert_facts *cert)
{
	const struct tls_facts *tls;

	if (c->t.tls == NULL || c->protocol == NULL)
		return;
	tls = session_tls(c->t.tls);
	if (cert == NULL)
		cert = session_cert(c->t.tls);
	text(b, KEY("tls"), tls->version);
	text(b, KEY("cipher"), tls->cipher);
	text(b, KEY("sni"), tls->sni);
	flag(b, KEY("resumed"), tls->resumed);
	text(b, KEY("ticket_refused"), tls->ticket_refused);
	certificate(b, cert);
}

/* The same, rendered once for all requests of the connection as it was judged. */
static void session_of(struct buf *b, const struct exchange *x)
{
	struct standing *s = x->standing;
	size_t before = b->n;

	if (s != NULL && s->log.n > 0) {
		buf_add(b, s->log);
		return;
	}
	session(b, x->conn, x->cert);
	if (s != NULL && !b->failed && b->n > before)
		s->log = arena_str(&s->arena, str_sub(buf_str(b), before, b->n));
}

static void rules(struct buf *b, const struct verdict *v)
{
	const struct match *m;
	bool any = false;

	for (m = v->matches; m != NULL; m = m->next) {
		if (m->quiet)
			continue;
		buf_add(b, any ? STR(",") : STR(",\"rules\":["));
		any = true;
		text(b, STR("{\"rule\":"), m->rule->name);
		text(b, KEY("ruleset"), m->rule->ruleset);
		text(b, KEY("action"), m->action);
		text(b, KEY("text"), m->text);
		if (m->dry_run)
			flag(b, KEY("dry_run"), true);
		buf_addc(b, '}');
	}
	if (any)
		buf_addc(b, ']');
}

static const char *action_of(const struct exchange *x)
{
	if (x->fault != FAULT_NONE)
		return "refused";
	switch (x->verdict.outcome) {
	case OUTCOME_BLOCK:
		return "block";
	case OUTCOME_RESPOND:
		return "respond";
	case OUTCOME_REDIRECT:
		return "redirect";
	case OUTCOME_FAIL:
		return "refused";
	case OUTCOME_PASS:
		break;
	}
	return "pass";
}

static int64_t usec(uint64_t from, uint64_t to)
{
	return (int64_t)((to - from) / 1000);
}

void access_exchange(const struct exchange *x)
{
	struct buf *b = &x->worker->log;
	const struct request *req = &x->request;

	if (x->fault == FAULT_MEMORY)
		x->conn->logged = true;
	if (!server_logs(x->worker->server))
		return;
	begin(b, "request", req->time_msec, x->conn, &x->client);
	text(b, KEY("id"), (struct str){ x->id, 16 });
	text(b, KEY("zone"), x->zone != NULL ? x->zone->name : STR_NONE);
	session_of(b, x);
	text(b, KEY("method"), req->method);
	text(b, KEY("host"), req->host);
	text(b, KEY("path"), req->raw.path);
	text(b, KEY("query"), req->raw.query);
	if (req->version != 0)
		text(b, KEY("protocol"), req->version == HTTP_2 ? STR("HTTP/2") : req->version == HTTP_1_1 ? STR("HTTP/1.1") :
												   STR("HTTP/1.0"));
	if (x->stream_id != 0)
		integer(b, KEY("stream"), x->stream_id);
	text(b, KEY("upgrade"), req->upgrade);
	integer(b, KEY("status"), x->status);
	text(b, KEY("action"), str_of(action_of(x)));
	if (x->verdict.by != NULL)
		text(b, KEY("rule"), x->verdict.by->name);
	rules(b, &x->verdict);
	text(b, KEY("reason"), x->fault != FAULT_NONE ? str_of(fault_word(x->fault)) : x->verdict.reason);
	text(b, KEY("detail"), x->fault_detail);
	integer(b, KEY("bytes_in"), (int64_t)x->request_bytes);
	integer(b, KEY("bytes_out"), (int64_t)x->response_bytes);
	text(b, KEY("origin"), x->origin_text);
	text(b, KEY("origin_tls"), x->origin_tls);
	if (x->answered != 0) {
		integer(b, KEY("origin_status"), x->response.status);
		integer(b, KEY("origin_usec"), usec(x->at_origin, x->answered));
	}
	integer(b, KEY("usec"), usec(x->started, x->ended));
	text(b, KEY("user_agent"), req->lines.n > 0 && lines_get(&req->lines, STR("user-agent")) != NULL ?
				      lines_get(&req->lines, STR("user-agent"))->value : STR_NONE);
	end(x->worker);
}

void access_handshake(struct conn *c, const char *reason, struct str detail)
{
	struct buf *b = &c->worker->log;
	struct session *s = c->t.tls;

	c->logged = true;
	if (!server_logs(c->worker->server))
		return;
	begin(b, "handshake", clock_now_msec(), c, NULL);
	if (s != NULL) {
		text(b, KEY("sni"), session_tls(s)->sni);
		text(b, KEY("ticket_refused"), session_tls(s)->ticket_refused);
		certificate(b, session_cert(s));
	}
	text(b, KEY("action"), STR("refused"));
	text(b, KEY("reason"), reason != NULL || s == NULL ? str_of(reason) : session_reason(s));
	text(b, KEY("detail"), detail.n > 0 || s == NULL ? detail : session_reason_detail(s));
	integer(b, KEY("usec"), usec(c->accepted, clock_mono_nsec()));
	end(c->worker);
}

void access_refused(struct conn *c, const char *reason)
{
	struct buf *b = &c->worker->log;

	c->logged = true;
	if (!server_logs(c->worker->server))
		return;
	begin(b, "connection", clock_now_msec(), c, NULL);
	text(b, KEY("action"), STR("refused"));
	text(b, KEY("reason"), str_of(reason));
	end(c->worker);
}

void access_ended(struct conn *c, enum fault f, struct str detail)
{
	struct buf *b = &c->worker->log;

	c->logged = true;
	if (!server_logs(c->worker->server))
		return;
	begin(b, "connection", clock_now_msec(), c, NULL);
	session(b, c, NULL);
	text(b, KEY("action"), STR("closed"));
	text(b, KEY("reason"), str_of(fault_word(f)));
	text(b, KEY("detail"), detail);
	end(c->worker);
}

void access_flush(struct worker *w)
{
	struct str lines = buf_str(&w->log);

	if (lines.n == 0)
		return;
	if (!access_give(server_access(w->server), lines))
		access_lost(server_access(w->server), str_count(lines, '\n'));
	buf_clear(&w->log);
}
