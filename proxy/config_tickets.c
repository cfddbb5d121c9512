/* SPDX-License-Identifier: Apache-2.0 */
/* Keys for session tickets that several machines share. They are read with the rule file, and again at each
 * reload. */
#include <sys/stat.h>

#include "base/err.h"
#include "mtls/ticket.h"
#include "proxy/config_build.h"

enum { UNUSED_ROTATION = 8 * 3600 }; /* keys of a file are rotated by whoever writes it */

bool tickets_finish(struct build *b)
{
	const struct ast_setting *s = server_line(b, STR("ticket_keys"));
	struct ticket_keys *keys = NULL;
	struct stat st;
	const char *why;
	struct str path;
	int rc;

	if (s == NULL || s->words[0].text.n == 0)
		return true;
	path = word_path(b, &s->words[0]);
	if (path.p == NULL || ticket_keys_new(&keys, UNUSED_ROTATION) < 0)
		return false;
	rc = ticket_keys_load(keys, path.p, &why);
	if (rc < 0)
		diag_add(b->d, U8002, s->words[0].span, "`%s` does not serve as a file of ticket keys: %s",
		         path.p, why);
	else if (stat(path.p, &st) == 0 && (st.st_mode & S_IROTH))
		diag_add(b->d, U8003, s->words[0].span,
		         "everyone on this machine can read `%s`, and with it open tickets", path.p);
	for (size_t i = 0; rc == 0 && i < b->config->nlisteners; i++)
		if (b->config->listeners[i].context != NULL)
			tls_context_use_keys(b->config->listeners[i].context, keys);
	ticket_keys_unref(keys);
	return rc != -ERR_NOMEM;
}
