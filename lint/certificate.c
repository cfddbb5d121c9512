/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Certificate facts are filled in for certificates that did not verify, too: anybody can make one that says
 * anything. A rule that reads a fact and never asks about verification trusts the sender.
 */
#include "lint/internal.h"

struct reading {
	const struct ast *fact; /* first fact read that proves nothing by itself */
	bool asks;              /* cert_verified, or what implies it */
};

/* What says by itself whether the certificate is good, or only that one was sent. */
static bool asks(struct str name)
{
	static const char *const names[] = {
		"cf.tls_client_auth.cert_verified",
		"cf.tls_client_auth.cert_revoked",
		"tls.client.verify_result",
	};

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (str_eq(name, str_of(names[i])))
			return true;
	return false;
}

static bool claims(struct str name)
{
	if (str_eq(name, STR("cf.tls_client_auth.cert_presented")) || str_ends(name, STR("_too_large")))
		return false;
	return str_starts(name, STR("cf.tls_client_auth.")) || str_starts(name, STR("tls.client."));
}

static void read_names(const struct ast *e, struct reading *r)
{
	if (!e)
		return;
	if (e->kind == AST_NAME) {
		if (asks(e->text))
			r->asks = true;
		else if (claims(e->text) && !r->fact)
			r->fact = e;
	}
	for (size_t i = 0; i < e->n; i++)
		read_names(e->kids[i], r);
}

void lint_certificate(const struct ast_block *rule, struct diags *d)
{
	struct reading r = { NULL, false };
	struct diag *g;

	read_names(rule->when, &r);
	for (const struct ast_action *a = rule->actions; a; a = a->next) {
		read_names(a->value, &r);
	}
	if (!r.fact || r.asks)
		return;
	g = diag_add(d, U3001, r.fact->span, "rule `%.*s` reads `%.*s` without asking whether the certificate verified",
		     STR_FMT(rule->name), STR_FMT(r.fact->text));
	diag_help(d, g, "anybody can make a certificate that says this: add `cf.tls_client_auth.cert_verified`");
}
