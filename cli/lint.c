/* SPDX-License-Identifier: Apache-2.0 */
/* usher lint FILE…: everything serve would check before it opens a socket, and advice. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "cli/cli.h"
#include "mtls/context.h"
#include "proxy/config.h"

static int summary(const struct diags *d, int rc)
{
	if (rc == -ERR_NOMEM) {
		fputs("usher lint: out of memory\n", stderr);
		return EXIT_USAGE;
	}
	if (d->errors || d->warnings)
		fprintf(stderr, "%u error%s, %u warning%s\n", d->errors, d->errors == 1 ? "" : "s", d->warnings,
			d->warnings == 1 ? "" : "s");
	if (rc == -ERR_IO)
		return EXIT_USAGE;
	return d->errors ? EXIT_NO : EXIT_YES;
}

int cmd_lint(int argc, char **argv)
{
	struct config *config = NULL;
	const char *stage = NULL;
	struct diags d;
	int rc, code;

	for (int i = 1; i < argc; i++)
		if (!strncmp(argv[i], "--dump=", 7) && i == 1)
			stage = argv[i] + 7;
		else if (argv[i][0] == '-' && argv[i][1])
			return usage("lint", "unknown option '%s'", argv[i]);
	if (stage && argc > 2)
		return dump_files(stage, argc - 2, argv + 2);
	if (argc < 2 || stage)
		return usage("lint", "which file?");
	if (tls_global_init() < 0) {
		fputs("usher lint: the TLS library does not start\n", stderr);
		return EXIT_USAGE;
	}
	diags_init(&d);
	rc = config_load(&config, (const char *const *)argv + 1, (size_t)argc - 1, &d);
	diags_print(&d, stdout, use_color(STDOUT_FILENO));
	code = summary(&d, rc);
	config_unref(config);
	diags_fini(&d);
	tls_global_fini();
	return code;
}
