/* SPDX-License-Identifier: Apache-2.0 */
/* usher --version: ours, then each library's as it runs. */
#include <stdio.h>

#include "base/version.h"
#include "cli/cli.h"
#include "engine/libraries.h"
#include "mtls/context.h"
#include "proxy/fetch.h"
#include "proxy/libraries.h"

int cmd_version(int argc, char **argv)
{
	(void)argv;
	if (argc > 1)
		return usage("version", "it takes no arguments");
	printf("usher %s\n", USHER_VERSION);
	printf("  %s (TLS 1.2, TLS 1.3)\n", tls_library_version());
	printf("  PCRE2 %s, JIT %s\n", pcre2_version_text(), pcre2_jit_on() ? "on" : "off");
	printf("  jansson %s\n", jansson_version_text());
	printf("  libmaxminddb %s\n", maxminddb_version_text());
	printf("  libuv %s\n", libuv_version_text());
	printf("  llhttp %s\n", llhttp_version_text());
	printf("  nghttp2 %s\n", nghttp2_version_text());
	printf("  c-ares %s\n", cares_version_text());
	printf("  libcurl %s\n", libcurl_version_text());
	return EXIT_YES;
}
