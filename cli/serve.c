/* SPDX-License-Identifier: Apache-2.0 */
/* usher serve FILE…: reads the rule files and serves until told to end. */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "cli/cli.h"
#include "mtls/context.h"
#include "proxy/config.h"
#include "proxy/server.h"

static int serve(const char *const *paths, size_t n)
{
	struct config *config = NULL;
	struct diags d;
	int rc;

	diags_init(&d);
	rc = config_load(&config, paths, n, &d);
	diags_print(&d, stderr, use_color(STDERR_FILENO));
	diags_fini(&d);
	if (rc < 0) {
		fprintf(stderr, "usher serve: %s\n", err_text(rc));
		return rc == -ERR_IO ? EXIT_USAGE : EXIT_NO;
	}
	malloc_trim(0); /* what reading took goes back to the system */
	if (config->nlisteners == 0) {
		fputs("usher serve: the files name no listener, so there is nothing to serve\n", stderr);
		config_unref(config);
		return EXIT_NO;
	}
	return server_run(config, paths, n) < 0 ? EXIT_NO : EXIT_YES;
}

int cmd_serve(int argc, char **argv)
{
	const char *const *paths = (const char *const *)argv + 1;
	size_t n = argc > 0 ? (size_t)argc - 1 : 0;
	int code = EXIT_NO, i;

	for (i = 1; i < argc; i++)
		if (argv[i][0] == '-')
			return usage("serve", "unknown option '%s'", argv[i]);
	if (argc < 2)
		return usage("serve", "which file?");
	if (getenv("USHER_FAKE_OFFSET") != NULL)
		log_warning("clock_moved", LOG_Z("seconds", getenv("USHER_FAKE_OFFSET")));
	if (tls_global_init() < 0)
		fputs("usher serve: the TLS library does not start\n", stderr);
	else
		code = serve(paths, n);
	tls_global_fini();
	return code;
}
